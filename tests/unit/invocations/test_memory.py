"""What a warm container remembers, and how much at most."""

from collections import Counter

from bedrock_alerts.invocations.memory import Memory


def test_a_delivery_counts_as_counted_once_it_is_kept() -> None:
    memory = Memory()
    assert not memory.has_counted(1)
    memory.keep([1, 2])
    assert memory.has_counted(1)
    assert not memory.has_counted(3)


def test_old_deliveries_are_forgotten() -> None:
    memory = Memory(most_ids=10)
    memory.keep(range(11))
    memory.keep(range(20, 25))
    assert memory.has_counted(3)
    memory.keep(range(30, 40))
    assert not memory.has_counted(3)
    assert memory.has_counted(35)


def test_the_most_frequent_names_are_published_and_stay() -> None:
    memory = Memory()
    first = memory.published(7, "ModelId", Counter(a=1, b=5, c=2), 2)
    assert first == {"b", "c"}
    assert memory.published(7, "ModelId", Counter(a=99), 2) == first
    assert memory.published(8, "ModelId", Counter(a=1), 2) == {"a"}
    assert memory.published(7, "ErrorCode", Counter(a=1), 2) == {"a"}


def test_hours_are_forgotten_before_they_fill_the_memory() -> None:
    memory = Memory()
    for hour in range(10_000):
        memory.published(hour, "ModelId", Counter(a=1), 1)
    assert memory.published(0, "ModelId", Counter(b=1), 1) == {"b"}
    assert memory.published(9_999, "ModelId", Counter(b=1), 1) == {"a"}
