"""A test alert from its event to its end: put, watched, ended, watched."""

from collections.abc import Callable
from typing import Final, NamedTuple

from bedrock_alerts.alerts.events import incident_id
from bedrock_alerts_cli.deployed.deployed_notifier import DeployedNotifier
from bedrock_alerts_cli.deployed.trial_events import TrialAlarm
from bedrock_alerts_cli.deployed.trial_hops import PUT, Hops

_LOOKS_EVERY_SECONDS: Final = 0.25
# The end comes by itself, also where the command is gone by then.
_END_AFTER_SECONDS: Final = 60.0
_LONGEST_DELAY_SECONDS: Final = 900.0


class Course(NamedTuple):
    """How an alarm is made to fire and to end, each at a time.

    `end` is also given the time at which it fired. `said` are the words for both.
    """

    alarm_arn: str
    fire: Callable[[float], None]
    end: Callable[[float, float], None]
    said: tuple[str, str] = PUT


def course_of(notifier: DeployedNotifier, alarm: TrialAlarm, wait: float) -> Course:
    """Return the course of a test's own alarm: both its events are put into the alerts queue."""

    def end(at: float, fired_at: float) -> None:
        notifier.put(alarm.ends(at, fired_at), 0.0)

    def fire(at: float) -> None:
        delay = min(_LONGEST_DELAY_SECONDS, wait + _END_AFTER_SECONDS)
        notifier.put(alarm.fires(at), 0.0)
        notifier.put(alarm.ends(at + delay, at), delay)

    return Course(alarm.arn, fire, end)


def run(notifier: DeployedNotifier, course: Course, wait: float) -> Hops:
    """Run a test: at most `wait` seconds for the alert, and as many for its end.

    Whatever happens, Ctrl-C too, the end is put.
    """
    alarm = incident_id(course.alarm_arn)
    before = notifier.load(alarm)
    number = before.number if before else 0
    hops = Hops(number, notifier.clock(), notifier.channels, course.said)

    def look() -> None:
        hops.look(notifier.load(alarm), notifier.clock())

    try:
        course.fire(hops.put_at)
        _watch(notifier, look, hops.is_notified, wait)
    finally:
        hops.end_put_at = notifier.clock()
        course.end(hops.end_put_at, hops.put_at)
    _watch(notifier, look, hops.is_over, wait)
    return hops


def _watch(
    notifier: DeployedNotifier, look: Callable[[], None], is_done: Callable[[], bool], wait: float
) -> None:
    def look_again() -> bool:
        look()
        return is_done()

    notifier.wait_for(look_again, wait, every=_LOOKS_EVERY_SECONDS)
