"""The life of an alarm: what is known of it, and what that means now."""
