"""What the stack costs a month: measured on a log, or imagined from counts."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from bedrock_alerts.invocations.aggregate import AggregateOptions
from bedrock_alerts.invocations.collector import CollectOptions
from bedrock_alerts.invocations.pricing import Prices
from bedrock_alerts_cli.cost.estimate import POLLS_A_MONTH, estimate, tiered
from bedrock_alerts_cli.cost.rates import RATES
from bedrock_alerts_cli.cost.traffic import Counts, Traffic, of_a_sample, of_counts, options_of
from bedrock_alerts_cli.log_files import Line
from bedrock_alerts_cli.main import main
from bedrock_alerts_cli.template.stack import Stack
from tests.records import content, converse, converse_trace, failed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

PRICES = Prices.load()
BLOCKED = converse(
    requestId="req-0002",
    timestamp="2026-03-02T10:45:00Z",
    stop="guardrail_intervened",
    trace=converse_trace(content(kind="PROMPT_ATTACK")),
)
QUIET = Traffic(
    calls=0,
    batches=0,
    series=0,
    metric_months=0,
    principals=7,
    metric_line_bytes=0,
    event_line_bytes=0,
    bedrock_log_bytes=None,
    span_seconds=None,
)


def stat(name: str) -> dict[str, Any]:
    return {"Id": name, "MetricStat": {"Metric": {"MetricName": name}, "Period": 60, "Stat": "Sum"}}


def alarm(*metrics: dict[str, Any], **more: Any) -> dict[str, Any]:
    properties = {"Metrics": list(metrics)} if metrics else {"MetricName": "m", "Period": 300}
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": properties, **more}


def template(**resources: dict[str, Any]) -> dict[str, Any]:
    return {
        "Parameters": {
            "WithBand": {"Type": "String", "Default": "true"},
            "SlackSecretArn": {"Type": "String", "Default": ""},
            "AlertEmail": {"Type": "String", "Default": ""},
            "InvocationLogBucketName": {"Type": "String", "Default": ""},
            "LogRetentionDays": {"Type": "Number", "Default": 30},
        },
        "Conditions": {
            "HasBand": {"Fn::Equals": [{"Ref": "WithBand"}, "true"]},
            "ReadsBucket": {"Fn::Not": [{"Fn::Equals": [{"Ref": "InvocationLogBucketName"}, ""]}]},
        },
        "Resources": resources,
    }


def items(stack: Stack, traffic: Traffic = QUIET, **more: Any) -> dict[str, Any]:
    bill = estimate(stack, traffic, **{"alerts": 0, **more})
    assert bill.total_usd == pytest.approx(sum(item.usd for item in bill.items))
    return {item.item: item for item in bill.items}


def sample(*records: Any) -> Iterable[Line]:
    return [Line(json.dumps(record), f"line {n}") for n, record in enumerate(records, 1)]


@pytest.mark.parametrize(
    ("made", "title", "metrics"),
    [
        pytest.param(alarm(), "alarms on one metric", 1, id="a plain alarm"),
        pytest.param(
            alarm(stat("a"), stat("b"), {"Id": "r", "Expression": "a / b"}),
            "alarms on several metrics",
            2,
            id="metric math is charged for what it looks at",
        ),
        pytest.param(
            alarm(stat("a"), {"Id": "r", "Expression": "ANOMALY_DETECTION_BAND(a, 2)"}),
            "alarms with an anomaly band",
            3,
            id="a band is two more",
        ),
        pytest.param(
            alarm({"Id": "q", "Expression": "SELECT SUM(x) FROM y GROUP BY Principal"}),
            "alarms by principal",
            7,
            id="a query is charged for each series it matches",
        ),
    ],
)
def test_an_alarm_is_charged_by_the_metrics_it_looks_at(
    made: dict[str, Any], title: str, metrics: int
) -> None:
    item = items(Stack(template(A=made)))[title]
    assert item.amount == metrics
    assert item.usd == pytest.approx(0.10 * metrics)


def test_an_alarm_on_seconds_costs_three_times_as_much() -> None:
    made = {"Type": "AWS::CloudWatch::Alarm", "Properties": {"MetricName": "m", "Period": 10}}
    assert items(Stack(template(A=made)))["alarms on seconds"].usd == pytest.approx(0.30)


def test_composite_alarms_and_dashboards_have_prices_of_their_own() -> None:
    made = items(
        Stack(
            template(
                A={"Type": "AWS::CloudWatch::CompositeAlarm"},
                D={"Type": "AWS::CloudWatch::Dashboard"},
            )
        )
    )
    assert (made["composite alarms"].usd, made["dashboard"].usd) == (0.50, 3.00)


def test_what_a_switch_turns_off_is_not_charged_and_the_switch_is_named() -> None:
    band = alarm(stat("a"), {"Id": "r", "Expression": "ANOMALY_DETECTION_BAND(a)"})
    document = template(A={**band, "Condition": "HasBand"})
    assert items(Stack(document))["alarms with an anomaly band"].switches == ("WithBand",)
    assert "alarms with an anomaly band" not in items(Stack(document, {"WithBand": "false"}))


def test_queues_are_asked_even_when_nothing_happens() -> None:
    reader = {
        "Type": "AWS::Serverless::Function",
        "Properties": {"Events": {"Q": {"Type": "SQS", "Properties": {}}}},
    }
    assert items(Stack(template(F=reader)))["queues"].amount == POLLS_A_MONTH


@pytest.mark.parametrize(
    ("expression", "times"),
    [("rate(1 hour)", 730), ("rate(5 minutes)", 8760), ("cron(0 8 * * ? *)", 30.4)],
)
def test_a_schedule_runs_so_often_a_month(expression: str, times: float) -> None:
    made = {"Type": "AWS::Events::Rule", "Properties": {"ScheduleExpression": expression}}
    assert items(Stack(template(S=made)))["schedules"].amount == pytest.approx(times, rel=0.01)


def test_the_sweep_reads_the_index_every_minute_also_when_nothing_happens() -> None:
    rule = {"Type": "AWS::Events::Rule", "Properties": {"ScheduleExpression": "rate(1 minute)"}}
    table = {"Type": "AWS::DynamoDB::Table"}
    found = items(Stack(template(HeartbeatRule=rule, T=table)), alerts=0)
    assert found["table: reads"].amount == 43_800 * 8 / 2
    assert found["functions: requests"].amount >= 43_800


def test_alerts_cost_messages_and_a_secret_costs_by_itself() -> None:
    parameters = {"AlertEmail": "a@example.com", "SlackSecretArn": "arn:aws:secretsmanager:x"}
    found = items(Stack(template(), parameters), alerts=50)
    assert found["email: messages"].amount == 100
    assert found["secrets"].usd == pytest.approx(0.40)


def test_a_log_in_s3_costs_its_events() -> None:
    found = items(Stack(template(), {"InvocationLogBucketName": "example-logs"}))
    assert found["objects: events"].amount == 12 * 730
    assert "objects: events" not in items(Stack(template()))


def test_the_free_tier_is_taken_off_once() -> None:
    stack = Stack(
        template(A=alarm(), B=alarm(stat("a"), stat("b"), {"Id": "r", "Expression": "a"}))
    )
    free = items(stack, free_tier=True)
    assert [free[title].usd for title in ("alarms on one metric", "alarms on several metrics")] == [
        0,
        0,
    ]
    many = Stack(template(**{f"A{n}": alarm() for n in range(12)}))
    assert items(many, free_tier=True)["alarms on one metric"].usd == pytest.approx(0.20)


@pytest.mark.parametrize(
    ("metrics", "dollars"),
    [
        (0, 0),
        (1, 0.30),
        (10_000, 3_000),
        (10_001, 3_000.10),
        (250_000, 27_000),
        (250_001, 27_000.05),
    ],
)
def test_many_metrics_are_cheaper_each(metrics: float, dollars: float) -> None:
    assert tiered(metrics) == pytest.approx(dollars)


def test_every_rate_names_its_source() -> None:
    for rate in RATES.values():
        assert rate.source.startswith("https://aws.amazon.com/")
        assert rate.usd >= 0


def test_a_log_is_scaled_by_the_time_it_spans() -> None:
    half_an_hour_later = {**BLOCKED, "timestamp": "2026-03-02T10:44:00Z"}
    traffic = of_a_sample(
        sample(converse(), half_an_hour_later), PRICES, CollectOptions(), calls_per_batch=1
    )
    assert traffic is not None
    assert traffic.span_seconds == 1800
    assert traffic.calls == pytest.approx(2 * 2 * 730)
    assert traffic.batches == traffic.calls
    assert traffic.principals == 1  # only the one with a finding
    assert traffic.event_line_bytes > 0


def test_a_log_can_be_scaled_to_a_number_of_calls() -> None:
    traffic = of_a_sample(
        sample(converse(), failed()),
        PRICES,
        CollectOptions(),
        calls_per_batch=10,
        calls_a_month=1000,
    )
    assert traffic is not None
    assert (traffic.calls, traffic.batches) == (1000, 100)


def test_a_series_without_data_at_night_costs_less_than_one_with() -> None:
    late = {**BLOCKED, "timestamp": "2026-03-02T19:15:00Z"}
    calls = [
        converse(timestamp=f"2026-03-02T{hour}:15:00Z", requestId=f"r{hour}")
        for hour in range(10, 20)
    ]
    traffic = of_a_sample(sample(*calls, late), PRICES, CollectOptions(), calls_per_batch=5)
    steady = of_a_sample(sample(*calls), PRICES, CollectOptions(), calls_per_batch=5)
    assert traffic is not None
    assert steady is not None
    assert steady.metric_months == steady.series
    # What came with the one blocked call has data in one hour of ten.
    assert traffic.metric_months == pytest.approx(
        steady.series + (traffic.series - steady.series) / 10
    )


def test_a_log_without_calls_has_no_traffic() -> None:
    assert of_a_sample([Line("{", "x")], PRICES, CollectOptions(), calls_per_batch=5) is None


def counted(**more: Any) -> Traffic:
    options = more.pop("options", CollectOptions())
    return of_counts(Counts(**{"calls": 1e6, **more}), PRICES, options, calls_per_batch=10)


def test_more_models_findings_and_callers_are_more_series() -> None:
    least = counted(models=1, principals=1, findings=1)
    assert counted(models=2, principals=1, findings=1).series > least.series + 5
    # Another policy: by action, and by category and action.
    assert counted(models=1, principals=1, findings=2).series == least.series + 2
    many = counted(models=1, principals=500, findings=1)
    assert (many.series, many.principals) == (least.series + 499, 500)


@pytest.mark.parametrize("nothing", ["guardrails", "findings", "principals"])
def test_without_guardrails_findings_or_callers_nobody_has_findings(nothing: str) -> None:
    assert counted(**{nothing: 0}).principals == 0


def test_without_guardrails_there_are_no_findings_to_pay_for() -> None:
    bare = counted(guardrails=0)
    assert bare.principals == 0
    assert bare.series < counted().series


def test_applications_cost_only_where_they_are_counted() -> None:
    key = CollectOptions(aggregate=AggregateOptions(application_key="application"))
    assert counted(applications=10).series == counted().series
    assert counted(applications=10, options=key).series >= counted().series + 10


def test_event_lines_for_every_call_are_more_log() -> None:
    every = options_of("violations", "", "all")
    assert counted(options=every).event_line_bytes > 5 * counted().event_line_bytes
    assert counted(options=every).metric_line_bytes == counted().metric_line_bytes


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bedrock-alerts", "cost", *map(str, arguments)])
        code = main()
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return run


def test_the_command_prices_the_real_template(run: Any) -> None:
    code, out, _ = run("--calls", 1_000_000, "--json")
    bill = json.loads(out)
    assert code == 0
    assert bill["prices"] == {"region": "us-east-1", "dated": "2026-11-23", "free_tier": False}
    assert bill["total_usd"] == pytest.approx(sum(item["usd"] for item in bill["items"]))
    assert {"custom metrics", "alarms on one metric", "queues"} <= {
        item["item"] for item in bill["items"]
    }
    assert bill["traffic"]["calls"] == 1_000_000


def test_the_command_reads_a_log_and_says_when_it_is_too_short(run: Any, tmp_path: Path) -> None:
    log = tmp_path / "calls.ndjson"
    log.write_text("".join(f"{json.dumps(record)}\n" for record in (converse(), BLOCKED)))
    code, out, _ = run(log)
    assert code == 0
    assert "the log spans 31 minutes: too short" in out
    assert "not in the sum: Bedrock's own log" in out
    assert out.splitlines()[0].startswith("item")
    _, out, _ = run(log, "--calls-per-month", "1")
    assert "the log spans 31 minutes\n" in out
    assert "\n1 call a month; list prices" in out


def test_a_parameter_changes_the_bill(run: Any) -> None:
    few = json.loads(run("--calls", 1e6, "--json")[1])
    all_lines = json.loads(run("--calls", 1e6, "--json", "--parameter", "EventLines=all")[1])
    assert all_lines["total_usd"] > few["total_usd"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param([], "Give a log FILE, or --calls", id="nothing to go by"),
        pytest.param(["--calls", "5", "--parameter", "Oops"], "not NAME=VALUE", id="no value"),
        pytest.param(["--calls", "5", "--parameter", "Oops=1"], "no parameter Oops", id="unknown"),
        pytest.param(
            ["--calls", "5", "--applications", "3"], "ApplicationMetadataKey", id="no key"
        ),
    ],
)
def test_bad_usage_ends_with_2_and_says_why(run: Any, arguments: list[str], words: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert words in err


def test_a_log_without_a_call_ends_with_2(run: Any, tmp_path: Path) -> None:
    log = tmp_path / "empty.ndjson"
    log.write_text("{}\n")
    code, _, err = run(log)
    assert code == 2
    assert "no invocation record was found, but 1 of another kind. Known forms" in err


def test_a_log_with_a_timestamp_far_off_is_no_measure_of_a_month(run: Any, tmp_path: Path) -> None:
    log = tmp_path / "calls.ndjson"
    odd = converse(timestamp="2999-11-02T08:00:00Z")
    log.write_text("".join(f"{json.dumps(record)}\n" for record in (converse(), odd)))
    code, out, _ = run(log)
    assert code == 0
    assert "too long to estimate a month" in out


@pytest.mark.parametrize("option", ["--calls", "--notable", "--alerts"])
@pytest.mark.parametrize("number", ["nan", "inf"])
def test_a_number_that_is_none_is_bad_usage(run: Any, option: str, number: str) -> None:
    code, _, error = run("--calls", "1000", option, number)
    assert code == 2
    assert option in error
