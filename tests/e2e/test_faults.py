"""Whatever fails on the way, every channel shows what is true in the end, or another one says so."""

import hashlib
import hmac
import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec
import pytest

from bedrock_alerts.alerts.incidents.item import AlarmItem
from tests.support.alarms import metric
from tests.support.live_stack import (
    SIGNING_SECRET,
    LiveStack,
    changed,
    elsewhere,
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
    deployed.forget()  # what an alarm of another test does must not share a message with this one
    yield deployed
    wait_until(deployed.is_quiet)
    assert deployed.take("DeliveriesDeadLetterQueue") == []
    assert deployed.take("AlertsDeadLetterQueue") == []


# ---- Slack is down -------------------------------------------------------------------------------


def test_an_incident_that_slack_has_slept_through_is_one_message(live: LiveStack) -> None:
    with live.slack.down():
        live.happen(changed("outage"))
        wait_until(lambda: live.emails("outage"))
        wait_until(live.is_quiet)
        live.happen(changed("outage", "OK", minutes=3))
        wait_until(live.is_quiet)
    live.let_time_pass(600)
    wait_until(lambda: live.slack.messages("outage"))
    wait_until(live.is_quiet)
    (message,) = live.slack.messages("outage")
    assert "Resolved" in message.text
    assert "delivered late" in message.text
    assert [email.subject[:10] for email in live.emails("outage")] == ["[Warning] ", "[Resolved]"]


def test_what_slack_refuses_for_good_is_parked_and_said_and_redriving_sends_it_once(
    live: LiveStack,
) -> None:
    live.slack.refuses_with = "channel_not_found"
    live.happen(changed("parked"))
    for _ in range(3):
        wait_until(live.is_quiet)
        live.let_time_pass(900)
    wait_until(lambda: live.waiting("DeliveriesDeadLetterQueue"))
    wait_until(lambda: len(live.emails("parked")) >= 2)
    live.slack.refuses_with = ""
    assert any("channel_not_found" in email.body for email in live.emails("parked"))
    assert live.slack.messages("parked") == []

    parked = live.take("DeliveriesDeadLetterQueue")
    said = len(live.emails("parked"))
    for _ in range(2):  # somebody may well press the button twice
        live.put("DeliveriesQueue", *parked)
        wait_until(live.is_quiet)
    assert len(live.slack.messages("parked")) == 1
    assert len(live.emails("parked")) == said


# ---- AWS fails -----------------------------------------------------------------------------------


def test_without_the_table_an_alarm_is_sent_everywhere_and_its_end_too(live: LiveStack) -> None:
    # The sweep of the minute may poke other alarms meanwhile: they are in vain too.
    with (
        live.queue_gives_out_again_after(5),
        live.queue_gives_out_again_after(5, "AlertsQueue"),
        live.relays["DYNAMODB"].failing(),
    ):
        live.happen(changed("tableless"))
        wait_until(lambda: live.slack.messages("tableless") and live.emails("tableless"))
    assert live.relays["DYNAMODB"].refused > 0
    (message,) = live.slack.messages("tableless")
    assert "may be a repeat" in message.text
    assert len(live.emails("tableless")) == 1
    # What was kept comes back after a minute, and is learned as shown.
    wait_until(lambda: live.view("tableless", "email").shown, 90)
    wait_until(live.is_quiet)
    live.happen(changed("tableless", "OK", minutes=3))
    wait_until(live.is_quiet)
    live.let_time_pass(3600)
    wait_until(lambda: len(live.emails("tableless")) == 2)
    wait_until(lambda: len(live.slack.messages("tableless")) == 2)
    assert "Resolved" in live.slack.messages("tableless")[-1].text


def test_without_its_secret_slack_waits_and_the_email_does_not(live: LiveStack) -> None:
    live.set_up("DeliverFunction", LOG_LEVEL="INFO")  # it starts anew, without the secret
    with live.relays["SECRETS_MANAGER"].failing():
        live.happen(changed("secretless"))
        wait_until(lambda: live.relays["SECRETS_MANAGER"].refused and live.emails("secretless"))
        assert live.slack.messages("secretless") == []
    wait_until(live.is_quiet)
    live.let_time_pass(600)
    wait_until(lambda: live.slack.messages("secretless"))
    wait_until(live.is_quiet)
    assert len(live.slack.messages("secretless")) == 1
    assert len(live.emails("secretless")) == 1


@pytest.mark.parametrize("how", ["failing", "slow"])
def test_when_the_logs_cannot_be_asked_an_alarm_is_sent_without_them(
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


def kill_once(died: list[int], is_it: Callable[[Any], bool]) -> Callable[[Any, int], bool]:
    """Return what kills the caller of the first call that is the one."""

    def look(call: Any, port: int) -> bool:
        if died or not is_it(call):
            return False
        died.append(port)
        kill_who_calls_from(port)
        return True

    return look


def stored(name: str, what: str) -> Callable[[Passed], bool]:
    """Recognise that Slack's view of an alarm was written, as claimed or as shown."""

    def is_it(passed: Passed) -> bool:
        body = passed.body.decode()
        if passed.status != HTTPStatus.OK:  # another channel was faster, and it is put again
            return False
        if passed.operation != "PutItem" or f":{name}" not in body or '"item"' not in body:
            return False
        text = json.loads(body)["Item"]["data"]["S"]
        view = msgspec.json.decode(text, type=AlarmItem).view("slack")
        return bool(view.claim) if what == "claimed" else view.shown is not None

    return is_it


@pytest.mark.parametrize(
    ("moment", "messages"),
    [
        ("claimed", 1),
        ("accepted", 2),  # the one window that remains: it repeats, and loses nothing
        ("shown", 1),
    ],
)
def test_what_is_under_way_when_deliver_is_killed_is_shown_all_the_same(
    live: LiveStack, moment: str, messages: int
) -> None:
    name, died = f"killed-when-{moment}", list[int]()
    if moment == "accepted":
        live.slack.on_message = kill_once(died, lambda call: name in call.text)
    else:
        look = kill_once(died, stored(name, moment))
        live.relays["DYNAMODB"].on_answer = lambda passed: look(passed, passed.port)
    with live.queue_gives_out_again_after(5):
        live.happen(changed(name))
        wait_until(lambda: died)
        live.slack.on_message = live.relays["DYNAMODB"].on_answer = None
        live.let_time_pass(120)
        wait_until(lambda: len(live.slack.messages(name)) == messages)
        wait_until(lambda: live.emails(name))
        wait_until(live.is_quiet)
    assert len(live.slack.messages(name)) == messages
    assert len(live.emails(name)) == 1
    shown = live.view(name, "slack").shown
    assert shown is not None
    assert shown.state == "firing"


# ---- one change, many ways -----------------------------------------------------------------------


def test_one_change_by_several_transports_is_one_message(live: LiveStack) -> None:
    for name in ("throttling", "throttling_sns", "throttling_sns_wrapped_event"):
        event = json.loads((SAMPLES / f"{name}.json").read_text())
        live.put("AlertsQueue", *(record["body"] for record in event["Records"]))
    throttling = "bedrock-alerts.Throttling"
    wait_until(lambda: live.slack.messages(throttling) and live.emails(throttling))
    wait_until(live.is_quiet)
    assert len(live.slack.messages(throttling)) == 1
    assert len(live.emails(throttling)) == 1


# ---- someone answers  ----------------------------------------------------------------------------


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


def contributor_of(name: str, number: int) -> dict[str, Any]:
    """Return the event of one contributor of an alarm that fires."""
    event = changed(name, minutes=0.01)
    detail = {key: value for key, value in event["detail"].items() if key != "previousState"}
    detail["alarmContributor"] = {
        "id": f"{number:016x}",
        "attributes": {"Principal": f"role/app-{number}"},
    }
    kind = "CloudWatch Alarm Contributor State Change"
    return {**event, "detail-type": kind, "detail": detail}


def button(call: Call, begin: str) -> str:
    """Return what the button of a message sends whose value begins so."""

    def values(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            yield from (node["value"] for key in node if key == "value")
            yield from (value for child in node.values() for value in values(child))
        elif isinstance(node, list):
            yield from (value for child in node for value in values(child))

    return next(value for value in values(call.payload) if value.startswith(begin))


@pytest.mark.parametrize("what", ["acknowledge", "silence:3600"])
def test_what_is_pressed_stands_in_the_thread_and_ends_the_reminders(
    live: LiveStack, what: str
) -> None:
    name = f"answered-with-{what[:7]}"
    live.happen(elsewhere(changed(name, severity="critical")))
    wait_until(lambda: live.slack.messages(name))
    wait_until(live.is_quiet)
    (message,) = live.slack.messages(name)

    live.let_time_pass(3700)
    wait_until(lambda: len(live.slack.messages(name)) == 2)
    wait_until(live.is_quiet)
    assert live.slack.messages(name)[-1].payload["reply_broadcast"]

    assert press(live, button(message, what)) == 200
    wait_until(lambda: len(live.slack.messages(name)) == 3)
    answer = live.slack.messages(name)[-1]
    assert answer.payload["thread_ts"]
    assert "ada" in answer.text

    wait_until(live.is_quiet)
    live.let_time_pass(3700)
    wait_until(live.is_quiet)
    assert len(live.slack.messages(name)) == 3


# ---- many at once --------------------------------------------------------------------------------


def test_fifty_contributors_are_one_message_and_one_list(live: LiveStack) -> None:
    name = "many-contributors"
    live.happen(changed(name))
    wait_until(lambda: live.slack.messages(name) and live.emails(name))
    # However slowly they come in here, no message is due until all are known.
    with live.delivers_nothing():
        live.happen(*(contributor_of(name, number) for number in range(50)))
        wait_until(lambda: not live.waiting("AlertsQueue"), 120)
    wait_until(live.is_quiet, 120)
    live.let_time_pass(600)
    wait_until(lambda: len(live.slack.messages(name)) == len(live.emails(name)) == 2, 90)
    wait_until(live.is_quiet)
    listed = live.slack.messages(name)[-1].text
    assert "40 more" in listed
    assert len(listed) < 12_000
    assert len(live.slack.messages(name)) == len(live.emails(name)) == 2


def test_eighty_alarms_are_a_few_messages_a_channel_and_none_is_left_out(
    live: LiveStack,
) -> None:
    started = time.time()
    names = [f"storm-{number:03}" for number in range(80)]
    live.happen(*map(changed, names))
    wait_until(live.is_quiet, 120)
    live.let_time_pass(600)

    def are_all_shown() -> bool:
        items = [item for item, _ in live.alarms() if ":storm-" in item.arn]
        shown = [item.view(channel).shown for item in items for channel in ("email", "slack")]
        return len(items) == len(names) and all(shown)

    wait_until(are_all_shown, 120)
    wait_until(live.is_quiet, 120)
    messages = [call for call in live.slack.messages() if call.at >= started]
    emails = [email for email in live.inbox.emails() if email.received_at.timestamp() >= started]
    assert len(messages) <= 6
    assert len(emails) <= 6
    listed = "\n".join(email.body for email in emails)
    assert all(name in listed for name in names)
