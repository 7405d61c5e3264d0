"""The usage report of a log or a deployed stack: who spent what."""
