"""Errors of the command line that people can act on."""


class CommandError(Exception):
    """An error that a person can act on; `exit_code` is the exit status of the command."""

    exit_code = 1


class InputError(CommandError):
    """A file cannot be read, or is not valid."""

    exit_code = 2


class TemplateError(InputError):
    """A template cannot be read: a parameter is missing, or an intrinsic is not supported."""


class OutputError(CommandError):
    """Standard output cannot be written to, for example because a disk is full."""

    exit_code = 2
