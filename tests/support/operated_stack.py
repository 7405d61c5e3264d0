"""A deployed stack whose notifier is the one in memory: what commands for people work on."""

import json
import sys
from typing import Any, NamedTuple

import pytest

from bedrock_alerts_cli.deployed.deployed_notifier import DeployedNotifier
from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack
from bedrock_alerts_cli.main import main
from tests.support.played_notifier import ALARMS, PlayedNotifier, state_change

TOPIC = "arn:aws:sns:eu-west-1:111122223333:bedrock-alerts-email"


class Outcome(NamedTuple):
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """What it wrote as JSON: nothing else stands on standard output."""
        return json.loads(self.out)


class FakeCloudWatch:
    """Alarms by their names, and what happens when someone sets one."""

    def __init__(self, played: PlayedNotifier) -> None:
        self._played = played
        self.alarms: dict[str, dict[str, Any]] = {}

    def add(self, name: str, state: str = "OK", **more: Any) -> None:
        """Let there be an alarm."""
        known = {"AlarmName": name, "AlarmArn": ALARMS + name, "StateValue": state}
        self.alarms[name] = {**known, "ActionsEnabled": True, **more}

    def describe_alarms(self, AlarmNames: list[str], AlarmTypes: list[str]) -> dict[str, Any]:  # noqa: N803
        """Return those that there are."""
        assert AlarmTypes == ["MetricAlarm", "CompositeAlarm"]
        return {"MetricAlarms": [self.alarms[name] for name in AlarmNames if name in self.alarms]}

    def set_alarm_state(self, AlarmName: str, StateValue: str, StateReason: str) -> None:  # noqa: N803
        """Set a state, and send its event."""
        self.alarms[AlarmName]["StateValue"] = StateValue
        event = state_change(AlarmName, StateValue, self._played.world.now())
        event["detail"]["state"]["reason"] = StateReason
        self._played.put(json.dumps(event), 0.0)


class FakeTopic:
    """The email topic and its subscriptions."""

    def __init__(self) -> None:
        self.subscriptions = [{"Protocol": "email", "SubscriptionArn": f"{TOPIC}:1"}]

    def list_subscriptions_by_topic(self, TopicArn: str) -> dict[str, Any]:  # noqa: N803
        """Return them."""
        assert TopicArn == TOPIC
        return {"Subscriptions": self.subscriptions}


class FakeIdentity:
    """Who calls."""

    def get_caller_identity(self) -> dict[str, str]:
        """Return a role's session."""
        return {"Arn": "arn:aws:sts::111122223333:assumed-role/oncall/alex"}


class OperatedStack:
    """The stack, what is around it, and a way to run commands on it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self.played = PlayedNotifier()
        self.cloudwatch = FakeCloudWatch(self.played)
        self.topic = FakeTopic()
        clients = {"cloudwatch": self.cloudwatch, "sns": self.topic, "sts": FakeIdentity()}
        self.stack = DeployedStack(
            name="bedrock-alerts",
            account="111122223333",
            region="eu-west-1",
            status="CREATE_COMPLETE",
            parameters={},
            outputs={"EmailTopicArn": TOPIC},
            resources={"ThrottlingAlarm": "bedrock-alerts.Throttling"},
            client=clients.__getitem__,
        )
        self._patch, self._capfd = monkeypatch, capfd
        monkeypatch.setattr(DeployedStack, "open", lambda *_: self.stack)
        monkeypatch.setattr(DeployedNotifier, "of", lambda _: self.played.notifier)

    def run(self, *words: str) -> Outcome:
        """Run a command."""
        self._patch.setattr(sys, "argv", ["bedrock-alerts", *words])
        code = main()
        return Outcome(code, *self._capfd.readouterr())

    def happens(self, name: str, state: str, severity: str = "warning") -> None:
        """Let an alarm change its state, and everything follow."""
        self.played.put(
            json.dumps(state_change(name, state, self.played.world.now(), severity)), 0.0
        )
        self.played.pass_time(30)
