"""Reads a sequence to play: plain alarm events, and timed lines."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from bedrock_alerts.alerts.normalise import normalise
from bedrock_alerts.alerts.normalise.fields import moment
from bedrock_alerts.alerts.routing import RoutesError, parse_routes
from bedrock_alerts_cli.user_errors import InputError

# A line with one of these is timed; any other is an event with its own time.
_KINDS: Final = ("event", "press", "outage", "routes", "describe_alarms")
_PRESSES: Final = ("acknowledge", "unacknowledge", "silence", "unsilence")
_LONGEST_SILENCE: Final = 7 * 86_400
_LONGEST_OUTAGE_MINUTES: Final = 7 * 1440.0


class Line(NamedTuple):
    """One line: its time (seconds since 1970), kind and content."""

    at: float
    kind: str
    fields: Mapping[str, Any]


class _WrongLineError(ValueError):
    """An error in a line, without the line's content."""


def read_lines(text: str, name: str) -> list[Line]:
    """Read a sequence: one JSON object a line, or one JSON document.

    Raises InputError with the name of the file and the line of an error.
    """
    found = []
    for number, value in _values(text.removeprefix("\ufeff"), name):
        try:
            found.append(_line(value))
        except _WrongLineError as error:
            raise InputError(f"{name}:{number}: {error}") from error
    return found


def _values(text: str, name: str) -> Iterator[tuple[int, Any]]:
    """Yield every value with the number of its line."""
    lines = [(n, line) for n, line in enumerate(text.split("\n"), start=1) if line.strip()]
    if len(lines) > 1 and _is_json(lines[0][1]):
        for number, line in lines:
            yield number, _decoded(line, name, number)
    elif lines:
        document = _decoded(text, name, 1)
        for value in document if isinstance(document, list) else [document]:
            yield lines[0][0], value


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _decoded(text: str, name: str, first: int) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        line = first + error.lineno - 1
        raise InputError(f"{name}:{line}: not valid JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}:{first}: not valid JSON") from error


def _line(value: Any) -> Line:
    if not isinstance(value, dict):
        raise _WrongLineError("not a JSON object")
    kind = next((kind for kind in _KINDS if kind in value), "")
    if "at" not in value:
        if kind and kind != "event":
            raise _WrongLineError(f"{kind} needs a time in at")
        event = value["event"] if kind else value
        return Line(_time_of_event(event), "event", {"event": event})
    at = _time(value, "at")
    if not kind:
        raise _WrongLineError(f"needs one of {', '.join(_KINDS)} with at")
    return Line(at, kind, _CHECKS[kind](value))


def _time(value: Mapping[str, Any], name: str) -> float:
    found: datetime | None = moment(value.get(name))
    if found is None:
        raise _WrongLineError(f"{name} is not a time such as 2026-11-20T08:00:00Z")
    return found.timestamp()


def _time_of_event(event: Any) -> float:
    """Return when an event of any transport was sent or happened."""
    if not isinstance(event, dict):
        raise _WrongLineError("event is not a JSON object")
    before = datetime.now(UTC)
    times = [
        getattr(one, "sent_at", None) or getattr(one, "at", None)
        for one in normalise(json.dumps(event))
    ]
    # An event without a time gets the time of reading.
    known = [time for time in times if time is not None and not before <= time <= datetime.now(UTC)]
    if not known:
        raise _WrongLineError("the event has no time; give one in at")
    return float(max(known).timestamp())


def _event(value: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(value["event"], dict):
        raise _WrongLineError("event is not a JSON object")
    return {"event": value["event"]}


def _press(value: Mapping[str, Any]) -> Mapping[str, Any]:
    kind, _, seconds = str(value["press"]).partition(":")
    needs_seconds = kind == "silence"
    is_number = seconds.isascii() and seconds.isdigit() and 0 < int(seconds) <= _LONGEST_SILENCE
    if kind not in _PRESSES or (not is_number if needs_seconds else seconds):
        raise _WrongLineError("press is not acknowledge, unacknowledge, silence:SECONDS, unsilence")
    alarm = value.get("alarm")
    if not isinstance(alarm, str) or not alarm:
        raise _WrongLineError("press needs the name or the ARN of an alarm in alarm")
    return {
        "kind": kind,
        "seconds": int(seconds or 0),
        "alarm": alarm,
        "by": str(value.get("by", "someone")),
        "pressed_at": _time(value, "pressed_at" if "pressed_at" in value else "at"),
    }


def _outage(value: Mapping[str, Any]) -> Mapping[str, Any]:
    outage = value["outage"]
    if not isinstance(outage, dict):
        raise _WrongLineError("outage is not a JSON object")
    minutes, status, pause = (
        outage.get("minutes", 0),
        outage.get("status", 503),
        outage.get("retry_after"),
    )
    if not _is_number(minutes) or not 0 <= minutes <= _LONGEST_OUTAGE_MINUTES:
        raise _WrongLineError("outage needs a number of minutes, at most a week of them")
    if not isinstance(status, int) or isinstance(status, bool):
        raise _WrongLineError("status of the outage is not a whole number")
    if pause is not None and not (_is_number(pause) and pause >= 0):
        raise _WrongLineError("retry_after of the outage is not a number of seconds")
    what = "table" if "table" in outage else str(outage.get("channel", "something unknown"))
    return {"what": what, "minutes": minutes, "status": status, "retry_after": pause}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _routes(value: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return {"routes": parse_routes(json.dumps(value["routes"]))}
    except RoutesError as error:
        raise _WrongLineError(f"{error.message} (at {error.path})") from error


def _described(value: Mapping[str, Any]) -> Mapping[str, Any]:
    found = value["describe_alarms"]
    if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
        raise _WrongLineError("describe_alarms is not an object of alarms by their names")
    return found


_CHECKS: Final = {
    "event": _event,
    "press": _press,
    "outage": _outage,
    "routes": _routes,
    "describe_alarms": _described,
}
