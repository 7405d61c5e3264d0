"""Metrics for hours that the collectors have missed, out of the log that holds their calls."""
