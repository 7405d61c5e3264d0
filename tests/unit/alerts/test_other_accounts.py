"""Alarms of many accounts and Regions: each message names its own, and no event speaks for another."""

import json
from collections.abc import Mapping
from typing import Any, Final

import pytest

from bedrock_alerts.alerts.alert import Notification
from bedrock_alerts.alerts.channels.layout import push_line, subject_line
from bedrock_alerts.alerts.describe import Details, Found, describe, without_memory
from bedrock_alerts.alerts.events import (
    ConfigurationChange,
    StateChange,
    Tampering,
    Unrecognised,
    incident_id,
)
from bedrock_alerts.alerts.routes_file import RoutesError, parse_routes
from bedrock_alerts_cli.notifier.world import Outage
from tests.support.alarms import ACCOUNT, alarm_event, envelope, metric, state
from tests.support.changes import EVENT_LOG
from tests.support.events import event_of
from tests.support.played_notifier import PlayedNotifier, state_change

OTHER: Final = "444455556666"
HOME: Final = Details(event_logs=(EVENT_LOG,), dashboard="stack")


def of(account: str, region: str = "eu-west-1", **changes: Any) -> dict[str, Any]:
    """Return an alarm's event as the bus delivers it: the envelope says who sent it."""
    event = alarm_event(alarmName="bedrock-alerts.Throttling", **changes)
    arn = f"arn:aws:cloudwatch:{region}:{account}:alarm:bedrock-alerts.Throttling"
    return {**event, "account": account, "region": region, "resources": [arn]}


def read(event: Mapping[str, Any]) -> Any:
    return event_of(json.dumps(event))


# ---- whose event it is ---------------------------------------------------------------------------


def test_the_same_name_elsewhere_is_another_alarm() -> None:
    places = [(ACCOUNT, "eu-west-1"), (OTHER, "eu-west-1"), (OTHER, "us-east-1")]
    changes = [read(of(*place)) for place in places]
    assert [(change.account_id, change.region) for change in changes] == places
    assert len({incident_id(change.alarm_arn) for change in changes}) == len(places)


def test_an_event_cannot_speak_for_an_alarm_of_another_account() -> None:
    pretender = {**of(ACCOUNT), "account": OTHER}
    found = read(pretender)
    assert isinstance(found, Unrecognised)
    assert found.account_id == OTHER
    assert "another account" in found.title


@pytest.mark.parametrize("operation", ["delete", "update"])
def test_nor_can_a_configuration_change_end_it(operation: str) -> None:
    detail = {"alarmName": "bedrock-alerts.Throttling", "operation": operation}
    event = envelope("CloudWatch Alarm Configuration Change", detail)
    assert isinstance(read(event), ConfigurationChange)
    assert isinstance(read({**event, "account": OTHER}), Unrecognised)


def test_nor_can_a_message_of_a_topic_or_a_lambda_action() -> None:
    arn = f"arn:aws:cloudwatch:eu-west-1:{ACCOUNT}:alarm:a"
    message = {
        "AlarmName": "a",
        "AlarmArn": arn,
        "NewStateValue": "ALARM",
        "StateChangeTime": "2026-11-23T08:10:41.529+0000",
    }
    assert isinstance(read({**message, "AWSAccountId": ACCOUNT}), StateChange)
    assert isinstance(read({**message, "AWSAccountId": OTHER}), Unrecognised)
    action = {
        "alarmArn": arn,
        "region": "eu-west-1",
        "alarmData": {
            "alarmName": "a",
            "state": state("ALARM", "…", "2026-11-23T08:10:41.529+0000"),
        },
    }
    assert isinstance(read({**action, "accountId": ACCOUNT}), StateChange)
    assert isinstance(read({**action, "accountId": OTHER}), Unrecognised)


def test_what_cloudtrail_reports_is_of_the_account_that_sent_it() -> None:
    detail = {
        "eventName": "DeleteGuardrail",
        "eventTime": "2026-11-23T08:10:41Z",
        "eventID": "e1",
        "awsRegion": "us-east-1",
        "recipientAccountId": ACCOUNT,
    }
    event = envelope("AWS API Call via CloudTrail", detail)
    found = read({**event, "source": "aws.bedrock", "account": OTHER, "resources": []})
    assert isinstance(found, Tampering)
    assert (found.account_id, found.region) == (OTHER, "us-east-1")


def test_no_event_of_the_bus_passes_for_a_message_of_our_own() -> None:
    hidden = {"bedrock_alerts": {"heartbeat": True}}
    found = read(envelope("CloudWatch Alarm State Change", hidden))
    assert isinstance(found, Unrecognised)


# ---- what messages say ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "spot"),
    [("payments-prod", "payments-prod us-east-1"), ("", f"{OTHER} us-east-1")],
)
def test_headline_and_subject_name_the_alarms_own_account_and_region(name: str, spot: str) -> None:
    change = read(of(OTHER, "us-east-1"))
    alert = describe(change, without_memory(change), HOME, Found(account_alias=name))
    assert push_line(alert).endswith(f" · {spot}")
    assert subject_line(alert, 100).endswith(f" - {spot}")


def test_elsewhere_the_message_says_how_to_get_the_evidence() -> None:
    watched = [metric("Throttles", namespace="BedrockAlerts")]
    change = read(of(OTHER, "us-east-1", configuration={"metrics": watched}))
    alert = describe(change, Notification(kind="firing"), HOME, Found(account_alias="payments"))
    assert alert.who.startswith("Not looked up; in payments us-east-1, run in Logs Insights")
    links = {link.label: link.url for link in alert.links}
    assert list(links) == ["Calls", "Quotas", "bedrock-alerts.Throttling"]
    assert all(url.startswith("https://us-east-1.console.aws") for url in links.values())
    assert f"us-east-1*3a{OTHER}*3alog-group" in links["Calls"].replace("$25", "%").replace(
        "$2a", "*"
    ).replace("%2a", "*")
    assert ("Links", f"sign in to payments ({OTHER}) first") in [
        (fact.label, fact.value) for fact in alert.facts
    ]


def test_at_home_no_one_has_to_sign_in_elsewhere() -> None:
    change = read(of(ACCOUNT))
    alert = describe(change, Notification(kind="firing"), HOME)
    assert "Links" not in [fact.label for fact in alert.facts]


def test_alarms_of_others_get_no_link_to_a_log_they_may_not_have() -> None:
    event = of(OTHER, configuration={"metrics": [metric("Throttles", namespace="BedrockAlerts")]})
    event["detail"]["alarmName"] = "cpu"
    event["resources"] = [f"arn:aws:cloudwatch:eu-west-1:{OTHER}:alarm:cpu"]
    alert = describe(read(event), Notification(kind="firing"), HOME)
    assert [link.label for link in alert.links] == ["cpu"]


# ---- names of accounts ---------------------------------------------------------------------------


def accounts(**names: Any) -> Any:
    return parse_routes(json.dumps({"accounts": {key[1:]: name for key, name in names.items()}}))


def test_accounts_have_the_names_of_the_routes_file() -> None:
    found = accounts(a111122223333="platform", a444455556666="Payments (prod)")
    assert found.accounts == {ACCOUNT: "platform", OTHER: "Payments (prod)"}
    assert parse_routes("{}").accounts == {}


@pytest.mark.parametrize(
    "names",
    [
        {"a1234": "x"},
        {"a111122223333": ""},
        {"a111122223333": "x" * 41},
        {"a111122223333": 5},
        {"a111122223333": " x"},
        {"a111122223333": "a\nb"},
        {"a111122223333": "a\u202eb"},
        {"a111122223333": OTHER},
        {"a111122223333": "prod", "a444455556666": "PROD"},
    ],
    ids=repr,
)
def test_a_name_that_could_mislead_is_refused(names: dict[str, Any]) -> None:
    with pytest.raises(RoutesError, match="account"):
        accounts(**names)


# ---- from the first message to the last ----------------------------------------------------------


def happen(played: PlayedNotifier, account: str, to: str) -> None:
    event = state_change("a.Same", to, played.world.now(), "critical")
    arn = event["resources"][0].replace(ACCOUNT, account)
    played.put(json.dumps({**event, "account": account, "resources": [arn]}), 0.0)
    played.pass_time(5)


def test_beginning_and_end_name_the_same_account_on_every_channel() -> None:
    played = PlayedNotifier()
    played.world.routes = accounts(a444455556666="payments-prod")
    for account in (ACCOUNT, OTHER):
        happen(played, account, "ALARM")
    played.pass_time(120)
    for account in (ACCOUNT, OTHER):
        happen(played, account, "OK")
    played.pass_time(3 * 3600)
    for channel in ("email", "slack", "pagerduty"):
        for account, name in ((ACCOUNT, ""), (OTHER, "payments-prod")):
            sent = [
                alert
                for one in played.sent(channel, f":{account}:")
                if one.job
                for alert in one.job.alerts
                if f":{account}:" in alert.incident
            ]
            assert {alert.account_alias for alert in sent} == {name}, channel
            assert {alert.account_id for alert in sent} == {account}, channel
            assert {"firing", "resolved"} <= {alert.kind for alert in sent}, channel


def test_without_its_table_a_message_names_the_account_too() -> None:
    played = PlayedNotifier()
    played.world.routes = accounts(a444455556666="payments-prod")
    start = played.world.now()
    played.world.outages.append(Outage("table", start, start + 600))
    happen(played, OTHER, "ALARM")
    played.pass_time(400)
    first = played.sent("email")[0]
    assert first.job is not None
    assert [alert.account_alias for alert in first.job.alerts] == ["payments-prod"]


def test_pagerduty_has_a_key_for_each_account() -> None:
    played = PlayedNotifier()
    for account in (ACCOUNT, OTHER):
        happen(played, account, "ALARM")
    played.pass_time(120)
    keys = [one.job.key for one in played.sent("pagerduty") if one.job]
    assert len(keys) == len(set(keys)) == 2
