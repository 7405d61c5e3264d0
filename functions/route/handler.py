"""Turn what the alerts queue holds into deliveries: one message per telling and channel.

An alarm may also call this function itself, as its action.
"""

import time
from functools import cache, partial
from typing import Any, Final, NamedTuple

from aws_lambda_powertools import Logger

from bedrock_alerts.adapters.emf import EmfSink
from bedrock_alerts.adapters.incident_table import IncidentTable
from bedrock_alerts.adapters.mute_rules import MuteRules
from bedrock_alerts.adapters.parameter import Parameter
from bedrock_alerts.adapters.sqs import DeliveryQueue
from bedrock_alerts.adapters.sqs_batch import SqsMessage, handle_each, is_batch
from bedrock_alerts.adapters.timers import Timers, TimerTarget
from bedrock_alerts.adapters.waiting_room import WaitingRoom
from bedrock_alerts.alerts.incidents import Policy
from bedrock_alerts.alerts.normalise import encode_note
from bedrock_alerts.alerts.pipeline import Parts, Router
from bedrock_alerts.alerts.routing import RouteBook
from bedrock_alerts.errors import TransientError
from bedrock_alerts.looking_up import details_of, looker
from bedrock_alerts.metrics import count_now
from bedrock_alerts.observability import make_logger
from bedrock_alerts.settings import RouteSettings, load

# What fails at first mostly works in a moment: the queue's own time-out would be minutes.
_FIRST_PAUSE_SECONDS: Final = 5


class App(NamedTuple):
    """What this function works with."""

    parts: Parts
    alerts: DeliveryQueue
    metrics: EmfSink
    logger: Logger


@cache
def _app() -> App:
    settings = load(RouteSettings)
    logger = make_logger("route")
    target = TimerTarget(
        group=settings.schedule_group_name,
        role_arn=settings.scheduler_role_arn,
        queue_arn=settings.alerts_queue_arn,
        dead_letter_queue_arn=settings.alerts_dead_letter_queue_arn,
    )
    parts = Parts(
        memory=IncidentTable(settings.incidents_table_name, time.time),
        timers=Timers(target, encode_note, time.time),
        waiting=WaitingRoom(settings.incidents_table_name, time.time),
        queue=DeliveryQueue(settings.deliveries_queue_url),
        journal=logger,
        clock=time.time,
        channels=settings.channels,
        policy=_policy(settings),
        routes=RouteBook(Parameter(settings.routes_parameter_name).text, settings.channels).current,
        mutes=MuteRules(settings.mute_rule_prefix) if settings.mute_rule_prefix else None,
        own_alarms_prefix=settings.own_alarms_prefix or "",
        look_up=looker(settings, time.time, partial(_left_out, logger)),
        details=details_of(settings),
    )
    return App(
        parts=parts,
        alerts=DeliveryQueue(settings.alerts_queue_url),
        metrics=EmfSink(settings.metrics_namespace),
        logger=logger,
    )


def _left_out(logger: Logger, piece: str, error: str) -> None:
    logger.info("left out of an alert", extra={"piece": piece, "error": error})


def _policy(settings: RouteSettings) -> Policy:
    critical, warning = settings.reminder_hours
    return Policy(
        critical_reminder_seconds=critical * 3600, warning_reminder_seconds=warning * 3600
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Route every message of an SQS batch; those that fail stay in the queue.

    What an alarm's own action calls with raises when it fails: Lambda tries again, and keeps it.
    """
    app = _app()
    router = Router(app.parts)

    def route(message: SqsMessage) -> None:
        try:
            router.route(message.body, message.receive_count)
        except TransientError:
            if message.receive_count == 1:
                app.alerts.postpone(message.receipt_handle, _FIRST_PAUSE_SECONDS)
            raise

    response: dict[str, Any] = {}
    if is_batch(event):
        response = handle_each(event, route, app.logger).response
    else:
        router.route_object(event)
    app.metrics.publish(count_now(router.counts))
    return response
