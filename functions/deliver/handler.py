"""Check the alarms that `route` has poked, and send each channel what it lacks."""

import time
from functools import cache
from typing import Any, Final, NamedTuple

from aws_lambda_powertools import Logger

from bedrock_alerts.adapters.cloudwatch import AlarmStates
from bedrock_alerts.adapters.emf import EmfSink
from bedrock_alerts.adapters.incidents_table import IncidentsTable
from bedrock_alerts.adapters.sqs import DeadLetterQueue, DeliveriesQueue
from bedrock_alerts.adapters.sqs_batch import SqsMessage, handle_each
from bedrock_alerts.alerts.alert import OldDelivery
from bedrock_alerts.alerts.deliverer import Deliverer, Parts
from bedrock_alerts.alerts.incidents.item import policy_of
from bedrock_alerts.alerts.notifications.pace import FIRST_INTERVAL
from bedrock_alerts.alerts.pokes import read_poke
from bedrock_alerts.metrics import count_now, measure_now
from bedrock_alerts.observability import make_logger
from bedrock_alerts.settings import load
from bedrock_alerts.wiring.lookups import details_of
from bedrock_alerts.wiring.notifier_settings import DeliverSettings
from bedrock_alerts.wiring.senders import senders

# Time reserved for the work after the last message.
_RESERVE_SECONDS: Final = 3.0


# On the local stack, shared messages are sent at once, not minutes later.
_LOCAL_INTERVAL: Final = 10.0


class App(NamedTuple):
    """The parts of this function."""

    parts: Parts
    metrics: EmfSink
    logger: Logger


@cache
def _app() -> App:
    settings = load(DeliverSettings)
    logger = make_logger("deliver")
    parts = Parts(
        table=IncidentsTable(settings.incidents_table_name),
        queue=DeliveriesQueue(settings.deliveries_queue_url),
        senders=senders(settings, time.time),
        journal=logger,
        look_up=AlarmStates(settings.home_alarms_prefix),
        parked=DeadLetterQueue(settings.deliveries_dead_letter_queue_url).park,
        channels=settings.channels,
        policy=policy_of(settings.reminder_hours, settings.recovery_minutes),
        details=details_of(settings),
        has_bot=bool(settings.slack_bot_secret_arn),
        first_interval=_LOCAL_INTERVAL if settings.allow_loopback_webhooks else FIRST_INTERVAL,
    )
    return App(parts, EmfSink(settings.metrics_namespace), logger)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Process every poke of an SQS batch; those that fail return to the queue."""
    app = _app()
    seconds = context.get_remaining_time_in_millis() / 1000
    deliverer = Deliverer(app.parts, time.time() + seconds - _RESERVE_SECONDS)

    def deliver(message: SqsMessage) -> None:
        poke = read_poke(message.body)
        if isinstance(poke, OldDelivery):
            deliverer.deliver_old(poke)
        else:
            deliverer.deliver(poke)

    outcome = handle_each(event, deliver, app.logger)
    counts = deliverer.counts
    app.metrics.publish(
        [
            *count_now({"NotificationsSent": counts.sent, "NotificationsFailed": counts.failed}),
            *measure_now("AlertLatency", counts.latencies),
        ]
    )
    return outcome.response
