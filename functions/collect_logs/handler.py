"""Turn batches of the invocation log into metrics. Imports no AWS client unless bodies are read."""

import time
from functools import cache
from typing import Any

from bedrock_alerts.invocations.collector import collect
from bedrock_alerts.invocations.decode import decode_event
from bedrock_alerts.invocations.redrives import redrive_of
from bedrock_alerts.settings import load
from bedrock_alerts.wiring.collector_settings import CollectorSettings
from bedrock_alerts.wiring.collectors import Collecting, collecting


@cache
def _app() -> Collecting:
    return collecting(load(CollectorSettings))


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Turn one CloudWatch Logs batch into metrics and event lines.

    A batch that cannot be opened raises: Lambda tries again and then keeps it whole in the bucket
    for failed batches. Metrics are written last, so a retried batch is not counted twice; nor is
    one that CloudWatch Logs delivers again to the same container.
    """
    app = _app()
    redrive = redrive_of(event, time.time())
    batches = (decode_event(event),)
    collected = collect(batches, app.parts, now=time.time())
    app.publish(collected, redrive.proof())
    return {**collected.counts(), **redrive.answer()}
