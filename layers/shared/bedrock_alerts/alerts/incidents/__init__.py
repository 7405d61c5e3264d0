"""The state of an alarm: its known facts, and what they mean now."""
