"""Sends a week's report to each channel once, and says which of them failed."""

from collections.abc import Callable, Mapping
from typing import Final

from bedrock_alerts.alerts.alert import Alert
from bedrock_alerts.alerts.ports import Job, Sender
from bedrock_alerts.errors import PermanentError, TransientError

_SECONDS: Final = 10.0
_ATTEMPTS: Final = 3
_PAUSE_SECONDS: Final = 2.0
_LONGEST_PAUSE_SECONDS: Final = 30.0


def send_week(
    alert: Alert,
    senders: Mapping[str, Sender],
    sleep: Callable[[float], None],
    failed: Callable[[str, str], None],
) -> Mapping[str, bool]:
    """Send to every channel; return which accepted it. `failed` is called with channel and reason.

    A channel is tried again only if it certainly has not accepted the message. Evidence and
    picture follow where a channel has threads; the report is sent without them if they fail.
    """
    return {name: _send(name, alert, sender, sleep, failed) for name, sender in senders.items()}


def _send(
    name: str,
    alert: Alert,
    sender: Sender,
    sleep: Callable[[float], None],
    failed: Callable[[str, str], None],
) -> bool:
    job = Job("post", (alert,), number=1)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            receipt = sender.send(job, _SECONDS)
        except (PermanentError, TransientError) as error:
            if attempt == _ATTEMPTS or type(error) is not TransientError:
                failed(name, str(error))
                return False
            sleep(max(_PAUSE_SECONDS, min(_LONGEST_PAUSE_SECONDS, error.retry_after or 0.0)))
            continue
        if receipt.defect:
            failed(name, receipt.defect)
        if receipt.reference is not None:
            for add in sender.extras(job, receipt.reference, _SECONDS):
                try:
                    add()
                except (PermanentError, TransientError) as error:
                    failed(f"{name}: an addition to the report", str(error))
        return True
    return False
