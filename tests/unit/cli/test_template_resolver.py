"""A template with its parameters filled in, and what CloudFormation would refuse."""

from pathlib import Path
from typing import Any

import pytest

from bedrock_alerts_cli.simulator import MetricAlarm, read_alarms
from bedrock_alerts_cli.template.load import load
from bedrock_alerts_cli.template.resolver import Resolver, Stack
from bedrock_alerts_cli.user_errors import TemplateError
from tests.support.simulated import PLAIN, template

PARAMETERS = {
    "Text": {"Type": "String", "Default": "some"},
    "Count": {"Type": "Number", "Default": 5, "MinValue": 1, "MaxValue": 9},
    "Switch": {"Type": "String", "Default": "false", "AllowedValues": ["true", "false"]},
    "Many": {"Type": "CommaDelimitedList", "Default": "a, b"},
    "Mail": {
        "Type": "String",
        "Default": "",
        "AllowedPattern": "^$|^.+@.+$",
        "ConstraintDescription": "must be an e-mail address",
    },
}
RESOURCES = {
    "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::Sub": "${Text}-q"}}},
    "Topic": {"Type": "AWS::SNS::Topic"},
    "Function": {"Type": "AWS::Serverless::Function", "Properties": {"FunctionName": "f"}},
    "Widget": {"Type": "AWS::Example::Widget"},
    "Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"AlarmName": "s.Errors"}},
}
CONDITIONS = {
    "IsOn": {"Fn::Equals": [{"Ref": "Switch"}, "true"]},
    "HasBoth": {"Fn::And": [{"Condition": "IsOn"}, {"Fn::Not": [{"Condition": "IsOn"}]}]},
}
MAPPINGS = {"Sizes": {"small": {"width": 3}}}
ARN = "arn:aws:{}:eu-west-1:111122223333:{}"


def resolver(**parameters: Any) -> Resolver:
    document = {
        "Parameters": PARAMETERS,
        "Conditions": CONDITIONS,
        "Mappings": MAPPINGS,
        "Resources": RESOURCES,
    }
    return Resolver(document, parameters, Stack("s"))


@pytest.mark.parametrize(
    ("node", "value"),
    [
        ({"Ref": "Text"}, "some"),
        ({"Ref": "Count"}, "5"),
        ({"Ref": "Many"}, ["a", "b"]),
        ({"Ref": "AWS::StackName"}, "s"),
        ({"Ref": "AWS::Region"}, "eu-west-1"),
        ({"Ref": "Queue"}, "https://sqs.eu-west-1.amazonaws.com/111122223333/some-q"),
        ({"Ref": "Function"}, "f"),
        ({"Ref": "Alarm"}, "s.Errors"),
        ({"Fn::GetAtt": ["Queue", "Arn"]}, ARN.format("sqs", "some-q")),
        ({"Fn::GetAtt": "Queue.QueueName"}, "some-q"),
        ({"Fn::GetAtt": ["Alarm", "Arn"]}, ARN.format("cloudwatch", "alarm:s.Errors")),
        ({"Fn::GetAtt": ["Function", "Arn"]}, ARN.format("lambda", "function:f")),
        ({"Fn::Sub": "${Text}/${Queue.Arn}/${!Literal}"},
         f"some/{ARN.format('sqs', 'some-q')}/${{Literal}}"),
        ({"Fn::Sub": ["${a}-${Text}", {"a": {"Ref": "Count"}}]}, "5-some"),
        ({"Fn::If": ["IsOn", 1, 2]}, 2),
        ({"a": {"Fn::If": ["IsOn", 1, {"Ref": "AWS::NoValue"}]}, "b": 3}, {"b": 3}),
        ([1, {"Ref": "AWS::NoValue"}], [1]),
        ({"Fn::Join": ["+", ["a", {"Ref": "Count"}]]}, "a+5"),
        ({"Fn::Select": [1, {"Ref": "Many"}]}, "b"),
        ({"Fn::Split": ["-", "x-y"]}, ["x", "y"]),
        ({"Fn::FindInMap": ["Sizes", "small", "width"]}, 3),
        ({"Fn::Contains": [{"Ref": "Many"}, "b"]}, True),
        ({"Fn::Or": [{"Condition": "IsOn"}, {"Fn::Equals": ["1", 1]}]}, True),
        ({"Condition": {"StringEquals": 1}}, {"Condition": {"StringEquals": 1}}),
    ],
)  # fmt: skip
def test_an_intrinsic_becomes(node: Any, value: Any) -> None:
    assert resolver().value(node) == value


def test_names_that_nobody_gave_are_invented_and_always_the_same() -> None:
    name = resolver().value({"Ref": "Widget"})
    assert name == resolver().value({"Ref": "Widget"})
    assert name.startswith("s-Widget-")
    assert resolver().value({"Fn::GetAtt": ["Widget", "Colour"]}) == f"{name}.Colour"
    assert resolver().value({"Ref": "Topic"}).startswith(ARN.format("sns", "s-Topic-"))


def test_conditions_hold_or_not() -> None:
    assert not resolver().condition("IsOn")
    assert resolver(Switch="true").condition("IsOn")
    assert not resolver(Switch="true").condition("HasBoth")
    with pytest.raises(TemplateError, match="no condition Unknown"):
        resolver().condition("Unknown")


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"Unknown": "x"}, "no parameter Unknown"),
        ({"Switch": "maybe"}, "parameter Switch: 'maybe'"),
        ({"Count": "many"}, "parameter Count: 'many' is not a number"),
        ({"Count": 10}, "parameter Count: '10'"),
        ({"Count": 0}, "parameter Count: '0'"),
        ({"Mail": "nobody"}, "parameter Mail: 'nobody': must be an e-mail address"),
    ],
)
def test_a_value_that_cloudformation_would_refuse_is_refused(
    parameters: dict[str, Any], problem: str
) -> None:
    with pytest.raises(TemplateError, match=problem):
        resolver(**parameters)


def test_a_parameter_without_default_needs_a_value() -> None:
    document = {"Parameters": {"P": {"Type": "String"}}, "Resources": {}}
    with pytest.raises(TemplateError, match="parameter P has no default"):
        Resolver(document, {}, Stack("s"))
    assert Resolver(document, {"P": True}, Stack("s")).value({"Ref": "P"}) == "true"


@pytest.mark.parametrize(
    ("node", "problem"),
    [
        ({"Ref": "Nothing"}, "no parameter or resource Nothing"),
        ({"Fn::GetAtt": ["Nothing", "Arn"]}, "no resource Nothing"),
        ({"Fn::ImportValue": "x"}, "Fn::ImportValue is not understood"),
    ],
)
def test_what_is_not_understood_is_refused(node: Any, problem: str) -> None:
    with pytest.raises(TemplateError, match=problem):
        resolver().value(node)


def test_a_complaint_names_the_resource(tmp_path: Path) -> None:
    broken = {**PLAIN, "Period": {"Fn::Select": [7, ["a"]]}}
    path = template(
        tmp_path, Resources={"Bad": {"Type": "AWS::CloudWatch::Alarm", "Properties": broken}}
    )
    with pytest.raises(TemplateError, match="Bad: an intrinsic is wrong"):
        read_alarms(path)


def test_short_intrinsics_are_read(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(
        "Parameters: {P: {Type: Number, Default: 3}}\n"
        "Conditions: {Big: !Not [!Equals [!Ref P, 3]]}\n"
        "Resources:\n"
        "  Errors:\n"
        "    Type: AWS::CloudWatch::Alarm\n"
        "    Properties:\n"
        "      AlarmName: !Sub\n"
        "        - '${AWS::StackName}.${x}'\n"
        "        - { x: !If [Big, Many, Few] }\n"
        "      Namespace: N\n"
        "      MetricName: !GetAtt Widget.Name\n"
        "      Statistic: Sum\n"
        "      Period: 60\n"
        "      EvaluationPeriods: 1\n"
        "      Threshold: !Ref P\n"
        "      ComparisonOperator: GreaterThanThreshold\n"
        "  Widget: { Type: AWS::Example::Widget }\n"
    )
    (few,) = read_alarms(path)
    (many,) = read_alarms(path, {"P": 4}, "other")
    assert isinstance(few, MetricAlarm)
    assert isinstance(many, MetricAlarm)
    assert (few.name, few.threshold, many.name, many.threshold) == (
        "bedrock-alerts.Few",
        3,
        "other.Many",
        4,
    )


@pytest.mark.parametrize("text", ["", "[1, 2]", "{", "Parameters: {}", "a: [", "Resources: 3"])
def test_what_is_no_template_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(text)
    with pytest.raises(TemplateError, match=r"template\.yaml"):
        load(path)
    with pytest.raises(TemplateError, match="cannot be read"):
        load(tmp_path / "missing.yaml")
