"""What people get: Slack, email and page, as they were read and approved; sent once, or said."""

import re
from typing import Any, Final

import msgspec
import pytest
from syrupy.assertion import SnapshotAssertion

from bedrock_alerts.alerts.alert import Alert, Link
from bedrock_alerts.alerts.channels.email import render as email
from bedrock_alerts.alerts.channels.layout import TABLE_CHARS
from bedrock_alerts.alerts.channels.slack import render as slack
from bedrock_alerts.alerts.channels.slack import thread as slack_thread
from bedrock_alerts.alerts.incidents.item import Reference
from bedrock_alerts.alerts.ports import Job, Receipt, Sender
from bedrock_alerts.errors import PermanentError, TransientError, UnknownOutcomeError
from bedrock_alerts.weekly.read_week import read_week
from bedrock_alerts.weekly.send_week import send_week
from bedrock_alerts.weekly.week import Week
from bedrock_alerts.weekly.week_alert import Place, alert_of
from bedrock_alerts.weekly.week_page import page
from bedrock_alerts.weekly.week_tables import change, in_a_line, tables
from bedrock_alerts_cli.fake_slack.blocks import payload_problem
from tests.records import ACCOUNT
from tests.support.sample_weeks import BEFORE_CALLS, NOW_CALLS, WEEK, call, insights, ports

PLACE: Final = Place("bedrock-alerts", ACCOUNT, "eu-west-1", "BedrockAlerts", "prod")
LINKS: Final = (Link("Full report", "https://eu-west-1.console.aws.amazon.com/s3/object/x?y=z"),)
NASTY: Final = "<script>alert(1)</script>"


def week(*calls: Any, **more: Any) -> Week:
    return read_week(WEEK, 30, ports(insights(*(calls or (NOW_CALLS, BEFORE_CALLS))), **more), 1e9)


def alert(*calls: Any, **more: Any) -> Alert:
    return alert_of(week(*calls, **more), PLACE, LINKS)


def written(payload: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(payload), indent=1).decode()


def test_the_email_reads_as_approved(snapshot: SnapshotAssertion) -> None:
    subject, body = email.render(alert())
    assert f"Subject: {subject}\n\n{body}" == snapshot


def test_the_slack_message_and_its_thread_read_as_approved(snapshot: SnapshotAssertion) -> None:
    message = slack.render(alert(), has_thread=True)
    thread = slack_thread.render_evidence(alert())
    assert thread is not None
    for payload in (message, thread, slack.render(alert())):
        assert payload_problem(payload) is None
    assert written([message, thread]) == snapshot


def test_every_table_is_in_the_thread_and_in_the_webhooks_message() -> None:
    thread, message = slack_thread.render_evidence(alert()), slack.render(alert())
    for table in alert().evidence.tables:  # type: ignore[union-attr] # it has some
        assert table.title in written(thread)
        assert table.title in written(message)


def test_the_page_reads_as_approved(snapshot: SnapshotAssertion) -> None:
    text = page(week(), "bedrock-alerts in prod eu-west-1")
    assert text.partition("</style>")[2] == snapshot


def test_a_first_week_compares_with_nothing(snapshot: SnapshotAssertion) -> None:
    assert email.render(alert(NOW_CALLS)).body == snapshot


def test_a_week_without_calls_says_so() -> None:
    found = alert(())
    assert found.headline == "No Bedrock call was counted in 7 days"
    body, shown = email.render(found).body, page(week(()), "x")
    assert "none. Were there any? Run bedrock-alerts doctor" in body
    for text in (body, shown.partition("</style>")[2]):
        assert "$0.00" not in text
        assert "0 of 0" not in text


def test_a_week_without_calls_after_one_with_calls_says_how_many_those_were() -> None:
    found = alert((), BEFORE_CALLS)
    assert found.headline == "No Bedrock call was counted in 7 days"
    calls = dict(week((), BEFORE_CALLS).before.book.by(lambda _: ""))[""].calls  # type: ignore[union-attr]
    assert f"none, {calls:,} in the days before. " in email.render(found).body


def test_a_table_of_an_email_fits_a_phone() -> None:
    body = email.render(alert()).body
    start = body.index("Spend by model")
    rows = [line for line in body[start:].splitlines() if line.startswith("  ")]
    assert max(len(line.strip()) for line in rows if "https" not in line) <= TABLE_CHARS


def test_the_page_needs_nothing_else_and_escapes_names() -> None:
    text = page(week([*NOW_CALLS, call(9, WEEK.start, f"x{NASTY}")]), NASTY)
    assert "<script" not in text
    assert not re.search(r"https?://|src=|@import|url\(", text)


def test_no_text_of_a_prompt_or_response_is_in_any_of_them() -> None:
    found = alert()
    texts = (
        page(week(), "x"), email.render(found).body, written(slack.render(found)), found.widget,
    )  # fmt: skip
    assert not any("A short answer" in text for text in texts)


def test_pieces_that_are_missing_are_named() -> None:
    def refuse(*_: object) -> Any:
        raise PermissionError

    lines = dict(in_a_line(week(alarms=refuse)))
    assert lines["Not available"] == "alarms"
    assert "Alarms that fired" not in lines


def test_rows_beyond_the_most_are_added_up() -> None:
    calls = [call(number, WEEK.start, f"caller-{number}") for number in range(9)]
    (found,) = [table for table in tables(week(calls), 5) if table.columns[0] == "caller"]
    assert [row[0] for row in found.rows][-1] == "4 others"


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [(3, 2, "+50%"), (1, 2, "-50%"), (5, 0, "new"), (0, 0, ""), (0, 2, "-100%")],
)
def test_a_change_is_said_in_percent(now: int, before: int, said: str) -> None:
    assert change(now, before) == said


# ---- sending -------------------------------------------------------------------------------------


class Channel(Sender):
    """Answers in turn: raises errors, returns the rest; `added` counts the extras."""

    def __init__(self, *answers: Any, extra: Exception | None = None) -> None:
        self.answers = list(answers)
        self.jobs: list[Job] = []
        self.extra = extra
        self.added = 0

    def send(self, job: Job, seconds: float) -> Receipt:
        assert seconds > 0
        self.jobs.append(job)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Receipt)
        return answer

    def extras(self, job: Job, reference: Reference, seconds: float) -> list[Any]:
        del job, reference, seconds

        def add() -> None:
            self.added += 1
            if self.extra:
                raise self.extra

        return [add, add]


REFERENCE: Final = Reference(number=1, channel_id="C0123456789", ts="1.0")


def sent(**channels: Channel) -> tuple[dict[str, bool], list[tuple[str, str]], list[float]]:
    said: list[tuple[str, str]] = []
    slept: list[float] = []
    outcome = send_week(alert(), channels, slept.append, lambda *words: said.append(words))
    return dict(outcome), said, slept


def test_each_channel_gets_it_once_and_the_bot_its_picture() -> None:
    mail, bot = Channel(Receipt()), Channel(Receipt(REFERENCE))
    outcome, said, _ = sent(email=mail, slack=bot)
    assert outcome == {"email": True, "slack": True}
    assert (len(mail.jobs), len(bot.jobs), mail.added, bot.added, said) == (1, 1, 0, 2, [])
    assert bot.jobs[0].alerts[0].widget


def test_what_was_certainly_not_accepted_is_tried_again() -> None:
    mail = Channel(TransientError("429", retry_after=500), TransientError("no"), Receipt())
    outcome, said, slept = sent(email=mail)
    assert (outcome, said, slept) == ({"email": True}, [], [30.0, 2.0])


@pytest.mark.parametrize(
    "error", [UnknownOutcomeError("time-out"), PermanentError("410"), TransientError("x")]
)
def test_a_channel_that_fails_is_said_and_the_others_still_get_it(error: Exception) -> None:
    mail, bot = Channel(error, error, error), Channel(Receipt(defect="invalid_blocks"))
    outcome, said, _ = sent(email=mail, slack=bot)
    assert outcome == {"email": False, "slack": True}
    assert said == [("email", str(error)), ("slack", "invalid_blocks")]
    assert len(mail.jobs) == (3 if type(error) is TransientError else 1)


def test_a_picture_that_fails_does_not_take_the_report_with_it() -> None:
    bot = Channel(Receipt(REFERENCE), extra=TransientError("no picture"))
    outcome, said, _ = sent(slack=bot)
    assert outcome == {"slack": True}
    assert len(said) == bot.added == 2
