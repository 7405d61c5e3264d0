"""Buttons in messages, and the requests when someone presses one.

The request is a form that Slack has signed; the signature is checked before it is read here.
https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
"""

import json
import re
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs

from bedrock_alerts.alerts.events import Answer
from bedrock_alerts.errors import PermanentError
from bedrock_alerts.text import clean

SILENCES: Final = ((3600, "1 h"), (14_400, "4 h"), (86_400, "24 h"))
"""The durations of a silence, in seconds and in words."""

_MAX_FORM_BYTES: Final = 256 * 1024
_MAX_NAME: Final = 80
_MAX_ACTIONS: Final = 10
_USER: Final = re.compile(r"[UW][A-Z0-9]{2,20}")
_VALUE: Final = re.compile(
    r"(?:(?P<kind>acknowledge|unacknowledge|unsilence)|silence:(?P<seconds>3600|14400|86400))"
    r"(?::(?P<number>[0-9]{1,9}))?:(?P<alarm>[0-9a-f]{32})"
)
_RESPONSE_URL: Final = re.compile(r"https://hooks\.slack(-gov)?\.com/[!-~]{1,500}")


class Button(NamedTuple):
    """A button of a message: its label, and the value that Slack returns when it is pressed."""

    label: str
    value: str


def buttons(alarm: str, number: int) -> tuple[Button, ...]:
    """Return the buttons for an incident of an alarm, by its id: acknowledge, and silence."""
    return (
        Button("Acknowledge", f"acknowledge:{number}:{alarm}"),
        *(
            Button(f"Silence {words}", f"silence:{seconds}:{number}:{alarm}")
            for seconds, words in SILENCES
        ),
    )


def undo_buttons(alarm: str, number: int) -> tuple[Button, Button]:
    """Return the buttons that undo an acknowledgement and a silence."""
    return (
        Button("Undo acknowledge", f"unacknowledge:{number}:{alarm}"),
        Button("End silence", f"unsilence:{number}:{alarm}"),
    )


def read_answers(form: bytes) -> tuple[Answer, ...]:
    """Read what was pressed.

    Other buttons, such as links, return nothing. Raises PermanentError if it is not a Slack form.
    """
    if len(form) > _MAX_FORM_BYTES:
        raise PermanentError("the form is too long")
    try:
        payload = json.loads(parse_qs(form.decode("utf-8"), max_num_fields=10)["payload"][0])
    except (ValueError, KeyError, RecursionError) as error:
        raise PermanentError("this is not a Slack form") from error
    if not isinstance(payload, dict) or payload.get("type") != "block_actions":
        return ()
    user, name = _who(payload.get("user"))
    actions = payload.get("actions")
    url = payload.get("response_url")
    response_url = url if isinstance(url, str) and _RESPONSE_URL.fullmatch(url) else ""
    found = (
        _answer(action, user, name, response_url)
        for action in (actions[:_MAX_ACTIONS] if isinstance(actions, list) else ())
    )
    return tuple(answer for answer in found if answer is not None)


def _who(user: Any) -> tuple[str, str]:
    fields = user if isinstance(user, dict) else {}
    found, name = fields.get("id"), fields.get("name") or fields.get("username")
    user = found if isinstance(found, str) and _USER.fullmatch(found) else ""
    return user, clean(name, _MAX_NAME) if isinstance(name, str) else ""


def _answer(action: Any, user: str, name: str, response_url: str) -> Answer | None:
    if not isinstance(action, dict):
        return None
    option = action.get("selected_option")
    value = option.get("value") if isinstance(option, dict) else action.get("value")
    found = _VALUE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    return Answer(
        kind=found["kind"] or "silence",  # type: ignore[arg-type] # the pattern lets nothing else through
        incident=found["alarm"],
        user=user,
        name=name or user or "someone",
        at=_pressed_at(action.get("action_ts")),
        seconds=int(found["seconds"] or 0),
        number=int(found["number"] or 0),
        response_url=response_url,
    )


def _pressed_at(stamp: Any) -> datetime:
    """Return when a button was pressed, so that a form that Slack sends twice is one press."""
    try:
        return datetime.fromtimestamp(float(stamp), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return datetime.now(UTC)
