"""Groups of commands: one that suggests a name, and one that lists by default."""

from difflib import get_close_matches
from typing import Any

import click

_LIST = "list"


class Suggests(click.Group):
    """A group that names the command that was perhaps meant."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Return the command. Raises click.UsageError where there is none of its name."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            close = get_close_matches(args[0], self.list_commands(ctx), 1)
            if close:
                error.message += f" Did you mean {close[0]}?"
            raise


class ListsByDefault(Suggests):
    """`incidents --all` is `incidents list --all`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Return the command that is meant."""
        first = args[0] if args else ""
        is_option = first.startswith("-") and first not in ctx.help_option_names
        return super().parse_args(ctx, [_LIST, *args] if is_option or not args else args)
