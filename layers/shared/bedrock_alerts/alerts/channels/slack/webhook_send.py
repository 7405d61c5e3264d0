"""Sends to Slack's incoming webhooks, whose URLs are the secret."""

from bedrock_alerts.alerts.channels.digest import as_one
from bedrock_alerts.alerts.channels.slack import render as slack
from bedrock_alerts.alerts.credentials import SecretPort, entry, with_secret
from bedrock_alerts.alerts.ports import Job, JsonPort, Receipt, Sender
from bedrock_alerts.errors import MessageError


class SlackWebhookSender(Sender):
    """Posts messages that cannot be edited."""

    def __init__(self, poster: JsonPort, secret: SecretPort) -> None:
        self._poster = poster
        self._secret = secret

    def send(self, job: Job, seconds: float) -> Receipt:
        """Post one message, as plain text if Slack refuses the formatted one."""
        alert = as_one(job.alerts)

        def use(text: str) -> Receipt:
            url = entry(text, job.target, main="url")["url"]
            rich = slack.render(alert, job.mentions, job.notes)
            try:
                self._poster.post_json(url, rich, seconds=seconds)
            except MessageError as error:
                plain = slack.render_plainly(alert, job.mentions)
                self._poster.post_json(url, plain, seconds=seconds)
                return Receipt(defect=str(error))
            return Receipt()

        return with_secret(self._secret, use)
