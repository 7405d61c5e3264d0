"""Structured logs, created when a function starts and never at import."""

from aws_lambda_powertools import Logger


def make_logger(service: str) -> Logger:
    """Return a JSON logger. Log ids, counts and reasons: never a raw event, a secret or a URL."""
    return Logger(service=service, log_uncaught_exceptions=False, utc=True)
