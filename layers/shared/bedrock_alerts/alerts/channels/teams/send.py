"""Sends to Microsoft Teams workflows, whose URLs are the secret."""

from bedrock_alerts.alerts.channels.digest import as_one
from bedrock_alerts.alerts.channels.teams import render as teams
from bedrock_alerts.alerts.credentials import SecretPort, entry, with_secret
from bedrock_alerts.alerts.ports import Job, JsonPort, Receipt, Sender


class TeamsSender(Sender):
    """Posts cards."""

    def __init__(self, poster: JsonPort, secret: SecretPort) -> None:
        self._poster = poster
        self._secret = secret

    def send(self, job: Job, seconds: float) -> Receipt:
        """Post one card."""
        card = teams.render(as_one(job.alerts), job.notes)

        def use(text: str) -> Receipt:
            url = entry(text, job.target, main="url")["url"]
            self._poster.post_json(url, card, seconds=seconds)
            return Receipt()

        return with_secret(self._secret, use)
