"""What was looked up about an event before it is described."""

import msgspec

from bedrock_alerts.alerts.alert import Evidence
from bedrock_alerts.alerts.events import AlarmDefinition


class Found(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the event does not say; each piece is empty or None where it is not known."""

    account_alias: str = ""
    definition: AlarmDefinition | None = None
    evidence: Evidence | None = None
