"""Objects are inflated and cut into lines in pieces, and no way of cutting changes what they hold."""

import gzip
import random
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts.errors import BatchError
from bedrock_alerts.invocations import gunzip as module
from bedrock_alerts.invocations.gunzip import inflate, inflated, lines

TEXT: Final = b'{"a":1}\n{"b":2}\n{"c":3}\n'


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """Cut data at some places; a place beyond its end cuts off nothing."""
    edges = [0, *sorted(places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def chunked(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def incompressible(size: int) -> bytes:
    return random.Random(7).randbytes(size)  # noqa: S311 - repeatable, not secret


# --- Inflating ----------------------------------------------------------------------------------


@given(
    texts=st.lists(st.binary(max_size=200), max_size=5),
    padding=st.integers(0, 40),
    places=st.lists(st.integers(0, 500), max_size=12),
    step=st.integers(1, 64),
)
def test_any_members_in_any_pieces_inflate_to_the_same(
    texts: list[bytes], padding: int, places: list[int], step: int
) -> None:
    data = b"".join(gzip.compress(text, mtime=0) + bytes(padding) for text in texts)
    assert b"".join(inflated(cut(data, places), step=step)) == b"".join(texts)


def test_a_member_may_be_split_at_every_byte() -> None:
    data = gzip.compress(TEXT[:9]) + gzip.compress(b"") + gzip.compress(TEXT[9:])
    for place in range(len(data) + 1):
        assert b"".join(inflated(cut(data, [place]))) == TEXT
    assert b"".join(inflated(chunked(data, 1))) == TEXT


def test_large_objects_come_in_pieces_of_a_megabyte() -> None:
    text = b"x" * (5 * 2**20) + incompressible(2**20)
    pieces = list(inflated(chunked(gzip.compress(text), 2**18)))
    assert b"".join(pieces) == text
    assert max(map(len, pieces)) <= 2**20


def test_what_was_inflated_is_handed_on_before_the_rest_is_read() -> None:
    class ReadTooFarError(Exception):
        pass

    def chunks() -> Iterator[bytes]:
        yield gzip.compress(TEXT)
        raise ReadTooFarError

    pieces = inflated(chunks())
    assert next(pieces) == TEXT
    with pytest.raises(ReadTooFarError):
        next(pieces)


PACKED: Final = gzip.compress(TEXT)


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param([], id="no piece"),
        pytest.param([b""], id="an empty piece"),
        pytest.param([bytes(512)], id="nothing but padding"),
        pytest.param([gzip.compress(b"")], id="a member that holds nothing"),
    ],
)
def test_an_empty_object_holds_nothing(chunks: list[bytes]) -> None:
    assert list(inflated(chunks)) == []


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(PACKED[:-1], "too early", id="without its last byte"),
        pytest.param(PACKED[:-8], "too early", id="without its checksum"),
        pytest.param(PACKED[: len(PACKED) // 2], "too early", id="half of it"),
        pytest.param(PACKED[:5], "too early", id="half of its header"),
        pytest.param(PACKED + PACKED[:-3], "too early", id="its second member truncated"),
        pytest.param(PACKED[:-8] + bytes(8), "damaged", id="with a wrong checksum"),
        pytest.param(PACKED[:10] + b"\xff" * 40, "damaged", id="with noise inside"),
        pytest.param(PACKED + TEXT, "damaged", id="with text after it"),
        pytest.param(PACKED + bytes(100) + TEXT, "damaged", id="with text after its padding"),
        pytest.param(PACKED + b"{", "too early", id="with a byte after it"),
        pytest.param(TEXT, "damaged", id="text that is not compressed"),
        pytest.param(zlib.compress(TEXT), "damaged", id="another compression"),
    ],
)
def test_a_damaged_object_is_refused_however_it_is_cut(data: bytes, expected: str) -> None:
    for size in (1, 7, len(data)):
        with pytest.raises(BatchError, match=expected) as caught:
            list(inflated(chunked(data, size)))
        assert '"a"' not in repr(caught.value.__cause__)


@given(data=st.binary(max_size=300), places=st.lists(st.integers(0, 300), max_size=5))
def test_any_bytes_are_inflated_or_refused(data: bytes, places: list[int]) -> None:
    for chunks in (cut(data, places), cut(PACKED[:12] + data, places), cut(PACKED + data, places)):
        try:
            assert len(b"".join(inflated(chunks))) < 2**20
        except BatchError as error:
            assert "gzip" in str(error)  # noqa: PT017 - whether it is raised is the data's choice


LIMIT: Final = 1000


@pytest.mark.parametrize("step", [1, 100, 2**20])
def test_no_object_inflates_beyond_the_limit(step: int) -> None:
    for packed in (
        [gzip.compress(b"x" * LIMIT)],
        [gzip.compress(b"x" * (LIMIT - 1)), gzip.compress(b"x")],
    ):
        assert b"".join(inflated(packed, limit=LIMIT, step=step)) == b"x" * LIMIT
    for packed in (
        [gzip.compress(b"x" * (LIMIT + 1))],
        [gzip.compress(b"x" * 10**6)],
        [gzip.compress(b"x" * LIMIT), gzip.compress(b"x")],
    ):
        pieces: list[bytes] = []
        with pytest.raises(BatchError, match="more than 1000 bytes"):
            pieces.extend(inflated(packed, limit=LIMIT, step=step))
        assert len(b"".join(pieces)) <= LIMIT


@given(
    texts=st.lists(st.binary(max_size=200), min_size=1, max_size=4),
    said=st.none() | st.integers(0, 2**32 - 1),
)
def test_the_size_that_a_stream_says_decides_nothing(texts: list[bytes], said: int | None) -> None:
    packed = b"".join(gzip.compress(text) for text in texts)
    if said is None or said == len(texts[-1]):
        assert inflate(packed, LIMIT) == b"".join(texts)
        return
    with pytest.raises(BatchError, match="damaged"):
        inflate(packed[:-4] + said.to_bytes(4, "little"), LIMIT)


def test_a_small_last_member_does_not_cut_the_others_small() -> None:
    packed = gzip.compress(b"x" * 3 * 2**20) + gzip.compress(b"y")
    assert len(inflate(packed, 2**30)) == 3 * 2**20 + 1


# --- Lines --------------------------------------------------------------------------------------


def cut_up(text: bytes, places: Sequence[int] = ()) -> list[bytes | None]:
    return list(lines(cut(text, places)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"a\nb\n", [b"a", b"b"], id="ended lines"),
        pytest.param(b"a\nb", [b"a", b"b"], id="a last line that is not ended"),
        pytest.param(b"a\r\nb\r\n", [b"a", b"b"], id="line ends of another system"),
        pytest.param(b"\n\na\n \n\t\r\n\nb\n\n", [b"a", b"b"], id="blank lines"),
        pytest.param(b" a b \n", [b"a b"], id="blanks around a line"),
        pytest.param(b"\n", [], id="a line end alone"),
        pytest.param(
            "Zoë\u2028🦆\n".encode(), ["Zoë\u2028🦆".encode()], id="other line separators"
        ),
    ],
)
def test_text_is_cut_into_lines_however_it_comes(text: bytes, expected: list[bytes]) -> None:
    for place in range(len(text) + 1):
        assert cut_up(text, [place]) == expected
    assert list(lines(chunked(text, 1))) == expected


@given(
    texts=st.lists(st.binary(max_size=12).map(lambda text: text.replace(b"\n", b""))),
    places=st.lists(st.integers(0, 200), max_size=12),
)
def test_any_lines_in_any_pieces_are_the_same(texts: list[bytes], places: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MAX_RECORD_BYTES", 8)
        found = cut_up(b"\n".join(texts), places)
    assert found == [
        None if len(text) > 8 else text.strip() for text in texts if len(text) > 8 or text.strip()
    ]


@given(texts=st.lists(st.binary(max_size=50), max_size=4), places=st.lists(st.integers(0, 300)))
def test_any_members_in_any_pieces_give_the_same_lines(
    texts: list[bytes], places: list[int]
) -> None:
    data = b"".join(gzip.compress(text, mtime=0) for text in texts)
    assert list(lines(inflated(cut(data, places)))) == cut_up(b"".join(texts))


@pytest.mark.parametrize("size", [1, 3, 10, 1000])
def test_a_line_that_is_too_long_is_left_out_and_its_neighbours_are_whole(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_RECORD_BYTES", 10)
    text = (
        b"before\n" + b"x" * 10 + b"\n" + b"x" * 11 + b"\n" + b"x" * 400 + b"\nafter\n" + b"y" * 99
    )
    found = list(lines(chunked(text, size)))
    assert found == [b"before", b"x" * 10, None, None, b"after", None]


def test_a_line_that_is_too_long_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RECORD_BYTES", 2**20)
    # Two gigabytes, if anybody kept them.
    assert list(lines(b"x" * 2**20 for _ in range(10_000))) == [None]
