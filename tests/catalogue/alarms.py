"""The catalogue as it stands in the template, ready to be simulated."""

from functools import cache
from pathlib import Path
from typing import Final

from bedrock_alerts_cli.simulator import Alarm, Datapoint, MetricAlarm, read_alarms
from tests import records
from tests.catalogue.traffic import INCIDENT, MINUTE, every

TEMPLATE: Final = Path(__file__).resolve().parents[2] / "template.yaml"
STACK: Final = "bedrock-alerts"
SOURCES: Final[dict[str, dict[str, str]]] = {
    "log group": {},
    "bucket": {"InvocationLogBucketName": "example-logs"},
    "stream": {"InvocationLogStreamArn": "arn:aws:kinesis:eu-west-1:111122223333:stream/example"},
}


@cache
def alarms(source: str) -> dict[str, Alarm]:
    """Return the alarms of a stack that reads the log from there, by their short names."""
    parameters = {
        "AlarmSet": "all",
        "TokenQuota": f"{records.HAIKU}=100000",
        "SlackBotSecretArn": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:bot-AbCdEf",
        "SlackChannelId": "C0123456789",
        "SlackButtons": "true",
        **SOURCES[source],
    }
    found = read_alarms(TEMPLATE, parameters, STACK)
    return {alarm.name.removeprefix(f"{STACK}."): alarm for alarm in found}


def source_of(name: str) -> str:
    """Return the first source of the log with which an alarm exists."""
    return next(source for source in SOURCES if name in alarms(source))


def names() -> tuple[str, ...]:
    """Return the names of all alarms there are with one source or another."""
    return tuple(dict.fromkeys(name for source in SOURCES for name in alarms(source)))


def shown_to(name: str, *values: float, at: int = INCIDENT, lasting: int = 1) -> list[Datapoint]:
    """Return values of the only metric of an alarm, whatever CloudFormation names what it is of."""
    alarm = alarms(source_of(name))[name]
    assert isinstance(alarm, MetricAlarm)
    (part,) = (item.id for item in alarm.items if item.signal is not None)
    return shown_part(name, part, *values, at=at, lasting=lasting)


def shown_part(
    name: str, part: str, *values: float, at: int = INCIDENT, lasting: int = 1
) -> list[Datapoint]:
    """Return values of one of the metrics that an alarm adds up, by its id."""
    alarm = alarms(source_of(name))[name]
    assert isinstance(alarm, MetricAlarm)
    (signal,) = (item.signal for item in alarm.items if item.id == part)
    assert signal is not None
    return [
        Datapoint(
            namespace=signal.namespace,
            metric=signal.metric,
            minute=minute,
            dimensions=signal.dimensions,
            values=values,
        )
        for minute in every(MINUTE, at, at + lasting * MINUTE)
    ]
