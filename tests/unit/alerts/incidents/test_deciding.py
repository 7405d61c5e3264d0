"""What people are told of an alarm's life, by the sequence of its events."""

from datetime import timedelta

import msgspec
import pytest

from bedrock_alerts.alerts.incidents import Policy, acknowledge, over_since, silence, standing
from bedrock_alerts.alerts.model import Answer, ConfigurationChange, StateChange, Timer
from tests.support.incidents import (
    ARN,
    Story,
    at,
    changed,
    configured,
    contributor,
    kinds,
    said,
    tell,
)

CRITICAL = "Severity: critical"


# ---- the plain life ------------------------------------------------------------------------------


def test_an_alarm_is_told_when_it_begins_and_when_it_is_over() -> None:
    story = tell(changed("ALARM", 0), changed("OK", 14))
    assert story.told == ["first", "resolved"]
    first, resolved = (decision.telling for decision in story.decisions)
    assert first is not None
    assert resolved is not None
    assert (first.opened_at, first.ended_at) == (at(0), None)
    assert (resolved.opened_at, resolved.ended_at) == (at(0), at(14))


def test_what_is_told_is_the_event_itself() -> None:
    story = tell(changed("ALARM", 0, reason="one"), changed("OK", 14, reason="two"))
    assert [d.about.reason for d in story.decisions if d.about] == ["one", "two"]  # type: ignore[union-attr]


def test_the_end_names_the_alert_that_told_the_beginning() -> None:
    first, resolved = tell(changed("ALARM", 0), changed("OK", 14)).decisions
    assert first.opening == ""
    assert resolved.opening == first.key
    assert resolved.key not in {first.key, ""}


def test_each_time_it_stands_has_keys_of_its_own() -> None:
    story = tell(changed("ALARM", 0), changed("OK", 9), changed("ALARM", 20), changed("OK", 30))
    assert len(set(story.keys)) == 4


def test_copies_of_one_change_are_told_once() -> None:
    story = tell(changed("ALARM", 0), changed("ALARM", 0, transport="sns", previous_state="OK"))
    assert story.told == ["first"]
    assert said(story.decisions[1]) == "told already"


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([changed("OK", 1, previous_state="INSUFFICIENT_DATA")], [], id="a new alarm"),
        pytest.param([changed("INSUFFICIENT_DATA", 1)], [], id="data is lost in peace"),
        pytest.param(
            [changed("ALARM", 0), changed("INSUFFICIENT_DATA", 5), changed("OK", 9)],
            ["first", "no_data", "resolved"],
            id="data is lost in an alarm",
        ),
        pytest.param(
            [
                changed("ALARM", 0),
                changed("INSUFFICIENT_DATA", 5),
                changed("ALARM", 6),
                changed("INSUFFICIENT_DATA", 7),
                changed("OK", 9),
            ],
            ["first", "no_data", "resolved"],
            id="data is lost twice in one alarm",
        ),
        pytest.param([changed("SNOOZED", 1), changed("OK", 2)], ["first", "resolved"], id="novel"),
    ],
)
def test_lost_data_is_no_recovery(events: list[StateChange], expected: list[str]) -> None:
    assert kinds(events) == expected


def test_lost_data_that_was_heard_of_before_its_alarm_is_told_after_it() -> None:
    story = tell(changed("INSUFFICIENT_DATA", 5), changed("ALARM", 0))
    assert story.told == ["first"]
    assert story.fire("release") == ["no_data"]
    assert story.timers.keys() == {("reminder", f"{at(0).isoformat()}/1")}


def test_lost_data_after_an_alarm_that_was_held_back_is_told_to_nobody() -> None:
    story = tell(changed("ALARM", 0, suppressed_by="WaitPeriod"), changed("INSUFFICIENT_DATA", 5))
    assert story.told == []
    assert said(story.decisions[-1]).startswith("no data, and the alarm before was held back")
    assert kinds(
        [
            changed("ALARM", 0, suppressed_by="WaitPeriod"),
            changed("INSUFFICIENT_DATA", 5),
            changed("ALARM", 6),
        ]
    ) == ["release"]


def test_an_alarm_is_told_even_if_its_data_is_lost_before_it_could_be() -> None:
    story = Story()
    story.happen(changed("ALARM", 0), dies=True)
    story.happen(changed("INSUFFICIENT_DATA", 5))
    assert story.told == ["first"]
    assert story.fire("release") == ["no_data"]


def test_where_nothing_was_open_it_says_so() -> None:
    assert said(Story().happen(changed("OK", 1))) == "nothing was open"


# ---- order, duplicates, replays ------------------------------------------------------------------


def test_an_alarm_that_comes_after_its_end_is_told_as_over() -> None:
    story = tell(changed("OK", 14), changed("ALARM", 0))
    assert story.told == ["late"]
    (late,) = (decision.telling for decision in story.decisions if decision.telling)
    assert (late.opened_at, late.ended_at) == (at(0), at(14))


def test_an_alarm_that_comes_a_day_after_its_end_is_not_told() -> None:
    story = Story()
    story.happen(changed("OK", 14))
    decision = story.happen(changed("ALARM", 0), 14 + 24 * 60 + 1)
    assert said(decision) == "over for too long when it came: nobody had been told"


def test_a_replay_a_day_later_tells_nothing() -> None:
    events = [changed("ALARM", 0), changed("INSUFFICIENT_DATA", 5), changed("OK", 14)]
    story = tell(*events)
    before = story.incident
    assert story.told == ["first", "no_data", "resolved"]
    for event in events:
        story.happen(event, 24 * 60 + 30)
    assert story.told == ["first", "no_data", "resolved"]
    assert story.incident == before


def test_the_end_of_one_alarm_that_comes_after_the_next_has_begun_tells_the_next() -> None:
    story = tell(changed("ALARM", 0), changed("ALARM", 20), changed("OK", 9))
    assert story.told == ["first", "first"]
    assert [d.telling.opened_at for d in story.decisions if d.telling] == [at(0), at(20)]


def test_an_event_that_names_the_state_before_it_does_not_wait_for_that_ones_own() -> None:
    second = changed("ALARM", 20, previous_state="OK", previous_at=at(9))
    assert kinds([changed("ALARM", 0), second, changed("OK", 9)]) == ["first", "first"]


def test_what_is_older_than_all_that_is_remembered_is_left_alone() -> None:
    story = Story(Policy(flap_count=0))
    for minute in range(100):
        story.happen(changed("ALARM" if minute % 2 == 0 else "OK", minute))
    assert (
        said(story.happen(changed("ALARM", 0), 200)) == "older than everything that is remembered"
    )
    assert story.told == ["first", "resolved"] * 50


def test_an_alarm_held_and_released_very_often_keeps_its_beginning() -> None:
    story = tell(changed("ALARM", 0))
    for minute in range(1, 100):
        held = "Alarm" if minute % 2 else ""
        story.happen(changed("ALARM", minute, suppressed_by=held))
    assert story.told == ["first"]
    story.happen(changed("OK", 100))
    resolved = story.decisions[-1].telling
    assert resolved is not None
    assert (resolved.kind, resolved.opened_at, resolved.ended_at) == ("resolved", at(0), at(100))


# ---- the function dies ---------------------------------------------------------------------------


def test_what_was_stored_and_never_queued_is_told_when_it_comes_again() -> None:
    story = Story()
    story.happen(changed("ALARM", 0), dies=True)
    died = story.incident
    again = story.happen(changed("ALARM", 0))
    assert story.told == ["first"]
    assert again.next == died


def test_the_second_attempt_has_the_key_of_the_first() -> None:
    story = Story()
    first = story.happen(changed("ALARM", 0), dies=True)
    assert story.happen(changed("ALARM", 0), 3).key == first.key


def test_an_alarm_that_was_never_queued_and_is_over_is_told_once() -> None:
    story = Story()
    story.happen(changed("ALARM", 0), dies=True)
    story.happen(changed("OK", 14))
    story.happen(changed("ALARM", 0), 15)
    assert story.told == ["late"]


def test_a_recovery_that_was_never_queued_is_told_when_it_comes_again() -> None:
    story = tell(changed("ALARM", 0))
    story.happen(changed("OK", 14), dies=True)
    story.happen(changed("ALARM", 0), 15)
    assert story.told == ["first"]
    story.happen(changed("OK", 14), 16)
    assert story.told == ["first", "resolved"]


def test_an_alarm_that_was_never_queued_held_back_later_and_is_over_is_told() -> None:
    story = Story()
    story.happen(changed("ALARM", 0), dies=True)
    story.happen(changed("ALARM", 5, suppressed_by="Alarm"))
    assert story.told == []
    story.happen(changed("OK", 9))
    assert story.told == ["late"]


def test_a_timer_is_set_again_when_the_event_comes_again() -> None:
    story = Story()
    first = story.happen(changed("ALARM", 0), dies=True)
    assert story.happen(changed("ALARM", 0)).timers == first.timers
    assert story.happen(changed("ALARM", 0), 3).timers == first.timers


# ---- held back by CloudWatch ---------------------------------------------------------------------


def test_a_suppressors_life_tells_of_each_alarm_once_at_its_release() -> None:
    story = tell(
        changed("OK", 0, previous_state="INSUFFICIENT_DATA", suppressed_by="WaitPeriod"),
        changed("ALARM", 1, suppressed_by="WaitPeriod"),
    )
    assert story.told == []
    assert said(story.decisions[-1]) == "held back by CloudWatch: WaitPeriod"
    story.happen(changed("ALARM", 2, previous_state="ALARM"))
    assert story.told == ["release"]
    assert story.decisions[-1].telling.held_by == "WaitPeriod"  # type: ignore[union-attr]
    for minute, held in ((3, "Alarm"), (4, "ExtensionPeriod"), (5, "")):
        story.happen(changed("ALARM", minute, previous_state="ALARM", suppressed_by=held))
    assert story.told == ["release"]
    story.happen(changed("OK", 9, previous_state="ALARM"))
    assert story.told == ["release", "resolved"]


def test_a_child_that_fires_while_its_composite_is_held_is_told_at_the_end_of_it() -> None:
    story = tell(
        changed("ALARM", 1, suppressed_by="Alarm"),
        changed("ALARM", 3, previous_state="ALARM", suppressed_by="ExtensionPeriod"),
        changed("ALARM", 8, previous_state="ALARM"),
    )
    assert story.told == ["release"]


def test_a_release_with_the_time_of_what_it_releases_is_told_in_any_order() -> None:
    held, free = changed("ALARM", 1, suppressed_by="WaitPeriod"), changed("ALARM", 1)
    assert kinds([held, free, held]) == ["release"] or kinds([held, free, held]) == ["first"]
    assert kinds([free, held]) == ["first"]


def test_an_alarm_that_was_held_back_until_it_was_over_is_told_to_nobody() -> None:
    story = tell(changed("ALARM", 1, suppressed_by="Alarm"), changed("OK", 5))
    assert story.told == []
    assert said(story.decisions[-1]) == "held back until it was over: nobody had been told"


def test_who_was_told_hears_of_the_end_although_it_is_held_back() -> None:
    held = changed("ALARM", 2, suppressed_by="Alarm")
    assert kinds([changed("ALARM", 1), held, changed("OK", 5, suppressed_by="Alarm")]) == [
        "first",
        "resolved",
    ]


def test_a_muted_alarm_is_told_when_the_mute_ends_and_it_still_stands() -> None:
    story = tell(changed("ALARM", 0, muted_by="rule", muted_until=at(30)))
    assert story.told == []
    (timer,) = story.decisions[0].timers
    assert (timer.kind, timer.due, timer.subject) == ("release", at(30), ARN)
    assert story.fire("release") == ["release"]


def test_a_muted_alarm_that_is_over_by_then_is_told_to_nobody() -> None:
    story = tell(changed("ALARM", 0, muted_by="rule", muted_until=at(30)), changed("OK", 20))
    assert story.fire("release") == ["nothing stands any more"]
    assert story.told == []


def test_a_mute_without_an_end_is_looked_at_again() -> None:
    story = tell(changed("ALARM", 0, muted_by="rule"))
    assert [timer.due for timer in story.decisions[0].timers] == [at(60)]
    assert story.fire("release") == ["release"]


def test_a_timer_that_comes_a_little_early_is_taken_for_what_it_is() -> None:
    story = tell(changed("ALARM", 0, muted_by="rule", muted_until=at(30)))
    (timer,) = story.decisions[0].timers
    assert said(story.happen(timer, 29.5)) == "release"


def test_an_alarm_with_disabled_actions_is_told_when_they_are_enabled() -> None:
    story = tell(configured("update", 0, actions_enabled=False, previous_actions_enabled=True))
    assert story.told == ["plain"]
    assert said(story.happen(changed("ALARM", 1))) == "the alarm's actions are disabled"
    story.happen(configured("update", 5, actions_enabled=True, previous_actions_enabled=False))
    assert story.told == ["plain", "release"]
    assert story.decisions[-1].telling.held_by == "disabled actions"  # type: ignore[union-attr]


def test_an_alarm_that_passed_while_actions_were_disabled_stays_untold() -> None:
    disabled = configured("update", 0, actions_enabled=False)
    enabled = configured("update", 20, actions_enabled=True)
    story = tell(disabled, changed("ALARM", 1), changed("OK", 9), enabled, changed("ALARM", 1))
    assert story.told == ["plain"]


def test_news_of_the_alarms_actions_are_taken_in_their_own_order() -> None:
    enabled = configured("update", 5, actions_enabled=True)
    disabled = configured("update", 0, actions_enabled=False, previous_actions_enabled=True)
    assert kinds([enabled, disabled, changed("ALARM", 6)]) == ["plain", "first"]


# ---- changes of the alarm itself -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (configured("create", 1, actions_enabled=True), []),
        (configured("update", 1, threshold=3.0, previous_threshold=3.0), []),
        (configured("update", 1, threshold=30.0, previous_threshold=3.0), ["plain"]),
        (configured("update", 1, actions_enabled=False, previous_actions_enabled=False), []),
        (configured("delete", 1), ["plain"]),
    ],
)
def test_of_changes_only_those_are_told_that_may_make_an_alarm_quieter(
    event: ConfigurationChange, expected: list[str]
) -> None:
    assert kinds([event, event]) == expected


def test_a_change_of_an_alarm_opens_no_incident() -> None:
    story = tell(configured("update", 1, threshold=30.0, previous_threshold=3.0))
    assert story.incident is not None
    assert standing(story.incident) is None
    assert story.happen(changed("OK", 2)).telling is None


def test_an_alarm_that_is_deleted_stands_no_more() -> None:
    story = tell(changed("ALARM", 0), configured("delete", 5))
    assert story.told == ["first", "plain"]
    assert story.fire("reminder") == ["nothing stands any more"]
    telling = story.decisions[1].telling
    assert telling is not None
    assert (telling.opened_at, telling.ended_at) == (at(0), at(5))


def test_the_deletion_of_an_alarm_that_nobody_has_heard_of_ends_nothing() -> None:
    story = tell(changed("ALARM", 0), changed("OK", 3), configured("delete", 5))
    telling = story.decisions[-1].telling
    assert telling is not None
    assert (telling.kind, telling.ended_at) == ("plain", None)


# ---- severity ------------------------------------------------------------------------------------


def test_an_alarm_that_gets_worse_is_told_again_once() -> None:
    worse = configured("update", 5, description=CRITICAL, actions_enabled=True)
    story = tell(changed("ALARM", 0), worse, worse)
    assert story.told == ["first", "escalation"]
    assert len(set(story.keys)) == 2
    assert story.decisions[1].told is not None
    assert story.decisions[1].told.severity == "critical"


def test_an_alarm_that_gets_less_bad_is_not_told_again() -> None:
    story = tell(changed("ALARM", 0, description=CRITICAL))
    story.happen(configured("update", 5, description="Severity: info"))
    assert story.told == ["first"]


def test_a_copy_without_a_description_does_not_change_how_bad_it_is() -> None:
    story = tell(changed("ALARM", 0, description=CRITICAL), changed("ALARM", 0, description=""))
    assert story.incident is not None
    assert story.incident.severity == "critical"


@pytest.mark.parametrize(
    ("description", "severity"),
    [("", "warning"), ("Severity: INFO", "info"), ("Severity: dreadful", "warning")],
)
def test_a_severity_nobody_knows_is_a_warning(description: str, severity: str) -> None:
    (decision,) = tell(changed("ALARM", 0, description=description)).decisions
    assert decision.told is not None
    assert decision.told.severity == severity


# ---- flapping ------------------------------------------------------------------------------------


def flap(times: int, policy: Policy | None = None) -> Story:
    """Let an alarm come and go every other minute."""
    story = Story(policy)
    for number in range(times):
        story.happen(changed("ALARM", 2 * number))
        story.happen(changed("OK", 2 * number + 1))
    return story


def test_an_alarm_that_comes_and_goes_is_told_as_flapping_and_then_when_it_settles() -> None:
    story = flap(8)
    assert story.told == ["first", "resolved"] * 4 + ["flapping"]
    said_when_fired = story.fire("settle")
    assert said_when_fired[-1] == "settled"
    assert set(said_when_fired[:-1]) == {"overtaken by a newer change"}
    settled = story.decisions[-1].telling
    assert settled is not None
    assert settled.ended_at == at(15)
    assert settled.transitions == 8


def test_flapping_says_how_often() -> None:
    story = flap(5)
    (flapping,) = (d.telling for d in story.decisions if d.telling and d.telling.kind == "flapping")
    assert flapping.transitions == 9


def test_an_alarm_that_settles_while_it_stands_goes_on_as_one_that_was_told() -> None:
    story = flap(6)
    story.happen(changed("ALARM", 20))
    assert story.fire("settle")[-1] == "settled"
    assert story.decisions[-1].telling.ended_at is None  # type: ignore[union-attr]
    assert story.fire("reminder")[-1:] == ["reminder"]
    story.happen(changed("OK", 400))
    assert story.told[-3:] == ["settled", "reminder", "resolved"]


def test_after_it_has_settled_an_alarm_is_told_as_ever() -> None:
    story = flap(6)
    story.fire("settle")
    story.happen(changed("ALARM", 100))
    story.happen(changed("OK", 110))
    assert story.told[-3:] == ["settled", "first", "resolved"]


def test_copies_of_what_was_told_as_flapping_tell_nothing_more() -> None:
    story = flap(6)
    story.fire("settle")
    told = list(story.told)
    for minute in range(12):
        story.happen(changed("OK" if minute % 2 else "ALARM", minute), 60)
    assert story.told == told


def test_a_lost_timer_does_not_keep_an_alarm_quiet_for_ever() -> None:
    story = flap(6)
    story.happen(changed("ALARM", 100))
    assert story.told[-2:] == ["flapping", "first"]


def test_a_flapping_alarm_that_gets_worse_is_told() -> None:
    story = flap(6)
    story.happen(changed("ALARM", 13, description=CRITICAL))
    assert story.told[-2:] == ["flapping", "escalation"]


def test_a_flapping_alarm_says_nothing_of_lost_data() -> None:
    story = flap(4)
    story.happen(changed("ALARM", 8))
    assert said(story.happen(changed("INSUFFICIENT_DATA", 9))) == "flapping: told as one"


def test_flapping_can_be_switched_off() -> None:
    assert "flapping" not in flap(12, Policy(flap_count=0)).told


def test_alarms_that_are_held_back_do_not_count_as_flapping() -> None:
    story = Story()
    for number in range(8):
        story.happen(changed("ALARM", 2 * number, suppressed_by="Alarm"))
        story.happen(changed("OK", 2 * number + 1))
    story.happen(changed("ALARM", 20))
    assert story.told == ["first"]


# ---- reminders, acknowledgements, silences -------------------------------------------------------


def test_what_stands_is_told_again_every_four_hours() -> None:
    story = tell(changed("ALARM", 0))
    (timer,) = story.decisions[0].timers
    assert (timer.kind, timer.due) == ("reminder", at(240))
    for number in (1, 2, 3):
        assert story.fire("reminder") == ["reminder"]
        telling = story.decisions[-1].telling
        assert telling is not None
        assert telling.reminders == number
    assert len(set(story.keys)) == 4


def test_a_critical_alarm_is_told_again_every_hour_and_one_for_information_never() -> None:
    (critical,) = tell(changed("ALARM", 0, description=CRITICAL)).decisions[0].timers
    assert critical.due == at(60)
    assert tell(changed("ALARM", 0, description="Severity: info")).decisions[0].timers == ()


def test_a_reminder_that_comes_twice_is_told_once() -> None:
    story = tell(changed("ALARM", 0))
    (timer,) = story.decisions[0].timers
    assert [said(story.happen(timer)), said(story.happen(timer))] == ["reminder", "told already"]


def test_reminders_stop_when_it_is_over() -> None:
    story = tell(changed("ALARM", 0), changed("OK", 9))
    assert story.fire("reminder") == ["nothing stands any more"]


def test_a_reminder_of_an_alarm_before_does_not_remind_of_the_next() -> None:
    story = tell(changed("ALARM", 0), changed("OK", 9), changed("ALARM", 20))
    assert story.fire("reminder") == ["overtaken by newer news", "reminder"]


def test_a_reminder_that_was_set_with_another_interval_is_overtaken() -> None:
    story = tell(changed("ALARM", 0))
    story.happen(configured("update", 5, description=CRITICAL))
    due = sorted(timer.due for timer in story.timers.values())
    assert due == [at(65), at(240)]
    assert story.fire("reminder") == ["reminder", "overtaken by newer news"]


def test_reminders_can_be_switched_off_while_they_are_on_their_way() -> None:
    story = tell(changed("ALARM", 0))
    story.policy = Policy(warning_reminder_seconds=0)
    assert story.fire("reminder") == ["nobody wants to be reminded"]


def test_a_reminder_waits_while_cloudwatch_holds_the_alarm_back() -> None:
    story = tell(changed("ALARM", 0), changed("ALARM", 9, suppressed_by="Alarm"))
    assert story.fire("reminder") == ["held back by CloudWatch: Alarm"]
    story.happen(changed("ALARM", 300))
    assert story.fire("reminder") == ["reminder"]


def test_whoever_has_taken_it_on_is_not_reminded() -> None:
    story = tell(changed("ALARM", 0))
    assert story.incident is not None
    story.take(acknowledge(story.incident, "ada", at(5), story.policy))
    assert story.told == ["first", "acknowledged"]
    assert story.decisions[-1].telling.acked_by == "ada"  # type: ignore[union-attr]
    assert story.decisions[-1].timers == ()
    assert story.fire("reminder") == ["acknowledged by ada"]
    assert story.timers == {}


def test_who_took_it_on_first_stays_and_is_said_once() -> None:
    story = tell(changed("ALARM", 0))
    for name in ("ada", "grace"):
        assert story.incident is not None
        story.take(acknowledge(story.incident, name, at(5), story.policy))
    assert story.told == ["first", "acknowledged"]
    assert story.incident is not None
    assert story.incident.acked_by == "ada"


def test_the_next_alarm_is_nobodys() -> None:
    story = tell(changed("ALARM", 0))
    assert story.incident is not None
    story.take(acknowledge(story.incident, "ada", at(5), story.policy))
    story.happen(changed("OK", 9))
    assert story.decisions[-1].telling.acked_by == "ada"  # type: ignore[union-attr]
    story.happen(changed("ALARM", 20))
    assert story.decisions[-1].telling.acked_by == ""  # type: ignore[union-attr]
    assert story.fire("reminder")[-1] == "reminder"


def test_an_acknowledgement_that_comes_too_late_reopens_nothing() -> None:
    story = tell(changed("ALARM", 0), changed("OK", 9))
    before = story.incident
    assert before is not None
    decision = acknowledge(before, "ada", at(10), story.policy)
    assert said(decision) == "nothing stands any more"
    assert decision.next == before


def answer(kind: str, minute: float, seconds: int = 0) -> Answer:
    return Answer(
        kind=kind,  # type: ignore[arg-type]
        incident="0" * 32,
        user="U0EXAMPLE1",
        name="ada",
        at=at(minute),
        seconds=seconds,
    )


def test_answers_from_slack_are_events_like_others() -> None:
    story = tell(changed("ALARM", 0), answer("acknowledge", 1), answer("silence", 2, 3600))
    assert story.told == ["first", "acknowledged", "silenced"]
    silenced = story.decisions[-1].telling
    assert silenced is not None
    assert (silenced.held_by, silenced.until) == ("ada", at(62))


def test_reminders_are_not_sent_while_it_flaps() -> None:
    story = flap(4)
    story.happen(changed("ALARM", 8))
    timer = Timer(kind="reminder", subject=ARN, due=at(250), stamp=f"{at(8).isoformat()}/1")
    assert said(story.happen(timer)) == "flapping: told as one"


def test_an_answer_to_what_is_forgotten_changes_nothing() -> None:
    decision = Story().happen(answer("acknowledge", 1))
    assert said(decision) == "the incident is forgotten"
    assert decision.next is None


def test_a_silenced_alarm_is_told_again_when_the_silence_ends_and_it_still_stands() -> None:
    story = tell(changed("ALARM", 0), answer("silence", 2, 5 * 3600))
    assert story.fire("reminder") == ["silenced by ada"]
    assert story.fire("release") == ["release"]
    assert story.decisions[-1].telling.held_by == "ada"  # type: ignore[union-attr]
    (timer,) = (t for t in story.decisions[-1].timers if t.kind == "reminder")
    assert timer.due == at(302 + 240)


def test_a_silence_that_was_prolonged_ends_once() -> None:
    story = tell(changed("ALARM", 0), answer("silence", 2, 3600), answer("silence", 3, 7200))
    assert story.fire("release") == ["told already", "release"]


def test_an_alarm_that_begins_in_a_silence_is_told_at_its_end() -> None:
    story = tell(changed("ALARM", 0), changed("OK", 5), answer("silence", 6, 3600))
    assert said(story.decisions[-1]) == "nothing stands any more"
    assert said(story.happen(changed("ALARM", 10))) == "silenced by ada"
    assert story.fire("release") == ["release"]
    assert story.told == ["first", "resolved", "release"]


def test_an_alarm_that_passes_in_a_silence_is_told_to_nobody() -> None:
    events = [changed("ALARM", 10), changed("OK", 15), changed("ALARM", 10)]
    story = tell(changed("ALARM", 0), changed("OK", 5), answer("silence", 6, 3600), *events)
    assert story.told == ["first", "resolved"]
    assert story.happen(changed("ALARM", 10), 90).telling is None


def test_a_silenced_alarm_that_gets_worse_is_told() -> None:
    story = tell(changed("ALARM", 0), answer("silence", 2, 3600))
    story.happen(configured("update", 5, description=CRITICAL))
    assert story.told[-1] == "escalation"
    story.happen(changed("OK", 6))
    story.happen(changed("ALARM", 7))
    assert said(story.decisions[-1]) == "silenced by ada"


def test_who_has_taken_it_on_is_not_told_that_a_silence_has_ended() -> None:
    story = tell(changed("ALARM", 0), answer("silence", 2, 3600), answer("acknowledge", 3))
    assert story.fire("release") == ["told already"]


def test_a_silence_ends_quietly_while_cloudwatch_holds_the_alarm_back() -> None:
    story = tell(changed("ALARM", 0), answer("silence", 2, 3600))
    story.happen(changed("ALARM", 9, suppressed_by="Alarm"))
    assert story.fire("release") == ["held back by CloudWatch: Alarm"]


def test_a_silence_that_is_over_before_it_comes_changes_nothing() -> None:
    story = tell(changed("ALARM", 0))
    assert story.incident is not None
    decision = silence(story.incident, "ada", at(5), at(6), story.policy)
    assert said(decision) == "the silence is over already"
    assert decision.next == story.incident


def test_a_silence_that_comes_twice_is_said_once() -> None:
    story = tell(changed("ALARM", 0), answer("silence", 2, 3600), answer("silence", 2, 3600))
    assert story.told == ["first", "silenced"]


# ---- contributors --------------------------------------------------------------------------------


def test_each_contributor_has_a_life_of_its_own() -> None:
    one = tell(changed("ALARM", 0, contributor=contributor("one")))
    two = tell(changed("ALARM", 0, contributor=contributor("two")))
    assert one.told == two.told == ["first"]
    assert one.keys != two.keys
    assert one.incident is not None
    assert one.incident.key == f"{ARN}#one"


def test_a_contributor_is_held_back_with_its_alarm_and_looked_at_again() -> None:
    alarm = tell(configured("update", 0, actions_enabled=False)).incident
    story = Story(alarm=alarm)
    decision = story.happen(changed("ALARM", 1, contributor=contributor("one")))
    assert said(decision) == "the alarm's actions are disabled"
    (timer,) = decision.timers
    assert (timer.kind, timer.due) == ("release", at(60))
    assert story.fire("release") == ["the alarm's actions are disabled"]
    (timer,) = story.timers.values()
    assert timer.due == at(120)
    story.alarm = tell(configured("update", 90, actions_enabled=True)).incident
    assert story.fire("release") == ["release"]


def test_a_contributor_is_silent_while_its_alarm_is_silenced() -> None:
    parent = tell(changed("ALARM", 0), answer("silence", 2, 3600))
    story = Story(alarm=parent.incident)
    story.happen(changed("ALARM", 5, contributor=contributor("one")))
    assert story.told == []
    assert story.fire("release") == ["release"]


# ---- for others ----------------------------------------------------------------------------------


def test_others_can_ask_whether_an_alarm_is_over() -> None:
    story = tell(changed("ALARM", 0), changed("OK", 9), changed("ALARM", 20))
    assert story.incident is not None
    assert over_since(story.incident, at(0)) == at(9)
    assert over_since(story.incident, at(20)) is None
    assert over_since(story.incident, at(-5)) is None


def test_an_incident_survives_being_written_down() -> None:
    story = flap(6)
    incident = story.incident
    assert incident is not None
    text = msgspec.json.encode(incident)
    assert msgspec.json.decode(text, type=type(incident)) == incident


def test_a_huge_alarm_is_remembered_without_its_details() -> None:
    huge = changed("ALARM", 0, tags=tuple((str(n), "x" * 256) for n in range(400)))
    incident = tell(huge).incident
    assert incident is not None
    assert incident.change is not None
    assert incident.change.tags == ()
    assert len(msgspec.json.encode(incident)) < 50_000


def test_a_decision_that_tells_nothing_has_no_key() -> None:
    assert Story().happen(changed("OK", 0)).key == ""


def test_a_timer_of_something_forgotten_does_nothing() -> None:
    timer = Timer(kind="reminder", subject=ARN, due=at(0) + timedelta(hours=1), stamp="x/1")
    assert said(Story().happen(timer)) == "the incident is forgotten"


def test_a_timer_with_a_stamp_that_cannot_be_read_does_nothing() -> None:
    story = tell(changed("ALARM", 0))
    timer = Timer(kind="reminder", subject=ARN, due=at(60), stamp=f"{at(0).isoformat()}/x")
    assert said(story.happen(timer)) == "overtaken by newer news"
