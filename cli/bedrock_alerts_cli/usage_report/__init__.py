"""Who spent what: the report that a log, or a deployed stack, adds up to."""
