"""What people do to a deployed stack: try it, look who was notified, send again, close, silence."""

import json
from dataclasses import replace

import msgspec
import pytest
from botocore.exceptions import ClientError

from bedrock_alerts.alerts.routing import parse_routes
from bedrock_alerts_cli.notifier.world import Outage
from tests.support.operated_stack import OperatedStack
from tests.support.played_notifier import ALARMS

THROTTLING = "bedrock-alerts.Throttling"
PLACE = "stack bedrock-alerts, account 111122223333, eu-west-1"


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> OperatedStack:
    return OperatedStack(monkeypatch, capfd)


def away(stack: OperatedStack, what: str, seconds: float) -> None:
    """Let something be away from now on."""
    now = stack.played.world.now()
    stack.played.world.outages.append(Outage(what, now, now + seconds, 503))


# ---- test-alert ----------------------------------------------------------------------------------


def test_a_test_alert_shows_each_hop_and_what_each_channel_said(stack: OperatedStack) -> None:
    done = stack.run("test-alert", "--yes")
    assert done.code == 0
    assert PLACE in done.err
    assert "PagerDuty, if it is notified, pages the person on call" in done.err
    assert done.out.splitlines()[0].split() == ["hop", "time", "(UTC)", "after"]
    assert "pagerduty: notified of the end" in done.out
    assert done.out.endswith("Every channel was notified of the test and of its end.\n")
    assert "alex tries out" in str(stack.played.sent("email")[0].payload)
    assert max(map(len, done.out.splitlines())) <= 80


def test_its_json_stands_alone_and_names_the_place(stack: OperatedStack) -> None:
    stack.played.world.routes = parse_routes(json.dumps({"default": ["email", "slack"]}))
    found = stack.run("test-alert", "--yes", "--json").document
    assert (found["stack"], found["account"], found["region"]) == (
        "bedrock-alerts",
        "111122223333",
        "eu-west-1",
    )
    assert found["is_fine"]
    results = {one["channel"]: one["result"] for one in found["channels"]}
    assert results == {"email": "yes", "slack": "yes", "pagerduty": "not_asked"}


def test_a_dry_run_puts_nothing_into_the_queue(stack: OperatedStack) -> None:
    done = stack.run("test-alert", "--dry-run", "--json")
    assert (done.code, done.document["is_dry_run"]) == (0, True)
    assert done.err.splitlines()[-1].startswith("Would send a test alert (warning)")
    assert stack.played.bodies == []


def test_without_a_terminal_or_yes_no_test_is_sent(stack: OperatedStack) -> None:
    done = stack.run("test-alert")
    assert (done.code, stack.played.bodies) == (2, [])
    assert "Give --yes" in done.err


def test_a_channel_that_refuses_is_said_with_the_reason(stack: OperatedStack) -> None:
    away(stack, "slack", 600)
    done = stack.run("test-alert", "--yes", "--wait", "10", "--channel", "slack")
    assert done.code == 1
    assert "slack      refused    slack returned 503" in done.out
    assert "email      not asked  not among --channel" in done.out
    assert "Not every channel was notified" in done.out


def test_a_test_that_is_not_learned_or_goes_to_no_one_says_where_to_look(
    stack: OperatedStack,
) -> None:
    away(stack, "table", 100)
    done = stack.run("test-alert", "--yes", "--wait", "5")
    assert done.code == 1
    assert "The event was not learned in time" in done.out
    stack.played.pass_time(300)
    nowhere = {"routes": [{"name": "x", "match": {"alarm": ["Test-*"]}, "channels": []}]}
    stack.played.world.routes = parse_routes(json.dumps(nowhere))
    done = stack.run("test-alert", "--yes", "--wait", "5")
    assert done.code == 1
    assert "The routes send this to no channel" in done.out


@pytest.mark.parametrize(
    ("subscriptions", "words"),
    [
        ([], "the email topic has no recipient"),
        ([{"Protocol": "email", "SubscriptionArn": "PendingConfirmation"}], "no recipient has"),
    ],
)
def test_what_sns_takes_and_no_one_gets_is_not_a_yes(
    stack: OperatedStack, subscriptions: list[dict[str, str]], words: str
) -> None:
    stack.topic.subscriptions = subscriptions
    done = stack.run("test-alert", "--yes", "--channel", "email")
    assert done.code == 1
    assert words in done.out


def test_who_may_not_see_the_subscriptions_can_test_all_the_same(
    stack: OperatedStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise ClientError({"Error": {"Code": "AuthorizationError"}}, "ListSubscriptionsByTopic")

    monkeypatch.setattr(stack.topic, "list_subscriptions_by_topic", refuse)
    assert stack.run("test-alert", "--yes").code == 0


def test_a_real_alarm_is_set_and_set_back(stack: OperatedStack) -> None:
    stack.cloudwatch.add(THROTTLING, "INSUFFICIENT_DATA")
    done = stack.run("test-alert", "--yes", "--alarm", "Throttling")
    assert done.code == 0
    assert f"Will set {THROTTLING} to ALARM and back" in done.err
    assert stack.cloudwatch.alarms[THROTTLING]["StateValue"] == "INSUFFICIENT_DATA"
    assert stack.played.said("email", THROTTLING) == ["Test", "Test resolved"]
    stack.happens(THROTTLING, "ALARM", "critical")
    assert stack.played.said("email", THROTTLING)[2:] == ["Critical"]


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("Throtling", 2, "give one of its alarms, such as bedrock-alerts.Throttling"),
        ("orders.Errors", 2, "which would not receive its events"),
        ("Firing", 1, "is firing: test another alarm"),
        ("Mute", 1, "enable-alarm-actions --alarm-names bedrock-alerts.Mute"),
        ("Recovering", 1, "has not closed yet: wait for its end"),
    ],
)
def test_an_alarm_that_cannot_be_tried_says_why(
    stack: OperatedStack, name: str, code: int, words: str
) -> None:
    stack.cloudwatch.add("bedrock-alerts.Firing", "ALARM")
    stack.cloudwatch.add("bedrock-alerts.Mute", ActionsEnabled=False)
    stack.cloudwatch.add("bedrock-alerts.Recovering")
    stack.happens("bedrock-alerts.Recovering", "ALARM")
    stack.happens("bedrock-alerts.Recovering", "OK")
    before = len(stack.played.bodies)
    done = stack.run("test-alert", "--yes", "--alarm", name)
    assert done.code == code
    assert words in done.err
    assert len(stack.played.bodies) == before


def test_no_real_alarm_is_tried_where_nobody_hears_of_it(
    stack: OperatedStack,
) -> None:
    stack.stack = replace(stack.stack, endpoint_url="http://127.0.0.1:4566")
    done = stack.run("test-alert", "--yes", "--alarm", "Throttling")
    assert done.code == 2
    assert "the local stack sends no events of alarms" in done.err


def test_a_channel_is_checked_before_anything_is_sent(stack: OperatedStack) -> None:
    done = stack.run("test-alert", "--yes", "--channel", "teams")
    assert (done.code, stack.played.bodies) == (2, [])
    assert "has no channel teams: it has email, slack, pagerduty" in done.err
    assert stack.run("test-alert", "--alarm", "x", "--channel", "email").code == 2


# ---- incidents -----------------------------------------------------------------------------------


def test_the_open_incidents_are_listed_with_what_each_channel_shows(stack: OperatedStack) -> None:
    stack.happens(THROTTLING, "ALARM")
    stack.happens("bedrock-alerts.Latency", "ALARM")
    stack.happens("bedrock-alerts.Latency", "OK")
    stack.played.pass_time(1200)
    stack.run("test-alert", "--yes")
    done = stack.run("incidents")
    rows = [line.split() for line in done.out.splitlines()]
    assert rows[1][:5] == ["Throttling", "1", "firing", "21", "min"]
    assert [row[-4] for row in rows[1:]] == ["email", "slack", "pagerduty"]
    assert "Latency" not in done.out
    everything = stack.run("incidents", "--all", "--json").document["incidents"]
    found = {one["name"].partition("-")[0]: one for one in everything}
    assert {name: one["state"] for name, one in found.items()} == {
        "Throttling": "firing",
        "Latency": "resolved",
        "Test": "resolved",
    }
    assert found["Test"]["is_test"]
    assert "(test)" in stack.run("incidents", "list", "--all").out


def test_where_nothing_is_open_nothing_is_listed(stack: OperatedStack) -> None:
    done = stack.run("incidents")
    assert (done.code, done.out) == (0, "")
    assert done.err == f"{PLACE}: no incident is open.\n"
    assert stack.run("incidents", "--json").document["incidents"] == []


def test_a_notice_is_listed_with_all_the_rest(stack: OperatedStack) -> None:
    stack.played.put("what is this?", 0)
    stack.played.pass_time(30)
    (found,) = stack.run("incidents", "--all", "--json").document["incidents"]
    assert (found["state"], found["name"]) == ("notice", "Received a message that is not JSON")
    assert "notice" in stack.run("incidents", "--all").out


def test_one_incident_is_shown_with_what_a_channel_lacks_and_why(stack: OperatedStack) -> None:
    stack.happens(THROTTLING, "ALARM")
    stack.happens(THROTTLING, "OK")
    stack.played.pass_time(1200)
    away(stack, "slack", 3600)
    stack.happens(THROTTLING, "ALARM")
    text = stack.run("incidents", "show", "Throttling").out
    assert text.startswith("Throttling #2: firing since 2026-11-27 08:21 UTC\n")
    assert "slack returned 503" in text
    assert "Other incidents of this alarm:\nno." in text
    found = stack.run("incidents", "show", "Throttling#1", "--json").document
    assert (found["number"], found["state"]) == (1, "resolved")
    found = stack.run("incidents", "show", "2", "--json").document
    slack = next(one for one in found["channels"] if one["channel"] == "slack")
    assert (slack["shows"], slack["problem"]) == ("", "slack returned 503")
    assert stack.run("incidents", "show", "Throttling#7").code == 2
    done = stack.run("incidents", "show", "Throtling")
    assert done.code == 2
    assert "Did you mean Throttling?" in done.err


def test_two_alarms_of_one_number_are_told_apart(stack: OperatedStack) -> None:
    stack.happens("bedrock-alerts.Latency", "ALARM")
    stack.happens(THROTTLING, "ALARM")
    done = stack.run("incidents", "show", "1")
    assert done.code == 2
    assert f"1 can be any of {ALARMS}bedrock-alerts.Latency, {ALARMS}{THROTTLING}" in done.err
    assert stack.run("incidents", "show", ALARMS + THROTTLING).code == 0


def test_what_was_refused_is_sent_again_when_asked(stack: OperatedStack) -> None:
    away(stack, "slack", 40)
    stack.happens(THROTTLING, "ALARM")
    stack.played.pass_time(15)
    assert stack.played.sent("slack") == []
    before = len(stack.played.bodies)
    assert stack.run("incidents", "resend", "Throttling", "--dry-run").code == 0
    assert len(stack.played.bodies) == before
    done = stack.run("incidents", "resend", "Throttling", "--yes", "--json")
    assert done.code == 0
    assert f"Will send {THROTTLING} again to slack (firing): {PLACE}" in done.err
    assert [one["shows"] for one in done.document["channels"]] == ["firing"]
    assert stack.played.said("slack") == ["Warning"]
    done = stack.run("incidents", "resend", "Throttling", "--yes")
    assert (done.code, stack.played.said("slack")) == (0, ["Warning"])
    assert "no channel lacks anything" in done.err


def test_what_was_given_up_is_sent_again_and_its_dead_letter_named(stack: OperatedStack) -> None:
    away(stack, "slack", 20)
    stack.happens(THROTTLING, "ALARM")
    items = stack.played.world.table.items
    ((alarm, (item, version, _)),) = items.items()
    view = msgspec.structs.replace(item.view("slack"), is_parked=True, failures=3, due=None)
    items[alarm] = (item.with_view("slack", view), version + 1, None)
    assert "given up" in stack.run("incidents").out
    done = stack.run("incidents", "resend", "Throttling", "--yes")
    assert done.code == 0
    assert "slack    firing" in done.out
    assert "still a dead letter: bedrock-alerts redrive deliveries --stack" in done.err


def test_what_is_refused_again_is_said(stack: OperatedStack) -> None:
    away(stack, "slack", 7200)
    stack.happens(THROTTLING, "ALARM")
    done = stack.run("incidents", "resend", "Throttling", "--channel", "slack", "--yes")
    assert done.code == 1
    assert "slack returned 503" in done.out


def test_an_incident_whose_alarm_is_gone_is_closed_and_whoever_was_notified_is_again(
    stack: OperatedStack,
) -> None:
    stack.played.world.routes = parse_routes(json.dumps({"default": ["email", "pagerduty"]}))
    stack.happens(THROTTLING, "ALARM")
    before = len(stack.played.bodies)
    done = stack.run("incidents", "close", "Throttling", "--dry-run")
    assert (done.code, len(stack.played.bodies)) == (0, before)
    done = stack.run("incidents", "close", "Throttling", "--yes", "--json", "--wait", "600")
    assert done.code == 0
    assert "which notifies email, pagerduty" in done.err
    assert done.document["closed_by"] == "alex"
    assert stack.played.said("email") == ["Warning", "Closed by alex"]
    assert [one.action for one in stack.played.sent("pagerduty")] == ["trigger", "resolve"]
    assert stack.played.sent("slack") == []
    assert "Incident 1 is closed.\nWaiting up to 600 s for email" in done.err
    shown = stack.run("incidents", "show", "Throttling").out
    assert "closed by: alex" in shown
    assert stack.run("incidents", "close", "Throttling", "--yes").code == 1


def test_a_close_that_is_stored_is_well_though_a_channel_is_notified_later(
    stack: OperatedStack,
) -> None:
    stack.happens(THROTTLING, "ALARM")
    stack.happens(THROTTLING, "OK")
    done = stack.run("incidents", "close", "Throttling", "--yes", "--wait", "0")
    assert done.code == 0
    assert "Incident 1 is closed." in done.err
    show = f"incidents show {THROTTLING}#1 --stack bedrock-alerts --region eu-west-1"
    assert f"A channel is not notified yet. It will be; to look again: bedrock-alerts {show}" in (
        done.err
    )


def test_the_usual_wait_is_long_enough_for_a_close(stack: OperatedStack) -> None:
    stack.happens(THROTTLING, "ALARM")
    stack.played.pass_time(600)  # the pace of its group is over
    started = stack.played.world.now()
    done = stack.run("incidents", "close", "Throttling", "--yes")
    assert done.code == 0
    assert done.out.count("resolved") == 3
    assert "not notified yet" not in done.err
    assert stack.played.world.now() - started < 180


def test_a_close_that_a_channel_refuses_is_said(stack: OperatedStack) -> None:
    stack.happens(THROTTLING, "ALARM")
    away(stack, "slack", 7200)
    done = stack.run("incidents", "close", "Throttling", "--yes", "--wait", "600")
    assert done.code == 1
    assert "Incident 1 is closed." in done.err
    assert "slack: slack returned 503" in done.err


def test_an_incident_that_no_channel_was_notified_of_is_closed_in_silence(
    stack: OperatedStack,
) -> None:
    stack.cloudwatch.add(THROTTLING)
    stack.run("silence", "add", "Throttling", "--for", "2h", "--yes")
    stack.happens(THROTTLING, "ALARM")
    done = stack.run("incidents", "close", "Throttling", "--yes")
    assert (done.code, done.out) == (0, "")
    assert f"close incident 1 of {THROTTLING}, of which no channel was notified" in done.err
    assert "Waiting" not in done.err
    assert "nothing yet" not in stack.run("incidents", "--all").out


def test_what_has_ended_says_when_and_how_long_it_lasted(stack: OperatedStack) -> None:
    stack.happens(THROTTLING, "ALARM")
    stack.happens(THROTTLING, "OK")
    assert "Throttling #1: recovering, fired at 2026-11-27 08:00 UTC\n" in (
        stack.run("incidents", "show", "Throttling").out
    )
    stack.played.pass_time(1200)
    stack.happens(THROTTLING, "ALARM")
    stack.played.pass_time(570)
    stack.happens(THROTTLING, "OK")
    stack.played.pass_time(1200)
    assert "resolved, lasted 10 min" in stack.run("incidents", "--all").out
    shown = stack.run("incidents", "show", "Throttling").out
    line = "resolved at 2026-11-27 08:31 UTC, fired 08:21 to 08:31 (10 min)"
    assert shown.startswith(f"Throttling #2: {line}\n")


def test_a_number_is_that_of_an_open_incident_or_goes_with_its_alarm(stack: OperatedStack) -> None:
    stack.happens(THROTTLING, "ALARM")
    stack.happens(THROTTLING, "OK")
    stack.played.pass_time(1200)
    done = stack.run("incidents", "show", "1")
    assert done.code == 2
    assert "has no open incident 1. A number counts the incidents of one alarm" in done.err
    assert "as in Throttling#1" in done.err


def test_an_incident_whose_alarm_fires_is_not_closed(stack: OperatedStack) -> None:
    stack.cloudwatch.add(THROTTLING, "ALARM")
    stack.happens(THROTTLING, "ALARM")
    done = stack.run("incidents", "close", "Throttling", "--yes")
    assert done.code == 1
    assert f"bedrock-alerts silence add {THROTTLING} --for 2h" in done.err
    assert stack.played.item(THROTTLING).incident is not None


def test_what_route_does_not_learn_is_said(stack: OperatedStack) -> None:
    stack.happens(THROTTLING, "ALARM")
    away(stack, "table", 300)
    done = stack.run("incidents", "close", "Throttling", "--yes")
    assert done.code == 1
    assert "not acted on within 30 s: see the log of the route function" in done.err


# ---- silence -------------------------------------------------------------------------------------


def test_an_alarm_is_silenced_listed_and_heard_again(stack: OperatedStack) -> None:
    stack.happens(THROTTLING, "ALARM")
    done = stack.run("silence", "add", "Throttling", "--for", "2h", "--yes", "--json")
    assert done.code == 0
    assert done.err.startswith(f"Will silence {THROTTLING} until 2026-11-27 10:00 UTC, by alex")
    assert done.document["until"] == "2026-11-27T10:00:30Z"
    assert stack.played.said("email") == ["Warning"]
    stack.played.pass_time(600)
    assert stack.played.said("email")[1].startswith("Silenced by alex until")
    listed = stack.run("silence").out
    assert "Throttling  2026-11-27 10:00  alex  critical alerts still notify" in listed
    assert "firing 10 min, silenced" in stack.run("incidents").out
    done = stack.run("silence", "end", "Throttling", "--dry-run")
    assert done.code == 0
    assert (
        f"end the silence of {THROTTLING}, silenced by alex until 2026-11-27 10:00 UTC" in done.err
    )
    assert stack.run("silence", "end", "Throttling", "--yes", "--json").document == {
        "stack": "bedrock-alerts",
        "account": "111122223333",
        "region": "eu-west-1",
        "alarm": ALARMS + THROTTLING,
        "is_silenced": False,
    }
    assert stack.run("silence", "list", "--json").document["silences"] == []
    done = stack.run("silence", "end", "Throttling", "--yes")
    assert (done.code, "is not silenced" in done.err) == (1, True)
    assert stack.run("silence").err == f"{PLACE}: no alarm is silenced.\n"


def test_an_alarm_that_never_fired_can_be_silenced_if_there_is_one(stack: OperatedStack) -> None:
    stack.cloudwatch.add(THROTTLING)
    assert (
        stack.run("silence", "add", "Throttling", "--for", "1d", "--by", "Ada", "--yes").code == 0
    )
    stack.happens(THROTTLING, "ALARM", "critical")
    assert stack.played.said("email") == []
    theirs = "arn:aws:cloudwatch:us-east-1:444455556666:alarm:theirs"
    assert stack.run("silence", "add", theirs, "--for", "30m", "--yes").code == 0
    found = stack.run("silence", "list", "--json").document["silences"]
    assert [(one["name"], one["by"]) for one in found] == [
        ("theirs", "alex"),
        ("Throttling", "Ada"),
    ]
    listed = stack.run("silence", "list").out
    assert "theirs (444455556666 us-east-1)" in listed
    assert "Throttling (" not in listed
    done = stack.run("silence", "add", "Nope", "--for", "2h", "--yes")
    assert done.code == 2
    assert "CloudWatch has none of this name" in done.err


def test_when_a_silence_ends_the_firing_alarm_is_news(stack: OperatedStack) -> None:
    stack.cloudwatch.add(THROTTLING)
    stack.run("silence", "add", "Throttling", "--for", "10m", "--yes")
    stack.happens(THROTTLING, "ALARM", "critical")
    stack.played.pass_time(720)
    assert stack.played.said("email") == ["Critical"]


@pytest.mark.parametrize("text", ["2y", "0h", "h", "31d", "-1h", "1.5h"])
def test_a_time_that_is_none_is_refused(stack: OperatedStack, text: str) -> None:
    done = stack.run("silence", "add", "Throttling", "--for", text, "--yes")
    assert done.code == 2
    assert "is not a time such as 30m, 2h or 1d" in done.err


def test_a_silence_that_is_not_learned_is_said(stack: OperatedStack) -> None:
    stack.happens(THROTTLING, "ALARM")
    away(stack, "table", 300)
    done = stack.run("silence", "add", "Throttling", "--for", "2h", "--yes")
    assert done.code == 1
    assert "The silence was put" in done.err or "the silence was put" in done.err
