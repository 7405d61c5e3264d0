"""The one way to write an alarm's item: read, apply a pure function, write if unchanged."""

from collections.abc import Callable

from bedrock_alerts.alerts.incidents.item import AlarmItem, Policy, next_due
from bedrock_alerts.alerts.ports import TablePort
from bedrock_alerts.errors import TransientError

_ATTEMPTS = 12


def update(
    table: TablePort,
    alarm: str,
    policy: Policy,
    change: Callable[[AlarmItem | None], AlarmItem | None],
) -> AlarmItem | None:
    """Apply `change` to an item, store the result and return it; None leaves the item unchanged.

    `change` is called again after a concurrent write, so it must have no side effects. Raises
    TransientError.
    """
    for _ in range(_ATTEMPTS):
        item, version = table.load(alarm)
        changed = change(item)
        if changed is None or changed == item:
            return item
        if table.put(alarm, changed, version, next_due(changed, policy)):
            return changed
    raise TransientError(f"an alarm changed {_ATTEMPTS} times while it was being updated")
