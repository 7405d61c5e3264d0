"""A secret is one text or an entry for each target, and nothing of it is ever repeated."""

import json
from collections.abc import Callable

import pytest

from bedrock_alerts.alerts.credentials import entry, with_secret
from bedrock_alerts.errors import CredentialError, PermanentError, TransientError
from tests.support.secrecy import shown, traces

URL = "https://hooks.example.com/s3cret"
TARGETS = json.dumps({"default": URL, "payments": {"url": f" {URL}/p ", "secret": "k"}, "odd": 7})
ONE = json.dumps({"url": URL, "secret": "key"})


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
        pytest.param(TARGETS, "nobody", "the secret has no url for the target 'nobody'", id="none"),
        pytest.param(TARGETS, "odd", "the secret has no url for the target 'odd'", id="odd"),
        pytest.param(URL, "payments", "the secret has no url for the target 'payments'", id="text"),
        pytest.param(ONE, "payments", "the secret has no url for the target 'payments'", id="one"),
        pytest.param("", "", "the secret has no url", id="nothing"),
        pytest.param("{}", "", "the secret has no url", id="an empty object"),
        pytest.param(
            '{"default": {"key": "s3cret"}}', "", "the secret has no url", id="other keys"
        ),
    ],
)
def test_what_is_missing_is_said(text: str, target: str, says: str) -> None:
    with pytest.raises(CredentialError) as caught:
        entry(text, target, main="url")
    assert str(caught.value) == says
    assert not shown(["s3cret"], traces(caught.value))


def test_everything_that_is_needed_has_to_be_there() -> None:
    with pytest.raises(CredentialError, match=r"the secret has no secret$"):
        entry(URL, "", main="url", needs=("secret",))
    with pytest.raises(CredentialError, match=r"the secret has no url and no secret$"):
        entry("{}", "", main="url", needs=("secret",))


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
