"""The email channel: rendering and sending of messages."""
