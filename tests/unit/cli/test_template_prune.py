"""What is left of a template when the engine does not know some of its types."""

from pathlib import Path
from typing import Any

import pytest

from bedrock_alerts_cli import template as cfn

TEMPLATE: dict[str, Any] = {
    "Resources": {
        "Topic": {"Type": "AWS::SNS::Topic"},
        "Policy": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {"Topics": [{"Ref": "Topic"}]},
        },
        "Widget": {"Type": "AWS::Example::Widget", "Properties": {"On": {"Ref": "Topic"}}},
        "Reader": {
            "Type": "AWS::Lambda::Function",
            "Properties": {"Name": {"Fn::Sub": "${Widget.Name}-reader"}},
        },
        "Late": {"Type": "AWS::SQS::Queue", "DependsOn": ["Widget", "Topic"]},
        "Later": {"Type": "AWS::SQS::Queue", "DependsOn": "Widget"},
        "Made": {"Type": "Custom::Anything"},
    },
    "Outputs": {
        "WidgetArn": {"Value": {"Fn::GetAtt": ["Widget", "Arn"]}},
        "TopicArn": {"Value": {"Ref": "Topic"}},
    },
}


def test_an_unknown_type_goes_and_takes_along_what_cannot_do_without_it() -> None:
    smaller, left_out = cfn.without_types(TEMPLATE, {"AWS::Example::Widget"})
    assert left_out == {"Widget": "AWS::Example::Widget", "Reader": "AWS::Lambda::Function"}
    assert set(smaller["Resources"]) == {"Topic", "Policy", "Late", "Later", "Made"}
    assert set(smaller["Outputs"]) == {"TopicArn"}


def test_a_resource_can_be_left_out_by_its_name() -> None:
    smaller, left_out = cfn.without_types(TEMPLATE, (), {"Topic"})
    assert set(left_out) == {"Topic", "Policy", "Widget", "Reader"}
    assert set(smaller["Resources"]) == {"Late", "Later", "Made"}


def test_alarms_over_expressions_are_told_from_those_over_one_metric() -> None:
    alarm = "AWS::CloudWatch::Alarm"
    resources = {
        "Rate": {"Type": alarm, "Properties": {"Metrics": [{"Id": "rate"}]}},
        "Count": {"Type": alarm, "Properties": {"MetricName": "Calls"}},
        "Detector": {"Type": "AWS::CloudWatch::AnomalyDetector", "Properties": {"Metrics": []}},
    }
    assert cfn.math_alarms({"Resources": resources}) == {"Rate"}


def test_settled_conditions_hold_whatever_the_parameters() -> None:
    conditions = {"IsOn": {"Fn::Equals": [{"Ref": "Switch"}, "on"]}, "Other": {"Condition": "IsOn"}}
    for holds in (True, False):
        settled = cfn.with_settled({"Conditions": conditions}, {"IsOn": holds})["Conditions"]
        left, right = settled["IsOn"]["Fn::Equals"]
        assert (left == right) is holds
        assert settled["Other"] == {"Condition": "IsOn"}


def test_what_only_waited_for_it_stays_and_waits_no_longer() -> None:
    smaller, _ = cfn.without_types(TEMPLATE, {"AWS::Example::Widget"})
    assert smaller["Resources"]["Late"]["DependsOn"] == ["Topic"]
    assert "DependsOn" not in smaller["Resources"]["Later"]


def test_with_every_type_known_nothing_changes() -> None:
    smaller, left_out = cfn.without_types(TEMPLATE, set())
    assert left_out == {}
    assert smaller["Resources"].keys() == TEMPLATE["Resources"].keys()


def test_custom_resources_are_everybodys_to_make() -> None:
    assert "Custom::Anything" not in cfn.types(TEMPLATE)
    assert "AWS::Example::Widget" in cfn.types(TEMPLATE)


def test_a_template_survives_being_written_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(cfn.dump(TEMPLATE))
    assert cfn.load(path) == TEMPLATE


@pytest.mark.parametrize(
    ("node", "names"),
    [
        pytest.param({"Ref": "A"}, ["A"], id="a reference"),
        pytest.param({"Fn::GetAtt": "A.Arn"}, ["A"], id="an attribute in short form"),
        pytest.param({"Fn::Sub": "x-${A}-${B.Arn}"}, ["A", "B"], id="a substitution"),
        pytest.param(
            {"Fn::Sub": ["${A}-${v}", {"v": {"Ref": "C"}}]},
            ["A", "C"],
            id="a substitution with variables of its own",
        ),
        pytest.param([{"x": [{"Ref": "A"}]}], ["A"], id="anything deep inside"),
        pytest.param("text", [], id="nothing"),
    ],
)
def test_references_are_found_wherever_they_stand(node: Any, names: list[str]) -> None:
    assert list(cfn.references(node)) == names
