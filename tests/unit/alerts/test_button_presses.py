"""What comes back from a button is read by its form alone, whatever else somebody sends."""

import json
from datetime import UTC, datetime
from typing import Any, Final, Literal
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts.alerts.button_presses import buttons, read_answers, undo_buttons
from bedrock_alerts.alerts.events import (
    Answer,
    incident_id,
)
from bedrock_alerts.errors import PermanentError

INCIDENT = incident_id("arn:aws:cloudwatch:eu-west-1:111122223333:alarm:bedrock-alerts.Throttling")
USER = {"id": "U0EXAMPLE", "username": "ada", "name": "ada.example", "team_id": "T0"}


def form(payload: Any) -> bytes:
    return urlencode({"payload": json.dumps(payload)}).encode()


def pressed(*actions: Any, **fields: Any) -> bytes:
    return form({"type": "block_actions", "user": USER, "actions": actions, **fields})


def action(value: str) -> dict[str, Any]:
    return {"type": "button", "value": value, "action_ts": "1795421442.250000"}


AT = datetime.fromtimestamp(1795421442.25, UTC)


KINDS: Final[tuple[tuple[Literal["acknowledge", "silence"], int], ...]] = (
    ("acknowledge", 0),
    ("silence", 3600),
    ("silence", 14400),
    ("silence", 86400),
)


def test_every_button_comes_back_as_what_it_says() -> None:
    answers = [read_answers(pressed(action(button.value))) for button in buttons(INCIDENT, 7)]
    assert [button.label for button in buttons(INCIDENT, 7)] == [
        "Acknowledge",
        "Silence 1 h",
        "Silence 4 h",
        "Silence 24 h",
    ]
    assert answers == [
        (
            Answer(
                kind=kind,
                incident=INCIDENT,
                user="U0EXAMPLE",
                name="ada.example",
                at=AT,
                seconds=seconds,
                number=7,
            ),
        )
        for kind, seconds in KINDS
    ]


def test_what_undoes_a_press_comes_back_too() -> None:
    found = [read_answers(pressed(action(one.value)))[0] for one in undo_buttons(INCIDENT, 7)]
    assert [(one.kind, one.number, one.seconds) for one in found] == [
        ("unacknowledge", 7, 0),
        ("unsilence", 7, 0),
    ]


def test_a_button_of_an_old_message_carries_no_number() -> None:
    (answer,) = read_answers(pressed(action(f"acknowledge:{INCIDENT}")))
    assert answer.number == 0


@pytest.mark.parametrize(
    ("url", "known"),
    [
        ("https://hooks.slack.com/actions/T0/1/x", "https://hooks.slack.com/actions/T0/1/x"),
        ("https://hooks.slack-gov.com/actions/T0", "https://hooks.slack-gov.com/actions/T0"),
        ("https://hooks.slack.com.example.com/a", ""),
        ("http://hooks.slack.com/actions/T0", ""),
        (7, ""),
    ],
)
def test_only_slack_is_answered(url: object, known: str) -> None:
    body = pressed(action(f"acknowledge:7:{INCIDENT}"), response_url=url)
    assert read_answers(body)[0].response_url == known


def test_a_choice_of_a_menu_is_read_like_a_button() -> None:
    option = {
        "selected_option": {"value": f"silence:3600:{INCIDENT}"},
        "action_ts": "1795421442.25",
    }
    (answer,) = read_answers(pressed(option))
    assert (answer.kind, answer.seconds) == ("silence", 3600)


def test_a_button_without_value_such_as_a_link_gives_nothing() -> None:
    link = {"type": "button", "action_id": "open-0", "url": "https://example.com"}
    assert read_answers(pressed(link, "odd", None, action("silence:60:" + INCIDENT))) == ()


@pytest.mark.parametrize(
    "value",
    [
        f"silence:99999:{INCIDENT}",
        f"silence:7:{INCIDENT}",
        f"acknowledge:3600:7:{INCIDENT}",
        f"silence:-1:{INCIDENT}",
        f"acknowledge:{INCIDENT}x",
        f"acknowledge:{INCIDENT}\n",
        "acknowledge:../../etc",
        f"resolve:{INCIDENT}",
        "",
    ],
)
def test_values_that_we_never_made_give_nothing(value: str) -> None:
    assert read_answers(pressed(action(value))) == ()


@pytest.mark.parametrize(
    ("user", "known"),
    [
        (USER, ("U0EXAMPLE", "ada.example")),
        ({"id": "W0EXAMPLE", "username": "ada"}, ("W0EXAMPLE", "ada")),
        ({"id": "U0EXAMPLE"}, ("U0EXAMPLE", "U0EXAMPLE")),
        ({"id": "<!channel>", "name": "x\u202ey\n"}, ("", "x y")),
        ({"id": 5, "name": 5}, ("", "someone")),
        (None, ("", "someone")),
        ({"id": "U0EXAMPLE", "name": "n" * 500}, ("U0EXAMPLE", "n" * 79 + "…")),
    ],
)
def test_who_pressed_it_is_named_and_bounded(user: Any, known: tuple[str, str]) -> None:
    (answer,) = read_answers(pressed(action(f"acknowledge:{INCIDENT}"), user=user))
    assert (answer.user, answer.name) == known


@pytest.mark.parametrize("stamp", [None, "soon", "1e400", "-1e30", [], "nan"])
def test_an_odd_time_is_taken_for_now(stamp: Any) -> None:
    before = datetime.now(UTC)
    odd = {"value": f"acknowledge:{INCIDENT}", "action_ts": stamp}
    (answer,) = read_answers(pressed(odd))
    assert before <= answer.at <= datetime.now(UTC)


def test_other_interactions_give_nothing() -> None:
    assert read_answers(form({"type": "view_submission"})) == ()
    assert read_answers(form([])) == ()
    assert read_answers(form({"type": "block_actions", "actions": "none"})) == ()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"payload=",
        b"payload={",
        b"other=1",
        b"\xff\xfe",
        b"payload=" + b"[" * 100_000,
        b"a=1&" * 20 + b"payload={}",
        b"payload=" + b"1" * 300_000,
    ],
)
def test_what_is_no_form_of_slack_is_refused(body: bytes) -> None:
    with pytest.raises(PermanentError):
        read_answers(body)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["type", "user", "actions", "value", "id", "selected_option"]),
                inner,
            )
        ),
    )
)
def test_whatever_is_signed_never_raises_anything_else(payload: Any) -> None:
    assert read_answers(form(payload)) == ()
    assert read_answers(pressed(payload, user=payload)) == ()
