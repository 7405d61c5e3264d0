"""The look-up results about an event."""

import msgspec

from bedrock_alerts.alerts.alert import Evidence
from bedrock_alerts.alerts.events import AlarmDefinition


class Found(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Facts that the event lacks; each is empty or None if unknown."""

    account_alias: str = ""
    definition: AlarmDefinition | None = None
    evidence: Evidence | None = None
