"""AWS list prices for the stack's resources: us-east-1, US dollars, before any free tier.

Renew them by hand from the pages named here, and `DATED` with them. Prices of model calls are
elsewhere (`bedrock_alerts/invocations/prices.json`): they are not costs of the stack.
"""

from typing import Final, NamedTuple

DATED: Final = "2026-11-23"
REGION: Final = "us-east-1"
HOURS_A_MONTH: Final = 730

_CLOUDWATCH: Final = "https://aws.amazon.com/cloudwatch/pricing/"
_LAMBDA: Final = "https://aws.amazon.com/lambda/pricing/"


class Rate(NamedTuple):
    """Dollars for one `unit`; `free` units a month are in the always-free tier."""

    usd: float
    unit: str
    source: str
    free: float = 0


class Tier(NamedTuple):
    """Dollars for each unit up to `up_to` units a month."""

    up_to: float
    usd: float


# Each custom metric is charged for the hours in which it has data.
METRIC_TIERS: Final = (
    Tier(10_000, 0.30),
    Tier(250_000, 0.10),
    Tier(1_000_000, 0.05),
    Tier(float("inf"), 0.02),
)
METRIC: Final = Rate(0.30, "metric and month", _CLOUDWATCH, free=10)

RATES: Final = {
    # An alarm is charged for each of its metrics: an anomaly band counts as two more.
    "alarm_metric": Rate(0.10, "metric of an alarm and month", _CLOUDWATCH, free=10),
    "alarm_metric_high_resolution": Rate(0.30, "metric of an alarm and month", _CLOUDWATCH),
    "alarm_composite": Rate(0.50, "composite alarm and month", _CLOUDWATCH),
    "dashboard": Rate(3.00, "dashboard and month", _CLOUDWATCH, free=3),
    "log_ingestion": Rate(0.50, "GB", _CLOUDWATCH, free=5),
    # Compressed; the free 5 GB are shared with ingestion, and counted there.
    "log_storage": Rate(0.03, "GB and month", _CLOUDWATCH),
    "lambda_request": Rate(0.20e-6, "request", _LAMBDA, free=1_000_000),
    "lambda_gb_second_arm64": Rate(0.0000133334, "GB-second", _LAMBDA, free=400_000),
    "lambda_gb_second_x86_64": Rate(0.0000166667, "GB-second", _LAMBDA, free=400_000),
    "sqs_request": Rate(0.40e-6, "request", "https://aws.amazon.com/sqs/pricing/", free=1_000_000),
    "sns_request": Rate(0.50e-6, "request", "https://aws.amazon.com/sns/pricing/", free=1_000_000),
    "sns_email": Rate(2.00 / 100_000, "email", "https://aws.amazon.com/sns/pricing/", free=1_000),
    "secret": Rate(0.40, "secret and month", "https://aws.amazon.com/secrets-manager/pricing/"),
    "secret_request": Rate(
        0.05 / 10_000, "request", "https://aws.amazon.com/secrets-manager/pricing/"
    ),
    "dynamodb_write": Rate(0.625e-6, "write", "https://aws.amazon.com/dynamodb/pricing/on-demand/"),
    "dynamodb_read": Rate(0.125e-6, "read", "https://aws.amazon.com/dynamodb/pricing/on-demand/"),
    "schedule": Rate(
        1.00e-6, "invocation", "https://aws.amazon.com/eventbridge/pricing/", free=14_000_000
    ),
    # Events of AWS services are free, but S3's are optional and charged.
    "s3_event": Rate(1.00e-6, "event", "https://aws.amazon.com/eventbridge/pricing/"),
    "s3_get": Rate(0.40e-6, "GET", "https://aws.amazon.com/s3/pricing/"),
    # Budgets without actions, and the subscription of a log group, are free.
    "budget": Rate(
        0.0, "budget", "https://aws.amazon.com/aws-cost-management/aws-budgets/pricing/"
    ),
}
