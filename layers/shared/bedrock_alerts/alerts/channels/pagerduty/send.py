"""Sends to PagerDuty's Events API v2: one key for each incident, change events for the rest.

https://developer.pagerduty.com/docs/send-alert-event
"""

from typing import Final

from bedrock_alerts.alerts.channels.pagerduty import render as pagerduty
from bedrock_alerts.alerts.credentials import SecretPort, entry, with_secret
from bedrock_alerts.alerts.ports import Job, JsonPort, Receipt, Sender

PAGERDUTY_URL: Final = "https://events.pagerduty.com/v2/enqueue"


class PagerDutySender(Sender):
    """Triggers, acknowledges and resolves each alert separately: a digest cannot be resolved."""

    def __init__(self, poster: JsonPort, secret: SecretPort) -> None:
        self._poster = poster
        self._secret = secret

    def send(self, job: Job, seconds: float) -> Receipt:
        """Enqueue one event."""

        def use(text: str) -> Receipt:
            found = entry(text, job.target, main="routing_key")
            alert, key = job.alerts[0], found["routing_key"]
            url = found.get("url") or PAGERDUTY_URL
            if job.action == "change":
                url = url.replace("/v2/enqueue", "/v2/change/enqueue")
                event = pagerduty.change_event(alert, key, job.notes)
            else:
                event = pagerduty.render(alert, key, job.notes, action=job.action, key=job.key)
            self._poster.post_json(url, event, seconds=seconds)
            return Receipt()

        return with_secret(self._secret, use)
