"""What the command line tells a person when it cannot go on."""


class LabError(Exception):
    """Something a person can read and act on; `exit_code` is what the command ends with."""

    exit_code = 1


class InputError(LabError):
    """A file cannot be read, or is not what it should be."""

    exit_code = 2


class OutputError(LabError):
    """Standard output cannot be written to, for example because a disk is full."""

    exit_code = 2
