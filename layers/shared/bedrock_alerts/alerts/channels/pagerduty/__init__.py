"""The pagerduty channel: rendering and sending of messages."""
