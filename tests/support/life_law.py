"""What has to hold of a notifier while alarms live, and when everything has come to rest."""

from typing import Final

from bedrock_alerts.alerts.events import incident_id
from bedrock_alerts.alerts.incidents.item import AlarmItem, is_silenced, is_suppressed
from bedrock_alerts_cli.notifier.in_memory import Sent
from bedrock_alerts_cli.notifier.world import World

MESSAGES: Final = ("email", "slack")
_UNTIL_SWEPT: Final = 600.0


class Truth:
    """How one alarm really is, as CloudWatch knows it."""

    def __init__(self, arn: str, since: float) -> None:
        self.arn = arn
        self.name = arn.rpartition(":alarm:")[2]
        self.state = "OK"
        self.since = since
        self.exists = True
        self.contributors: set[str] = set()
        self.is_suppressed = False
        self.muted_until = 0.0
        self.are_actions_enabled = True
        self.severity = "warning"

    def is_held(self, now: float) -> bool:
        """Whether CloudWatch suppresses its actions."""
        return self.is_suppressed or not self.are_actions_enabled or now < self.muted_until


class Law:
    """Looks at everything that is sent, and at what is shown at the end; `broken` says what not."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._pages: dict[str, str] = {}
        self.broken: set[str] = set()
        world.out.on_sent = self._check_sent

    def item(self, alarm: Truth) -> AlarmItem | None:
        """Return what the table holds of an alarm."""
        found = self._world.table.items.get(incident_id(alarm.arn))
        return found[0] if found else None

    # ---- at every moment -------------------------------------------------------------------------

    def _check_sent(self, sent: Sent) -> None:
        if sent.channel == "pagerduty":
            if sent.action == "trigger" and self._pages.get(sent.key) == "resolve":
                self.broken.add("pagerduty: a trigger after the resolve of its key")
            if sent.action in ("trigger", "resolve"):
                self._pages[sent.key] = sent.action
            return  # a new key after "no data" resolves the old one of the same incident
        job = sent.job
        for number, alert in enumerate(job.alerts if job else ()):
            found = self._world.table.items.get(incident_id(alert.incident))
            if found is None or job is None or job.reasons[number] != "resolved":
                continue
            incident = found[0].incident
            if incident is not None and incident.number == job.shows[number].number:
                self.broken.add(f"{sent.channel}: resolved, and it is open")

    # ---- at rest ---------------------------------------------------------------------------------

    def check_rest(self, alarm: Truth) -> None:
        """Look at what every channel shows of an alarm, when nothing happens any more."""
        item, now = self.item(alarm), self._world.now()
        if item is None:
            return
        if alarm.exists and alarm.state == "INSUFFICIENT_DATA" and item.incident is not None:
            self._check_keys(alarm, item, at_most=1)
            return
        if alarm.exists and is_suppressed(item, now) != alarm.is_held(now):
            self.broken.add("facts: suppression is not as it is")
        is_held = alarm.is_held(now) or is_suppressed(item, now) or is_silenced(item, now)
        if not (alarm.exists and alarm.state == "ALARM"):
            self._check_ended(alarm, item)
        elif is_held:
            self._check_keys(alarm, item, at_most=1)
        else:
            self._check_firing(alarm, item)
        due = self._world.table.items[incident_id(alarm.arn)][2]
        if due is not None and due < now - _UNTIL_SWEPT:
            self.broken.add("due: stuck")

    def _check_ended(self, alarm: Truth, item: AlarmItem) -> None:
        self._check_keys(alarm, item, at_most=0)
        for channel in MESSAGES:
            state = self.shown(alarm, channel)
            if state not in ("", "resolved") and not item.view(channel).is_parked:
                self.broken.add(f"{channel}: shows {state}, and it is over")

    def _check_firing(self, alarm: Truth, item: AlarmItem) -> None:
        routed = {name for name, view in item.views.items() if view.rule is not None}
        parked = {name for name, view in item.views.items() if view.is_parked}
        for channel in (routed - parked) & set(MESSAGES):
            state = self.shown(alarm, channel)
            if state != "firing":
                self.broken.add(f"{channel}: shows {state or 'nothing'}, and it fires")
        if "pagerduty" in routed - parked:
            if not self.open_keys(alarm):
                self.broken.add("pagerduty: nothing is open, and it fires")
            self._check_keys(alarm, item, at_most=1)
        if parked and not self._says_what_is_not_delivered(alarm) and routed - parked:
            self.broken.add("parked, and no other channel says so")

    def _check_keys(self, alarm: Truth, item: AlarmItem, *, at_most: int) -> None:
        if item.view("pagerduty").is_parked:
            return
        found = self.open_keys(alarm)
        # Each message without the table has its own key, and the end resolves them all.
        kept = {key for key in found if int(key.split("-")[1]) > 1_000_000} if at_most else set()
        if len(found) > at_most + len(kept):
            self.broken.add(f"pagerduty: {len(found)} open, at most {at_most}")

    def _says_what_is_not_delivered(self, alarm: Truth) -> bool:
        return any(
            fact.label == "Not delivered"
            for sent in self._world.out.sent
            for alert in (sent.job.alerts if sent.job else ())
            if alert.incident == alarm.arn
            for fact in alert.facts
        )

    def open_keys(self, alarm: Truth) -> set[str]:
        """Return PagerDuty's open incidents of an alarm."""
        found: dict[str, str] = {}
        for sent in self._world.out.sent:
            is_ours = sent.job is not None and sent.job.alerts[0].incident == alarm.arn
            if sent.channel == "pagerduty" and is_ours:
                found[sent.key] = sent.action
        return {key for key, action in found.items() if action not in ("resolve", "change")}

    def shown(self, alarm: Truth, channel: str) -> str:
        """Return what the newest message of a channel shows of an alarm, empty for none."""
        state, newest = "", ""
        for sent in self._world.out.sent:
            job = sent.job
            if sent.channel != channel or job is None or sent.action in ("reply", "broadcast"):
                continue
            for number, alert in enumerate(job.alerts):
                is_about = alert.incident == alarm.arn and job.reasons[number] != "notice"
                if is_about and not (channel == "slack" and sent.ts < newest):
                    newest = sent.ts
                    state = job.shows[number].state if job.shows else "firing"
        return state
