"""A secret is one text or an entry for each target, and nothing of it is ever repeated."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts.alerts.credentials import entry, signing_secret, with_secret
from bedrock_alerts.errors import CredentialError, PermanentError, TransientError
from tests.support.secrecy import shown, traces

URL = "https://hooks.example.com/s3cret"
TARGETS = json.dumps({"default": URL, "payments": {"url": f" {URL}/p ", "secret": "k"}, "odd": 7})
ONE = json.dumps({"url": URL, "secret": "key"})


def missing(target: str = "") -> str:
    if target:
        wanted = f'JSON such as {{"{target}":"…"}}'
        return f"the secret has no url for the target '{target}': it must be {wanted}"
    return 'the secret has no url: it must be the url alone or JSON such as {"url":"…"}'


class Keeper:
    """Knows a secret, and what it was renewed to."""

    def __init__(self, kept: str, renewed: str | Exception | None = None) -> None:
        self.kept = kept
        self.renewed = kept if renewed is None else renewed
        self.asked: list[bool] = []

    def text(self, *, fresh: bool = False) -> str:
        self.asked.append(fresh)
        if fresh and isinstance(self.renewed, Exception):
            raise self.renewed
        return str(self.renewed) if fresh else self.kept


@pytest.mark.parametrize(
    ("text", "target", "found"),
    [
        pytest.param(URL, "", {"url": URL}, id="a text"),
        pytest.param(f" {URL}\n", "", {"url": URL}, id="a text with blanks around it"),
        pytest.param("12345", "", {"url": "12345"}, id="a text that is JSON, and no object"),
        pytest.param(ONE, "", {"url": URL, "secret": "key"}, id="one entry"),
        pytest.param(TARGETS, "", {"url": URL}, id="the default of several"),
        pytest.param(TARGETS, "payments", {"url": f"{URL}/p", "secret": "k"}, id="a target"),
    ],
)
def test_an_entry_is_found(text: str, target: str, found: dict[str, str]) -> None:
    assert entry(text, target, main="url") == found


@pytest.mark.parametrize(
    ("text", "target", "says"),
    [
        pytest.param(TARGETS, "nobody", missing("nobody"), id="none"),
        pytest.param(TARGETS, "odd", missing("odd"), id="odd"),
        pytest.param(URL, "payments", missing("payments"), id="text"),
        pytest.param(ONE, "payments", missing("payments"), id="one"),
        pytest.param("", "", missing(), id="nothing"),
        pytest.param("{}", "", missing(), id="an empty object"),
        pytest.param('{"default": {"key": "s3cret"}}', "", missing(), id="other keys"),
    ],
)
def test_what_is_missing_is_said(text: str, target: str, says: str) -> None:
    with pytest.raises(CredentialError) as caught:
        entry(text, target, main="url")
    assert str(caught.value) == says
    assert not shown(["s3cret"], traces(caught.value))


def test_everything_that_is_needed_has_to_be_there() -> None:
    form = 'it must be JSON such as {"url":"…","secret":"…"}'
    with pytest.raises(CredentialError) as caught:
        entry(URL, "", main="url", needs=("secret",))
    assert str(caught.value) == f"the secret has no secret: {form}"
    with pytest.raises(CredentialError) as caught:
        entry("{}", "", main="url", needs=("secret",))
    assert str(caught.value) == f"the secret has no url and no secret: {form}"
    with pytest.raises(CredentialError) as caught:
        entry(URL, "payments", main="url", needs=("secret",))
    assert str(caught.value) == (
        "the secret has no url and no secret for the target 'payments': "
        'it must be JSON such as {"payments":{"url":"…","secret":"…"}}'
    )


FORMS = json.loads((Path(__file__).parent / "secret_forms.json").read_text("utf-8"))
FORM_URL = "https://hooks.slack.com/services/T0EXAMPLE/B0EXAMPLE/s3cret"


@pytest.mark.parametrize("main", ["url", "routing_key", "token"])
@pytest.mark.parametrize("case", FORMS, ids=lambda case: case["form"])
def test_a_secret_is_read_in_every_form_in_which_people_store_it(
    case: dict[str, Any], main: str
) -> None:
    text = case["secret"].replace('"url"', json.dumps(main))
    if case["is_sent"]:
        assert entry(text, "", main=main) == {main: FORM_URL}
        return
    with pytest.raises(CredentialError) as caught:
        entry(text, "", main=main)
    form = json.dumps({main: "…"}, ensure_ascii=False, separators=(",", ":"))
    assert str(caught.value) == (
        f"the secret has no {main}: it must be the {main} alone or JSON such as {form}"
    )
    assert not shown(["s3cret", "T0EXAMPLE"], traces(caught.value))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"'{ONE}'", id="JSON as a shell quotes it"),
        pytest.param(json.dumps(ONE), id="JSON as a JSON text"),
        pytest.param(f"\ufeff{ONE}\r\n", id="JSON with a byte order mark"),
        pytest.param(
            json.dumps({"url": f' "{URL}" ', "secret": "\ufeffkey\n"}), id="values with quotes"
        ),
    ],
)
def test_an_object_is_read_however_it_was_wrapped(text: str) -> None:
    assert entry(text, "", main="url", needs=("secret",)) == {"url": URL, "secret": "key"}


@pytest.mark.parametrize(("main", "other"), [("url", "secret"), ("token", "signing_secret")])
def test_one_key_that_says_what_it_holds_is_not_taken_for_another(main: str, other: str) -> None:
    with pytest.raises(CredentialError, match=f"^the secret has no {main}"):
        entry(json.dumps({other: "s3cret"}), "", main=main)


@given(st.text() | st.recursive(st.text(), lambda inner: st.builds(json.dumps, inner)))
def test_whatever_a_secret_holds_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(CredentialError):
        assert entry(text, "", main="url")["url"]


BOT = '{"token": "xoxb-invented", "signing_secret": " 8f74 "}'


@pytest.mark.parametrize(
    "secret",
    [
        BOT,
        f"\ufeff{BOT}\n",
        f"'{BOT}'",
        json.dumps(BOT),
        f'{{"default": {BOT}}}',
        '{"signing_secret": "\\"8f74\\""}',
    ],
)
def test_the_signing_secret_is_in_the_bot_s_secret(secret: str) -> None:
    assert signing_secret(secret) == "8f74"


@pytest.mark.parametrize(
    "secret",
    [
        "xoxb-invented",
        "{}",
        '{"signing_secret": ""}',
        '{"signing_secret": 5}',
        "[]",
        "[" * 9999,
        "",
        "\ud800",
    ],
)
def test_a_secret_without_it_is_told_without_the_secret(secret: str) -> None:
    with pytest.raises(PermanentError, match='"signing_secret"') as caught:
        signing_secret(secret)
    assert "invented" not in str(caught.value)


def refuse(*texts: str) -> Callable[[str], str]:
    def use(text: str) -> str:
        if text in texts:
            raise CredentialError("not known")
        return text

    return use


def test_a_secret_that_is_accepted_is_not_asked_for_again() -> None:
    keeper = Keeper("a")
    assert with_secret(keeper, refuse()) == "a"
    assert keeper.asked == [False]


def test_a_secret_that_is_refused_is_fetched_anew_and_tried_once_more() -> None:
    keeper = Keeper("a", "b")
    assert with_secret(keeper, refuse("a")) == "b"
    assert keeper.asked == [False, True]


def test_one_that_was_not_renewed_is_not_tried_again() -> None:
    tried: list[str] = []

    def use(text: str) -> None:
        tried.append(text)
        raise CredentialError("not known")

    with pytest.raises(CredentialError):
        with_secret(Keeper("a"), use)
    assert tried == ["a"]


def test_one_that_is_refused_twice_is_refused() -> None:
    with pytest.raises(CredentialError):
        with_secret(Keeper("a", "b"), refuse("a", "b"))


def test_one_that_cannot_be_fetched_anew_may_be_later() -> None:
    with pytest.raises(TransientError):
        with_secret(Keeper("a", TransientError("no answer")), refuse("a"))


def test_any_other_refusal_is_none_of_the_secret() -> None:
    keeper = Keeper("a", "b")

    def use(_: str) -> None:
        raise PermanentError("channel_not_found")

    with pytest.raises(PermanentError):
        with_secret(keeper, use)
    assert keeper.asked == [False]
