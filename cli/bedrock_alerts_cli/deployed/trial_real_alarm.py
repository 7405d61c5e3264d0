"""A test with a real alarm of the stack: its state is set to ALARM, and back."""

from difflib import get_close_matches
from typing import Any

from bedrock_alerts.alerts.events import incident_id
from bedrock_alerts.alerts.test_marks import TEST_REASON
from bedrock_alerts_cli.deployed.deployed_notifier import DeployedNotifier
from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack, said_plainly
from bedrock_alerts_cli.deployed.known_alarms import described
from bedrock_alerts_cli.deployed.trial_run import Course
from bedrock_alerts_cli.user_errors import CommandError, InputError


def course_of_real(
    stack: DeployedStack, notifier: DeployedNotifier, name: str, by: str
) -> tuple[str, Course]:
    """Return the alarm's full name, and how it is made to fire and to end.

    Raises InputError where there is no such alarm, CommandError where it cannot be tried now.
    """
    full = name if "." in name else f"{stack.name}.{name}"
    prefixes = [f"{stack.name}.", stack.parameters.get("AlarmNamePrefix", "")]
    if not any(prefix and full.startswith(prefix) for prefix in prefixes):
        raise InputError(
            f"{full} is not an alarm of {stack.place}, which would not receive its events: give"
            f" the name of one that begins with {prefixes[0]}"
        )
    if stack.is_local:
        raise InputError(
            "the local stack sends no events of alarms, so this cannot reach anyone: leave --alarm"
            " out"
        )
    cloudwatch = stack.client("cloudwatch")
    alarm = described(stack, full)
    if alarm is None:
        known = [found for found in stack.resources.values() if found.startswith(prefixes[0])]
        raise InputError(
            f"{stack.place} has no alarm {full}: give one of its alarms"
            + "".join(f", such as {name}" for name in get_close_matches(full, known, 1))
        )
    _refuse_what_cannot_be_tried(stack, notifier, alarm, full)
    former = alarm["StateValue"]

    def set_to(value: str, reason: str) -> None:
        with said_plainly(f"alarm {full}"):
            cloudwatch.set_alarm_state(AlarmName=full, StateValue=value, StateReason=reason)

    def end(_at: float, _fired_at: float) -> None:
        # No data is not a recovery, so that comes first.
        set_to("OK", f"{TEST_REASON} has ended")
        if former != "OK":
            set_to(former, f"{TEST_REASON} has ended: back to what it was")

    def fire(_at: float) -> None:
        set_to("ALARM", f"{TEST_REASON}, run by {by}")

    return full, Course(alarm["AlarmArn"], fire, end, ("alarm set to ALARM", "alarm set back"))


def _refuse_what_cannot_be_tried(
    stack: DeployedStack, notifier: DeployedNotifier, alarm: Any, name: str
) -> None:
    if alarm["StateValue"] == "ALARM":
        raise CommandError(f"{name} is firing: test another alarm, or leave --alarm out")
    if not alarm.get("ActionsEnabled", True):
        raise CommandError(
            f"the actions of {name} are disabled, so no one is notified: run"
            f" {stack.aws(f'cloudwatch enable-alarm-actions --alarm-names {name}')}"
        )
    known = notifier.load(incident_id(alarm["AlarmArn"]))
    if known is not None and known.incident is not None:
        raise CommandError(
            f"incident {known.incident.number} of {name} has not closed yet: wait for its end (see"
            f" {stack.ours(f'incidents show {name}')}), or leave --alarm out"
        )
