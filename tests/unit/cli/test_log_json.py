"""Values are found by their brackets: whatever surrounds them, and however deep they are."""

import json

from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts_cli.logs.log_json import is_json, loaded, values, without_depth

objects = st.dictionaries(
    st.text(),
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=6,
    ),
    min_size=1,
    max_size=3,
)


@given(st.lists(objects, max_size=4), st.sampled_from([None, 2]))
def test_all_values_of_an_array_are_found(found: list[object], indent: int | None) -> None:
    text = json.dumps(found, indent=indent).encode()
    assert [loaded(value) for value in values(text)] == found


@given(st.lists(objects, max_size=4), st.sampled_from(["", "\n", "\t", ", ", "\n\n"]))
def test_and_of_documents_one_after_the_other(found: list[object], between: str) -> None:
    text = between.join(map(json.dumps, found)).encode()
    assert [loaded(value) for value in values(text)] == found


@given(st.binary() | st.text('[]{}",: \\a1\n').map(str.encode))
def test_nothing_is_lost_of_whatever_text(text: bytes) -> None:
    found = b"".join(values(text))
    for ignored in (b"[", b"]", b",", *map(bytes, zip(b" \t\n\r\x0b\x0c", strict=True))):
        found, text = found.replace(ignored, b""), text.replace(ignored, b"")
    assert found == text


@given(objects)
def test_what_is_not_deep_stays_as_it_is(found: object) -> None:
    text = json.dumps(found).encode()
    assert without_depth(text) == text
    assert is_json(text)


def test_what_is_deep_is_null() -> None:
    text = b'{"a": 1, "b": ' + b'{"c": [' * 500 + b"7" + b"]}" * 500 + b', "d": 2}'
    found = loaded(text)
    assert (found["a"], found["d"]) == (1, 2)
    assert is_json(text)
    assert not is_json(text[:-1])
    assert is_json(b"[" * 90 + b"]" * 90)


def test_numbers_and_half_emojis_that_only_python_reads() -> None:
    assert loaded(b'{"a": ' + b"9" * 5000 + b"}") == {"a": float("inf")}
    assert loaded(b'{"a": NaN, "b": "\\ud83d"}')["b"] == "\ud83d"
