"""The slack channel: rendering and sending of messages."""
