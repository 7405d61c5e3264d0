"""Learn what happens to alarms, and poke the channels; `deliver` works out what to show."""

import time
from functools import cache, partial
from typing import Any, Final, NamedTuple

from aws_lambda_powertools import Logger

from bedrock_alerts.adapters.cloudwatch import AlarmStates
from bedrock_alerts.adapters.emf import EmfSink
from bedrock_alerts.adapters.http import SLACK_HOSTS, JsonPoster
from bedrock_alerts.adapters.incidents_table import IncidentsTable
from bedrock_alerts.adapters.sns import EmailSubscriptions
from bedrock_alerts.adapters.sqs import AlertsQueue, DeliveriesQueue
from bedrock_alerts.adapters.sqs_batch import SqsMessage, handle_each, is_batch
from bedrock_alerts.adapters.ssm import Parameter
from bedrock_alerts.alerts.events import Answer
from bedrock_alerts.alerts.incidents.item import policy_of
from bedrock_alerts.alerts.router import Parts, Router
from bedrock_alerts.alerts.routing import RouteBook, slack_aliases
from bedrock_alerts.errors import PermanentError, TransientError
from bedrock_alerts.metrics import count_now
from bedrock_alerts.observability import make_logger
from bedrock_alerts.settings import load
from bedrock_alerts.wiring.lookups import looker
from bedrock_alerts.wiring.notifier_settings import RouteSettings

# Most failures pass quickly, and the queue's own time-out is minutes long.
_FIRST_PAUSE_SECONDS: Final = 5
_ANSWER_SECONDS: Final = 3.0


class App(NamedTuple):
    """The parts of this function."""

    parts: Parts
    table: IncidentsTable
    alerts: AlertsQueue
    metrics: EmfSink
    logger: Logger


@cache
def _app() -> App:
    settings = load(RouteSettings)
    logger = make_logger("route")
    alerts = AlertsQueue(settings.alerts_queue_url)
    routes = RouteBook(
        Parameter(settings.routes_parameter_name).text,
        settings.channels,
        slack_aliases(settings.slack_channel_id),
    )
    table = IncidentsTable(settings.incidents_table_name)
    parts = Parts(
        table=table,
        queue=DeliveriesQueue(settings.deliveries_queue_url),
        kept=alerts,
        journal=logger,
        channels=settings.channels,
        policy=policy_of(settings.reminder_hours, settings.recovery_minutes),
        routes=routes.current,
        look_up=AlarmStates(settings.home_alarms_prefix),
        evidence=looker(settings, time.time, partial(_left_out, logger)),
        answered=partial(_answer, JsonPoster(SLACK_HOSTS), logger),
        own_alarms_prefix=settings.own_alarms_prefix or "",
        is_email_confirmed=EmailSubscriptions(settings.email_topic_arn).is_confirmed,
    )
    return App(parts, table, alerts, EmfSink(settings.metrics_namespace), logger)


def _left_out(logger: Logger, piece: str, error: str) -> None:
    logger.info("left out of an alert", extra={"piece": piece, "error": error})


def _answer(slack: JsonPoster, logger: Logger, answer: Answer, text: str) -> None:
    """Reply to the person who pressed a button. Nothing depends on it."""
    if not answer.response_url:
        return
    payload = {"response_type": "ephemeral", "replace_original": False, "text": text}
    try:
        slack.post_json(answer.response_url, payload, seconds=_ANSWER_SECONDS)
    except (TransientError, PermanentError) as error:
        logger.info("no reply sent to Slack", extra={"reason": str(error)})


@cache
def _take_over() -> None:
    """Migrate the items of an older version first."""
    app = _app()
    Router(app.parts).upgrade(app.table)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Route every message of an SQS batch; those that fail stay in the queue.

    A failed Lambda alarm action raises: Lambda retries it, and keeps it.
    """
    app = _app()
    try:
        _take_over()
    except TransientError as error:  # if the table fails, go on without it, as for every event
        app.logger.warning(
            "items of an older version are not migrated yet", extra={"reason": str(error)}
        )
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
