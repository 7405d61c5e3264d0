"""The notifier in memory, as commands see that of a deployed stack: on its own clock."""

from typing import Any, Final

from bedrock_alerts.alerts.incidents.item import AlarmItem, Policy
from bedrock_alerts_cli.deployed.deployed_notifier import DeployedNotifier
from bedrock_alerts_cli.notifier.in_memory import Sent
from bedrock_alerts_cli.notifier.world import World
from tests.support.sequences import stamp

START: Final = 1_795_766_400.0  # 2026-11-27 08:00 UTC
ALARMS: Final = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:"
CHANNELS: Final = ("email", "slack", "pagerduty")
_A_HOP: Final = 0.05


class PlayedNotifier:
    """A world, and the notifier in it."""

    def __init__(self, *, sweeps_until: float = 4 * 3600.0) -> None:
        self.world = World(START, CHANNELS, policy=Policy())
        self.world.sweep_every_minute(START + sweeps_until)
        self.bodies: list[str] = []
        self.notifier = DeployedNotifier(
            stack="bedrock-alerts",
            account="111122223333",
            region="eu-west-1",
            alarms=ALARMS,
            put=self.put,
            load=lambda alarm: self.world.table.items.get(alarm, (None,))[0],
            items=lambda: [item for item, _, _ in self.world.table.items.values()],
            channels=CHANNELS,
            has_bot=True,
            clock=self.world.now,
            sleep=self.pass_time,
        )

    def put(self, body: str, delay: float) -> None:
        """Let a message arrive after a moment, and `delay` more seconds."""
        self.bodies.append(body)
        self.world.at(self.world.now() + _A_HOP + delay, lambda: self.world.receive(body))

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and everything happen that is due."""
        self.world.run_until(self.world.now() + seconds)

    def item(self, name: str) -> AlarmItem:
        """Return what is known of an alarm."""
        (found,) = (one for one in self.notifier.items() if one.arn.endswith(f":{name}"))
        return found

    def sent(self, channel: str, about: str = "") -> list[Sent]:
        """Return what a channel was sent, replies aside."""
        return [
            one
            for one in self.world.out.sent
            if one.channel == channel
            and one.action != "reply"
            and one.job is not None
            and any(about in alert.incident for alert in one.job.alerts)
        ]

    def said(self, channel: str, about: str = "") -> list[str]:
        """Return the labels of what a channel was sent."""
        return [
            alert.label
            for one in self.sent(channel, about)
            if one.job
            for alert in one.job.alerts
            if about in alert.incident
        ]


def state_change(name: str, state: str, at: float, severity: str = "warning") -> dict[str, Any]:
    """Return the event of an alarm that changes its state."""
    return {
        "detail-type": "CloudWatch Alarm State Change",
        "source": "aws.cloudwatch",
        "account": "111122223333",
        "time": stamp(at),
        "region": "eu-west-1",
        "resources": [ALARMS + name],
        "detail": {
            "alarmName": name,
            "configuration": {"description": f"Orders.\nSeverity: {severity}"},
            "state": {"value": state, "reason": "Threshold Crossed", "timestamp": stamp(at)},
        },
    }
