"""Reads gzipped logs of any size, whole or line by line, within bounds."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from isal import isal_zlib

from bedrock_alerts.errors import BatchError
from bedrock_alerts.limits import MAX_RECORD_BYTES

_GZIP: Final = 31  # zlib's window bits for "gzip header expected"
_STEP_BYTES: Final = 1024 * 1024
# CloudWatch Logs writes one member, S3 objects have one for each flush. Each costs a copy of the
# rest of its piece, so a batch of empty members would keep a function busy for hours.
_MOST_MEMBERS: Final = 100


def inflate(packed: bytes, limit: int) -> bytes:
    """Inflate a whole gzip stream of at most 100 members and `limit` bytes. Raises BatchError."""
    if not packed:
        raise BatchError("the batch is empty")
    # The stream ends with its size. In one piece of that size, nothing is copied.
    size = int.from_bytes(packed[-4:], "little")
    step = size + 1 if len(packed) <= size <= limit else _STEP_BYTES
    return b"".join(inflated((packed,), limit=limit, most_members=_MOST_MEMBERS, step=step))


def inflated(
    chunks: Iterable[bytes],
    *,
    limit: int | None = None,
    most_members: int | None = None,
    step: int = _STEP_BYTES,
) -> Iterator[bytes]:
    """Inflate every member of a gzip stream, in pieces of at most `step` bytes.

    Raises BatchError if the stream is damaged, ends too early, inflates to more than `limit` bytes,
    or has more than `most_members`.
    """
    member = isal_zlib.decompressobj(wbits=_GZIP)
    is_open = False
    size = members = 0
    try:
        for chunk in chunks:
            # Zeros between members pad a block.
            packed = chunk if is_open else chunk.lstrip(b"\0")
            is_full = False
            while packed or is_full:
                text = member.decompress(packed, max_length=step)
                size += len(text)
                if limit is not None and size > limit:
                    raise BatchError(f"the gzip data inflates to more than {limit} bytes")
                if text:
                    yield text
                is_open = not member.eof
                is_full = is_open and len(text) == step
                packed = member.unconsumed_tail
                if member.eof:
                    members += 1
                    if members == most_members and member.unused_data.lstrip(b"\0"):
                        raise BatchError(f"the gzip data has more than {most_members} members")
                    packed = member.unused_data.lstrip(b"\0")
                    member = isal_zlib.decompressobj(wbits=_GZIP)
    except isal_zlib.error as error:  # type: ignore[misc] # its stubs call it a value
        raise BatchError("the gzip data is damaged") from error
    if is_open:
        raise BatchError("the gzip data ends too early")


def lines(chunks: Iterable[bytes]) -> Iterator[bytes | None]:
    """Split text into lines, without blank ones.

    A line of more than `MAX_RECORD_BYTES` is never stored and becomes None.
    """
    begun: list[bytes] = []
    held = 0
    for chunk in chain(chunks, (b"\n",)):  # the last line need not be ended
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            if held + len(end) > MAX_RECORD_BYTES:
                yield None
            elif line := b"".join((*begun, end)).strip():
                yield line
            begun, held = [], 0
        held += len(rest)
        if held <= MAX_RECORD_BYTES:
            begun.append(rest)
        else:
            begun.clear()  # only its length still matters
