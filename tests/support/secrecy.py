"""Looking for a secret where it must not be: in an error and all that hangs on it, in log lines."""

import logging
import traceback
from collections.abc import Iterable, Iterator


def traces(error: BaseException) -> Iterator[str]:
    """Write out an error with its causes and contexts, in every way that it may be logged."""
    seen: list[BaseException | None] = [None]
    pending: list[BaseException | None] = [error]
    while pending:
        found = pending.pop()
        if found in seen or found is None:
            continue
        seen.append(found)
        pending += [found.__cause__, found.__context__]
        yield from (str(found), repr(found), repr(found.args), repr(vars(found)))
        yield from traceback.format_exception(found)


def lines(records: Iterable[logging.LogRecord]) -> Iterator[str]:
    """Write out log records with everything that came along."""
    formatter = logging.Formatter()
    for record in records:
        yield formatter.format(record)
        yield repr(vars(record))


def shown(secrets: Iterable[str], texts: Iterable[str]) -> list[str]:
    """Return the texts that show one of the secrets."""
    return [text for text in texts if any(secret in text for secret in secrets)]
