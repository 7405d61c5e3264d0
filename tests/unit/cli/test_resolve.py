"""The template as CloudFormation would make it, for chosen parameters."""

from typing import Any

import pytest

from bedrock_alerts_cli.template.stack import Stack
from bedrock_alerts_cli.user_errors import TemplateError

TEMPLATE: dict[str, Any] = {
    "Parameters": {
        "Loud": {"Type": "String", "Default": "false"},
        "Name": {"Type": "String", "Default": ""},
    },
    "Conditions": {
        "IsLoud": {"Fn::Equals": [{"Ref": "Loud"}, "true"]},
        "HasName": {"Fn::Not": [{"Fn::Equals": [{"Fn::Sub": ",${Name},"}, ",,"]}]},
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
    assert stack.resources("B") == {}


def test_values_decide_what_is_made() -> None:
    stack = Stack(TEMPLATE, {"Loud": "true", "Name": "x"})
    assert stack.resources("A", "B") == {"Always": {"Kept": 1}, "Sometimes": {}, "Other": {}}


def test_a_parameter_that_does_not_exist_is_refused() -> None:
    with pytest.raises(TemplateError, match="no parameter Lound"):
        Stack(TEMPLATE, {"Lound": "true"})


def test_the_parameters_behind_a_condition_are_found() -> None:
    stack = Stack(TEMPLATE)
    assert stack.switches("Sometimes") == {"Loud", "Name"}
    assert stack.switches("Always") == set()
    assert stack.named("A") == ["Always", "Sometimes"]


def test_a_part_of_what_is_not_made_can_be_looked_at() -> None:
    assert Stack(TEMPLATE).value({"Fn::Sub": "${AWS::StackName}.x"}) == "bedrock-alerts.x"


def test_a_parameter_is_told_as_text() -> None:
    stack = Stack(TEMPLATE, {"Name": "x"})
    assert (stack.parameter("Name"), stack.parameter("Other")) == ("x", "")
    assert stack.parameters() == ("Loud", "Name")
