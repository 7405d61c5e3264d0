"""The teams channel: rendering and sending of messages."""
