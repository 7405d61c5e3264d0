"""Decides what a channel lacks of an alarm, and words the message."""
