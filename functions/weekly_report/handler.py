"""Send the report of the last week: once a week, if the stack is set so."""

from functools import cache
from typing import Any, Final

from bedrock_alerts.observability import make_logger
from bedrock_alerts.settings import load
from bedrock_alerts.wiring.weekly_reporter import WeeklyReporter
from bedrock_alerts.wiring.weekly_settings import WeeklyReportSettings

# Time reserved to return before Lambda ends the function.
_RESERVE_SECONDS: Final = 5.0


@cache
def _app() -> WeeklyReporter:
    return WeeklyReporter(load(WeeklyReportSettings), make_logger("weekly-report"))


def handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """Report the seven whole days before today. Raises if a channel does not accept the report.

    Lambda does not run it again: the channels that accepted it would receive it twice.
    """
    seconds = context.get_remaining_time_in_millis() / 1000
    return _app().report(seconds - _RESERVE_SECONDS)
