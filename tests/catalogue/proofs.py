"""For every alarm of the catalogue: what makes it fire and recover, and what only comes close.

Each story is told on top of the same two ordinary days. What our own metrics show is counted from
records by the real pipeline; what AWS measures is given as AWS documents it.
"""

import random
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from bedrock_alerts_cli.simulator import Datapoint
from tests import records
from tests.catalogue.alarms import shown_part, shown_to
from tests.catalogue.traffic import (
    BEDROCK,
    END,
    HOUR,
    INCIDENT,
    MINUTE,
    NAMESPACE,
    Record,
    Story,
    adding,
    chat,
    counted,
    every,
    native,
    without,
)

GUARDRAILS: Final = "AWS/Bedrock/Guardrails"
LAMBDA: Final = "AWS/Lambda"
SQS: Final = "AWS/SQS"
LOGS: Final = "AWS/Logs"
COLLECT_LOGS: Final = "bedrock-alerts-collect-logs"
OTHER_CALLER: Final = "arn:aws:sts::111122223333:assumed-role/night-batch/run"


class Proof(NamedTuple):
    """What makes an alarm fire (and then stops), and what is close to it and leaves it quiet."""

    fires: Story
    near_miss: Story = adding()


# ---- ways to tell what happened ------------------------------------------------------------------


def calls(*made: Record, at: int = INCIDENT, apart: int = 10) -> list[Datapoint]:
    """Return what the collector counts of these calls, so many seconds apart."""
    return counted((at + number * apart, call) for number, call in enumerate(made))


def blocked(number: int, *parts: Record, **more: Any) -> list[Record]:
    """Return calls that a guardrail blocked, for insults unless something else is given."""
    chance = random.Random(number)  # noqa: S311 - repeatable, not secret
    found = parts or (records.content("BLOCKED", kind="INSULTS"),)
    return [chat(chance, *found, stop="guardrail_intervened", **more) for _ in range(number)]


def attacks(number: int) -> list[Record]:
    return blocked(number, records.content("BLOCKED", kind="PROMPT_ATTACK"))


def unguarded(number: int) -> list[Record]:
    return [records.converse(tokens=(900 + n, 220)) for n in range(number)]


def costly(dollars: float) -> list[Record]:
    """Return calls that cost about so much: a million output tokens are 5.50 dollars."""
    millions = round(dollars / 5.5)
    return [records.converse(tokens=(n, 1_000_000), trace=CLEAN) for n in range(millions)]


CLEAN: Final = records.converse_trace(records.assessment(records.invocation_metrics()))
FOREIGN: Final = '{"schemaType": "SomethingElse"}'
DETECTED: Final = records.converse_trace(records.topic("NONE", detected=True))


def minutes(
    metric: str,
    *values: float,
    namespace: str = BEDROCK,
    at: int = INCIDENT,
    lasting: int = 1,
    **dimensions: str,
) -> list[Datapoint]:
    """Return the same values of a metric for some minutes."""
    return [
        native(metric, minute, *values, namespace=namespace, **dimensions)
        for minute in every(MINUTE, at, at + lasting * MINUTE)
    ]


def failed_calls(metric: str, share: float, lasting: int) -> Iterable[Datapoint]:
    """Return so many failed calls as make `share` of about seven calls a minute."""
    number = round(7 * share / (1 - share))
    return minutes(metric, *[1.0] * number, lasting=lasting)


def guardrail_failures(metric: str, number: int) -> Iterable[Datapoint]:
    """Return so many evaluations of a guardrail that failed within a minute."""
    return minutes(metric, *[1.0] * number, namespace=GUARDRAILS, Operation="ApplyGuardrail")


def both(*stories: Story) -> Story:
    def told(points: list[Datapoint]) -> list[Datapoint]:
        for story in stories:
            points = story(points)
        return points

    return told


def of_function(metric: str, function: str = COLLECT_LOGS) -> Proof:
    """Prove an alarm on one failing run of a function."""
    return Proof(adding(minutes(metric, 1.0, namespace=LAMBDA, FunctionName=function)))


def waiting(queue: str) -> Proof:
    """Prove an alarm on one message in a dead-letter queue, until it is taken out."""
    return Proof(
        adding(
            minutes(
                "ApproximateNumberOfMessagesVisible",
                1.0,
                namespace=SQS,
                lasting=30,
                QueueName=f"bedrock-alerts-{queue}-dlq",
            )
        )
    )


def late(queue: str) -> Proof:
    """Prove an alarm on the age of the oldest message."""

    def oldest(seconds: float) -> Story:
        return adding(
            minutes(
                "ApproximateAgeOfOldestMessage",
                seconds,
                namespace=SQS,
                lasting=10,
                QueueName=f"bedrock-alerts-{queue}",
            )
        )

    return Proof(oldest(1000), oldest(800))


def spent(dollars: float, almost: float) -> Proof:
    """Prove an alarm on money: ordinary calls are about 25 dollars a day, one an hour."""
    return Proof(adding(calls(*costly(dollars), apart=1)), adding(calls(*costly(almost), apart=1)))


# ---- the proofs ----------------------------------------------------------------------------------

PROOFS: Final[dict[str, Proof]] = {
    # guardrails
    "ContentFiltered": Proof(
        adding(calls(*blocked(2))),
        adding(calls(records.converse(trace=DETECTED))),
    ),
    "ContentFilteredNative": Proof(adding(minutes("ContentFilteredCount", 1.0))),
    "GuardrailIntervenedNative": Proof(
        adding(
            minutes(
                "InvocationsIntervened",
                *[1.0] * 6,
                namespace=GUARDRAILS,
                Operation="ApplyGuardrail",
            )
        ),
        adding(
            minutes(
                "InvocationsIntervened", 1.0, 1.0, namespace=GUARDRAILS, Operation="ApplyGuardrail"
            )
        ),
    ),
    "PromptAttack": Proof(adding(calls(*attacks(4))), adding(calls(*attacks(2), *blocked(4)))),
    "SensitiveData": Proof(
        adding(
            *(
                calls(*blocked(40, records.pii("BLOCKED")), at=at, apart=1)
                for at in every(5 * MINUTE, INCIDENT, INCIDENT + 20 * MINUTE)
            )
        ),
        adding(calls(*blocked(6, records.pii("BLOCKED")))),
    ),
    "InterventionRate": Proof(
        adding(
            *(
                calls(*blocked(8), at=at)
                for at in every(5 * MINUTE, INCIDENT, INCIDENT + 20 * MINUTE)
            )
        ),
        adding(
            *(
                calls(*blocked(1), at=at)
                for at in every(5 * MINUTE, INCIDENT, INCIDENT + 20 * MINUTE)
            )
        ),
    ),
    "RepeatOffender": Proof(
        # Another caller's stray block, hours later, shows that the alarm is back to OK.
        adding(
            calls(*blocked(6), apart=300),
            calls(*blocked(1, identity={"arn": OTHER_CALLER}), at=INCIDENT + 90 * MINUTE),
        ),
        adding(calls(*blocked(5), apart=300), calls(*blocked(4, identity={"arn": OTHER_CALLER}))),
    ),
    "UnexplainedInterventions": Proof(
        adding(calls(records.converse(stop="guardrail_intervened"))),
        adding(calls(*blocked(3))),
    ),
    "GuardrailBypass": Proof(
        adding(
            *(
                calls(*unguarded(80), at=at, apart=9)
                for at in every(15 * MINUTE, INCIDENT, INCIDENT + 60 * MINUTE)
            )
        ),
        adding(calls(*unguarded(8), apart=60)),
    ),
    "GuardrailServiceErrors": Proof(
        adding(guardrail_failures("InvocationThrottles", 3)),
        adding(guardrail_failures("InvocationServerErrors", 2)),
    ),
    # calls
    "LegacyModels": Proof(adding(minutes("LegacyModelInvocations", 1.0))),
    "TrafficCollapse": Proof(
        without(INCIDENT, INCIDENT + 90 * MINUTE, namespace=BEDROCK, metric="Invocations"),
        without(INCIDENT, INCIDENT + 20 * MINUTE, namespace=BEDROCK, metric="Invocations"),
    ),
    "Throttling": Proof(
        adding(minutes("InvocationThrottles", *[1.0] * 9)),
        # Many for their number of calls, and few as such; many as such, and few for their number.
        both(
            adding(minutes("InvocationThrottles", *[1.0] * 3)),
            adding(
                minutes("InvocationThrottles", *[1.0] * 6, at=INCIDENT + HOUR),
                minutes("Invocations", *[1.0] * 400, at=INCIDENT + HOUR),
            ),
        ),
    ),
    "ClientErrors": Proof(
        adding(failed_calls("InvocationClientErrors", 0.3, 15)),
        # A burst of a minute, and a call that fails every few minutes where there is hardly another.
        both(
            adding(failed_calls("InvocationClientErrors", 0.3, 1)),
            adding(
                *(
                    minutes("InvocationClientErrors", 1.0, at=INCIDENT + HOUR + 240 * number)
                    for number in range(10)
                )
            ),
        ),
    ),
    "ServerErrors": Proof(
        adding(failed_calls("InvocationServerErrors", 0.3, 15)),
        # A burst of a minute, and a call that fails every few minutes where there is hardly another.
        both(
            adding(failed_calls("InvocationServerErrors", 0.2, 1)),
            adding(
                *(
                    minutes("InvocationServerErrors", 1.0, at=INCIDENT + HOUR + 240 * number)
                    for number in range(10)
                )
            ),
        ),
    ),
    "AccessDenied": Proof(
        adding(
            calls(
                *[
                    records.failed("AccessDeniedException", operation=f"Converse{n}")
                    for n in range(4)
                ]
            )
        ),
        adding(
            calls(
                *[
                    records.failed("AccessDeniedException", operation=f"Converse{n}")
                    for n in range(2)
                ]
            )
        ),
    ),
    "Latency": Proof(
        adding(minutes("InvocationLatency", *[14_000.0] * 4, lasting=30)),
        adding(minutes("InvocationLatency", *[4_500.0] * 4, lasting=30)),
    ),
    "TokenQuota": Proof(
        adding(minutes("EstimatedTPMQuotaUsage", 80_000.0, lasting=5, ModelId=records.HAIKU)),
        adding(minutes("EstimatedTPMQuotaUsage", 60_000.0, lasting=5, ModelId=records.HAIKU)),
    ),
    "BedrockDegraded": Proof(
        adding(failed_calls("InvocationServerErrors", 0.3, 15)),
        adding(failed_calls("InvocationServerErrors", 0.2, 1)),
    ),
    # money
    "SpendHour": spent(30, 11),
    "SpendDay50": spent(40, 11),
    "SpendDay80": spent(70, 40),
    "SpendDay100": spent(100, 60),
    "SpendAnomaly": spent(11, 0),
    "UnpricedInvocations": Proof(
        adding(calls(records.converse(model="example.unheard-of-v1:0", trace=CLEAN))),
        # Reading offers no price, and costs nothing where nothing was answered.
        adding(
            calls(
                records.converse(model="eu.anthropic.claude-haiku-4-5-20251001-v1:0", trace=CLEAN)
            )
        ),
    ),
    # seeing
    "LogDeliveryFailure": Proof(
        adding(minutes("ModelInvocationLogsCloudWatchDeliveryFailure", 1.0))
    ),
    "LogSilence": Proof(
        without(INCIDENT, INCIDENT + 30 * MINUTE, namespace=NAMESPACE),
        without(INCIDENT, INCIDENT + 10 * MINUTE, namespace=NAMESPACE),
    ),
    "NativeSilence": Proof(
        without(INCIDENT, INCIDENT + 5 * HOUR, namespace=BEDROCK),
        without(INCIDENT, INCIDENT + 2 * HOUR, namespace=BEDROCK),
    ),
    "MantleTraffic": Proof(adding(minutes("Inferences", 2.0, namespace="AWS/BedrockMantle"))),
    # the collector
    "PipelineErrors": of_function("Errors"),
    "PipelineThrottles": of_function("Throttles"),
    "PipelineDrops": of_function("AsyncEventsDropped"),
    "PipelineLostBatches": of_function("DestinationDeliveryFailures"),
    "PipelineFailedBatches": Proof(
        # S3 counts once a day; the next day the bucket is empty again.
        adding(
            shown_to("PipelineFailedBatches", 2.0),
            shown_to("PipelineFailedBatches", 0.0, at=END - HOUR),
        ),
        adding(shown_to("PipelineFailedBatches", 0.0)),
    ),
    "PipelineDelivery": Proof(adding(shown_to("PipelineDelivery", 1.0))),
    "PipelineStreamLag": Proof(
        adding(
            minutes(
                "IteratorAge",
                1_000_000.0,
                namespace=LAMBDA,
                lasting=10,
                FunctionName="bedrock-alerts-collect-stream",
            )
        ),
        adding(
            minutes(
                "IteratorAge",
                1_000_000.0,
                namespace=LAMBDA,
                lasting=4,
                FunctionName="bedrock-alerts-collect-stream",
            )
        ),
    ),
    "PipelineObjectsDeadLetters": waiting("objects"),
    "PipelineObjectsAge": late("objects"),
    "PipelineMetricsRefused": Proof(
        adding(
            minutes(
                "EMFValidationErrors",
                1.0,
                namespace=LOGS,
                LogGroupName=f"/aws/lambda/{COLLECT_LOGS}",
            )
        )
    ),
    "PipelineRejected": Proof(
        adding(counted((INCIDENT + second, "no JSON") for second in range(4))),
        adding(counted([(INCIDENT, "no JSON")]), calls(*unguarded(120), apart=1)),
    ),
    "PipelineUncounted": Proof(
        # A third of the lines is lost between CloudWatch Logs and our metrics, for some hours.
        adding(shown_part("PipelineUncounted", "forwarded", 20.0, lasting=300)),
        adding(shown_part("PipelineUncounted", "forwarded", 5.0, lasting=300)),
    ),
    "PipelineRecordAge": Proof(
        adding(minutes("RecordAge", 1500.0, namespace=NAMESPACE, lasting=20)),
        adding(minutes("RecordAge", 800.0, namespace=NAMESPACE, lasting=20)),
    ),
    # the notifier
    "NotifierAlertsDeadLetters": waiting("alerts"),
    "NotifierDeliveriesDeadLetters": waiting("deliveries"),
    "NotifierAlertsAge": late("alerts"),
    "NotifierDeliveriesAge": late("deliveries"),
    "NotifierErrors": of_function("Errors", "bedrock-alerts-deliver"),
    "NotifierFailed": Proof(
        adding(minutes("NotificationsFailed", 2.0, namespace=NAMESPACE, lasting=3)),
        adding(minutes("NotificationsFailed", 2.0, namespace=NAMESPACE)),
    ),
    "NotifierButtons": Proof(
        adding(
            minutes("Errors", 1.0, 1.0, 1.0, namespace=LAMBDA, FunctionName="bedrock-alerts-answer")
        ),
        adding(minutes("Errors", 1.0, 1.0, namespace=LAMBDA, FunctionName="bedrock-alerts-answer")),
    ),
    "NotifierHeartbeat": Proof(
        without(INCIDENT, INCIDENT + 30 * MINUTE, namespace=NAMESPACE, metric="Heartbeat"),
        without(INCIDENT, INCIDENT + 10 * MINUTE, namespace=NAMESPACE, metric="Heartbeat"),
    ),
}
