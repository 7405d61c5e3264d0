"""Sequences that once went wrong, played through route and deliver in memory.

*Right* is what each channel shows at the end, how often people were notified, and when.
"""

import itertools
from typing import Final

import pytest

from bedrock_alerts_cli.notifier.play import Simulation
from tests.support.sequences import (
    HOUR,
    MINUTE,
    START,
    attack,
    clock,
    flapping,
    noise,
    play,
    play_file,
    reasons,
    sent,
    shown,
    shows,
    storm,
    told,
)

ALL_RESOLVED: Final = {"email": "resolved", "slack": "resolved", "pagerduty": "resolved"}
RESOLVED_WITHOUT_EMAIL: Final = {"slack": "resolved", "pagerduty": "resolved"}
OFTEN: Final = 20


def emails(played: Simulation) -> list[str]:
    """Return why each email was sent."""
    return [reasons(one)[0] for one in sent(played, "email")]


def pages(played: Simulation) -> list[str]:
    """Return what PagerDuty was sent."""
    return [one.action for one in sent(played, "pagerduty")]


def text(played: Simulation, number: int) -> str:
    """Return an email."""
    payload = sent(played, "email")[number].payload
    return f"{payload['subject']}\n{payload['body']}"


def open_keys(played: Simulation) -> set[str]:
    """Return PagerDuty's incidents that nobody resolved."""
    last = {one.key: one.action for one in sent(played, "pagerduty")}
    return {key for key, action in last.items() if action not in ("resolve", "change")}


# ---- no data -------------------------------------------------------------------------------------


def test_each_alarm_after_a_stretch_without_data_is_news() -> None:
    played = play_file("missing-data-cycle")
    assert emails(played) == ["firing", "no_data", "firing", "no_data", "firing", "resolved"]
    # Each ALARM notifies the channel, and the incident's one message never says what is over.
    assert [clock(one.at) for one in sent(played, "slack", "post")] == ["08:00"]
    again = [
        one for one in sent(played, "slack", "broadcast") if one.job and "firing" in one.job.reasons
    ]
    assert [clock(one.at) for one in again] == ["09:00", "07:30"]
    assert pages(played).count("trigger") == 3
    assert open_keys(played) == set()
    assert shown(played) == ALL_RESOLVED


def test_no_data_that_is_lost_in_an_outage_opens_nothing_after_the_end() -> None:
    played = play_file("no-data-after-resolve")
    assert pages(played) == ["trigger", "resolve"]
    assert 1 < len(emails(played)) <= 3
    assert shown(played) == ALL_RESOLVED


# ---- ends that nobody reports --------------------------------------------------------------------


def test_an_inbox_without_recoveries_says_each_night_and_that_the_last_one_ended() -> None:
    played = play_file("inbox-without-ok-actions")
    assert told(played, "email") == ["03:00 firing"] * 3
    assert "no recovery will be reported" in text(played, 0).casefold()
    for number in (1, 2):
        assert "previous incident has ended" in " ".join(text(played, number).split())
    assert pages(played) == ["trigger", "resolve", "trigger", "resolve", "trigger"]
    assert len(open_keys(played)) == 1


def test_an_alarm_that_is_deleted_ends_with_all_its_contributors() -> None:
    played = play_file("parent-deleted")
    assert emails(played) == ["firing", "contributors", "resolved"]
    assert pages(played) == ["trigger", "resolve"]
    assert all(clock(one.at) <= "08:42" for one in played.world.out.sent)
    assert shown(played) == ALL_RESOLVED


def test_an_alarm_that_recovers_ends_with_all_its_contributors() -> None:
    played = play_file("parent-recovered")
    assert emails(played) == ["firing", "contributors", "resolved"]
    assert pages(played) == ["trigger", "resolve"]
    assert shown(played) == ALL_RESOLVED


# ---- on and off ----------------------------------------------------------------------------------


def test_what_flaps_while_a_channel_is_away_is_resolved_there_too() -> None:
    played = play_file("flapping-after-resolve")
    assert pages(played) == ["trigger", "resolve"]
    assert shown(played) == ALL_RESOLVED


@pytest.mark.parametrize(("on", "off"), [(4, 1), (6, 6)])
def test_an_alarm_on_and_off_for_hours_is_one_incident_heard_of_every_hour(
    on: float, off: float
) -> None:
    played = play(flapping(on, off))
    for channel in ("email", "slack"):
        assert noise(played, channel) <= OFTEN, channel
        times = [one.at for one in sent(played, channel, "send", "post", "broadcast")]
        while_it_goes_on = [at for at in times if at <= START + 8 * HOUR]
        gaps = [b - a for a, b in itertools.pairwise(while_it_goes_on)]
        # It is said only while it fires, so one that is due in a recovery waits for its end.
        assert max(gaps) <= HOUR + (off + 2) * MINUTE, channel
    assert pages(played) == ["trigger", "resolve"]
    assert sent(played, "pagerduty", "resolve")[0].at > START + 8 * HOUR - on * MINUTE
    assert shown(played) == ALL_RESOLVED


def test_an_attack_of_two_hours_is_ten_messages() -> None:
    played = play(attack(20))
    for channel in ("email", "slack", "pagerduty"):
        assert noise(played, channel) <= 10, channel
    assert open_keys(played) == set()
    assert {one["state"] for one in shows(played)} == {"resolved"}
    ends = [one.at for one in played.world.out.sent if "resolved" in reasons(one)]
    assert min(ends) > START + HOUR


# ---- people --------------------------------------------------------------------------------------


def test_a_late_acknowledgement_does_not_outlive_the_end() -> None:
    played = play_file("ack-after-end")
    assert pages(played) == ["trigger", "acknowledge", "resolve"]
    assert shown(played) == ALL_RESOLVED
    assert [reasons(one)[0] for one in sent(played, "slack", "edit", "reply")][-1] == "resolved"


def test_an_acknowledgement_of_the_last_incident_is_none_of_this_one() -> None:
    played = play_file("late-ack")
    assert emails(played) == ["firing", "resolved", "firing", "still_firing", "resolved"]
    assert "acknowledge" not in pages(played)
    reminder = next(one for one in sent(played, "email") if "still_firing" in reasons(one))
    assert "09:25" <= clock(reminder.at) <= "09:35"
    assert "Nothing was changed" in played.world.answers[0][1]


def test_a_silence_of_an_incident_that_is_over_silences_nothing() -> None:
    played = play_file("silence-after-end")
    assert told(played, "email") == [
        "08:00 firing",
        "08:20 resolved",
        "10:00 firing",
        "10:40 resolved",
    ]
    assert "Nothing was silenced" in played.world.answers[0][1]
    assert shown(played) == ALL_RESOLVED


def test_another_account_s_silence_holds_nothing_of_ours() -> None:
    played = play_file("other-account-silenced")
    ours = [one for one in played.world.out.sent if one.job and _is_ours(one.job.alerts[0])]
    assert [reasons(one)[0] for one in ours if one.channel == "email"] == ["firing", "resolved"]
    assert [one.action for one in ours if one.channel == "pagerduty"] == ["trigger", "resolve"]


def _is_ours(alert: object) -> bool:
    return ":111122223333:" in str(getattr(alert, "incident", ""))


def test_a_second_offender_notifies_although_the_first_was_acknowledged() -> None:
    played = play_file("second-offender")
    assert emails(played) == ["firing", "contributors", "acknowledged", "contributors"]
    loud = sent(played, "slack", "post", "broadcast")
    assert clock(loud[-1].at) <= "13:02"
    assert reasons(loud[-1]) == ["contributors"]


# ---- order, outages ------------------------------------------------------------------------------


def test_what_arrives_late_does_not_end_what_fires() -> None:
    played = play_file("out-of-order")
    assert len(open_keys(played)) == 1
    assert shown(played) == dict.fromkeys(ALL_RESOLVED, "firing")
    assert len(sent(played, "slack", "post")) == 1


def test_an_alarm_while_the_table_is_away_is_notified_and_ended() -> None:
    played = play_file("table-away")
    assert emails(played) == ["firing", "resolved"]
    assert open_keys(played) == set()
    assert shown(played) == ALL_RESOLVED


def test_the_end_of_a_silence_is_noticed_when_the_table_is_back() -> None:
    played = play_file("silence-end-table-away")
    for channel in ("email", "slack", "pagerduty"):
        second = sent(played, channel, "send", "post", "trigger")
        again = [one for one in second if reasons(one) == ["firing"]][1]
        assert clock(again.at) <= "09:23", channel
    reminders = [one.at for one in sent(played, "email") if reasons(one) == ["still_firing"]]
    assert len(reminders) == 3
    assert all(b - a < HOUR + 2 * MINUTE for a, b in itertools.pairwise(reminders))
    assert len(open_keys(played)) == 1


def test_nothing_needs_a_scheduler() -> None:
    played = play_file("scheduler-away")
    assert emails(played) == ["firing", "resolved"]
    assert len(sent(played, "slack", "post")) == 1
    assert shown(played) == ALL_RESOLVED
    assert played.world.dead == []


# ---- what changes meanwhile ----------------------------------------------------------------------


def test_a_threshold_that_is_moved_is_a_reply_and_does_not_page() -> None:
    played = play_file("threshold-moved")
    assert [one for one in pages(played) if one != "change"] == ["trigger", "resolve"]
    assert len(sent(played, "slack", "post")) == 1
    assert ["notice"] in [reasons(one) for one in sent(played, "slack", "reply")]
    assert shown(played)["slack"] == "resolved"


def test_changes_of_alarms_that_do_not_fire_open_nothing() -> None:
    played = play_file("changed-while-ok")
    assert sum(len(reasons(one)) for one in sent(played, "email")) == 3
    assert open_keys(played) == set()


@pytest.mark.parametrize("name", ["severity-lowered", "route-changed"])
def test_whoever_was_notified_is_notified_of_the_end(name: str) -> None:
    played = play_file(name)
    assert told(played, "pagerduty") == ["08:00 trigger", "08:30 resolve"]
    assert shown(played) == RESOLVED_WITHOUT_EMAIL


def test_quiet_hours_hold_back_no_end() -> None:
    played = play_file("quiet-hours")
    assert told(played, "pagerduty") == ["21:59 trigger", "22:03 acknowledge", "22:15 resolve"]
    assert told(played, "slack")[-2:] == ["22:05 recovering", "22:15 resolved"]
    assert shown(played) == RESOLVED_WITHOUT_EMAIL


def test_an_alarm_whose_actions_are_disabled_notifies_nobody() -> None:
    assert play_file("actions-disabled").world.out.sent == []


# ---- storms --------------------------------------------------------------------------------------


def test_a_channel_that_asks_for_a_pause_gets_one() -> None:
    world = play(storm(30, refused=10)).world
    asked = [at for at, name in world.requests if name == "slack"]
    refused = [at for at, name in world.refused if name == "slack"]
    posts = [one for one in world.out.sent if one.channel == "slack" and one.action == "post"]
    named = [alert.incident for one in posts if one.job for alert in one.job.alerts]
    assert len(named) == len(set(named)) == 30
    assert len([at for at in asked if at <= START + 10 * MINUTE]) <= 21
    for at in refused:
        assert not [other for other in asked if at < other < at + 30]


def test_a_storm_reaches_each_channel_once_in_the_time_of_its_function() -> None:
    world = play(storm(70), channels=("email", "webhook")).world
    for channel in ("email", "webhook"):
        named = [
            alert.incident
            for one in world.out.sent
            if one.channel == channel and one.job
            for alert in one.job.alerts
        ]
        assert len(named) == len(set(named)) == 70, channel
