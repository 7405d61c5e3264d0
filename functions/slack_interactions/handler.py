"""Receive button presses from Slack, and queue them for `route`.

Slack waits three seconds for a response, so slow or failing work is left to the queue.
"""

import time
from functools import cache
from typing import Any, NamedTuple

from aws_lambda_powertools import Logger

from bedrock_alerts.adapters.emf import EmfSink
from bedrock_alerts.adapters.secrets_manager import Secret
from bedrock_alerts.adapters.slack_signature import signed_body
from bedrock_alerts.adapters.sqs import AlertsQueue
from bedrock_alerts.alerts.button_presses import read_answers
from bedrock_alerts.alerts.credentials import signing_secret
from bedrock_alerts.alerts.normalise import encode_note
from bedrock_alerts.alerts.refusals import Refusals
from bedrock_alerts.errors import PermanentError, TransientError
from bedrock_alerts.metrics import count_now
from bedrock_alerts.observability import make_logger
from bedrock_alerts.settings import load
from bedrock_alerts.wiring.notifier_settings import SlackInteractionsSettings

_DONE = 200
_REFUSED = 401
_FAILED = 503


class App(NamedTuple):
    """The parts of this function."""

    queue: AlertsQueue
    secret: Secret
    refusals: Refusals
    logger: Logger


@cache
def _app() -> App:
    settings = load(SlackInteractionsSettings)
    metrics = EmfSink(settings.metrics_namespace)
    return App(
        queue=AlertsQueue(settings.alerts_queue_url),
        secret=Secret(settings.slack_bot_secret_arn),
        refusals=Refusals(
            lambda number: metrics.publish(count_now({"RequestsRefused": number})), time.monotonic
        ),
        logger=make_logger("slack_interactions"),
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Return the response: 200 if the press is stored, 401 if Slack did not sign the request."""
    app = _app()
    try:
        body = signed_body(event, signing_secret(app.secret.text()))
        for answer in read_answers(body):
            app.queue.put_text(encode_note(answer))
            app.logger.info("button press queued", kind=answer.kind, incident=answer.incident)
    except PermanentError as error:
        if app.refusals.add():
            app.logger.warning("refused", error=str(error))
        return {"statusCode": _REFUSED}
    except TransientError as error:
        # Slack shows the presser that it failed.
        app.logger.error("failed", error=str(error))  # noqa: TRY400 - a stack trace says no more
        return {"statusCode": _FAILED}
    return {"statusCode": _DONE}
