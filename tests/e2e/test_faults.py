"""Whatever fails on the way, every alert arrives, or is parked and told by e-mail instead."""

import hashlib
import hmac
import json
import re
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec
import pytest

from bedrock_alerts.alerts.model import LedgerEntry, Timer
from bedrock_alerts.alerts.normalise import encode_note
from tests.support.alarms import metric
from tests.support.live_stack import (
    SIGNING_SECRET,
    LiveStack,
    changed,
    kill_who_calls_from,
    live_stack,
    wait_until,
)
from tests.support.relay import Passed
from tests.support.slack_world import Call

pytestmark = pytest.mark.e2e

SAMPLES = Path(__file__).parents[2] / "events" / "route"


@pytest.fixture(scope="module")
def deployed(locally_built: Path) -> Iterator[LiveStack]:
    with live_stack(locally_built) as live:
        yield live


@pytest.fixture
def live(deployed: LiveStack) -> Iterator[LiveStack]:
    yield deployed
    wait_until(deployed.is_quiet)
    assert deployed.take("DeliveriesDeadLetterQueue") == []
    assert deployed.take("AlertsDeadLetterQueue") == []


# ---- Slack is down -------------------------------------------------------------------------------


def test_an_incident_that_slack_has_slept_through_is_one_message(live: LiveStack) -> None:
    with live.slack.down():
        live.happen(changed("outage"))
        wait_until(lambda: live.waiting("DeliveriesQueue") == 1 and live.emails("outage"))
        live.happen(changed("outage", "OK", minutes=3))
        wait_until(lambda: len(live.emails("outage")) == 2)
        wait_until(lambda: live.waiting("DeliveriesQueue") == 1)
    wait_until(live.is_quiet)
    (message,) = live.slack.messages("outage")
    assert "RESOLVED" in message.text
    assert "over already" in message.text
    assert live.slack.calls("outage") == [message]


def test_what_slack_never_took_is_parked_and_told_and_redriving_sends_it_once(
    live: LiveStack,
) -> None:
    live.happen(changed("parked-heard"))
    wait_until(live.is_quiet)
    live.set_up("DeliverFunction", MAX_ATTEMPTS="2")
    with live.slack.down():
        live.happen(changed("parked-lost"))
        wait_until(lambda: live.waiting("DeliveriesDeadLetterQueue"))
        # The fallback is sent before its delivery is parked, and read by the mailbox some time later.
        wait_until(lambda: len(live.emails("parked-lost")) == 2)
    live.set_up("DeliverFunction", MAX_ATTEMPTS="12")
    alarm, fallback = sorted(live.emails("parked-lost"), key=lambda email: email.subject)
    assert alarm.subject.startswith("ALARM")
    assert fallback.subject.startswith("NOT SENT to slack")
    assert live.slack.messages("parked-lost") == []

    (parked,) = live.take("DeliveriesDeadLetterQueue")
    for _ in range(2):  # somebody may well press the button twice
        live.put("DeliveriesQueue", parked)
        wait_until(live.is_quiet)
    assert len(live.slack.messages("parked-lost")) == 1
    assert len(live.slack.messages("parked-heard")) == 1
    assert len(live.emails("parked-lost")) == 2


# ---- AWS fails -----------------------------------------------------------------------------------


def test_without_the_table_an_alarm_is_told_everywhere(live: LiveStack) -> None:
    with live.relays["DYNAMODB"].failing():
        live.happen(changed("tableless"))
        wait_until(lambda: live.slack.messages("tableless") and live.emails("tableless"))
        wait_until(live.is_quiet)
    assert live.relays["DYNAMODB"].refused > 0
    (message,) = live.slack.messages("tableless")
    assert "Without memory" in message.text
    assert len(live.emails("tableless")) == 1


def test_without_its_secret_slack_waits_and_the_email_does_not(live: LiveStack) -> None:
    live.set_up("DeliverFunction", LOG_LEVEL="INFO")  # it starts anew, without the secret
    with live.relays["SECRETS_MANAGER"].failing():
        live.happen(changed("secretless"))
        wait_until(lambda: live.relays["SECRETS_MANAGER"].refused and live.emails("secretless"))
        assert live.slack.messages("secretless") == []
    wait_until(live.is_quiet)
    assert len(live.slack.messages("secretless")) == 1
    assert len(live.emails("secretless")) == 1


@pytest.mark.parametrize("how", ["failing", "slow"])
def test_when_the_logs_cannot_be_asked_an_alarm_is_told_without_them(
    live: LiveStack, how: str
) -> None:
    relay, asked = live.relays["CLOUDWATCH_LOGS"], list[str]()

    def stall(passed: Passed) -> bool:
        asked.append(passed.operation)
        time.sleep(12)  # longer than anybody waits for it
        return True

    name = f"insights-{how}"
    event = changed(name)
    event["detail"]["configuration"]["metrics"] = [
        metric("ContentFilteredCount", namespace="BedrockAlerts")
    ]
    relay.on_answer = stall
    relay.is_failing = how == "failing"
    live.happen(event)
    wait_until(lambda: live.slack.messages(name) and live.emails(name))
    wait_until(live.is_quiet)
    relay.on_answer, relay.is_failing = None, False
    assert relay.refused if how == "failing" else asked
    assert len(live.slack.messages(name)) == len(live.emails(name)) == 1


# ---- deliver is killed ---------------------------------------------------------------------------


def age_claims(live: LiveStack) -> None:
    """Let claims on Slack look two minutes older than they are."""
    for item in live.items("sent#slack#"):
        entry = msgspec.json.decode(item["data"]["S"], type=LedgerEntry)
        if entry.status == "sending":
            older = msgspec.structs.replace(entry, at=entry.at - 120)
            item["data"]["S"] = msgspec.json.encode(older).decode()
            live.engine.client("dynamodb").put_item(
                TableName=live.stack.resources["IncidentsTable"], Item=item
            )


def kill_once(died: list[int], is_it: Callable[[Any], bool]) -> Callable[[Any, int], bool]:
    """Return what kills the caller of the first call that is the one."""

    def look(call: Any, port: int) -> bool:
        if died or not is_it(call):
            return False
        died.append(port)
        kill_who_calls_from(port)
        return True

    return look


def wrote(status: str) -> Callable[[Passed], bool]:
    """Recognise that a delivery to Slack was written down with this status."""

    def is_it(passed: Passed) -> bool:
        body = passed.body.decode()
        is_entry = passed.operation == "PutItem" and "sent#slack#" in body
        return is_entry and f'\\"status\\":\\"{status}\\"' in body

    return is_it


@pytest.mark.parametrize(
    ("moment", "messages"),
    [
        ("claimed", 1),
        ("accepted", 2),  # the one window that remains: it repeats, and loses nothing
        ("recorded", 1),
    ],
)
def test_a_delivery_whose_function_is_killed_is_told_all_the_same(
    live: LiveStack, moment: str, messages: int
) -> None:
    name, died = f"killed-when-{moment}", list[int]()
    if moment == "accepted":
        live.slack.on_message = kill_once(died, lambda call: name in call.text)
    else:
        look = kill_once(died, wrote("sending" if moment == "claimed" else "sent"))
        live.relays["DYNAMODB"].on_answer = lambda passed: look(passed, passed.port)
    with live.queue_gives_out_again_after(5):
        live.happen(changed(name))
        wait_until(lambda: died)
        age_claims(live)
        wait_until(live.is_quiet)
    live.slack.on_message = live.relays["DYNAMODB"].on_answer = None
    assert len(live.slack.messages(name)) == messages
    assert len(live.emails(name)) == 1


# ---- one change, many ways -----------------------------------------------------------------------


def test_one_change_by_several_transports_is_one_message(live: LiveStack) -> None:
    for name in ("throttling", "throttling_sns", "throttling_sns_wrapped_event"):
        event = json.loads((SAMPLES / f"{name}.json").read_text())
        live.put("AlertsQueue", *(record["body"] for record in event["Records"]))
    wait_until(live.is_quiet)
    assert len(live.slack.messages("bedrock-alerts.Throttling")) == 1
    assert len(live.emails("bedrock-alerts.Throttling")) == 1


# ---- somebody answers ----------------------------------------------------------------------------


def press(live: LiveStack, value: str) -> int:
    """Press a button, as Slack tells it; return the status of the answer."""
    action = {"type": "button", "value": value, "action_ts": f"{time.time():.6f}"}
    payload = {
        "type": "block_actions",
        "user": {"id": "U0EXAMPLE", "name": "ada"},
        "actions": [action],
    }
    body = urlencode({"payload": json.dumps(payload)})
    stamp = str(int(time.time()))
    signed = hmac.new(SIGNING_SECRET.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256)
    host = urlsplit(live.stack.outputs["SlackRequestUrl"]).hostname or ""
    request = urllib.request.Request(
        f"{live.engine.url}/_aws/lambda-url/{host.partition('.')[0]}/",
        body.encode(),
        {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={signed.hexdigest()}",
        },
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        return int(response.status)


def button(call: Call, begin: str) -> str:
    """Return what the button of a message sends whose value begins so."""

    def values(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            yield from (node["value"] for key in node if key == "value")
            yield from (value for child in node.values() for value in values(child))
        elif isinstance(node, list):
            yield from (value for child in node for value in values(child))

    return next(value for value in values(call.payload) if value.startswith(begin))


def reminder(live: LiveStack, name: str) -> str:
    """Return the message that the reminder's timer will bring."""
    scheduler = live.engine.client("scheduler")
    group = live.stack.resources["TimersGroup"]
    for schedule in scheduler.list_schedules(GroupName=group)["Schedules"]:
        found = scheduler.get_schedule(GroupName=group, Name=schedule["Name"])
        text: str = found["Target"]["Input"]
        if name in text and '"reminder"' in text:
            return text
    raise AssertionError(f"no reminder of {name} is set")


@pytest.mark.parametrize("what", ["acknowledge", "silence:3600"])
def test_an_answer_is_told_in_the_thread_and_ends_the_reminders(live: LiveStack, what: str) -> None:
    name = f"answered-with-{what[:7]}"
    live.happen(changed(name, severity="critical"))
    wait_until(lambda: live.slack.messages(name))
    wait_until(live.is_quiet)
    (message,) = live.slack.messages(name)

    live.put("AlertsQueue", reminder(live, name))
    wait_until(lambda: len(live.slack.messages(name)) == 2)
    next_reminder = reminder(live, name)

    assert press(live, button(message, what)) == 200
    wait_until(lambda: len(live.slack.messages(name)) == 3)
    answer = live.slack.messages(name)[-1]
    assert answer.payload["thread_ts"]
    assert "ada" in answer.text

    live.put("AlertsQueue", next_reminder)
    wait_until(live.is_quiet)
    assert len(live.slack.messages(name)) == 3


# ---- many at once --------------------------------------------------------------------------------


def bring_digests(live: LiveStack) -> None:
    """Let the end of the minute come now, for what waits."""
    due = datetime.now(UTC) + timedelta(minutes=3)
    for channel in ("email", "slack"):
        timer = Timer(kind="digest", subject=channel, due=due, stamp=due.isoformat())
        live.put("AlertsQueue", encode_note(timer))


def alerts_in(texts: Iterable[str]) -> int:
    """Count the alerts that messages tell of: a digest says how many it has."""
    digests = [re.search(r"([0-9]+) ALERTS", text) for text in texts]
    return sum(int(found[1]) if found else 1 for found in digests)


def test_fifty_series_of_one_alarm_are_one_message_and_one_list(live: LiveStack) -> None:
    name = "many-series"
    parent = changed(name)
    series = []
    for number in range(50):
        one = changed(name, minutes=0.01)
        detail = dict(one["detail"])
        del detail["previousState"]
        detail["alarmContributor"] = {
            "id": f"{number:016x}",
            "attributes": {"Principal": f"role/app-{number}"},
        }
        kind = "CloudWatch Alarm Contributor State Change"
        series.append({**one, "detail-type": kind, "detail": detail})
    before = len(live.slack.messages())
    live.happen(parent)
    wait_until(lambda: live.slack.messages(name))
    live.happen(*series)
    wait_until(live.is_quiet)
    bring_digests(live)
    wait_until(lambda: len(live.slack.messages(name)) == 2)
    wait_until(live.is_quiet)
    _, listed = live.slack.messages()[before:]
    assert "50 ALERTS" in listed.text
    assert len(listed.text) < 12_000


def test_two_hundred_alarms_are_told_at_most_one_message_a_second_and_none_is_lost(
    live: LiveStack,
) -> None:
    started = time.time()
    told = {channel: live.told(channel) for channel in ("email", "slack")}
    live.happen(*(changed(f"storm-{number:03}") for number in range(200)))
    wait_until(live.is_quiet, 120)
    bring_digests(live)
    wait_until(lambda: all(live.told(channel) - told[channel] >= 200 for channel in told), 120)
    wait_until(live.is_quiet)
    assert {channel: live.told(channel) - told[channel] for channel in told} == {
        "email": 200,
        "slack": 200,
    }
    messages = [call for call in live.slack.messages() if call.at >= started]
    assert alerts_in(call.text for call in messages) == 200
    emails = [email for email in live.inbox.emails() if email.received_at.timestamp() >= started]
    assert alerts_in(email.subject for email in emails) == 200
    # Each takes a second of its own, so the n-th cannot come before n seconds are over.
    for number, call in enumerate(messages):
        assert call.at - started > number - 0.1
