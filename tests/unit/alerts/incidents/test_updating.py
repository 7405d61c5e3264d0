"""An item is written only as it was read; who was slower begins again."""

import msgspec
import pytest

from bedrock_alerts.alerts.incidents.item import AlarmItem
from bedrock_alerts.alerts.incidents.updating import update
from bedrock_alerts.errors import TransientError
from bedrock_alerts_cli.notifier.in_memory import MemoryTable
from tests.support.facts import ARN, POLICY, empty, lived, minute


class Still:
    """A world in which calls only happen."""

    def call(self, name: str) -> None:
        """Let it happen."""

    def now(self) -> float:
        """Return no time."""
        return 0.0


class Contended(MemoryTable):
    """A table in which somebody else is faster a few times."""

    def __init__(self, times: int) -> None:
        super().__init__(Still())
        self._times = times

    def put(self, alarm: str, item: AlarmItem, version: int, due: float | None) -> bool:
        """Be slower, then write."""
        if self._times:
            self._times -= 1
            known, seen = self.items.get(alarm, (empty(), 0, None))[:2]
            other = msgspec.structs.replace(known, number=known.number + 10)
            self.items[alarm] = (other, seen + 1, None)
            return False
        return super().put(alarm, item, version, due)


def more(item: AlarmItem | None) -> AlarmItem:
    known = item or empty()
    return msgspec.structs.replace(known, number=known.number + 1)


def test_who_was_slower_works_on_what_the_other_wrote() -> None:
    table = Contended(3)
    found = update(table, ARN, POLICY, more)
    assert found is not None
    assert found.number == 31
    assert table.items[ARN][0] == found


def test_nothing_is_written_where_nothing_changed() -> None:
    table = Contended(0)
    assert update(table, ARN, POLICY, lambda _item: None) is None
    update(table, ARN, POLICY, more)
    update(table, ARN, POLICY, lambda item: item)
    assert table.items[ARN][1] == 1


def test_it_gives_up_in_the_end() -> None:
    with pytest.raises(TransientError):
        update(Contended(1000), ARN, POLICY, more)


def test_the_item_is_due_when_its_first_view_is_or_its_window_ends() -> None:
    table = Contended(0)
    item = lived(("ALARM", 0), ("OK", 5))
    quiet = {name: msgspec.structs.replace(view, due=None) for name, view in item.views.items()}
    item = msgspec.structs.replace(item, views=quiet)
    update(table, ARN, POLICY, lambda _item: item)
    assert table.items[ARN][2] == minute(15)
