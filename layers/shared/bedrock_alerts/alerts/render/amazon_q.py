"""An alert as a custom notification of Amazon Q Developer in chat applications.

It becomes a message in Slack or Microsoft Teams, in the markup of whichever it is: so what any of
them could take for markup is replaced by signs that look alike.
https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
"""

from collections.abc import Sequence
from typing import Any, Final

from bedrock_alerts.alerts.describe import place, time_label, utc
from bedrock_alerts.alerts.model import Alert, Tone, incident_id
from bedrock_alerts.text import shorten

_TITLE_CHARS: Final = 250
_DESCRIPTION_CHARS: Final = 4000
_STEP_CHARS: Final = 350
_MAX_STEPS: Final = 10
_HARMLESS: Final = str.maketrans(
    {"<": "‹", ">": "›", "[": "(", "]": ")", "`": "'", "*": "∗", "_": "＿", "~": "∼", "@": "＠"}  # noqa: RUF001 - look-alikes on purpose
)
_SIGNS: Final[dict[Tone, str]] = {
    "critical": ":rotating_light:",
    "warning": ":warning:",
    "info": ":information_source:",
    "ok": ":white_check_mark:",
    "unknown": ":grey_question:",
}


def render(alert: Alert, notes: Sequence[str] = ()) -> dict[str, Any]:
    """Return the notification. All about one incident go to one thread."""
    where = place(alert)
    facts = [("Where", where)] if where else []
    if alert.at is not None:
        facts.append((time_label(alert), utc(alert.at)))
    facts += [(fact.label, fact.value) for fact in alert.facts]
    paragraphs = [
        *(f"Note: {_plain(note)}" for note in notes),
        _plain(alert.summary),
        "\n".join(f"*{_plain(label)}*: {_plain(value)}" for label, value in facts),
        _plain(alert.reason),
    ]
    description = "\n\n".join(text for text in paragraphs if text)
    title = f"{_SIGNS[alert.tone]} {_plain(f'{alert.status}: {alert.title}')}"
    steps = [
        *(_plain(step) for step in alert.next_steps),
        *(f"{_plain(link.label)}: {link.url}" for link in alert.links),
    ]
    return {
        "version": "1.0",
        "source": "custom",
        "id": alert.key,
        "content": {
            "textType": "client-markdown",
            "title": shorten(title, _TITLE_CHARS),
            "description": shorten(description or title, _DESCRIPTION_CHARS),
            # A link that is cut leads nowhere: it is left out instead.
            "nextSteps": [step for step in steps if len(step) <= _STEP_CHARS][:_MAX_STEPS],
            "keywords": ["Bedrock Alerts", alert.severity],
        },
        "metadata": {
            "threadId": incident_id(alert.incident or alert.key),
            "summary": shorten(_plain(f"{alert.status}: {alert.title}"), _TITLE_CHARS),
            "eventType": alert.kind,
            "relatedResources": [alert.alarm_arn] if alert.alarm_arn else [],
            "additionalContext": {"severity": alert.severity},
        },
    }


def _plain(text: str) -> str:
    return text.translate(_HARMLESS)
