"""Many alerts become one message that names them, the worst first, and drops none unsaid."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts.alerts.alert import Fact
from bedrock_alerts.alerts.channels.digest import SUMMARY_CHARS, as_one
from tests.support.alarm_alerts import ENDED, OPENED, alarm, recovery
from tests.support.alerts import ALERTS


def test_one_alert_stays_as_it_is() -> None:
    assert as_one([alarm()]) == alarm()


def test_several_are_listed_the_worst_first() -> None:
    warning = alarm("b", tone="warning", severity="warning", status="ALARM · warning", title="slow")
    found = as_one([recovery(title="over"), warning, alarm("c"), alarm("d", title="x")], "d1")
    assert (found.key, found.tone, found.severity) == ("d1", "critical", "critical")
    assert found.status == "4 ALERTS"
    assert found.title == "2 ALARM · critical, 1 ALARM · warning, 1 RESOLVED"
    assert found.summary.splitlines() == [
        "ALARM · critical",
        "• chat-blocks",
        "• x",
        "",
        "ALARM · warning",
        "• slow",
        "",
        "RESOLVED",
        "• over",
    ]
    assert (found.account_id, found.region) == ("111122223333", "eu-west-1")
    assert (found.at, found.opened_at, found.ended_at) == (OPENED, OPENED, ENDED)


def test_a_line_says_how_bad_it_is_and_where_if_that_differs() -> None:
    alerts = [alarm(facts=(Fact("Who", "ci"), Fact("Value", "9 %"))), alarm("b", title="x")]
    assert as_one(alerts).summary.splitlines() == [
        "ALARM · critical",
        "• chat-blocks (9 %)",
        "• x",
    ]
    alerts.append(alarm("c", title="y", region="us-east-1"))
    assert as_one(alerts).summary.splitlines() == [
        "ALARM · critical",
        "• chat-blocks (9 %) · 111122223333 eu-west-1",
        "• x · 111122223333 eu-west-1",
        "• y · 111122223333 us-east-1",
    ]


def test_what_differs_is_left_out() -> None:
    found = as_one([alarm(), alarm("b", region="us-east-1", at=None)])
    assert (found.account_id, found.region) == ("111122223333", "")
    assert found.ended_at is None
    assert as_one([alarm(at=None), alarm("b", at=None)]).at is None


def test_what_has_no_room_is_counted() -> None:
    alerts = [
        alarm(f"a{n}", title=f"alarm-{n:03}-of-many", at=OPENED + timedelta(n)) for n in range(200)
    ]
    found = as_one(alerts)
    lines = [line for line in found.summary.splitlines() if line.startswith("• ")]
    assert found.summary.endswith(f"\n\n… and {200 - len(lines)} more")
    assert len(lines) > 50
    everything = as_one(alerts, chars=60_000)
    assert all(f"alarm-{n:03}" in everything.summary for n in range(200))


@given(st.lists(ALERTS, min_size=2, max_size=60))
def test_a_list_fits_its_room(alerts: list[object]) -> None:
    assert len(as_one(alerts).summary) <= SUMMARY_CHARS  # type: ignore[arg-type] # made by hypothesis
