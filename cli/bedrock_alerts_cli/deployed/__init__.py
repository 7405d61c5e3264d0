"""A deployed stack: its parts, its state, and changes to it."""
