"""State changes made by hand, for what is said about them."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from bedrock_alerts.alerts.events import StateChange

AT: Final = datetime(2026, 11, 23, 8, 10, 41, tzinfo=UTC)
ARN: Final = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:chat-blocks"
EVENT_LOG: Final = "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/stack-collect-logs"
_PLAIN: Final = StateChange(
    alarm_name="chat-blocks",
    alarm_arn=ARN,
    account_id="111122223333",
    region="eu-west-1",
    state="ALARM",
    at=AT,
    reason="Threshold Crossed",
    previous_state="OK",
    previous_at=AT - timedelta(minutes=14),
)


def change_with(**fields: Any) -> StateChange:
    """Return an ordinary alarm with these fields instead of its own."""
    return msgspec.structs.replace(_PLAIN, **fields)
