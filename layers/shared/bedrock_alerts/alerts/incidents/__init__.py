"""The life of an alarm: what is remembered of it, and what people are told, once and in time."""

from bedrock_alerts.alerts.incidents.deciding import Happening, acknowledge, decide, silence
from bedrock_alerts.alerts.incidents.history import announced, over_since, remember, standing
from bedrock_alerts.alerts.incidents.model import (
    Decision,
    Incident,
    Memory,
    Policy,
    Told,
    alert_key,
)

__all__ = [
    "Decision",
    "Happening",
    "Incident",
    "Memory",
    "Policy",
    "Told",
    "acknowledge",
    "alert_key",
    "announced",
    "decide",
    "over_since",
    "remember",
    "silence",
    "standing",
]
