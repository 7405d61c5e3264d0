"""What the command line tells a person when it cannot go on."""


class CommandError(Exception):
    """Something a person can read and act on; `exit_code` is what the command ends with."""

    exit_code = 1


class InputError(CommandError):
    """A file cannot be read, or is not what it should be."""

    exit_code = 2


class TemplateError(InputError):
    """A template cannot be read: a parameter is missing, or an intrinsic is not understood."""


class OutputError(CommandError):
    """Standard output cannot be written to, for example because a disk is full."""

    exit_code = 2
