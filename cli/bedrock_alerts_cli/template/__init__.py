"""A CloudFormation template as data: read, resolved for one stack, or reduced."""

from bedrock_alerts_cli.template.load import dump, load, parse
from bedrock_alerts_cli.template.prune import math_alarms, types, with_settled, without_types
from bedrock_alerts_cli.template.references import references

__all__ = (
    "dump",
    "load",
    "math_alarms",
    "parse",
    "references",
    "types",
    "with_settled",
    "without_types",
)
