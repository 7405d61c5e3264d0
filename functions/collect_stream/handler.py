"""Turn log batches that come through a Kinesis stream into metrics."""

import time
from functools import cache
from typing import Any, NamedTuple

from aws_lambda_powertools import Logger

from bedrock_alerts.invocations.collector import collect
from bedrock_alerts.invocations.decode import decode_records
from bedrock_alerts.invocations.redrives import Redrive, redrive_of
from bedrock_alerts.observability import make_logger
from bedrock_alerts.settings import load
from bedrock_alerts.wiring.collector_settings import CollectorSettings
from bedrock_alerts.wiring.collectors import Collecting, collecting


class App(NamedTuple):
    """The parts of this function."""

    collecting: Collecting
    logger: Logger


@cache
def _app() -> App:
    settings = load(CollectorSettings)
    return App(
        collecting=collecting(settings),
        logger=make_logger("collect-stream"),
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Count the batches up to the first that cannot be opened, and report that one.

    Lambda returns the reported record and those after it. Then it is the first, and raises: the
    batch is split until the bad record is alone, which is stored in the bucket for failed batches.
    """
    app, logger = _app()
    redrive = redrive_of(event, time.time())
    read = decode_records(event)
    if read.failure is not None:
        redrive = Redrive()  # only a part is counted
        logger.warning("a record cannot be opened, the stream keeps it", error=read.failure)
    app.publish(collect(read.batches, app.parts, now=time.time()), redrive.proof())
    return {**read.response(), **redrive.answer()}
