"""The forms of logs that can be read, for a person, and the error if nothing was read."""

from collections.abc import Mapping
from typing import Final

KNOWN_FORMS: Final = (
    "one record a line; a JSON array of records; what Logs Insights exports (JSON, CSV,"
    " `get-query-results`); tables with a column @message or message, separated by commas,"
    " semicolons or tabs; `filter-log-events`, also with `--query`; `aws logs tail`; export tasks;"
    " deliveries to Lambda, Kinesis and Firehose; `kinesis get-records`; Fluent Bit's and Vector's"
    " lines; folders of a bucket; each also gzipped"
)


def nothing_read(left_out: Mapping[str, int] | int) -> str:
    """Return a message that there was no record, what was found, and the known forms."""
    if isinstance(left_out, int):
        left_out = {"of another kind": left_out}
    listed = [f"{count:,} {reason}" for reason, count in left_out.items() if count]
    found = ", ".join(listed) or "nothing"
    return f"no invocation record was found, but {found}. Known forms: {KNOWN_FORMS}"
