"""What a view holds before a send and after it, whatever became of it."""

from typing import Any, Final

import msgspec
import pytest

from bedrock_alerts.alerts.incidents.item import Key, Reference, Shown, View
from bedrock_alerts.alerts.notifications.plan import Send
from bedrock_alerts.alerts.notifications.shown import (
    LEASE_SECONDS,
    PERMANENT_FAILURES,
    Outcome,
    after,
    claimed,
    fallen_back,
)
from tests.support.facts import lived, with_view

NOW: Final = 1000.0
FIRING: Final = Shown(number=1, state="firing")
POST: Final = Send("firing", "post", FIRING)
TRIGGER: Final = Send("firing", "trigger", FIRING, key="k-1")
RESOLVE: Final = Send(
    "resolved", "resolve", msgspec.structs.replace(FIRING, state="resolved"), key="k-1"
)
REFERENCE: Final = Reference(number=1, channel_id="C0ALERTS", ts="1.1")


def sent(send: Send, result: Any, before: View | None = None, **outcome: Any) -> View:
    before = before or View()
    view = claimed(before, send, "mine", NOW)
    return after(view, before, send, "mine", Outcome(result, **outcome), NOW)


def test_a_claim_says_what_is_about_to_be_shown_and_keeps_others_away() -> None:
    view = claimed(View(), TRIGGER, "mine", NOW)
    assert (view.sending, view.claim) == (FIRING, "mine")
    assert view.due == view.lease == NOW + LEASE_SECONDS
    assert view.keys == {"k-1": Key(number=1, state="perhaps")}


def test_what_was_shown_is_shown() -> None:
    view = sent(POST, "shown", reference=REFERENCE)
    assert (view.shown, view.sending, view.claim) == (FIRING, None, "")
    assert (view.reference, view.lost) == (REFERENCE, 0)
    assert (view.last_noisy, view.due) == (NOW, NOW)


@pytest.mark.parametrize("result", ["refused", "permanent"])
def test_what_was_certainly_not_shown_is_taken_back(result: str) -> None:
    view = sent(TRIGGER, result)
    assert (view.shown, view.sending, view.keys) == (None, None, {})
    assert view.due is not None
    assert view.due > NOW


def test_what_was_perhaps_shown_stays_perhaps_shown() -> None:
    view = sent(TRIGGER, "unknown")
    assert (view.sending, view.keys["k-1"].state, view.claim) == (FIRING, "perhaps", "")
    assert sent(POST, "unknown").lost == 1


def test_a_channel_says_when_it_may_be_asked_again() -> None:
    assert sent(POST, "refused", retry_at=NOW + 300).due == NOW + 300


def test_three_failures_for_good_park_a_view() -> None:
    view, dues = View(), []
    for _ in range(PERMANENT_FAILURES):
        view = sent(POST, "permanent", view)
        dues.append(view.due)
    assert view.is_parked
    assert dues == [NOW + 120, NOW + 240, None]
    assert sent(POST, "shown", view).failures == 0


def test_a_worker_that_outlives_its_lease_does_not_take_back_what_another_did() -> None:
    mine = claimed(View(), TRIGGER, "mine", NOW)
    theirs = claimed(mine, TRIGGER, "theirs", NOW + 100)
    view = after(theirs, View(), TRIGGER, "mine", Outcome("refused"), NOW + 101)
    assert (view.claim, view.sending) == ("theirs", FIRING)
    assert view.keys["k-1"].state == "perhaps"
    view = after(theirs, View(), TRIGGER, "mine", Outcome("shown"), NOW + 101)
    assert (view.claim, view.sending, view.shown) == ("theirs", FIRING, FIRING)


def test_a_resolve_closes_its_key_and_leaves_what_another_incident_shows() -> None:
    second = Shown(number=2, state="firing")
    before = View(shown=second, keys={"k-1": Key(number=1, state="open")})
    view = sent(RESOLVE, "shown", before)
    assert view.keys["k-1"].state == "resolved"
    assert view.shown == second


def test_old_keys_are_forgotten_only_when_they_are_resolved() -> None:
    keys = {f"r-{n}": Key(number=n, state="resolved") for n in range(30)}
    keys |= {f"o-{n}": Key(number=n, state="open") for n in range(30)}
    view = sent(RESOLVE, "shown", View(keys=keys))
    left = [key.state for key in view.keys.values()]
    assert left.count("open") == 30
    assert left.count("resolved") == 10


def test_a_claim_does_not_forget_another_incident_that_was_perhaps_shown() -> None:
    second = Send("firing", "post", Shown(number=2, state="firing"))
    assert claimed(View(sending=FIRING), second, "mine", NOW).sending == FIRING


def test_the_fallback_is_a_view_with_the_reason() -> None:
    item = with_view(lived(("ALARM", 0)), "email", rule=None, wanted=0)
    view = fallen_back(item, "email", "slack: it is gone", NOW).view("email")
    assert (view.undelivered, view.wanted, view.due) == ("slack: it is gone", 1, NOW)
    assert view.rule is not None
