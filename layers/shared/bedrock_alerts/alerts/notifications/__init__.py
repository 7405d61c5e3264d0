"""What a channel lacks of an alarm, and how it is said."""
