"""Builds each function from its settings, adapters and the pure core."""
