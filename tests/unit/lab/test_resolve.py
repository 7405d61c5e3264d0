"""The template as CloudFormation would make it, for chosen parameters."""

from typing import Any

import pytest

from bedrock_alerts_lab.errors import InputError
from bedrock_alerts_lab.resolve import Stack

TEMPLATE: dict[str, Any] = {
    "Parameters": {
        "Loud": {"Type": "String", "Default": "false"},
        "Name": {"Type": "String", "Default": ""},
    },
    "Conditions": {
        "IsLoud": {"Fn::Equals": [{"Ref": "Loud"}, "true"]},
        "HasName": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Name"}, ""]}]},
        "Both": {"Fn::And": [{"Condition": "IsLoud"}, {"Condition": "HasName"}]},
        "Either": {"Fn::Or": [{"Condition": "IsLoud"}, {"Condition": "HasName"}]},
    },
    "Resources": {
        "Always": {"Type": "A", "Properties": {"Kept": {"Fn::If": ["IsLoud", 1, 2]}}},
        "Sometimes": {"Type": "A", "Condition": "Both"},
        "Other": {"Type": "B", "Condition": "Either"},
    },
}


def test_defaults_stand_where_no_value_is_given() -> None:
    stack = Stack(TEMPLATE)
    assert stack.parameter("Loud") == "false"
    assert stack.resources("A") == {"Always": {"Kept": 2}}
    assert not stack.has("Other")


def test_values_decide_what_is_made() -> None:
    stack = Stack(TEMPLATE, {"Loud": "true", "Name": "x"})
    assert stack.resources("A", "B") == {"Always": {"Kept": 1}, "Sometimes": {}, "Other": {}}


def test_a_parameter_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InputError, match="no parameter Lound"):
        Stack(TEMPLATE, {"Lound": "true"})


def test_the_parameters_behind_a_condition_are_found() -> None:
    stack = Stack(TEMPLATE)
    assert stack.switches("Sometimes") == {"Loud", "Name"}
    assert stack.switches("Always") == set()
    assert stack.named("A") == ["Always", "Sometimes"]


@pytest.mark.parametrize(
    ("node", "value"),
    [
        pytest.param({"Ref": "AWS::StackName"}, "bedrock-alerts", id="a pseudo parameter"),
        pytest.param({"Ref": "Always"}, "Always", id="a resource"),
        pytest.param(
            {"Fn::GetAtt": ["Always", "Arn"]},
            "arn:aws:example:us-east-1:111122223333:Always",
            id="an ARN",
        ),
        pytest.param({"Fn::GetAtt": "Always.Name"}, "Always.Name", id="another attribute"),
        pytest.param(
            {"Fn::Sub": "${Loud} ${!Literal} ${Always.Name}"},
            "false ${Literal} Always.Name",
            id="a substitution",
        ),
        pytest.param(
            {"Fn::Sub": ["${x}-${Loud}", {"x": {"Ref": "Loud"}}]},
            "false-false",
            id="a substitution with a variable of its own",
        ),
        pytest.param(
            {"Fn::Join": [",", ["a", {"Fn::If": ["IsLoud", "b", {"Ref": "AWS::NoValue"}]}]]},
            "a",
            id="no value leaves nothing in a list",
        ),
        pytest.param(
            {"a": {"Fn::If": ["IsLoud", 1, {"Ref": "AWS::NoValue"}]}, "b": 2},
            {"b": 2},
            id="no value leaves nothing in a map",
        ),
        pytest.param({"Fn::Select": [1, {"Fn::Split": ["/", "a/b"]}]}, "b", id="a part"),
    ],
)
def test_a_value_is_what_cloudformation_makes_of_it(node: Any, value: Any) -> None:
    assert Stack(TEMPLATE).value(node) == value
