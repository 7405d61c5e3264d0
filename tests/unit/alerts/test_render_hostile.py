"""Whatever stands in an alert's text, a message is valid, within limits, and does nothing by itself.

What "does nothing" means is said with each channel: no mention, no link, no markup but our own.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bedrock_alerts import limits
from bedrock_alerts.alerts.channels.amazon_q import render as amazon_q
from bedrock_alerts.alerts.channels.email import render as email
from bedrock_alerts.alerts.channels.pagerduty import render as pagerduty
from bedrock_alerts.alerts.channels.slack import render as slack
from bedrock_alerts.alerts.channels.slack import thread as slack_thread
from bedrock_alerts.alerts.channels.teams import render as teams
from bedrock_alerts.alerts.channels.webhook import render as webhook
from bedrock_alerts.alerts.model import Alert, Evidence, Fact, Link, Table
from bedrock_alerts.text import clean, clean_lines
from bedrock_alerts_cli.fake_slack.blocks import payload_problem
from bedrock_alerts_cli.samples.alerts import BEGAN, ENDED

ATTACKS: Final = (
    "<!channel>",
    "<!here|x>",
    "<@U012AB3CD>",
    "<#C012AB3CD|general>",
    "<!date^0^{date}|x>",
    "<https://evil.example|Open alarm>",
    "[Open alarm](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "https://evil.example",
    "@channel @everyone <at>Everyone</at>",
    "*bold* _italic_ ~struck~ **b** __i__",
    "`code` ```fence```",
    "# heading\n- item\n> quote\n---\n1. one",
    "> quote",
    "<b>html</b><script>alert(1)</script>",
    "&lt;!channel&gt; &amp;",
    "{{DATE(2026-11-23T08:10:41Z, SHORT)}} ${card} @{variables('x')}",
    "line\r\nBcc: everyone@example.com\r\n\r\nWhat to do:\n  1. Pay.",
    "\u202egnp.exe\u202c \u2066x\u2069 a\u200bb \ufeff \U000e0041",
    "\x00\x07\x1b[31mred\x1b[0m\x7f\x9b",
    "🚨👩‍👩‍👧‍👦 Ünïcödé 日本語 ٣",
    '"\\" \\n \\u0000 \'',
    "",
    " ",
)
LONG: Final = tuple(part * (10_000 // len(part)) for part in ATTACKS if part)
TEXT = st.one_of(
    st.sampled_from(ATTACKS),
    st.sampled_from(LONG),
    st.lists(st.sampled_from(ATTACKS), max_size=4).map("".join),
    st.text(max_size=40),
)
# What the steps before let through: they clean a title, and keep the lines of a summary.
LINE = TEXT.map(lambda text: clean(text, 10_000))
LINES = TEXT.map(lambda text: clean_lines(text, 10_000))
TABLES = st.builds(
    Table,
    title=TEXT,
    columns=st.lists(TEXT, max_size=3).map(tuple),
    rows=st.lists(st.lists(TEXT, max_size=3).map(tuple), max_size=12).map(tuple),
)


def alerts(line: st.SearchStrategy[str], lines: st.SearchStrategy[str]) -> st.SearchStrategy[Alert]:
    """Return alerts in which everything that comes from outside is hostile."""
    return st.builds(
        Alert,
        key=st.just("k"),
        tone=st.sampled_from(["critical", "warning", "info", "ok", "unknown"]),
        status=st.sampled_from(["ALARM · critical", "RESOLVED", "NO DATA"]) | line,
        title=line,
        summary=lines,
        account_id=line,
        account_alias=line,
        region=line,
        team=line,
        at=st.sampled_from([None, BEGAN]),
        kind=st.sampled_from(["firing", "resolved", "acknowledged", "still_firing", "notice"]),
        incident=st.just("arn:aws:cloudwatch:eu-west-1:111122223333:alarm:x"),
        opened_at=st.sampled_from([None, BEGAN]),
        ended_at=st.sampled_from([None, ENDED]),
        facts=st.lists(st.builds(Fact, line, line), max_size=25).map(tuple),
        reason=line,
        links=st.lists(
            st.builds(Link, line, line | st.just("https://console.example.com/x")), max_size=9
        ).map(tuple),
        recent_values=st.lists(st.floats(), max_size=5).map(tuple),
        threshold=st.none() | st.floats(),
        evidence=st.none()
        | st.builds(Evidence, summary=line, tables=st.lists(TABLES, max_size=5).map(tuple)),
        next_steps=st.lists(line, max_size=9).map(tuple),
    )


def all_of(text: str) -> Alert:
    """Return an alert with one text everywhere, and much of it."""
    return Alert(
        key="k",
        tone="critical",
        status=text,
        title=text,
        summary=text,
        account_id=text,
        account_alias=text,
        region=text,
        team=text,
        at=BEGAN,
        kind="firing",
        incident="i",
        facts=(Fact(text, text),) * 25,
        reason=text,
        links=(Link(text, "https://console.example.com/" + "x" * 2_000),) * 9,
        recent_values=(1.0, 2.0),
        evidence=Evidence(
            summary=text,
            tables=(Table(title=text, columns=(text,) * 9, rows=((text,) * 9,) * 9),) * 5,
        ),
        next_steps=(text,) * 9,
    )


ALERTS = alerts(LINE, LINES)
NOTES = st.lists(TEXT, max_size=4).map(tuple)
worst = pytest.mark.parametrize("text", ["&", "<", "🚨", '"', "\\", "x", "\n", "`"])
few = settings(max_examples=60)


def strings(value: Any) -> Iterator[str]:
    """Yield every text in a message, keys too."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value


def named(alert: Alert) -> str:
    """Return the beginning of the alert's title, as far as every channel shows it as it is."""
    return clean(alert.title, 20).rstrip("…")


# ---- Slack ---------------------------------------------------------------------------------------
# Nothing in angle brackets but the times that we write and whom a route calls; nothing formatted in
# mrkdwn but our own labels; nothing made a link by Slack; the code of a table is never left.

OUR_TIME: Final = re.compile(r"<!date\^-?\d+\^(?:\{date_short_pretty\} )?\{time\}\|[^<>|]+>")
OUR_LINK: Final = re.compile(r"<https://[^<>|]+\|([^<>|]+)>")
OUR_ESCAPE: Final = re.compile(r"&(?:amp|lt|gt);")
OUR_BOLD: Final = re.compile(r"(?m)^(?:<!here> )?(?::[a-z_]+: )?\*([^*\n]+)\*(?= |$)")
OUR_CODE: Final = re.compile(r"\n```([^`]*)```\Z")


def slack_payloads(alert: Alert, notes: tuple[str, ...]) -> list[dict[str, Any]]:
    evidence = slack_thread.render_evidence(alert)
    return [
        slack.render(alert, ("here",), notes, is_answered=True),
        slack.render(alert, (), notes, has_thread=True),
        slack.render_plainly(alert, ("here",)),
        slack_thread.render_note(alert, ("here",), notes, is_answered=True),
        *([evidence] if evidence else []),
    ]


def text_objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if value.get("type") in ("plain_text", "mrkdwn"):
            yield value
        for item in value.values():
            yield from text_objects(item)
    elif isinstance(value, list):
        for item in value:
            yield from text_objects(item)


def check_slack(payload: dict[str, Any]) -> None:
    assert payload_problem(payload) is None
    assert payload["parse"] == "none"
    assert len(payload["text"]) <= limits.SLACK_TEXT_CHARS
    attachments = payload.get("attachments", [])
    last = [block for item in attachments for block in item["blocks"]]
    assert len(last) <= 20, "more than that was seen to be refused in an attachment"
    blocks = [*payload.get("blocks", []), *last]
    assert len(json.dumps(blocks, ensure_ascii=False)) <= 13_000
    formatted = [payload["text"].replace("<!here> ", "", 1)]
    for found in text_objects(blocks):
        if found["type"] == "mrkdwn":
            assert found["verbatim"] is True
            formatted.append(found["text"])
        else:
            assert found["emoji"] is False
            assert not set("<>") & set(found["text"])
    for text in formatted:
        unlinked = OUR_LINK.sub(r"\1", OUR_TIME.sub("", text))
        rest = OUR_CODE.sub("", OUR_BOLD.sub(r"\1", unlinked.replace("<!here> ", ""), count=1))
        assert not set("<>*~`") & set(rest)
        assert not re.search(r"&(?!(?:amp|lt|gt);)", rest)
        assert not re.search(r"(?m)^&gt;", rest), "a quote"
    for item in attachments:
        assert not set("<>") & set(item["fallback"])
    for element in (element for block in blocks for element in block.get("elements", [])):
        assert element.get("url", "https://").startswith("https://")


@few
@given(ALERTS, NOTES)
def test_slack_takes_anything_and_does_nothing_with_it(
    alert: Alert, notes: tuple[str, ...]
) -> None:
    for payload in slack_payloads(alert, notes):
        check_slack(payload)
    assert slack.escape(clean(alert.status, 5).rstrip("…"), 100)[:2] in slack.render(alert)["text"]


@worst
def test_slack_takes_too_much_of_everything(text: str) -> None:
    for payload in slack_payloads(all_of(text * 10_000), (text * 10_000,) * 9):
        check_slack(payload)


@pytest.mark.parametrize("name", ["my_model_v1", "a.b-c/d:e", "assumed-role/chat", "x=1, y=2"])
def test_ordinary_names_can_be_copied_out_of_slack(name: str) -> None:
    assert slack.mrkdwn(name, 100) == name
    assert slack.mrkdwn(f"_{name}_ *x*", 100) == f"ˍ{name}ˍ ∗x∗"  # noqa: RUF001 - look-alikes


# ---- e-mail --------------------------------------------------------------------------------------
# Plain text: nothing acts in it. Only the summary has lines of its own, so that nothing else can
# pass for a part of the message; the subject is one line of ASCII.


@few
@given(ALERTS, NOTES)
@example(all_of("x\nWhat to do:\n  1. Pay."), ("x\nRunbook:\n  https://evil.example",))
def test_an_email_has_no_lines_but_ours_and_the_summarys(
    alert: Alert, notes: tuple[str, ...]
) -> None:
    subject, body = email.render(alert, notes)
    assert 0 < len(subject) <= limits.SNS_SUBJECT_CHARS
    assert subject.isascii()
    assert subject.isprintable()
    assert len(body.encode()) <= limits.SNS_MESSAGE_BYTES
    rest = body.replace(alert.summary, "", 1) if alert.summary else body
    headings = [
        line.partition(":")[0]
        for line in rest.splitlines()
        if line.startswith(("What to do:", "CloudWatch:"))
    ]
    assert headings == [
        *(["What to do"] if any(alert.next_steps) else []),
        *(["CloudWatch"] if alert.reason else []),
    ]
    assert not set(body) & set("\x00\x07\x1b\x7f\u202e\u200b\ufeff")
    assert named(alert) in body


# ---- Teams ---------------------------------------------------------------------------------------
# All text stands in text runs, which know no Markdown, and there is no mention entity.


def check_teams(message: dict[str, Any]) -> None:
    assert len(msgspec.json.encode(message)) <= limits.TEAMS_CARD_BYTES
    (attachment,) = message["attachments"]
    card = attachment["content"]
    assert card["msteams"] == {"width": "Full"}
    head, *body = card["body"]
    for block in (*head["items"], *body):
        assert block["type"] == "RichTextBlock"
        for run in block["inlines"]:
            assert run["type"] == "TextRun"
            assert run["text"]
            assert "\n" not in run["text"]
    assert len(card["actions"]) <= 6
    for action in card["actions"]:
        assert action["type"] == "Action.OpenUrl"
        assert action["url"].startswith("https://")
        assert action["title"]


@few
@given(ALERTS, NOTES)
def test_teams_takes_anything_and_does_nothing_with_it(
    alert: Alert, notes: tuple[str, ...]
) -> None:
    message = teams.render(alert, notes)
    check_teams(message)
    assert any(named(alert) in text for text in strings(message))


@worst
def test_teams_takes_too_much_of_everything(text: str) -> None:
    check_teams(teams.render(all_of(text * 10_000), (text * 10_000,) * 9))


# ---- Amazon Q ------------------------------------------------------------------------------------
# Markdown of Slack or Teams: no sign that either takes for markup, our bold labels and links apart.


@few
@given(ALERTS, NOTES)
@example(all_of("> - = + # x\n=== \n---"), ())
def test_amazon_q_takes_anything_and_does_nothing_with_it(
    alert: Alert, notes: tuple[str, ...]
) -> None:
    found = amazon_q.render(alert, notes)
    content = found["content"]
    assert len(content["title"]) <= 250
    assert 0 < len(content["description"]) <= 4_000
    assert len(content["nextSteps"]) <= 10
    assert all(0 < len(step) <= 350 for step in content["nextSteps"])
    labels = re.compile(r"(?m)^\*([^*\n]*)\*: ")
    steps = [re.sub(r": https://[!-~]+\Z", "", step) for step in content["nextSteps"]]
    for text in (*steps, content["title"], labels.sub(r"\1", content["description"])):
        rest = re.sub(r"\A:[a-z_]+: ", "", text)
        assert not set("<>[]`*~@#") & set(rest)
        assert not re.search(r"(?m)^ *[-+=](?: |[-=]|$)", rest)
        assert not re.search(r"(?<![^\W_])_|_(?![^\W_])", rest)
    assert len(msgspec.json.encode(found)) <= limits.SNS_MESSAGE_BYTES


# ---- PagerDuty, webhook --------------------------------------------------------------------------
# Data, not markup: valid JSON, whole, bounded; every address in PagerDuty's links is https.


@few
@given(ALERTS, NOTES)
def test_pagerduty_takes_anything(alert: Alert, notes: tuple[str, ...]) -> None:
    event = json.loads(msgspec.json.encode(pagerduty.render(alert, "key", notes)))
    assert len(json.dumps(event)) <= 512 * 1024
    if event["event_action"] == "trigger":
        payload = event["payload"]
        assert 1 <= len(payload["summary"]) <= limits.PAGERDUTY_SUMMARY_CHARS
        assert payload["source"]
        assert all(payload["custom_details"].values())
        assert all(link["href"].startswith("https://") for link in event["links"])
        assert named(alert) in payload["summary"]


def test_pagerduty_keeps_facts_that_share_a_label() -> None:
    alert = msgspec.structs.replace(
        all_of("x"), facts=(Fact("Summary", "a"), Fact("Who", "b"), Fact("Who", "c"))
    )
    details = pagerduty.render(alert, "key")["payload"]["custom_details"]
    assert (details["Summary"], details["Summary (2)"]) == ("x", "a")
    assert (details["Who"], details["Who (2)"]) == ("b", "c")


@few
@given(ALERTS, NOTES)
def test_a_webhook_gets_everything_as_it_is(alert: Alert, notes: tuple[str, ...]) -> None:
    event = json.loads(msgspec.json.encode(webhook.render(alert, notes)))
    data = event["data"]
    assert (data["status"], data["title"], data["summary"]) == (
        alert.status,
        alert.title,
        alert.summary,
    )
    assert data["facts"] == [{"label": fact.label, "value": fact.value} for fact in alert.facts]
    assert data["notes"] == list(notes)
