"""What is generated is up to date, and says what the template and the code say."""

import re
from pathlib import Path
from typing import Any, Final

import pytest

from bedrock_alerts.metrics import METRICS
from bedrock_alerts_cli.maintain.documents import commands, dashboard, tables
from bedrock_alerts_cli.maintain.documents.__main__ import main
from bedrock_alerts_cli.maintain.documents.alarm_catalogue import read_catalogue
from bedrock_alerts_cli.maintain.documents.catalogue import Entry, entries
from bedrock_alerts_cli.maintain.documents.emitted import dimension_sets
from bedrock_alerts_cli.maintain.documents.files import generated, with_parts
from bedrock_alerts_cli.project import TEMPLATE
from bedrock_alerts_cli.template import load
from bedrock_alerts_cli.template.stack import Stack

ROOT: Final = TEMPLATE.parent
DOCUMENT: Final = load(TEMPLATE)
ENTRIES: Final = list(entries(DOCUMENT, Stack(DOCUMENT)))


@pytest.mark.parametrize(
    ("path", "text"), [pytest.param(*one, id=one[0].name) for one in generated(ROOT)]
)
def test_what_is_generated_is_up_to_date(path: Path, text: str) -> None:
    assert path.read_text() == text, f"{path.name} is out of date: run `make docs`"


def test_writing_twice_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0
    assert capsys.readouterr().out == ""


def test_only_the_part_between_its_marks_is_replaced() -> None:
    text = "a\n<!-- begin one: made -->\nold\n<!-- end one -->\nb\n  # begin two: x\nold\n  # end two\nc\n"
    assert with_parts(text, {"one": "| new |\n", "two": "  New: 1\n"}) == (
        "a\n<!-- begin one: made -->\n\n| new |\n\n<!-- end one -->\nb\n"
        "  # begin two: x\n  New: 1\n  # end two\nc\n"
    )


def test_a_part_without_its_place_is_told() -> None:
    with pytest.raises(ValueError, match="no place for alarms"):
        with_parts("nothing here\n", {"alarms": "x"})


# ---- alarms --------------------------------------------------------------------------------------


def entry(**properties: Any) -> Entry:
    alarm = {
        "AlarmName": "stack.Example",
        "AlarmDescription": "It\nbroke.\nSeverity: critical",
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Threshold": {"Ref": "Limit"},
        **properties,
    }
    document = {
        "Parameters": {"Limit": {"Default": 3}, "MetricsNamespace": {"Default": "Own"}},
        "Resources": {"ExampleAlarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": alarm}},
    }
    (found,) = entries(document, Stack(document))
    return found


def query(name: str, period: int = 300) -> dict[str, Any]:
    return {
        "Id": name,
        "ReturnData": False,
        "MetricStat": {"Metric": {"Namespace": "Own", "MetricName": name}, "Period": period},
    }


RATE: Final = {"Id": "r", "ReturnData": True, "Label": "Failed calls (%)", "Expression": "a/b"}


@pytest.mark.parametrize(
    ("properties", "fires"),
    [
        pytest.param(
            {"MetricName": "Calls", "Namespace": "Own", "Period": 300},
            "Calls ≥ 3 in 5 min",
            id="a plain alarm",
        ),
        pytest.param(
            {
                "MetricName": "Hits",
                "Namespace": "Own",
                "Period": 3600,
                "Dimensions": [{"Name": "Policy", "Value": "topic"}],
                "EvaluationPeriods": 3,
                "DatapointsToAlarm": 2,
            },
            "Hits (topic) ≥ 3 in 1 h, 2 of 3 times",
            id="with dimensions, some of some times",
        ),
        pytest.param(
            {
                "MetricName": "Errors",
                "Namespace": "AWS/Lambda",
                "Period": 60,
                "Dimensions": [{"Name": "FunctionName", "Value": "x"}],
                "ComparisonOperator": "LessThanThreshold",
            },
            "Errors < 3 in 1 min",
            id="the name of a function says nothing",
        ),
        pytest.param(
            {"Metrics": [query("a"), query("b"), RATE]},
            "Failed calls (%) ≥ 3 in 5 min",
            id="metric math by its label",
        ),
        pytest.param(
            {
                "Metrics": [
                    query("a", 86400),
                    {**RATE, "Label": "Dollars"},
                    {"Id": "band", "Expression": "ANOMALY_DETECTION_BAND(r)"},
                ],
                "ThresholdMetricId": "band",
                "ComparisonOperator": "GreaterThanUpperThreshold",
            },
            "Dollars above the expected range in 1 d",
            id="a band has no threshold",
        ),
        pytest.param(
            {"Metrics": [{**query("Calls"), "ReturnData": True}]},
            "Calls ≥ 3 in 5 min",
            id="one metric alone",
        ),
    ],
)
def test_an_alarm_says_when_it_fires(properties: dict[str, Any], fires: str) -> None:
    assert entry(**properties).fires == fires


def test_an_alarm_knows_its_name_severity_meaning_and_parameters() -> None:
    found = entry(MetricName="Calls", Namespace={"Ref": "MetricsNamespace"}, Period=300)
    assert (found.name, found.severity, found.meaning) == ("Example", "critical", "It broke.")
    assert found.parameters == ("Limit",)


def test_a_composite_alarm_names_its_parts() -> None:
    document = {
        "Parameters": {},
        "Resources": {
            "All": {
                "Type": "AWS::CloudWatch::CompositeAlarm",
                "Properties": {
                    "AlarmName": "stack.All",
                    "AlarmRule": 'ALARM("stack.One") OR ALARM(TwoAlarm)',
                },
            }
        },
    }
    (found,) = entries(document, Stack(document))
    assert found.fires == "any of these is in ALARM: One, Two"


def test_rules_and_budgets_of_the_catalogue_are_rows_and_other_rules_are_not() -> None:
    document = {
        "Parameters": {},
        "Resources": {
            "TamperLoggingRule": {
                "Type": "AWS::Events::Rule",
                "Properties": {"EventPattern": {"detail": {"eventName": ["PutX", "DeleteX"]}}},
            },
            "StateChangeRule": {"Type": "AWS::Events::Rule", "Properties": {}},
            "MonthlyBudget": {
                "Type": "AWS::Budgets::Budget",
                "Properties": {
                    "NotificationsWithSubscribers": [
                        {"Notification": {"Threshold": 80, "NotificationType": "ACTUAL"}}
                    ]
                },
            },
        },
    }
    found = {one.name: one for one in entries(document, Stack(document))}
    assert found["TamperLogging"].fires == "CloudTrail shows PutX, DeleteX"
    assert found["TamperLogging"].severity == "critical"
    assert found["MonthlyBudget"].fires == "of the budget: 80% actual"
    assert len(found) == 2


def test_every_alarm_of_the_template_is_a_row_of_the_tables_and_of_the_menu() -> None:
    names = {one.name for one in ENTRIES}
    assert len(names) == len(ENTRIES)
    alarms = read_catalogue(ROOT / "alarms")
    menu = re.findall(r"- r/(\w+)\.md$", tables.runbooks_of_site(alarms, "r"), re.MULTILINE)
    assert sorted(menu) == sorted(names)
    for made in (tables.runbooks(ENTRIES, alarms, "r"), tables.alarms_in_full(ENTRIES, "r")):
        assert set(re.findall(r"^\| \[(\w+)\]\(r/\1\.md\)", made, re.MULTILINE)) == names
    for one in ENTRIES:
        assert one.severity in {"critical", "warning", "info"}
        assert one.meaning.endswith(".")


# ---- metrics and parameters ----------------------------------------------------------------------


def test_every_metric_is_a_row_with_its_meaning_and_dimensions() -> None:
    made = tables.metrics_in_full(dimension_sets())
    for name, metric in METRICS.items():
        (row,) = re.findall(rf"^\| `{name}` .*$", made, re.MULTILINE)
        assert metric.meaning in row
    (hits,) = re.findall(r"^\| `PolicyHits` .*$", made, re.MULTILINE)
    assert "`Policy`, `Category`, `Action`" in hits


def test_what_the_collectors_publish_was_found_by_running_them() -> None:
    sets = dimension_sets()
    assert set(sets) <= set(METRICS)
    assert sets["ContentFilteredCount"] == (
        (),
        ("Application",),
        ("GuardrailId",),
        ("ModelId",),
        ("Principal",),
    )
    # What no collector publishes comes from the other flow.
    assert {"StateChanges", "NotificationsSent"} <= set(METRICS) - set(sets)
    assert "RecordAge" in sets


def test_every_parameter_is_a_row_in_its_group() -> None:
    made = tables.parameters_in_full(DOCUMENT)
    assert set(re.findall(r"^\| `(\w+)`", made, re.MULTILINE)) == set(DOCUMENT["Parameters"])


def test_a_bar_in_a_cell_is_escaped() -> None:
    assert tables.table(("a",), [("x|y",)]).splitlines()[-1] == "| x\\|y |"


# ---- commands and decisions ----------------------------------------------------------------------


def test_every_command_is_a_section_with_its_options() -> None:
    made = commands.commands()
    titles = re.findall(r"^## bedrock-alerts (.+)$", made, re.MULTILINE)
    assert {"inspect", "routes put", "stack-cost"} <= set(titles)
    assert len(set(titles)) == len(titles)
    put = made.partition("## bedrock-alerts routes put\n")[2].partition("\n## ")[0]
    assert "bedrock-alerts routes put [OPTIONS] FILE" in put
    assert "| `--stack TEXT` | Name of the stack. [default: bedrock-alerts] |" in put
    assert "\b" not in made


def test_the_index_of_decisions_links_their_headings() -> None:
    made = tables.decisions("# D\n\n## 2026-11-23 · Layers, by `make`\n\nx\n", "d.md")
    assert made.splitlines()[-1] == (
        "| 2026-11-23 | [Layers, by `make`](d.md#2026-11-23--layers-by-make) |"
    )


# ---- dashboard -----------------------------------------------------------------------------------


def test_a_row_that_is_too_wide_is_refused() -> None:
    row = dashboard.Row(3, (dashboard.graph(20, "a"), dashboard.graph(5, "b")))
    with pytest.raises(ValueError, match="wider than 24"):
        list(dashboard.placed((row,)))


def test_an_alarm_without_a_condition_is_on_the_dashboard_too() -> None:
    document = {
        "Resources": {
            "A": {"Type": "AWS::CloudWatch::Alarm"},
            "B": {"Type": "AWS::CloudWatch::CompositeAlarm", "Condition": "On"},
        }
    }
    made = dashboard.resource(document)
    assert """- !Sub '"${A.Arn}",'""" in made
    assert """- !If [On, !Sub '"${B.Arn}",', ""]""" in made
