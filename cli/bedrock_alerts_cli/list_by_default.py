"""A group of commands that lists what there is where no command is named."""

import click

_LIST = "list"


class ListsByDefault(click.Group):
    """`incidents --all` is `incidents list --all`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Return the command that is meant."""
        first = args[0] if args else ""
        is_option = first.startswith("-") and first not in ctx.help_option_names
        return super().parse_args(ctx, [_LIST, *args] if is_option or not args else args)
