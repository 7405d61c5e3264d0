"""Puts the parts of each function together: its settings, adapters and the pure core."""
