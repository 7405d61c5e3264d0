"""Messages in the pages: made by what sends them, out of an invented alarm."""

import msgspec

from bedrock_alerts.alerts.render import email, webhook
from bedrock_alerts_lab.sample_alerts import NOTES, SHORT


def mail() -> str:
    """Show an e-mail, its subject first."""
    subject, body = email.render(SHORT)
    return f"```text\nSubject: {subject}\n\n{body}```\n"


def event() -> str:
    """Show what a webhook gets."""
    encoded = msgspec.json.encode(webhook.render(SHORT, NOTES))
    return f"```json\n{msgspec.json.format(encoded).decode()}\n```\n"
