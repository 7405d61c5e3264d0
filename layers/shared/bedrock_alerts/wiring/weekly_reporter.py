"""Builds the weekly report: what it is read from, where its page is stored, who receives it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from bedrock_alerts.adapters.bedrock import LegacyModels
from bedrock_alerts.adapters.cloudwatch import AlarmHistories, Latencies
from bedrock_alerts.adapters.iam import AccountAlias
from bedrock_alerts.adapters.logs_insights import patient_lines
from bedrock_alerts.adapters.s3 import PageBucket
from bedrock_alerts.alerts.alert import Link
from bedrock_alerts.alerts.console import Console
from bedrock_alerts.alerts.ports import JournalPort
from bedrock_alerts.errors import BedrockAlertsError
from bedrock_alerts.weekly.read_week import WeekPorts, read_week
from bedrock_alerts.weekly.send_week import send_week
from bedrock_alerts.weekly.week import last_days
from bedrock_alerts.weekly.week_alert import Place, alert_of
from bedrock_alerts.weekly.week_page import page
from bedrock_alerts.wiring.senders import email_and_slack
from bedrock_alerts.wiring.weekly_settings import WeeklyReportSettings

DAYS: Final = 7
# Reserved for the page and the messages.
_SENDING_SECONDS: Final = 90.0


class ReportNotSentError(BedrockAlertsError):
    """A channel did not accept the report: the function's errors raise an alarm."""


class WeeklyReporter:
    """Reads the last seven whole days, stores their page and sends their summary."""

    def __init__(
        self,
        settings: WeeklyReportSettings,
        journal: JournalPort,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._clock = clock
        self._sleep = sleep
        self._senders = email_and_slack(settings)

    def report(self, seconds: float) -> dict[str, int]:
        """Send the report within `seconds`; return how many channels accepted it.

        Raises what the query of the usage lines raises, and ReportNotSentError.
        """
        now = self._clock()
        span = last_days(datetime.fromtimestamp(now, UTC), DAYS)
        place = self._place()
        ports = self._ports(place.stack)
        week = read_week(
            span, self._settings.log_retention_days, ports, now + seconds - _SENDING_SECONDS
        )
        links = [*self._stored(f"{span.end:%Y-%m-%d}.html", page(week, _words(place)), place)]
        if self._settings.dashboard_name:
            console = Console(self._settings.stack_alarms_prefix, place.region)
            if console.is_known:
                links.append(Link("Dashboard", console.dashboard(self._settings.dashboard_name)))
        alert = alert_of(week, place, tuple(links))
        outcome = send_week(alert, self._senders, self._sleep, self._failed)
        if not all(outcome.values()):
            refused = ", ".join(name for name, is_sent in outcome.items() if not is_sent)
            raise ReportNotSentError(f"the weekly report was not sent to {refused}")
        return {"channels": len(outcome), "missing": len(week.missing)}

    def _place(self) -> Place:
        _, _, _, region, account, _, prefix = self._settings.stack_alarms_prefix.split(":", 6)
        alias = ""
        try:
            alias = AccountAlias().alias()
        except Exception as error:  # noqa: BLE001 - the account's number will do
            self._left_out("account alias", error)
        stack = prefix.removesuffix(".")
        return Place(stack, account, region, self._settings.metrics_namespace, alias)

    def _ports(self, stack: str) -> WeekPorts:
        return WeekPorts(
            lines=patient_lines([self._settings.event_log_group_arn], self._clock),
            latencies=Latencies(),
            alarms=AlarmHistories(f"{stack}.", clock=self._clock),
            legacy=LegacyModels(),
            clock=self._clock,
            left_out=self._left_out,
        )

    def _stored(self, key: str, text: str, place: Place) -> tuple[Link, ...]:
        """Store the page and return its link; without it the report is still sent."""
        bucket = self._settings.reports_bucket_name
        try:
            PageBucket(bucket).put(key, text)
        except Exception as error:  # noqa: BLE001 - the summary has all that matters
            self._left_out("page", error)
            return ()
        console = Console(self._settings.stack_alarms_prefix, place.region)
        return (Link("Full report", console.object(bucket, key)),) if console.is_known else ()

    def _left_out(self, piece: str, error: Exception) -> None:
        reason = str(error) if isinstance(error, BedrockAlertsError) else type(error).__name__
        self._journal.warning(
            "left out of the weekly report", extra={"piece": piece, "reason": reason}
        )

    def _failed(self, channel: str, reason: str) -> None:
        self._journal.warning(
            "the weekly report failed on a channel", extra={"channel": channel, "reason": reason}
        )


def _words(place: Place) -> str:
    account = place.account_alias or place.account_id
    return f"{place.stack} in {account} {place.region}"
