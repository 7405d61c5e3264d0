"""Notes to ourselves that come back: one-time schedules of EventBridge Scheduler."""

import hashlib
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from bedrock_alerts.alerts.model import Timer
from bedrock_alerts.errors import TransientError

if TYPE_CHECKING:
    from mypy_boto3_scheduler import EventBridgeSchedulerClient

_CONFIG: Final = Config(
    connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2}
)
# A schedule for a moment that has passed when it is made might never fire.
_LEAD_SECONDS: Final = 10
_REMEMBERED: Final = 1000


class TimerTarget(NamedTuple):
    """Where timers come from and go to: a group of schedules, a queue, and who may send there."""

    group: str
    role_arn: str
    queue_arn: str
    dead_letter_queue_arn: str


class Timers:
    """Sets timers; `encode` writes the message that comes back."""

    def __init__(
        self,
        target: TimerTarget,
        encode: Callable[[Timer], str],
        clock: Callable[[], float] = time.time,
        client: "EventBridgeSchedulerClient | None" = None,
    ) -> None:
        self._target = target
        self._encode = encode
        self._clock = clock
        self._client: EventBridgeSchedulerClient = client or boto3.client(
            "scheduler", config=_CONFIG
        )
        self._set: dict[str, None] = {}

    def set(self, timer: Timer) -> None:
        """Let a timer come back when it is due. Again for the same timer is harmless.

        Schedules are exact to the minute, and go away when they have fired. Raises TransientError.
        """
        name = schedule_name(timer)
        if name in self._set:
            return
        due = math.ceil(max(timer.due.timestamp(), self._clock() + _LEAD_SECONDS))
        try:
            self._client.create_schedule(
                Name=name,
                GroupName=self._target.group,
                ScheduleExpression=f"at({datetime.fromtimestamp(due, UTC):%Y-%m-%dT%H:%M:%S})",
                ScheduleExpressionTimezone="UTC",
                FlexibleTimeWindow={"Mode": "OFF"},
                ActionAfterCompletion="DELETE",
                Target={
                    "Arn": self._target.queue_arn,
                    "RoleArn": self._target.role_arn,
                    "Input": self._encode(timer),
                    "DeadLetterConfig": {"Arn": self._target.dead_letter_queue_arn},
                },
            )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "unknown")
            if code != "ConflictException":  # it is set already
                raise TransientError(f"EventBridge Scheduler took no timer: {code}") from error
        except BotoCoreError as error:
            kind = type(error).__name__
            raise TransientError(f"no answer from EventBridge Scheduler: {kind}") from error
        self._set[name] = None
        if len(self._set) > _REMEMBERED:
            del self._set[next(iter(self._set))]


def schedule_name(timer: Timer) -> str:
    """Return a name that is the same for the same timer, within Scheduler's 64 characters."""
    text = f"{timer.kind}\n{timer.subject}\n{timer.stamp}"
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{timer.kind}-{digest[:40]}"
