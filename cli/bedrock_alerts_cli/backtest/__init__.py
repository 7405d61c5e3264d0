"""The alarms that a log would have raised, and the channels that would have been notified."""
