"""Which alarms a team's own log would have raised, and who would have been told."""
