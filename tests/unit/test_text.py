"""Outside text comes out bounded, on one line, and without characters that deceive."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts.text import clean, clean_lines, dimension_value, shorten

ANY_TEXT = st.text(st.characters(exclude_categories=()))
LIMITS = st.integers(1, 60)
UNSAFE_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        pytest.param("chat-blocks", "chat-blocks", id="plain ASCII stays as it is"),
        pytest.param("Größe · 5 µs 🚨", "Größe · 5 µs 🚨", id="other scripts and emoji stay"),
        pytest.param("  in the middle ", "in the middle", id="blanks around it go"),
        pytest.param("one\r\ntwo\tthree", "one two three", id="line breaks and tabs are one blank"),
        pytest.param("a\u2028b\u2029c\x85d", "a b c d", id="so are Unicode's line breaks"),
        pytest.param("\x1b[31mred", "[31mred", id="terminal escapes lose their power"),
        pytest.param("\u202eexe.txt\u202c", "exe.txt", id="overrides of the direction go"),
        pytest.param("a\u061cb\u2066c\u2069d", "a b c d", id="so do marks and isolates"),
        pytest.param("pay\u200bpal\ufeff", "pay pal", id="zero-width characters show as a gap"),
        pytest.param("ok\U000e0041\U000e007f", "ok", id="invisible tags go"),
        pytest.param("half \ud83d a pair", "half   a pair", id="lone surrogates go"),
        pytest.param("", "", id="nothing stays nothing"),
    ],
)
def test_text_is_cleaned(text: str, cleaned: str) -> None:
    assert clean(text, 100) == cleaned


@given(ANY_TEXT, LIMITS)
def test_no_text_comes_out_unsafe_or_too_long(text: str, limit: int) -> None:
    cleaned = clean(text, limit)
    assert len(cleaned) <= limit
    assert cleaned == cleaned.strip()
    assert not UNSAFE_CATEGORIES & {unicodedata.category(character) for character in cleaned}
    cleaned.encode()


@given(ANY_TEXT, LIMITS)
def test_cleaning_twice_changes_nothing(text: str, limit: int) -> None:
    assert clean(clean(text, limit), limit) == clean(text, limit)


def test_line_breaks_survive_where_they_are_wanted() -> None:
    assert clean_lines("one \r\ntwo\x00 three\u2028four", 100) == "one\ntwo  three\nfour"


@given(ANY_TEXT, LIMITS)
def test_text_of_several_lines_is_as_safe(text: str, limit: int) -> None:
    cleaned = clean_lines(text, limit)
    assert len(cleaned) <= limit
    kinds = {unicodedata.category(character) for character in cleaned.replace("\n", "")}
    assert not UNSAFE_CATEGORIES & kinds


@pytest.mark.parametrize(
    ("text", "short"),
    [
        pytest.param("exactly", "exactly", id="what fits stays whole"),
        pytest.param("too long", "too lo…", id="what does not ends in an ellipsis"),
        pytest.param("a blank cut", "a blan…", id="at the limit"),
        pytest.param("123456 89", "123456…", id="with no blank before the ellipsis"),
    ],
)
def test_text_is_cut(text: str, short: str) -> None:
    assert shorten(text, 7) == short


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("anthropic.example-v1:0", "anthropic.example-v1:0", id="an id stays"),
        pytest.param("Größe\n🚨 x", "Gr?e? x", id="what is not printable ASCII is one ?"),
        pytest.param("::1", "1", id="a leading colon goes"),
        pytest.param(": : x", "x", id="with the blanks behind it"),
        pytest.param("  ", "unknown", id="blank becomes a word"),
        pytest.param(":", "unknown", id="so does nothing but a colon"),
        pytest.param("x" * 300, "x" * 255, id="long is cut"),
    ],
)
def test_text_becomes_a_dimension_value(text: str, value: str) -> None:
    assert dimension_value(text) == value


@given(ANY_TEXT)
def test_every_dimension_value_is_one_that_cloudwatch_takes(text: str) -> None:
    value = dimension_value(text)
    assert value.isascii()
    assert value.isprintable()
    assert value == value.strip()
    assert 0 < len(value) <= 255
    assert not value.startswith(":")
