"""An e-mail is plain text that says the most important first, within what Amazon SNS takes."""

import msgspec
import pytest
from hypothesis import given
from syrupy.assertion import SnapshotAssertion

from bedrock_alerts.alerts.alert import Alert
from bedrock_alerts.alerts.channels.email.render import Email, render
from bedrock_alerts.limits import SNS_MESSAGE_BYTES, SNS_SUBJECT_CHARS
from tests.support.alarms import ALARMS
from tests.support.alerts import ALERTS
from tests.support.events import alert_of


def mail(name: str) -> Email:
    return render(alert_of(ALARMS[name]))


@pytest.mark.parametrize("name", ALARMS)
def test_every_sample_makes_a_readable_email(name: str, snapshot: SnapshotAssertion) -> None:
    subject, body = mail(name)
    assert f"Subject: {subject}\n\n{body}" == snapshot


@pytest.mark.parametrize("name", ALARMS)
def test_no_email_holds_what_an_unknown_event_carries(name: str) -> None:
    assert "prompt" not in mail(name).body


def test_subject_and_first_line_say_it_all() -> None:
    subject, body = mail("an alarm fires")
    what = "A guardrail blocked calls of the chat: 12 in 5 min"
    assert subject == f"[Critical] {what} - 111122223333 eu-west-1"
    assert body.splitlines()[0] == f"Critical: {what} · 111122223333 eu-west-1"


@pytest.mark.parametrize(
    ("title", "region", "subject"),
    [
        pytest.param(
            "Größe 🚨", "eu-west-1", "[OK] Gr??e ? - 111122223333 eu-west-1", id="other scripts"
        ),
        pytest.param("one\r\nBcc: x", "", "[OK] one Bcc: x - 111122223333", id="a line break"),
        pytest.param(
            "x" * 200,
            "eu-west-1",
            f"[OK] {'x' * 68}~ - 111122223333 eu-west-1",
            id="a long name: the place is kept",
        ),
        pytest.param("chat", "", "[OK] chat - 111122223333", id="no Region"),
    ],
)
def test_a_subject_is_one_short_line_of_ascii(title: str, region: str, subject: str) -> None:
    alert = alert_of(ALARMS["an alarm fires"])
    changed = msgspec.structs.replace(alert, label="OK", headline=title, region=region)
    assert render(changed).subject == subject


def test_what_is_not_known_is_left_out() -> None:
    alert = Alert(
        key="k", tone="ok", status="OK", title="t", summary="", account_id="", region="", at=None
    )
    assert render(alert).body == "OK: t\n"


def test_a_body_too_long_for_sns_is_cut_between_two_characters() -> None:
    alert = alert_of(ALARMS["an alarm fires"])
    body = render(msgspec.structs.replace(alert, summary="🚨" * SNS_MESSAGE_BYTES)).body
    assert SNS_MESSAGE_BYTES - 4 < len(body.encode()) <= SNS_MESSAGE_BYTES
    assert body.endswith("🚨")


@given(ALERTS)
def test_any_text_makes_an_email_that_sns_takes(alert: Alert) -> None:
    subject, body = render(alert)
    assert subject.isascii()
    assert subject.isprintable()
    assert not subject.startswith(" ")
    assert 0 < len(subject) <= SNS_SUBJECT_CHARS
    assert 0 < len(body.encode()) <= SNS_MESSAGE_BYTES
