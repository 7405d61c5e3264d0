"""Whatever order events come in, and however often: the same memory, and everybody told once."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts.alerts.incidents import Incident, Policy, Told, decide
from bedrock_alerts.alerts.incidents.history import Opening, openings
from bedrock_alerts.alerts.incidents.model import ANNOUNCEMENTS, Memory
from bedrock_alerts.alerts.model import StateChange
from tests.support.incidents import Story, at, changed

NEVER_FLAPS = Policy(flap_count=0)
STATES = st.sampled_from(["ALARM", "OK", "INSUFFICIENT_DATA"])
SUPPRESSION = st.sampled_from(["", "", "WaitPeriod", "Alarm", "ExtensionPeriod"])


@st.composite
def lives(draw: st.DrawFn, *, held: bool = False) -> list[StateChange]:
    """Return the state changes of an alarm, in order; some name the state before them."""
    states = draw(st.lists(STATES, min_size=1, max_size=12))
    names_what_was = draw(st.sets(st.integers(0, 11)))
    found: list[StateChange] = []
    for number, state in enumerate(states):
        suppressed_by = draw(SUPPRESSION) if held else ""
        if found and (found[-1].state, found[-1].suppressed_by) == (state, suppressed_by):
            continue
        change = changed(state, 10 * number, suppressed_by=suppressed_by)
        if found and number in names_what_was:
            change = msgspec.structs.replace(
                change, previous_state=found[-1].state, previous_at=found[-1].at
            )
        found.append(change)
    return found


@st.composite
def deliveries(draw: st.DrawFn, *, held: bool = False) -> tuple[list[StateChange], list[int]]:
    """Return an alarm's life, and the order in which its events come in, some several times."""
    life = draw(lives(held=held))
    again = draw(st.lists(st.integers(0, len(life) - 1), max_size=10))
    return life, draw(st.permutations([*range(len(life)), *again]))


def played(life: Sequence[StateChange], order: Sequence[int], dies: Sequence[bool] = ()) -> Story:
    """Let events come in, one a second, all after they happened."""
    story = Story(NEVER_FLAPS)
    for number, index in enumerate(order):
        story.happen(life[index], 200 + number / 60, dies=number < len(dies) and dies[number])
    return story


def known(story: Story) -> Incident:
    assert story.incident is not None
    return msgspec.structs.replace(story.incident, told=())


def told(story: Story, opening: Opening) -> list[Told]:
    assert story.incident is not None
    return [item for item in story.incident.told if opening.holds(item.opening)]


def true_openings(life: Sequence[StateChange]) -> list[Opening]:
    story = played(life, range(len(life)))
    assert story.incident is not None
    return openings(story.incident.transitions)


@given(deliveries(held=True))
def test_any_order_with_any_duplicates_ends_in_the_same_memory(
    delivered: tuple[list[StateChange], list[int]],
) -> None:
    life, order = delivered
    assert known(played(life, order)) == known(played(life, range(len(life))))


@given(deliveries())
def test_every_alarm_is_told_and_nothing_of_it_twice(
    delivered: tuple[list[StateChange], list[int]],
) -> None:
    life, order = delivered
    story = played(life, order)
    for opening in true_openings(life):
        items = told(story, opening)
        assert any(item.kind in ANNOUNCEMENTS for item in items)
        assert max(Counter(item.kind for item in items).values()) == 1
    assert len(set(story.keys)) == len(story.keys)


@given(deliveries(held=True))
def test_nobody_hears_of_the_end_who_did_not_hear_of_the_beginning(
    delivered: tuple[list[StateChange], list[int]],
) -> None:
    life, order = delivered
    sent: set[str] = set()
    for decision in played(life, order).decisions:
        if decision.telling and decision.telling.kind in {"resolved", "no_data"}:
            assert decision.opening in sent
        sent.add(decision.key)


@given(deliveries(held=True))
def test_what_stands_and_is_not_held_back_is_told(
    delivered: tuple[list[StateChange], list[int]],
) -> None:
    life, order = delivered
    story = played(life, order)
    for opening in true_openings(life):
        last = opening.transitions[-1]
        if opening.end is None and last.opens and not last.held_by:
            assert any(item.kind in ANNOUNCEMENTS for item in told(story, opening))


@given(lives(held=True), st.integers(1, 3))
def test_what_is_held_back_until_it_is_over_is_told_to_nobody(
    life: list[StateChange], copies: int
) -> None:
    story = played(life, [index for index in range(len(life)) for _ in range(copies)])
    for opening in true_openings(life):
        was_told = any(item.kind in ANNOUNCEMENTS for item in told(story, opening))
        assert was_told is opening.may_be_told


@given(deliveries(held=True), st.lists(st.booleans(), max_size=20))
def test_a_function_that_dies_before_it_queues_loses_nothing(
    delivered: tuple[list[StateChange], list[int]], dies: list[bool]
) -> None:
    life, order = delivered
    # What died is received again, as its queue would see to.
    again = [index for index, died in zip(order, dies, strict=False) if died]
    story = played(life, [*order, *again], dies[: len(order)])
    for opening in true_openings(life):
        is_held = opening.end is None and bool(opening.transitions[-1].held_by)
        if opening.may_be_told and not is_held:
            assert any(item.kind in ANNOUNCEMENTS for item in told(story, opening))


@given(deliveries(held=True))
def test_a_replay_a_day_later_tells_nothing(
    delivered: tuple[list[StateChange], list[int]],
) -> None:
    life, order = delivered
    story = played(life, order)
    story.fire("release")
    before = story.incident
    for index in order:
        assert story.happen(life[index], 48 * 60).telling is None
    assert story.incident == before


@given(st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_flapping_is_told_once_until_it_settles(pauses: list[int]) -> None:
    story, minute = Story(), 0
    for number, pause in enumerate(pauses):
        minute += pause
        for timer in sorted(story.timers.values(), key=lambda timer: timer.due):
            if timer.kind == "settle" and timer.due <= at(minute):
                story.happen(story.timers.pop((timer.kind, timer.stamp)))
        story.happen(changed("OK" if number % 2 else "ALARM", minute))
    kinds = [kind for kind in story.told if kind in {"flapping", "settled"}]
    assert kinds == ["flapping", "settled"] * (len(kinds) // 2) + ["flapping"] * (len(kinds) % 2)
    heard = [kind for kind in story.told if kind != "resolved"]
    assert all(later != "first" for kind, later in pairwise(heard) if kind == "flapping")


@given(deliveries(held=True))
def test_deciding_the_same_again_gives_the_same(
    delivered: tuple[list[StateChange], list[int]],
) -> None:
    life, order = delivered
    story = Story(NEVER_FLAPS)
    for index in order:
        memory = Memory(story.incident)
        one, two = (decide(memory, life[index], NEVER_FLAPS, at(200)) for _ in range(2))
        assert one == two
        story.take(one)
