"""What holds for every alarm of the catalogue, by its place in the template."""

import re
import typing
from pathlib import Path
from typing import Any, Final

import pytest

from bedrock_alerts.alerts.describe import split_description
from bedrock_alerts.alerts.model import Severity
from bedrock_alerts.limits import ALARM_DESCRIPTION_CHARS
from bedrock_alerts_cli import template as cfn
from bedrock_alerts_cli.maintain.documents.alarm_files import AlarmFile, read_catalogue
from bedrock_alerts_cli.template.stack import Stack

ROOT = Path(__file__).resolve().parents[2]
DAY: Final = 24 * 3600
KINDS: Final = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
OTHERS: Final = {
    "MonthlyBudget": "MonthlyBudget",
    "TamperLoggingRule": "TamperLogging",
    "TamperGuardrailRule": "TamperGuardrail",
}
# With these, and the parameters below, every alarm of the catalogue exists.
EVERYTHING: Final = {
    "MonthlyBudgetUsd": "1000",
    "AlarmSet": "all",
    "SlackBotSecretArn": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:bot-AbCdEf",
    "SlackChannelId": "C0123456789",
    "SlackButtons": "true",
    "TokenQuota": "amazon.nova-lite-v1:0=100000",
    "Team": "Chat",
    "RunbookBaseUrl": "https://wiki.example.com" + "/bedrock-alerts" * 12,
}
SOURCES: Final[tuple[dict[str, str], ...]] = (
    {},
    {"InvocationLogBucketName": "example-logs"},
    {"InvocationLogStreamArn": "arn:aws:kinesis:eu-west-1:111122223333:stream/example"},
)
TEMPLATE: Final = cfn.load(ROOT / "template.yaml")
NOT_TUNING: Final = {"MetricsNamespace", "InvocationLogGroupName"}
ALARMS: Final = {
    name: resource for name, resource in TEMPLATE["Resources"].items() if resource["Type"] in KINDS
}
NAMES: Final = sorted({name.removesuffix("Alarm") for name in ALARMS} | set(OTHERS.values()))


def test_the_list_of_alarms_to_leave_out_takes_the_names_of_all_and_no_others(
    template: dict[str, Any],
) -> None:
    pattern = template["Parameters"]["AlarmsOff"]["AllowedPattern"]
    for name in NAMES:
        assert re.fullmatch(pattern, name)
    assert re.fullmatch(pattern, ",".join(NAMES))
    assert re.fullmatch(pattern, "")
    for text in ("Throttle", "throttling", "Throttling,", ",Throttling", "Throttling, Latency"):
        assert not re.fullmatch(pattern, text)
    listed = re.findall(r"[A-Z][A-Za-z0-9]+", pattern)
    assert sorted(listed) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_an_alarm_is_left_out_by_its_name_and_no_other_is(name: str) -> None:
    for source in SOURCES:
        everything = catalogue(stack({**EVERYTHING, **source}))
        rest = catalogue(stack({**EVERYTHING, **source, "AlarmsOff": name}))
        assert rest == everything - {name}


def stack(parameters: dict[str, str] | None = None) -> Stack:
    return Stack(TEMPLATE, parameters)


def catalogue(deployed: Stack) -> set[str]:
    """Return the names of the alarms that a stack has, the budget and the rules among them."""
    made = {resource.removesuffix("Alarm") for resource in ALARMS if deployed.has(resource)}
    return made | {name for resource, name in OTHERS.items() if deployed.has(resource)}


def test_every_alarm_exists_for_some_source_of_the_log() -> None:
    found: set[str] = set()
    for source in SOURCES:
        found |= catalogue(stack({**EVERYTHING, **source}))
    assert sorted(found) == NAMES


ALL: Final = {"AlarmSet": "all"}


def test_the_set_decides_which_alarms_there_are() -> None:
    files = {alarm.name: alarm for alarm in read_catalogue(ROOT / "alarms")}
    assert set(files) == set(NAMES)
    found: set[str] = set()
    for source in SOURCES:
        found |= catalogue(stack({**EVERYTHING, **source, "AlarmSet": "essential"}))
    assert found == {name for name, alarm in files.items() if alarm.set == "essential"}


def test_by_default_the_essential_alarms_are_on_that_need_no_number_of_yours() -> None:
    assert catalogue(stack({"AlertEmail": "oncall@example.com"})) == {
        "AccessDenied",
        "GuardrailBypass",
        "GuardrailServiceErrors",
        "LegacyModels",
        "LogSilence",
        "NotifierAlertsDeadLetters",
        "NotifierDeliveriesDeadLetters",
        "NotifierHeartbeat",
        "PipelineErrors",
        "PipelineRejected",
        "PromptAttack",
        "RepeatOffender",
        "ServerErrors",
        "SpendDay100",
        "SpendHour",
        "TamperGuardrail",
        "TamperLogging",
        "Throttling",
    }


def test_a_stack_that_reads_a_bucket_has_no_alarm_on_batches_that_it_never_hands_on() -> None:
    of_batches = {"PipelineDrops", "PipelineLostBatches", "PipelineFailedBatches"}
    log_group, bucket, stream = (catalogue(stack({**ALL, **source})) for source in SOURCES)
    assert of_batches <= log_group
    assert of_batches & bucket == set()
    assert of_batches & stream == {"PipelineLostBatches", "PipelineFailedBatches"}


def test_an_alarm_that_fills_minutes_lets_one_be_missing() -> None:
    # The latest minute is often not there yet; filled, it would keep all of N from being reached.
    found = []
    for source in SOURCES:
        for name, alarm in stack({**EVERYTHING, **source}).resources(KINDS[0]).items():
            periods = {
                item.get("MetricStat", {}).get("Period") for item in alarm.get("Metrics", [])
            }
            text = " ".join(item.get("Expression", "") for item in alarm.get("Metrics", []))
            if 60 in periods and "FILL(" in text:
                found.append(name)
                assert alarm["DatapointsToAlarm"] < alarm["EvaluationPeriods"], name
    assert found


def test_the_alarm_by_caller_needs_metrics_by_caller() -> None:
    assert "RepeatOffender" not in catalogue(stack({"PrincipalMetrics": "none"}))


def test_the_composite_alarm_needs_parts_and_names_those_there_are() -> None:
    parts = ["Throttling", "ClientErrors", "ServerErrors", "Latency"]
    none = stack({**ALL, "AlarmsOff": ",".join(parts)})
    assert "BedrockDegraded" not in catalogue(none)
    one = stack({**ALL, "AlarmsOff": ",".join(parts[1:])})
    composite = one.resources(KINDS[1])["BedrockDegradedAlarm"]
    assert composite["AlarmRule"] == 'ALARM("bedrock-alerts.Throttling")'
    assert "ActionsSuppressor" not in composite


@pytest.mark.parametrize("resource", sorted(ALARMS))
def test_an_alarm_says_what_happened_how_bad_it_is_and_where_to_read_on(resource: str) -> None:
    name = resource.removesuffix("Alarm")
    properties = stack(EVERYTHING).value(ALARMS[resource]["Properties"])
    # The dot is what the rule knows the alarms of this stack by.
    assert properties["AlarmName"] == f"bedrock-alerts.{name}"
    text = properties["AlarmDescription"]
    assert len(text) <= ALARM_DESCRIPTION_CHARS
    summary, trailers = split_description(text)
    assert summary.endswith(".")
    assert trailers["severity"] in typing.get_args(Severity)
    assert trailers["team"] == "Chat"
    assert trailers["runbook"] == f"{EVERYTHING['RunbookBaseUrl']}/{name}.md"
    plain = stack().value(ALARMS[resource]["Properties"]["AlarmDescription"])
    assert set(split_description(plain)[1]) == {"severity"}


@pytest.mark.parametrize("resource", sorted(ALARMS))
def test_what_is_told_straight_is_what_watches_this_tool(resource: str) -> None:
    properties = ALARMS[resource]["Properties"]
    is_about_us = resource.startswith(("Pipeline", "Notifier"))
    for actions in ("AlarmActions", "OKActions"):
        assert properties.get(actions) == ([{"Ref": "EmailTopic"}] if is_about_us else None)


@pytest.mark.parametrize("resource", sorted(ALARMS.keys() - {"BedrockDegradedAlarm"}))
def test_an_alarm_keeps_to_what_cloudwatch_takes(resource: str) -> None:
    properties = stack().value(ALARMS[resource]["Properties"])
    items = properties.get("Metrics", [])
    looked_at = [properties, *items, *(item.get("MetricStat", {}) for item in items)]
    (period,) = {int(part["Period"]) for part in looked_at if "Period" in part}
    n = int(properties["EvaluationPeriods"])
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    assert period * n <= (DAY if period < 3600 else 7 * DAY)
    assert 1 <= int(properties.get("DatapointsToAlarm", n)) <= n
    missing = "breaching" if resource == "NotifierHeartbeatAlarm" else "notBreaching"
    assert properties["TreatMissingData"] == missing
    if items:
        expressions = [item for item in items if "Expression" in item]
        assert len(items) - len(expressions) <= 10
        assert len(expressions) <= 10
        returned = [item["Id"] for item in items if item["ReturnData"]]
        assert len(returned) == (2 if "ThresholdMetricId" in properties else 1)
        # Messages show the first: it has to be the one that is judged.
        assert items[0]["ReturnData"]
        assert items[0]["Label"]
        assert "SEARCH" not in str(items)
        assert sum(item["Expression"].startswith("SELECT") for item in expressions) <= 1


def test_an_anomaly_alarm_and_its_detector_look_at_the_same(resources: dict[str, Any]) -> None:
    detectors = {
        name: resource["Properties"]["MetricMathAnomalyDetector"]["MetricDataQueries"]
        for name, resource in resources.items()
        if resource["Type"] == "AWS::CloudWatch::AnomalyDetector"
    }
    alarms = {
        name.removesuffix("Alarm") + "Detector": alarm["Properties"]
        for name, alarm in ALARMS.items()
        if "ThresholdMetricId" in alarm["Properties"]
    }
    assert detectors.keys() == alarms.keys()
    for name, queries in detectors.items():
        *watched, band = alarms[name]["Metrics"]
        assert watched == queries
        assert band["Id"] == alarms[name]["ThresholdMetricId"]
        assert (
            resources[name]["Condition"]
            == resources[name.replace("Detector", "Alarm")]["Condition"]
        )


@pytest.mark.parametrize("alarm", read_catalogue(ROOT / "alarms"), ids=lambda one: one.name)
def test_a_file_of_the_catalogue_names_the_parameters_that_tune_its_alarm(
    alarm: AlarmFile, template: dict[str, Any]
) -> None:
    used = set(cfn.references(dict(alarm.resource))) & set(template["Parameters"])
    assert used - NOT_TUNING == set(alarm.parameters) - {"MonthlyBudgetUsd"} | (
        {"MonthlyBudgetUsd"} & used
    )
    for definition in alarm.parameters.values():
        assert (
            definition is None or alarm.name in definition["Description"] or alarm.kind == "budget"
        )


def test_there_are_few_enough_parameters_to_read(template: dict[str, Any]) -> None:
    assert len(template["Parameters"]) <= 46
