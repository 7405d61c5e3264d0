"""The metrics of AWS that alarms may rely on, each with the page that says so.

An alarm on a metric that does not exist is green for ever. So a metric stands here with its exact
dimensions, or no alarm may watch it. Values of dimensions that are ours (a function's name) are
not part of it; values that AWS gives are.
"""

from typing import Final, NamedTuple

DOCS: Final = "https://docs.aws.amazon.com"
_BEDROCK: Final = f"{DOCS}/bedrock/latest/userguide/monitoring-runtime-metrics.html"
_GUARDRAILS: Final = f"{DOCS}/bedrock/latest/userguide/monitoring-guardrails-cw-metrics.html"
_MANTLE: Final = f"{DOCS}/bedrock/latest/userguide/monitoring-mantle-metrics.html"
_LAMBDA: Final = f"{DOCS}/lambda/latest/dg/monitoring-metrics-types.html"
_LOGS: Final = (
    f"{DOCS}/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html"
)
_SQS: Final = (
    f"{DOCS}/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html"
)
_S3: Final = f"{DOCS}/AmazonS3/latest/userguide/metrics-dimensions.html"
# The guide names the group "Across all model IDs" beside ModelId, and the metrics of log delivery
# are only there. That all runtime metrics are, is what the console shows and what AWS's own
# constructs read (awslabs/generative-ai-cdk-constructs, bedrock-cw-dashboard). The alarm
# NativeSilence tells where it is otherwise.
_ACROSS_MODELS: Final = f"{_BEDROCK} (Across all model IDs)"


class Documented(NamedTuple):
    """Where a metric is documented, by which dimensions, and what there is to know of it."""

    source: str
    dimensions: frozenset[str] = frozenset()
    values: tuple[tuple[str, str], ...] = ()
    doubt: str = ""


def _by(source: str, *dimensions: str, **values: str) -> Documented:
    return Documented(source, frozenset(dimensions) | frozenset(values), tuple(values.items()))


DOCUMENTED: Final[dict[tuple[str, str], Documented]] = {
    ("AWS/Bedrock", "Invocations"): _by(_ACROSS_MODELS),
    ("AWS/Bedrock", "InvocationClientErrors"): _by(_ACROSS_MODELS),
    ("AWS/Bedrock", "InvocationServerErrors"): _by(_ACROSS_MODELS),
    ("AWS/Bedrock", "InvocationThrottles"): _by(_ACROSS_MODELS),
    ("AWS/Bedrock", "InvocationLatency"): _by(_ACROSS_MODELS),
    ("AWS/Bedrock", "LegacyModelInvocations"): _by(_ACROSS_MODELS),
    ("AWS/Bedrock", "EstimatedTPMQuotaUsage"): _by(_BEDROCK, "ModelId"),
    ("AWS/Bedrock", "ModelInvocationLogsCloudWatchDeliveryFailure"): _by(_ACROSS_MODELS),
    ("AWS/Bedrock", "ModelInvocationLogsS3DeliveryFailure"): _by(_ACROSS_MODELS),
    ("AWS/Bedrock", "ContentFilteredCount"): Documented(
        "course notes and one vendor's list",
        doubt="in no table of AWS: the alarm says so, is informational, and nothing depends on it",
    ),
    ("AWS/Bedrock/Guardrails", "InvocationsIntervened"): _by(
        _GUARDRAILS, Operation="ApplyGuardrail"
    ),
    ("AWS/Bedrock/Guardrails", "InvocationThrottles"): _by(_GUARDRAILS, Operation="ApplyGuardrail"),
    ("AWS/Bedrock/Guardrails", "InvocationServerErrors"): _by(
        _GUARDRAILS, Operation="ApplyGuardrail"
    ),
    ("AWS/BedrockMantle", "Inferences"): _by(_MANTLE),
    ("AWS/Lambda", "Errors"): _by(_LAMBDA, "FunctionName"),
    ("AWS/Lambda", "Throttles"): _by(_LAMBDA, "FunctionName"),
    ("AWS/Lambda", "AsyncEventsDropped"): _by(_LAMBDA, "FunctionName"),
    ("AWS/Lambda", "DestinationDeliveryFailures"): _by(_LAMBDA, "FunctionName"),
    ("AWS/Lambda", "IteratorAge"): _by(_LAMBDA, "FunctionName"),
    ("AWS/Logs", "ForwardedLogEvents"): _by(
        _LOGS, "LogGroupName", "FilterName", DestinationType="Lambda"
    ),
    ("AWS/Logs", "DeliveryErrors"): _by(
        _LOGS, "LogGroupName", "FilterName", DestinationType="Lambda"
    ),
    ("AWS/Logs", "EMFParsingErrors"): _by(_LOGS, "LogGroupName"),
    ("AWS/Logs", "EMFValidationErrors"): _by(_LOGS, "LogGroupName"),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): _by(_SQS, "QueueName"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): _by(_SQS, "QueueName"),
    ("AWS/S3", "NumberOfObjects"): _by(_S3, "BucketName", StorageType="AllStorageTypes"),
}
