"""Matches events with EventBridge patterns, for the operators that our rules use.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from collections.abc import Mapping
from typing import Any


def matches_pattern(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether every field of the pattern matches the event."""
    return all(
        matches_pattern(wanted, _mapping(event.get(name)))
        if isinstance(wanted, Mapping)
        else _is_one_of(wanted, event[name])
        if name in event
        else {"exists": False} in wanted
        for name, wanted in pattern.items()
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _is_one_of(wanted: list[Any], found: Any) -> bool:
    values = found if isinstance(found, list) else [found]
    return any(_fits(rule, value) for rule in wanted for value in values)


def _fits(rule: Any, value: Any) -> bool:
    if not isinstance(rule, Mapping):
        return bool(rule == value)
    ((operator, operand),) = rule.items()
    if operator == "exists":
        return bool(operand)
    if operator == "prefix":
        return isinstance(value, str) and value.startswith(operand)
    if operator == "suffix":
        return isinstance(value, str) and value.endswith(operand)
    if operator == "anything-but":
        if isinstance(operand, Mapping):
            ((inner, operands),) = operand.items()
            several = operands if isinstance(operands, list) else [operands]
            return not any(_fits({inner: one}, value) for one in several)
        return value not in (operand if isinstance(operand, list) else [operand])
    raise NotImplementedError(operator)
