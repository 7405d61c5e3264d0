"""The webhook channel: rendering and sending of messages."""
