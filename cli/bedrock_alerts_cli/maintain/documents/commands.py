"""The page of commands, made from what the command line says of itself."""

import inspect
from collections.abc import Iterator
from textwrap import dedent
from typing import Final

import click

from bedrock_alerts_cli.main import cli
from bedrock_alerts_cli.maintain.documents.tables import table

NAME: Final = "bedrock-alerts"
# Click leaves a paragraph as it is where it begins with this.
_VERBATIM: Final = "\b\n"


def commands() -> str:
    """Return a section for each command: what it does, how it is called, its options.

    `--help` is left out: every command has it.
    """
    return "\n".join(map(_section, walk(click.Context(cli, info_name=NAME))))


def walk(context: click.Context) -> Iterator[click.Context]:
    """Give a command and those below it, in the order of the help."""
    yield context
    command = context.command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None:
                yield from walk(click.Context(found, info_name=name, parent=context))


def _section(context: click.Context) -> str:
    command = context.command
    usage = " ".join((context.command_path, *command.collect_usage_pieces(context)))
    parts = [
        f"## {context.command_path}\n",
        f"```text\n{usage}\n```\n",
        *map(_paragraph, _paragraphs(command.help or "")),
    ]
    rows = [
        (f"`{record[0]}`", _text(" ".join(record[1].split())))
        for parameter in command.get_params(context)
        if parameter.name != "help"
        and isinstance(parameter, click.Option)
        and (record := parameter.get_help_record(context))
    ]
    return "\n".join([*parts, table(("option", "meaning"), rows)] if rows else parts)


def _paragraphs(text: str) -> list[str]:
    return inspect.cleandoc(text.partition("\f")[0]).split("\n\n")


def _paragraph(text: str) -> str:
    """Return a paragraph; verbatim text becomes code, below its first line if that ends so.

    Examples are for a shell.
    """
    if not text.startswith(_VERBATIM):
        return _text(" ".join(text.split())) + "\n"
    first, _, rest = text.removeprefix(_VERBATIM).partition("\n")
    if first.endswith(":"):
        return f"{first}\n\n```sh\n{dedent(rest).strip()}\n```\n"
    return f"```text\n{dedent(text.removeprefix(_VERBATIM)).strip()}\n```\n"


def _text(text: str) -> str:
    """Return text in which Markdown finds nothing but code."""
    return text.replace("<", "&lt;").replace("*", "\\*")
