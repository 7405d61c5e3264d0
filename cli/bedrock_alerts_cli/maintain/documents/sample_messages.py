"""Messages in the pages: rendered like real ones, from a sample alarm."""

from collections.abc import Iterable

import msgspec

from bedrock_alerts.alerts.channels.email import render as email
from bedrock_alerts.alerts.channels.webhook import render as webhook
from bedrock_alerts.alerts.next_steps import CatalogueEntry
from bedrock_alerts_cli.maintain.documents.alarm_catalogue import AlarmFile
from bedrock_alerts_cli.samples.alerts import NOTES, SHORT


def mail() -> str:
    """Return a sample email, its subject first."""
    subject, body = email.render(SHORT)
    return f"```text\nSubject: {subject}\n\n{body}```\n"


def event() -> str:
    """Show what a webhook gets."""
    encoded = msgspec.json.encode(webhook.render(SHORT, NOTES))
    return f"```json\n{msgspec.json.format(encoded).decode()}\n```\n"


def catalogue(alarms: Iterable[AlarmFile]) -> str:
    """Return what the functions need to know of the catalogue, as JSON."""
    known = {
        alarm.name: CatalogueEntry(
            next_steps=alarm.next_steps,
            headline=alarm.headline,
            unit=alarm.unit,
            group=alarm.group,
        )
        for alarm in alarms
    }
    return msgspec.json.format(msgspec.json.encode(known), indent=1).decode() + "\n"
