"""What to do about an alarm of the catalogue, most useful first; read at three in the morning.

Known by the end of an alarm's name: `bedrock-alerts.Throttling` is `Throttling`.
"""

from collections.abc import Mapping
from typing import Final

_REDRIVE: Final = "Once mended, send them again from there: SQS console, Start DLQ redrive."
_SEE_ERRORS: Final = (
    "Read the function's log for the kind of error; the message itself is not in it."
)
_TRACE: Final = (
    'Converse: set guardrailConfig.trace to "enabled" in the request.',
    "InvokeModel: send the header X-Amzn-Bedrock-Trace: ENABLED.",
    "Until then the log cannot say which policy acted.",
)
_SPEND: Final = (
    "See who spends it: the dashboard, or the event lines (EventLines=all has every call).",
    "If it is one caller, take its role's permission for bedrock:InvokeModel until it is mended.",
    "If it is meant to be so, raise the budget's parameter of the stack.",
)
_QUOTA: Final = (
    "Service Quotas, Amazon Bedrock: the model's tokens or requests per minute. Ask for more.",
    "A cross-Region inference profile (us., eu., global.) of the model has quotas of its own.",
    "max_tokens counts against the quota up front: lower it where answers are short.",
)
_INTERVENED: Final = (
    "See below who, which guardrail and which policy.",
    "If the calls were fine, lower the strength of that filter in the guardrail.",
    "If they were not, talk to the owner of the caller.",
)
_SILENCE: Final = (
    "Bedrock console, Settings: is invocation logging on, to the log that the stack reads?",
    "CloudWatch Logs: does that log group still have the subscription of the stack?",
    "CloudTrail: who called Put- or DeleteModelInvocationLoggingConfiguration?",
)

NEXT_STEPS: Final[Mapping[str, tuple[str, ...]]] = {
    # guardrails
    "ContentFiltered": _INTERVENED,
    "ContentFilteredNative": _INTERVENED,
    "GuardrailIntervenedNative": (
        "If ContentFiltered is quiet, these were ApplyGuardrail calls, which no log shows.",
        "The metric's dimension GuardrailArn says which guardrail it was.",
    ),
    "PromptAttack": (
        "See below who it was. One caller is somebody trying, many are a pattern in the traffic.",
        "The calls were blocked: nothing got through. Ask the application's owner for its users.",
        "If it is a false alarm, lower the strength of the prompt attack filter.",
    ),
    "SensitiveData": (
        "See below which application sends personal data to models, and which kind of data.",
        "Masked data did not reach anybody; blocked calls failed for their callers.",
    ),
    "InterventionRate": _INTERVENED,
    "RepeatOffender": (
        "Ask the owner of this caller what it does; an application in a retry loop looks the same.",
        "To stop it now, deny bedrock:InvokeModel to its role.",
    ),
    "UnexplainedInterventions": _TRACE,
    "GuardrailBypass": (
        "See on the dashboard which model is called without a guardrail, and by whom.",
        "An IAM condition on bedrock:GuardrailIdentifier makes a guardrail compulsory.",
    ),
    # calls
    "Throttling": _QUOTA,
    "TokenQuota": _QUOTA,
    "ClientErrors": (
        "See below which error and which caller.",
        "ValidationException: a bad request. One caller: what did it deploy last?",
        "ResourceNotFoundException: a model that was retired, or is not enabled here.",
    ),
    "ServerErrors": (
        "AWS Health Dashboard: is Bedrock in trouble in this Region?",
        "Send calls to another model or Region; a cross-Region profile does so by itself.",
    ),
    "AccessDenied": (
        "See below who it is.",
        "A caller that used to work: CloudTrail says who changed its role or the model's access.",
        "A caller nobody knows: treat its credentials as stolen.",
    ),
    "Latency": (
        "AWS Health Dashboard: is Bedrock in trouble in this Region?",
        "Longer answers take longer: compare the output tokens on the dashboard.",
    ),
    "BedrockDegraded": (
        "The alarms named above say what is wrong: errors first, then throttling, then latency.",
        "AWS Health Dashboard: is Bedrock in trouble in this Region?",
    ),
    # money
    "SpendHour": _SPEND,
    "SpendDay50": _SPEND,
    "SpendDay80": _SPEND,
    "SpendDay100": _SPEND,
    "SpendAnomaly": _SPEND,
    "UnpricedInvocations": (
        "Run `make prices` for the newest list and deploy again.",
        "Or give the model's price yourself in the stack's parameter PriceOverrides.",
        "Until then these calls are missing from every sum of money.",
    ),
    # the log
    "LogDeliveryFailure": (
        "Did a policy change? Bedrock must be allowed to write to its log, and to use its key.",
        "Calls made meanwhile are not logged, and cannot be counted later.",
    ),
    "LogSilence": _SILENCE,
    "NativeSilence": (
        "AWS has stopped publishing metrics of Bedrock here; nothing has to be mended.",
        "Rely on the alarms over the log until it is over.",
    ),
    "MantleTraffic": (
        "Find the caller in CloudTrail: no guardrail result of these calls is ever seen.",
        "If nobody should use that endpoint, deny it by a service control policy.",
    ),
    # the pipeline
    "PipelineErrors": (_SEE_ERRORS, "Batches that failed are kept in the failed batches' bucket."),
    "PipelineThrottles": (
        "The account's concurrent executions are used up: find which function takes them.",
        "Ask for more in Service Quotas, AWS Lambda, or reserve some for the collector.",
    ),
    "PipelineDrops": ("Batches that failed are kept in the failed batches' bucket.", _SEE_ERRORS),
    "PipelineLostBatches": (
        "May the collector's role still write to the failed batches' bucket?",
        "What was lost cannot be counted again; the invocation log itself still has the records.",
    ),
    "PipelineFailedBatches": (
        "The objects in the failed batches' bucket hold prompts: keep them where they are.",
        _SEE_ERRORS,
    ),
    "PipelineDelivery": (
        "Is the collector deleted, held back, or without permission for logs.amazonaws.com?",
        "CloudWatch Logs tries again for some minutes only: be quick.",
    ),
    "PipelineStreamLag": (
        "More calls than the collector can take: give the stream more shards.",
        _SEE_ERRORS,
    ),
    "PipelineObjectsDeadLetters": (_SEE_ERRORS, _REDRIVE),
    "PipelineObjectsAge": (
        "Does the collector run at all? Look at its errors and throttles.",
        "Large objects take long: look at its duration.",
    ),
    "PipelineMetricsRefused": (
        "The function's log has the refused lines; look for names or values that are not allowed.",
    ),
    "PipelineRejected": (
        "`bedrock-alerts inspect` on a piece of the log says which lines, and why.",
        "A new kind of record needs a new version of Bedrock Alerts.",
    ),
    "PipelineConservation": (
        "This is a defect of Bedrock Alerts: report it, with the four sums of that time.",
    ),
    # the notifier
    "NotifierAlertsDeadLetters": (
        _SEE_ERRORS,
        "Until then look at the alarms in the console: some were not told.",
        _REDRIVE,
    ),
    "NotifierDeliveriesDeadLetters": (
        "Is the channel's secret still valid, and does its channel still exist?",
        _REDRIVE,
    ),
    "NotifierAlertsAge": ("Look at the errors and throttles of the function `route`.",),
    "NotifierDeliveriesAge": (
        "A channel is down or refuses messages: the log of `deliver` says which.",
    ),
    "NotifierErrors": (_SEE_ERRORS, "Look at the alarms in the console meanwhile."),
    "NotifierFailed": ("The log of `deliver` says which channel refuses, and why.",),
    "NotifierHeartbeat": (
        "Look at the alarms in the console meanwhile: nobody may be told.",
        "Look at the errors of `route` and `deliver`, and at the age of their queues.",
    ),
}
# For the suffixes whose answer is a quota, the link to it is worth a button.
ABOUT_QUOTAS: Final = frozenset({"Throttling", "TokenQuota"})

NO_DATA: Final = (
    "Whatever publishes this metric has stopped: an alarm without data watches nothing.",
)
ALARM_CHANGED: Final = (
    "CloudTrail says who: look for PutMetricAlarm, DeleteAlarms or DisableAlarmActions.",
)
TAMPERED: Final = (
    "If nobody planned it, put it back as it was, and treat it as an attack until you know better.",
    "CloudTrail says what else the same caller has done.",
)
REFUSED: Final = (
    "Nothing was changed. If nobody planned it, look in CloudTrail what else this caller has done.",
)


def suffix_of(alarm_name: str) -> str:
    """Return what the catalogue calls an alarm: its name without the stack's."""
    return alarm_name.rpartition(".")[2]


def steps_for(alarm_name: str) -> tuple[str, ...]:
    """Return what to do about an alarm, nothing where it is none of the catalogue's."""
    return NEXT_STEPS.get(suffix_of(alarm_name), ())
