"""Whatever a message holds and however it is wrapped, something readable comes out of it."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts.alerts.describe import describe, without_memory
from bedrock_alerts.alerts.events import (
    Answer,
    Event,
    Heartbeat,
    Kept,
    StateChange,
    Timer,
    Unrecognised,
)
from bedrock_alerts.alerts.normalise import (
    encode_note,
    normalise,
    normalise_object,
)
from tests.support.alarms import ACCOUNT, ALARMS, REGION, alarm_event
from tests.support.events import change_of, event_of, sample_body

TIMER = Timer(
    kind="reminder",
    subject="arn:aws:cloudwatch:eu-west-1:111122223333:alarm:a",
    due=datetime(2026, 11, 23, 9, 10, tzinfo=UTC),
    stamp="s",
)


def title_of(body: str) -> str:
    found = event_of(body)
    assert isinstance(found, Unrecognised)
    return found.title


def in_topic(text: str, **fields: Any) -> dict[str, Any]:
    """Wrap a text as a topic does."""
    return {"Type": "Notification", "TopicArn": "arn:topic", "Message": text, **fields}


def for_functions(*items: Any) -> dict[str, Any]:
    """Wrap messages of a topic for the function that they call."""
    return {"Records": [{"EventSource": "aws:sns", "Sns": item} for item in items]}


def from_queue(*bodies: str) -> dict[str, Any]:
    return {"Records": [{"messageId": "m", "body": body} for body in bodies]}


ALARM = sample_body("throttling")


@pytest.mark.parametrize(
    "wrapped",
    [
        pytest.param(json.loads(ALARM), id="not at all"),
        pytest.param(in_topic(ALARM), id="by SNS"),
        pytest.param(for_functions(in_topic(ALARM)), id="by SNS for a function"),
        pytest.param(from_queue(ALARM), id="by SQS"),
        pytest.param(from_queue(json.dumps(in_topic(ALARM))), id="by SNS and SQS"),
        pytest.param(in_topic(json.dumps(in_topic(ALARM))), id="by SNS twice"),
        pytest.param(json.loads(sample_body("throttling_direct")), id="as a call of a function"),
        pytest.param(
            {
                "version": "1.0",
                "requestContext": {"condition": "RetriesExhausted"},
                "requestPayload": json.loads(sample_body("throttling_direct")),
                "responsePayload": {"errorType": "TransientError"},
            },
            id="as a call that failed, sent back from the dead letters",
        ),
    ],
)
def test_a_change_is_found_in_its_wrappings(wrapped: Any) -> None:
    change = change_of(ALARM)
    for found in (normalise(json.dumps(wrapped)), normalise_object(wrapped)):
        (copy,) = found
        assert isinstance(copy, StateChange)
        assert (copy.incident_key, copy.at) == (change.incident_key, change.at)


def test_of_several_messages_in_one_none_is_lost() -> None:
    found = normalise(json.dumps(from_queue(ALARM, "no JSON", ALARMS["an alarm is over"])))
    assert [type(event) for event in found] == [StateChange, Unrecognised, StateChange]


def test_more_messages_in_one_than_are_read_are_said() -> None:
    found = normalise(json.dumps(from_queue(*(f"prose {number}" for number in range(150)))))
    assert len(found) == 101
    assert isinstance(found[-1], Unrecognised)
    assert found[-1].title == ("Received a message with 50 more events than the 100 that are read")
    assert len({event.identity for event in found if isinstance(event, Unrecognised)}) == 101


def test_what_is_wrapped_without_end_is_shown_as_such() -> None:
    text = ALARM
    for _ in range(20):
        text = json.dumps(in_topic(text))
    assert title_of(text) == "Received a message that was wrapped too many times"


@pytest.mark.parametrize(
    ("body", "title"),
    [
        pytest.param("", "Received a message that is not JSON", id="nothing"),
        pytest.param("Alarm!", "Received a message that is not JSON", id="prose"),
        pytest.param('{"detail', "Received a message that is not JSON", id="half of one"),
        pytest.param("[" * 100_000, "Received a message that is not JSON", id="too deep"),
        pytest.param("9" * 5_000, "Received a message that is not JSON", id="too long a number"),
        pytest.param("null", "Received a message that is not a JSON object", id="null"),
        pytest.param("[]", "Received a message that is not a JSON object", id="a list"),
        pytest.param("{}", "Received an event of an unknown kind", id="an empty object"),
        pytest.param('{"Records": []}', "Received an event of an unknown kind", id="no records"),
        pytest.param(
            '{"Records": [5]}', "Received a message that is not a JSON object", id="an odd record"
        ),
        pytest.param(
            json.dumps(in_topic("prose")), "Received a message that is not JSON", id="prose by SNS"
        ),
        pytest.param(
            json.dumps(in_topic("null")),
            "Received a message that is not a JSON object",
            id="null, too",
        ),
        pytest.param(
            json.dumps(in_topic("prose", Message=5)),
            "Received an event of an unknown kind",
            id="SNS without text",
        ),
        pytest.param(
            json.dumps(in_topic("You have chosen", Type="SubscriptionConfirmation", Token="t0ken")),
            "Received a request from a topic to confirm a subscription",
            id="a subscription to confirm",
        ),
        pytest.param('{"alarmData": 5}', "Received an incomplete alarm event", id="a direct call"),
        pytest.param('{"NewStateValue": 5}', "Received an incomplete alarm event", id="SNS"),
    ],
)
def test_what_is_no_event_we_know_is_shown_as_such(body: str, title: str) -> None:
    assert title_of(body) == title


def test_of_an_unknown_event_the_envelope_is_shown_and_nothing_else() -> None:
    found = event_of(ALARMS["an unknown event"])
    assert isinstance(found, Unrecognised)
    assert found.identity
    assert (found.title, found.account_id, found.region, found.at) == (
        "Received an event of an unknown kind",
        ACCOUNT,
        REGION,
        datetime(2026, 11, 23, 8, 10, 41, tzinfo=UTC),
    )
    assert found.facts == (
        ("detail-type", "Something New"),
        ("source", "aws.example"),
        ("account", ACCOUNT),
        ("region", REGION),
        ("time", "2026-11-23T08:10:41Z"),
        ("id", "6f1d0c52-0000-4000-8000-0000000000a1"),
    )


def test_of_prose_by_sns_the_subject_is_shown_and_not_the_text() -> None:
    found = event_of(sample_body("prose_sns"))
    assert isinstance(found, Unrecognised)
    facts = dict(found.facts)
    assert facts["Subject"] == "AWS Budgets: bedrock has exceeded your alert threshold"
    assert set(facts) == {"Type", "TopicArn", "Subject", "Timestamp", "MessageId"}
    assert "amount" not in repr(found)


def test_an_envelope_of_odd_types_is_left_out() -> None:
    found = event_of('{"detail-type": 1, "source": null, "account": {}, "time": [], "id": "a"}')
    assert isinstance(found, Unrecognised)
    assert (found.account_id, found.region, found.at) == ("", "", None)
    assert found.facts == (("id", "a"),)


@pytest.mark.parametrize(
    ("one", "other", "are_same"),
    [
        pytest.param("Alarm!", "Alarm!", True, id="the same message again"),
        pytest.param("Alarm!", "Another!", False, id="two messages"),
        pytest.param(
            json.dumps(in_topic("Alarm!", MessageId="1")),
            json.dumps(in_topic("Alarm!", MessageId="2")),
            False,
            id="the same words said twice",
        ),
        pytest.param(
            '{"detail-type": "New", "id": "1"}',
            json.dumps(in_topic('{"detail-type": "New", "id": "1"}')),
            True,
            id="one event by two ways",
        ),
        pytest.param('"\\ud800"', '"\\ud801"', False, id="what UTF-8 cannot say"),
    ],
)
def test_two_unknown_messages_are_told_apart(one: str, other: str, *, are_same: bool) -> None:
    found = [event_of(body) for body in (one, other)]
    identities = {event.identity for event in found if isinstance(event, Unrecognised)}
    assert len(identities) == (1 if are_same else 2)


# ---- notes to ourselves --------------------------------------------------------------------------


def test_a_timer_comes_back_as_it_was_sent() -> None:
    assert normalise(encode_note(TIMER)) == (TIMER,)


def test_a_heartbeat_comes_back() -> None:
    assert normalise(encode_note(Heartbeat())) == (Heartbeat(),)
    assert normalise('{"bedrock_alerts": {"heartbeat": true}}') == (Heartbeat(),)


def test_an_answer_comes_back_and_who_gave_it_is_outside_text() -> None:
    answer = Answer(kind="silence", incident="i", user="U012", name="Sam", at=TIMER.due, seconds=60)
    assert normalise(encode_note(answer)) == (answer,)
    (found,) = normalise(encode_note(msgspec.structs.replace(answer, name="\u202eSam\n")))
    assert found == answer


def test_a_timer_without_zone_is_due_in_utc() -> None:
    body = encode_note(TIMER).replace("09:10:00Z", "09:10:00")
    assert "Z" not in body
    assert normalise(body) == (TIMER,)


@pytest.mark.parametrize(
    "note",
    [
        pytest.param(None, id="null"),
        pytest.param([], id="a list"),
        pytest.param({}, id="nothing"),
        pytest.param({"heartbeat": 1}, id="a heart that does not beat"),
        pytest.param({"timer": {"kind": "novel"}}, id="an unknown timer"),
        pytest.param({"timer": {"kind": "digest", "subject": "s"}}, id="half a timer"),
        pytest.param({"answer": {"kind": "shout"}}, id="an unknown answer"),
    ],
)
def test_a_note_that_cannot_be_read_is_said(note: Any) -> None:
    body = json.dumps({"bedrock_alerts": note})
    assert title_of(body) == "Received an internal message that cannot be read"


def test_a_note_that_somebody_else_has_wrapped_is_not_believed() -> None:
    for wrapped in (in_topic(encode_note(TIMER)), from_queue(encode_note(Heartbeat()))):
        assert title_of(json.dumps(wrapped)) == "Received an event of an unknown kind"


def test_what_a_function_is_called_with_need_not_be_json() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    (found,) = normalise_object({"detail": deep})
    assert isinstance(found, Unrecognised)
    (found,) = normalise_object({"detail": object()})
    assert isinstance(found, Unrecognised)


# ---- anything at all -----------------------------------------------------------------------------

_TEXT = st.text(st.characters(exclude_categories=()))
_ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)
_SAMPLES = [
    sample_body(name)
    for name in (
        "alarm_changed",
        "anomaly",
        "composite",
        "composite_sns",
        "contributor",
        "contributor_sns",
        "guardrail_refused",
        "log_alarm_sns",
        "logging_deleted",
        "math",
        "promql",
        "throttling_direct",
        "throttling_muted",
        "throttling_sns",
        "timer",
    )
]


def is_readable(events: tuple[Event, ...]) -> bool:
    """Tell whether there is something, and words for all of it."""
    told = [event for event in events if not isinstance(event, Timer | Answer | Heartbeat | Kept)]
    return bool(events) and all(describe(event, without_memory(event)).title for event in told)


@given(_ANY_JSON | st.text().map(lambda text: {"detail-type": text}))
def test_any_json_becomes_an_alert(event: Any) -> None:
    assert is_readable(normalise(json.dumps(event)))
    assert is_readable(normalise_object(event))


@given(st.lists(_ANY_JSON | st.text().map(in_topic), max_size=3))
def test_any_records_become_alerts(records: list[Any]) -> None:
    assert is_readable(normalise(json.dumps({"Records": records})))
    assert is_readable(normalise(json.dumps(for_functions(*records))))


@given(_ANY_JSON, _ANY_JSON, _ANY_JSON)
def test_a_state_with_any_json_in_it_becomes_an_alert(value: Any, at: Any, data: Any) -> None:
    event = alarm_event(
        state={"value": value, "reason": data, "timestamp": at, "reasonData": json.dumps(data)},
        configuration={"description": value, "metrics": [{"metricStat": data, "label": value}]},
    )
    assert is_readable(normalise(json.dumps(event)))


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the ways to every value of a document."""
    found = [path]
    if isinstance(node, dict | list):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            found += places(value, (*path, key))
    return found


def replaced(node: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Copy a document with another value in one place."""
    if not path:
        return value
    copy = dict(node) if isinstance(node, dict) else list(node)
    copy[path[0]] = replaced(node[path[0]], path[1:], value)
    return copy


@given(st.data())
def test_any_field_of_any_sample_may_hold_anything(data: st.DataObject) -> None:
    body = json.loads(data.draw(st.sampled_from(_SAMPLES)))
    message = body.get("Message")
    event = json.loads(message) if message else body
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(event)))
        event = replaced(event, path, data.draw(_ANY_JSON))
    text = json.dumps(event)
    assert is_readable(normalise(json.dumps({**body, "Message": text}) if message else text))
