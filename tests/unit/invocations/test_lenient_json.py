"""Typed structs out of JSON in which anything may stand: one odd value costs only itself."""

import json
import tracemalloc
from typing import Annotated, Any, Final

import msgspec
import pytest

from bedrock_alerts.invocations.lenient_json import Reader

Short = Annotated[str, msgspec.Meta(max_length=5)] | None
Count = Annotated[int, msgspec.Meta(ge=0, le=99)] | None


class Inner(msgspec.Struct, frozen=True, rename="camel"):
    word: Short = None
    its_count: Count = None


class Outer(msgspec.Struct, frozen=True):
    word: Short = None
    count: Count = None
    inner: Inner | None = None
    inners: list[Inner] | None = None
    mixed: Inner | list[Any] | str | int | float | bool | None = None
    anything: Any = None
    unread: msgspec.Raw = msgspec.Raw(b"null")


READER: Final = Reader[Outer](Outer)
# Makes the parser refuse the whole, so that everything else is read value by value.
ODD: Final[Any] = {"inner": 7}


def read(document: Any) -> Outer:
    found = READER.read(json.dumps(document))
    assert found is not None
    return found


def _case(id_: str, given: Any, **expected: Any) -> Any:
    return pytest.param(given, Outer(**expected), id=id_)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        _case("an object without anything in it", {}),
        _case("a text", {"word": "short"}, word="short"),
        _case("a text that is too long", {"word": "longer"}, word="long…"),
        _case("a text that is too long and unclean", {"word": "a\nb\u202ecdef"}, word="a b…"),
        _case("no text", {"word": 7}),
        _case("null", {"word": None, "count": None, "inner": None}),
        _case("a count", {"count": 99}, count=99),
        _case("a whole float", {"count": 12.0}, count=12),
        _case("a count beyond the most", {"count": 100}),
        _case("less than nothing", {"count": -1}),
        _case("digits in a text", {"count": "12"}, count=12),
        _case("other people's digits", {"count": "١٢"}),
        _case("too many digits in a text", {"count": "0" * 12 + "1"}),
        _case("a word for a count", {"count": "many"}),
        _case("true for a count", {"count": True}),
        _case("a number larger than any", {"count": 10**400}),
        _case("a number larger than any text may hold", {"count": 10**4299}),
        _case("an object for a count", {"count": {"n": 1}}),
        _case("an object", {"inner": {"word": "w", "itsCount": 1}}, inner=Inner("w", 1)),
        _case("an odd value in an object", {"inner": {"word": [], "itsCount": "1"}},
            inner=Inner(None, 1)),
        _case("a list for an object", {"inner": [], "word": "w"}, word="w"),
        _case("odd items in a list", {"inners": [{"word": "w"}, 7, {"word": 7}, None]},
            inners=[Inner("w"), Inner()]),
        _case("an object for a list", {"inners": {}}),
        _case("an object in a mixture", {"mixed": {"word": "longer"}}, mixed=Inner("long…")),
        _case("a list in a mixture", {"mixed": [1, {"a": 2}]} | ODD, mixed=[1, {"a": 2}]),
        _case("a text in a mixture", {"mixed": "longer"} | ODD, mixed="longer"),
        _case("a fraction in a mixture", {"mixed": -0.5} | ODD, mixed=-0.5),
        _case("a truth in a mixture", {"mixed": True} | ODD, mixed=True),
        _case("anything", {"anything": {"a": [1]}} | ODD, anything={"a": [1]}),
        _case("what is passed over", {"unread": [1, 2]} | ODD, unread=msgspec.Raw(b"[1, 2]")),
        _case("keys that nobody asked for", {"other": 1} | ODD),
    ],
)  # fmt: skip
def test_what_fits_is_read_and_the_rest_counts_as_absent(document: Any, expected: Outer) -> None:
    assert read(document) == expected


@pytest.mark.parametrize("document", ["[]", "7", '"text"', "null", "[{}]"])
def test_what_is_no_object_is_none(document: str) -> None:
    assert READER.read(document) is None


@pytest.mark.parametrize("document", ["", "{", '{"word": }', "{} {}", '{"inner": 7} x', "[1,"])
def test_what_is_no_json_raises(document: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of several kinds, and nobody reads them
        READER.read(document)


@pytest.mark.parametrize("depth", [10, 99, 500, 5_000, 40_000])
@pytest.mark.parametrize(("opened", "closed"), [('{"x":', "}"), ("[", "]")])
@pytest.mark.parametrize("odd", ["", '"word": 7, ', '"ready": NaN, '])
def test_what_is_nested_deeper_than_anything_of_ours_costs_only_itself(
    depth: int, opened: str, closed: str, odd: str
) -> None:
    deep = opened * depth + '"in the }]depth"' + closed * depth
    found = READER.read(f'{{{odd}"before": "{{[", "deep": {deep}, "count": 7}}')
    assert found is not None
    assert found.count == 7


@pytest.mark.parametrize(
    "text",
    [
        "[" * 20_000 + '"' + '\\"' * 100_000 + "\\",
        "[" * 1_500 + '"' + "x" * 4_000_000 + '"',
        "[" * 1_500 + '"' + "x" * 9_000_000 + '"',
    ],
    ids=["quotes that never end", "4 MB", "9 MB"],
)
def test_a_text_in_the_depth_takes_little_time_and_memory(text: str) -> None:
    tracemalloc.start()
    with pytest.raises(ValueError):  # noqa: PT011 - of several kinds
        READER.read(text)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 60_000_000


@pytest.mark.parametrize("document", ['{"other":' * 100_000, "[" * 100_000, '["' * 100_000])
def test_levels_that_never_end_are_no_json(document: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of several kinds, and nobody reads them
        READER.read(document)


def test_what_only_the_standard_library_reads_is_mended_first() -> None:
    assert READER.read('{"word": "\\ud83d", "count": "7", "anything": NaN}') == Outer("?", 7)
    assert READER.read(b'\xef\xbb\xbf{"word": "w\xff"}') == Outer("w\ufffd")


def test_the_first_of_several_types_that_fits_is_taken() -> None:
    reader = Reader[Any](Inner | list[Inner | list[Any] | str | None] | None)
    assert reader.read('[{"word": "longer"}, "text", [1], null, true]') == [
        Inner("long…"),
        "text",
        [1],
        None,
    ]
    assert reader.read("null") is None
