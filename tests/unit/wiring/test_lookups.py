"""What `route` looks things up with is put together as the stack is set."""

import time
from typing import Any

import pytest

from bedrock_alerts.alerts.describe import Details, Found
from bedrock_alerts.wiring import lookups as looking_up
from bedrock_alerts.wiring.notifier_settings import RouteSettings
from tests.support.changes import EVENT_LOG
from tests.support.events import change_of, sample_body


def settings(**fields: Any) -> RouteSettings:
    return RouteSettings(
        metrics_namespace="BedrockAlerts",
        alerts_queue_url="https://sqs.example.com/alerts",
        deliveries_queue_url="https://sqs.example.com/deliveries",
        incidents_table_name="incidents",
        email_topic_arn="arn:aws:sns:eu-west-1:111122223333:email",
        home_alarms_prefix="arn:aws:cloudwatch:eu-west-1:111122223333:alarm:",
        channels=("email",),
        routes_parameter_name="/bedrock-alerts/routes",
        **fields,
    )


class Adapter:
    """Fails whatever it is asked, in place of every adapter."""

    def __init__(self, *_arguments: object, **_named: object) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        def fail(*_arguments: object) -> None:
            raise RuntimeError(name)

        return fail


def looked_up(found: RouteSettings, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Look the sample up, and return the names of the pieces that are missing."""
    for name in ("AlarmDefinitions", "AccountAlias", "EventLines"):
        monkeypatch.setattr(looking_up, name, Adapter)
    missing: set[str] = set()
    event = change_of(sample_body("throttling"))
    look_up = looking_up.looker(found, time.time, lambda piece, _error: missing.add(piece))
    assert look_up(event, time.time() + 30) == Found()
    return missing


def test_everything_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = looked_up(settings(event_log_group_arn=EVENT_LOG), monkeypatch)
    assert missing == {"alias", "definition", "calls", "calls_of_the_day_before"}


def test_without_a_log_nothing_is_known_to_be_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    assert looked_up(settings(), monkeypatch) == set()


def test_what_the_stack_knows_comes_from_its_settings() -> None:
    found = settings(event_log_group_arn=EVENT_LOG, dashboard_name="board", event_lines="all")
    details = Details(event_logs=(EVENT_LOG,), dashboard="board", every_call=True)
    assert looking_up.details_of(found) == details
    assert looking_up.details_of(settings()) == Details()
