"""Turn log objects in S3 into metrics, one object at a time, however large they are."""

import time
from functools import cache
from typing import Any, NamedTuple

from aws_lambda_powertools import Logger

from bedrock_alerts.adapters.s3 import ObjectReader
from bedrock_alerts.adapters.sqs_batch import SqsMessage, handle_each
from bedrock_alerts.invocations.collector import collect_objects
from bedrock_alerts.invocations.redrives import counted_line, object_name, redrive_of
from bedrock_alerts.invocations.s3_notifications import LogObject, log_objects
from bedrock_alerts.observability import make_logger
from bedrock_alerts.settings import load
from bedrock_alerts.wiring.collector_settings import CollectorSettings
from bedrock_alerts.wiring.collectors import Collecting, collecting


class App(NamedTuple):
    """The parts of this function."""

    collecting: Collecting
    objects: ObjectReader
    logger: Logger


@cache
def _app() -> App:
    return App(
        collecting=collecting(load(CollectorSettings)),
        objects=ObjectReader(),
        logger=make_logger("collect-objects"),
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Read every object named in an SQS batch; messages that fail stay in the queue.

    The metrics of a message are written when all of its objects have been read, so a message that
    is tried again is not counted twice.
    """
    app, objects, logger = _app()
    redrive = redrive_of(event, time.time())

    def collect(message: SqsMessage) -> None:
        found = tuple(log_objects(message.body))
        collected = collect_objects(found, objects, app.parts, now=time.time())
        names = (object_name(one) for one in found if isinstance(one, LogObject))
        proof = map(counted_line, names)
        app.publish(collected, dict.fromkeys((*proof, *redrive.proof())))

    outcome = handle_each(event, collect, logger)
    return {**outcome.response, **({} if outcome.failed else redrive.answer())}
