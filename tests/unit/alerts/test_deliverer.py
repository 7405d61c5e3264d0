"""Each alert comes once to each channel, whatever fails and whoever dies in between."""

import json
from itertools import pairwise
from typing import Any

import pytest

from bedrock_alerts.alerts.model import LedgerEntry, Thread
from bedrock_alerts.alerts.send import Receipt
from bedrock_alerts.errors import PermanentError, TransientError
from tests.support.delivering import (
    ARN,
    ATTEMPTS,
    ENDED,
    NOW,
    RECEIVES,
    Mortal,
    World,
    alarm,
    delivery,
    ended_incident,
    not_now,
    recovery,
)

OPENING, END = alarm(), recovery()
THREAD = Thread(channel_id="C0123456789", ts="1.1", root="1.1")


@pytest.fixture(autouse=True)
def _chance_is_the_same_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda low, _high: low)


def entry(status: Any, *, owner: str = "another", at: float = NOW, **changes: Any) -> LedgerEntry:
    given = {"kind": "first", "opened_at": OPENING.opened_at, **changes}
    return LedgerEntry(status=status, owner=owner, at=at, **given)


# ---- the ordinary --------------------------------------------------------------------------------


def test_a_delivery_is_sent_and_recorded() -> None:
    world = World()
    world.queue.put(delivery(OPENING, mentions=("here",), notes=("the routes cannot be read",)))
    assert world.run() == ["done"]
    (post,) = world.sender.posts
    assert post.alerts == (OPENING,)
    assert (post.mentions, post.notes) == (("here",), ("the routes cannot be read",))
    assert world.ledger.status(OPENING) == "sent"
    assert world.deliverer.counts == (1, 0, 0)
    (said,) = world.journal.said("sent")
    assert said == {"channel": "slack", "alerts": ["opening"], "kinds": ["first"]}


def test_the_same_alert_again_is_not_sent_again() -> None:
    world = World()
    world.queue.put(delivery(OPENING), delivery(OPENING))
    assert world.run() == ["done", "done"]
    assert world.sender.told(OPENING) == ["first"]
    assert world.deliverer.counts == (1, 0, 0)


def test_each_channel_has_its_own_books() -> None:
    world = World()
    world.queue.put(delivery(OPENING), delivery(OPENING, channel="email"))
    world.run()
    assert world.sender.told(OPENING) == world.email_sender.told(OPENING) == ["first"]


def test_the_target_is_the_part_behind_the_kind() -> None:
    world = World()
    world.queue.put(delivery(OPENING, channel="slack:C0PAYMENTS"))
    world.run()
    assert world.sender.posts[0].target == "C0PAYMENTS"


def test_what_waited_long_says_so() -> None:
    world = World()
    world.clock.now += 600
    world.queue.put(delivery(OPENING))
    world.run()
    assert world.sender.posts[0].alerts[0].facts[0].value == "delayed by 10 min"


# ---- failures ------------------------------------------------------------------------------------


def test_a_channel_that_is_down_is_tried_again_after_growing_pauses() -> None:
    world = World()
    world.sender.failures = [not_now(), not_now()]
    world.queue.put(delivery(OPENING))
    assert world.run() == ["TransientError", "TransientError", "done"]
    assert 20 <= world.clock.now - NOW <= 24
    assert world.sender.told(OPENING) == ["first"]
    assert world.deliverer.counts == (1, 2, 0)


@pytest.mark.parametrize(("asked", "waited"), [(30.0, 30.0), (1.0, 5.0), (1e9, 900.0)])
def test_a_channel_is_left_in_peace_for_as_long_as_it_asks(asked: float, waited: float) -> None:
    world = World()
    world.sender.failures = [not_now(asked)]
    world.queue.put(delivery(OPENING))
    world.run()
    assert waited <= world.clock.now - NOW <= waited * 1.2 + 1


def test_nobody_else_uses_a_channel_that_asked_for_peace() -> None:
    world = World()
    world.sender.failures = [not_now(30)]
    world.queue.put(delivery(OPENING), delivery(alarm("other", incident="other")))
    world.step()
    assert world.step() == "PostponedError"
    assert world.sender.tried == 1
    world.run()
    assert len(world.sender.posts) == 2


def test_what_can_never_be_sent_is_told_by_email_at_once_and_parked() -> None:
    world = World()
    world.sender.failures = [PermanentError("slack.com answered: channel_not_found")]
    body = delivery(OPENING)
    world.queue.put(body)
    assert world.run() == ["done"]
    ((subject, text),) = world.email.sent
    assert subject == "[Not delivered to slack] ALARM - critical: chat-blocks"
    assert "could not be sent to slack: slack.com answered: channel_not_found." in text
    assert "A guardrail blocked calls." in text
    assert world.queue.parked == [body]
    assert world.ledger.status(OPENING) == "failed"
    assert world.deliverer.counts == (0, 1, 0)


def test_a_channel_that_never_comes_back_gives_its_alert_up_in_the_end() -> None:
    world = World()
    world.sender.failures = [not_now() for _ in range(100)]
    world.queue.put(delivery(OPENING))
    assert world.run() == ["TransientError"] * (ATTEMPTS - 1) + ["done"]
    assert len(world.email.sent) == len(world.queue.parked) == 1
    assert world.clock.now - NOW > 2 * 3600 * 0.7
    assert world.queue.given_up == []


def test_a_channel_that_the_stack_does_not_have_is_no_reason_to_be_silent() -> None:
    world = World()
    world.queue.put(delivery(OPENING, channel="teams"))
    assert world.run() == ["done"]
    assert "no channel 'teams' in this stack" in world.email.sent[0][1]
    assert len(world.queue.parked) == 1


def test_an_email_that_cannot_be_sent_is_parked_without_another_one() -> None:
    world = World()
    world.email_sender.failures = [PermanentError("Amazon SNS refused: NotFound")]
    world.queue.put(delivery(OPENING, channel="email"))
    assert world.run() == ["done"]
    assert world.email.sent == []
    assert len(world.queue.parked) == 1


@pytest.mark.parametrize("body", ["no JSON", "{}", '{"channel":"fax","alerts":[],"queued_at":1}'])
def test_a_delivery_that_cannot_be_read_is_parked_and_its_content_not_shown(body: str) -> None:
    world = World()
    world.queue.put(body)
    assert world.run() == ["done"]
    ((subject, text),) = world.email.sent
    assert subject == "[Not delivered to its channel] a notification that cannot be read"
    assert body not in text
    assert world.queue.parked == [body]


def test_a_fault_of_our_own_is_tried_again_and_in_the_end_told_without_its_text() -> None:
    world = World()
    world.sender.failures = [KeyError("prompt of a person") for _ in range(100)]
    world.queue.put(delivery(OPENING))
    steps = world.run()
    assert steps == ["KeyError"] * (ATTEMPTS - 1) + ["done"]
    assert "a fault of Bedrock Alerts (KeyError)" in world.email.sent[0][1]
    assert "prompt of a person" not in str(world.email.sent) + str(world.journal.lines)


def test_a_fallback_that_fails_for_now_keeps_the_message() -> None:
    world = World()
    world.sender.failures = [PermanentError("gone"), PermanentError("gone")]
    world.email.failures = [TransientError("no answer from Amazon SNS")]
    world.queue.put(delivery(OPENING))
    assert world.run() == ["TransientError", "done"]
    assert len(world.email.sent) == len(world.queue.parked) == 1


def test_a_fallback_that_fails_for_good_does_not_keep_the_message_from_being_parked() -> None:
    world = World()
    world.sender.failures = [PermanentError("gone")]
    world.email.failures = [PermanentError("Amazon SNS refused: NotFound")]
    world.queue.put(delivery(OPENING))
    assert world.run() == ["done"]
    assert len(world.queue.parked) == 1
    assert world.journal.said("no fallback e-mail")


def test_what_was_parked_and_sent_again_is_sent_once_and_told_by_email_once() -> None:
    world = World()
    world.sender.failures = [PermanentError("gone"), PermanentError("still gone")]
    world.queue.put(delivery(OPENING))
    world.run()
    world.queue.redrive()
    world.run()
    assert len(world.email.sent) == len(world.queue.parked) == 1
    world.queue.redrive()
    world.run()
    assert world.sender.told(OPENING) == ["first"]
    assert world.queue.parked == []


# ---- an alarm and its end ------------------------------------------------------------------------


def test_an_end_is_told_after_its_beginning() -> None:
    world = World()
    world.queue.put(delivery(OPENING), delivery(END))
    world.run()
    assert [post.alerts[0].kind for post in world.sender.posts] == ["first", "resolved"]


def test_nobody_hears_of_an_end_who_has_not_heard_of_its_beginning() -> None:
    world = World()
    world.queue.put(delivery(END))
    assert world.run() == ["done"]
    assert world.sender.posts == []
    assert world.deliverer.counts == (0, 0, 1)
    assert world.journal.said("withheld")


def test_an_end_that_overtook_its_beginning_is_told_with_it() -> None:
    world = World()
    world.queue.put(delivery(END), delivery(OPENING))
    world.run()
    (post,) = world.sender.posts
    (told,) = post.alerts
    assert (told.kind, told.tone) == ("late", "ok")
    assert told.status == "ALARM · critical → RESOLVED"
    assert told.ended_at == ENDED


def test_while_a_channel_is_down_an_alarm_and_its_end_become_one_message() -> None:
    world = World()
    world.sender.failures = [not_now() for _ in range(3)]
    world.queue.put(delivery(OPENING))
    world.step()
    world.queue.put(delivery(END))
    world.run()
    assert world.sender.told(OPENING) == ["late"]
    assert world.sender.told(END) == []


def test_an_alarm_that_the_incident_says_is_over_is_told_as_over_and_its_end_not_again() -> None:
    world = World()
    world.ledger.incidents[ARN] = ended_incident()
    world.queue.put(delivery(OPENING), delivery(END))
    world.run()
    assert world.sender.told(OPENING) == ["late"]
    assert world.sender.told(END) == []


def test_a_reminder_of_what_is_over_is_not_sent() -> None:
    world = World()
    world.ledger.incidents[ARN] = ended_incident()
    reminder = alarm("reminder", kind="reminder")
    world.queue.put(delivery(reminder))
    world.run()
    assert world.sender.posts == []
    assert world.deliverer.counts.withheld == 1


def test_an_end_waits_while_its_beginning_is_being_sent() -> None:
    world = World()
    world.ledger.write("slack", OPENING, entry("sending"))
    world.queue.put(delivery(END))
    assert world.step() == "PostponedError"
    world.ledger.write("slack", OPENING, entry("sent"))
    world.run()
    assert world.sender.told(END) == ["resolved"]


def test_an_end_whose_beginning_died_in_the_middle_is_told() -> None:
    """Somebody may have heard of it: telling twice is better than leaving an alarm open."""
    world = World()
    world.ledger.write("slack", OPENING, entry("sending"))
    world.queue.put(delivery(END))
    world.run()
    assert world.sender.told(END) == ["resolved"]


def test_an_end_of_which_nobody_knows_the_beginning_is_told() -> None:
    world = World()
    end = recovery(opened_at=None)
    world.queue.put(delivery(end))
    world.run()
    assert world.sender.told(end) == ["resolved"]


def test_an_end_of_another_opening_is_not_told() -> None:
    world = World()
    world.queue.put(delivery(OPENING), delivery(recovery(opened_at=ENDED)))
    world.run()
    assert [post.alerts[0].kind for post in world.sender.posts] == ["first"]


# ---- claims --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "waits"),
    [
        pytest.param(entry("sending"), 360, id="somebody else's"),
        pytest.param(entry("sending", owner="m1"), 90, id="our own, before we died"),
        pytest.param(entry("failed"), 0, id="given back"),
        pytest.param(entry("waiting"), 0, id="not yet its turn"),
    ],
)
def test_a_claim_is_respected_for_as_long_as_its_owner_may_live(
    found: LedgerEntry, waits: float
) -> None:
    world = World()
    world.ledger.write("slack", OPENING, found)
    world.queue.put(delivery(OPENING))
    world.run()
    assert world.sender.told(OPENING) == ["first"]
    assert waits <= world.clock.now - NOW <= 3 * waits


def test_at_the_last_attempt_a_claim_that_never_ends_is_told_by_email() -> None:
    world = World()
    world.queue.put(delivery(OPENING))
    world.sender.failures = [not_now() for _ in range(ATTEMPTS - 1)]
    while world.sender.failures:
        world.clock.now = max(world.clock.now, world.queue.next_at or 0.0)
        world.step()
    world.clock.now = world.queue.next_at or 0.0
    world.ledger.write("slack", OPENING, entry("sending", at=world.clock.now))
    assert world.run() == ["done"]
    assert "another attempt to send it never came to an end" in world.email.sent[0][1]


# ---- without the ledger --------------------------------------------------------------------------


def test_without_the_ledger_everything_is_sent() -> None:
    world = World()
    world.ledger.error = TransientError("Amazon DynamoDB refused: InternalServerError")
    world.queue.put(delivery(OPENING), delivery(END))
    assert world.run() == ["done", "done"]
    assert len(world.sender.posts) == 2
    assert world.journal.said("without the ledger")


def test_without_the_ledger_what_cannot_be_sent_is_told_and_parked() -> None:
    world = World()
    world.ledger.error = TransientError("Amazon DynamoDB refused: InternalServerError")
    world.sender.failures = [PermanentError("gone")]
    world.queue.put(delivery(OPENING))
    assert world.run() == ["done"]
    assert len(world.email.sent) == len(world.queue.parked) == 1


def test_a_ledger_that_comes_back_in_time_still_learns_of_what_was_sent() -> None:
    world = World()
    world.ledger.error = TransientError("no answer from Amazon DynamoDB")

    def mend() -> None:
        world.ledger.error = None

    original = world.sender.send
    world.sender.send = lambda post: (mend(), original(post))[1]  # type: ignore[method-assign, func-returns-value]
    world.queue.put(delivery(OPENING))
    world.run()
    assert world.ledger.status(OPENING) == "sent"


# ---- pace ----------------------------------------------------------------------------------------


def test_a_channel_gets_one_message_a_second_and_nothing_is_lost() -> None:
    world = World()
    alerts = [alarm(f"a{number}", incident=f"i{number}") for number in range(200)]
    sent_at: list[float] = []
    original = world.sender.send

    def send(post: Any) -> Receipt:
        sent_at.append(world.clock.now)
        return original(post)

    world.sender.send = send  # type: ignore[method-assign]
    world.queue.put(*(delivery(alert) for alert in alerts))
    world.run()
    assert [world.sender.told(alert) for alert in alerts] == [["first"]] * 200
    gaps = [later - earlier for earlier, later in pairwise(sent_at)]
    assert min(gaps) >= 0.999
    assert sent_at[-1] - sent_at[0] <= 220
    assert world.email.sent == []
    assert world.deliverer.counts == (200, 0, 0)


def test_channels_do_not_wait_for_each_other() -> None:
    world = World()
    for number in range(10):
        alert = alarm(f"a{number}", incident=f"i{number}")
        world.queue.put(delivery(alert, channel=f"slack:C{number:09}"))
    assert world.run() == ["done"] * 10
    assert world.clock.now == NOW


# ---- digests -------------------------------------------------------------------------------------

THREE = tuple(alarm(f"a{number}", incident=f"i{number}") for number in range(3))


def test_a_digest_is_one_message_and_an_entry_for_each_alert() -> None:
    world = World()
    world.queue.put(delivery(*THREE, digest="d1"))
    assert world.run() == ["done"]
    (post,) = world.sender.posts
    assert post.alerts == THREE
    assert [world.ledger.status(alert) for alert in THREE] == ["sent"] * 3
    assert world.deliverer.counts == (1, 0, 0)


def test_an_alarm_and_its_end_in_one_digest_are_told_as_one() -> None:
    world = World()
    world.queue.put(delivery(alarm(), recovery(), THREE[0], digest="d1"))
    assert world.run() == ["done"]
    (post,) = world.sender.posts
    assert [(alert.key, alert.kind) for alert in post.alerts] == [
        ("opening", "late"),
        ("a0", "first"),
    ]
    assert world.deliverer.counts == (1, 0, 1)


def test_of_a_digest_only_what_was_not_sent_is_sent() -> None:
    world = World()
    world.queue.put(delivery(THREE[1]), delivery(*THREE))
    world.run()
    assert world.sender.posts[1].alerts == (THREE[0], THREE[2])


def test_a_channel_that_takes_no_digests_gets_each_alert_and_none_twice() -> None:
    world = World(takes_digests=False)
    world.sender.failures = [PermanentError("this one never"), not_now()]
    world.queue.put(delivery(*THREE))
    assert world.run()[-1] == "done"
    assert [world.sender.told(alert) for alert in THREE] == [["first"]] * 3
    assert world.queue.parked == []


def test_of_a_digest_that_is_given_up_the_email_names_what_was_not_sent() -> None:
    world = World(takes_digests=False)
    world.queue.put(delivery(*THREE))
    original = world.sender.send

    def send(post: Any) -> Receipt:
        if post.alerts[0].key == "a1":
            raise PermanentError("this one never")
        return original(post)

    world.sender.send = send  # type: ignore[method-assign]
    world.run()
    ((subject, _),) = world.email.sent
    assert "more" not in subject
    world.sender.send = original  # type: ignore[method-assign]
    world.queue.redrive()
    world.run()
    assert [world.sender.told(alert) for alert in THREE] == [["first"]] * 3


# ---- threads and what stands in them --------------------------------------------------------------


def test_a_message_is_remembered_and_given_to_what_follows() -> None:
    world = World()
    world.sender.receipt = Receipt(thread=THREAD)
    world.queue.put(delivery(OPENING), delivery(END))
    world.run()
    assert [post.thread for post in world.sender.posts] == [None, THREAD]


def test_a_series_is_told_of_its_parents_message() -> None:
    world = World()
    world.sender.receipt = Receipt(thread=THREAD)
    child = alarm("child", incident=f"{ARN}#c1")
    world.queue.put(delivery(OPENING), delivery(child))
    world.run()
    assert [post.parent for post in world.sender.posts] == [None, THREAD]


@pytest.mark.parametrize("error", [KeyError("x"), not_now(), PermanentError("no picture")])
def test_what_is_nice_to_have_never_fails_the_alert(error: Exception) -> None:
    world = World()
    world.sender.receipt = Receipt(thread=THREAD)
    done: list[str] = []

    def fail() -> None:
        raise error

    world.sender.more = [fail, lambda: done.append("evidence")]
    world.queue.put(delivery(OPENING))
    assert world.run() == ["done"]
    assert world.ledger.status(OPENING) == "sent"
    assert done == ["evidence"]
    assert world.deliverer.counts == (1, 0, 0)
    assert world.journal.said("left out")


def test_a_busy_channel_is_spared_what_is_nice_to_have() -> None:
    world = World()
    world.sender.receipt = Receipt(thread=THREAD)
    done: list[str] = []
    world.sender.more = [lambda: world.ledger.hold("slack", NOW + 60), lambda: done.append("x")]
    world.queue.put(delivery(OPENING))
    assert world.run() == ["done"]
    assert done == []


def test_a_message_of_ours_that_was_refused_is_said_in_the_log() -> None:
    world = World()
    world.sender.receipt = Receipt(defect="Slack answered: invalid_blocks")
    world.queue.put(delivery(OPENING))
    world.run()
    (said,) = world.journal.said("sent in plain words: our message was refused")
    assert said == {"reason": "Slack answered: invalid_blocks"}


# ---- death ---------------------------------------------------------------------------------------


def ordinary(world: World) -> None:
    world.sender.receipt = Receipt(thread=THREAD)
    world.queue.put(delivery(OPENING))


def beginning_and_end(world: World) -> None:
    world.sender.receipt = Receipt(thread=THREAD)
    world.queue.put(delivery(OPENING), delivery(END))


def end_first(world: World) -> None:
    world.queue.put(delivery(END), delivery(OPENING))


def channel_down(world: World) -> None:
    world.sender.failures = [not_now(30), not_now()]
    world.queue.put(delivery(OPENING), delivery(END))


def refused(world: World) -> None:
    world.sender.failures = [PermanentError("gone") for _ in range(10)]
    world.queue.put(delivery(OPENING))


def down_for_good(world: World) -> None:
    world.sender.failures = [not_now() for _ in range(100)]
    world.queue.put(delivery(OPENING))


def digest(world: World) -> None:
    world.queue.put(delivery(*THREE, digest="d1"))


def storm(world: World) -> None:
    world.queue.put(*(delivery(alarm(f"a{number}", incident=f"i{number}")) for number in range(6)))


SCENES = (
    ordinary,
    beginning_and_end,
    end_first,
    channel_down,
    refused,
    down_for_good,
    digest,
    storm,
)
# Between the two a message has been accepted, and nobody knows.
WINDOW = {
    "after sender.send",
    "before ledger.keep_thread",
    "after ledger.keep_thread",
    "before ledger.write",
}
EMAIL_WINDOW = {"after fallback.send", "before ledger.write"}


def calls_of(scene: Any) -> int:
    world = World()
    scene(world)
    world.run()
    return len(world.mortal.calls)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("scene", SCENES)
def test_whenever_the_function_dies_every_alert_is_told_once_but_for_one_window(
    scene: Any, *, after: bool
) -> None:
    for at in range(1, calls_of(scene) + 1):
        mortal = Mortal(at=at, after=after)
        world = World(mortal)
        scene(world)
        bodies = [body for body, _, _ in vars(world.queue)["_messages"].values()]
        steps = world.run()
        where = f"{'after' if after else 'before'} {mortal.calls[at - 1]}"
        assert steps.count("killed") == 1, where
        judge(world, bodies, where)
        # And nothing is told anew by sending back what was parked.
        before = len(world.sender.posts)
        emails = len(world.email.sent)
        world.sender.failures = []
        was_parked = bool(world.queue.parked)
        world.queue.redrive()
        world.run()
        assert len(world.sender.posts) - before == was_parked, where
        assert len(world.email.sent) == emails, where


def judge(world: World, bodies: list[str], where: str) -> None:
    parked = {alert["key"] for body in world.queue.parked for alert in json.loads(body)["alerts"]}
    ends_told = any(alert.kind == "late" for post in world.sender.posts for alert in post.alerts)
    for body in bodies:
        for item in json.loads(body)["alerts"]:
            told = sum(
                alert.key == item["key"] for post in world.sender.posts for alert in post.alerts
            )
            if item.get("kind") == "resolved" and ends_told:
                assert told <= 1, where
                continue
            assert told >= 1 or (item["key"] in parked and world.email.sent), where
            # A digest is recorded alert by alert.
            window = WINDOW | ({"after ledger.write"} if "digest" in body else set())
            assert told <= (2 if where in window else 1), where
    assert len(world.email.sent) <= (2 if where in EMAIL_WINDOW else 1), where
    assert world.queue.given_up == [], where


def test_a_function_that_always_dies_loses_nothing() -> None:
    world = World()
    body = delivery(OPENING)
    world.queue.put(body)
    for _ in range(RECEIVES):
        world.clock.now = max(world.clock.now, world.queue.next_at or 0.0)
        attempt = world.queue.receive()
        assert attempt is not None
    world.clock.now = world.queue.next_at or 0.0
    assert world.queue.receive() is None
    assert world.queue.given_up == [body]
