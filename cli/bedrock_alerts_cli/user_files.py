"""Reads, checks and writes files named on the command line; each error is one line."""

import codecs
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import click

from bedrock_alerts_cli.user_errors import InputError

Callback: TypeAlias = Callable[[click.Context, click.Parameter, str | None], bytes | None]


def decoded(data: bytes, name: str) -> str:
    """Decode a file, with or without a byte order mark. Raises InputError if it is not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not UTF-8 text (byte {error.start})") from error


class NamedText(NamedTuple):
    """The text of a file, and what people call it."""

    name: str
    text: str


class TextFile(click.ParamType):
    """A file that is read at once; `-` is standard input."""

    name = "file"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,  # noqa: ARG002 - click's interface
        ctx: click.Context | None,  # noqa: ARG002
    ) -> NamedText:
        """Return the file's text. Raises InputError if it cannot be read, or is not UTF-8."""
        name = "<stdin>" if value == "-" else str(value)
        try:
            data = sys.stdin.buffer.read() if value == "-" else Path(value).read_bytes()
        except OSError as error:
            raise InputError(f"{name} cannot be read: {error.strerror}") from error
        return NamedText(name, decoded(data, name))


def _without_mark(data: bytes) -> bytes:
    """Return text as UTF-8 without a byte order mark, with which PowerShell writes files."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace").encode()
    return data.removeprefix(codecs.BOM_UTF8)


def tried(load: Callable[[bytes], object], *refused: type[Exception]) -> Callback:
    """Return a callback that reads an option's file and loads it, before any work is done.

    Errors `refused` of `load` become usage errors.
    """

    def read(_ctx: click.Context, _param: click.Parameter, path: str | None) -> bytes | None:
        if path is None:
            return None
        try:
            data = _without_mark(Path(path).read_bytes())
            load(data)
        except OSError as error:
            raise click.BadParameter(f"{path} cannot be read: {error.strerror}") from error
        except refused as error:
            raise click.BadParameter(f"{path}: {error}") from error
        return data

    return read


def refuse_without_folder(path: Path | None) -> None:
    """Raise InputError for a page that could not be written after all work is done."""
    if path is not None and not path.absolute().parent.is_dir():
        raise InputError(f"{path} cannot be written: the folder does not exist")


def write_page(path: Path, text: str) -> None:
    """Write a page; raises InputError if that fails."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from error
