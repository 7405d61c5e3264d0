"""Reading the bodies that records refer to: never worth waiting for, unlike a log object."""

from typing import Final

import boto3
from botocore.config import Config

from bedrock_alerts.adapters.s3 import ObjectReader

# One attempt: a body that cannot be had is counted, and the batch must not wait for it.
_CONFIG: Final = Config(
    connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 1}
)


def body_reader() -> ObjectReader:
    """Return a reader of objects that gives up soon."""
    return ObjectReader(boto3.client("s3", config=_CONFIG))
