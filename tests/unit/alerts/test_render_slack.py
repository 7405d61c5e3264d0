"""A Slack message is within Slack's limits, and no text from outside has any power in it."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from syrupy.assertion import SnapshotAssertion

from bedrock_alerts import limits
from bedrock_alerts.alerts.alert import Alert, Fact, Link, Tone
from bedrock_alerts.alerts.channels.slack.render import COLOURS, escape, render
from tests.support.alarms import ALARMS
from tests.support.alerts import ALERTS, ANY_TEXT
from tests.support.events import alert_of

# The only things between angles that we write: a time, shown in the reader's own zone, and links.
OUR_DATE = re.compile(
    r"<!date\^-?\d+\^\{date_short_pretty\} \{time\}\|\d+-\d\d-\d\d \d\d:\d\d UTC>"
)
OUR_LINK = re.compile(r"<https://[^<>|]+\|[^<>|]+>")
OUR_ESCAPE = re.compile(r"&(?:amp|lt|gt);")
PLAIN = Alert(
    key="k",
    tone="ok",
    status="OK",
    title="chat-blocks",
    summary="",
    account_id="",
    region="",
    at=None,
)


def message(name: str) -> dict[str, Any]:
    return render(alert_of(ALARMS[name]))


def blocks_of(payload: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the blocks below the headline, without the attachment that gives the colour."""
    blocks: list[dict[str, Any]] = payload["blocks"][1:]
    return blocks


def all_blocks(payload: dict[str, Any]) -> list[dict[str, Any]]:
    (attachment,) = payload["attachments"]
    return [*payload["blocks"], *attachment["blocks"]]


def texts(node: Any) -> Iterator[dict[str, Any]]:
    """Find all text objects, wherever they stand."""
    if isinstance(node, dict):
        if node.get("type") in {"plain_text", "mrkdwn"}:
            yield node
        else:
            for value in node.values():
                yield from texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from texts(value)


def strings_shown(payload: dict[str, Any]) -> list[str]:
    """List every text of a message that Slack interprets."""
    return [
        payload["text"],
        payload["attachments"][0]["fallback"],
        *(text["text"] for text in texts(all_blocks(payload))),
    ]


def is_dead(text: str) -> bool:
    """Tell whether nothing in `text` makes Slack do something, our own dates apart."""
    rest = OUR_ESCAPE.sub("", OUR_LINK.sub("", OUR_DATE.sub("", text)))
    return not set("&<>") & set(rest)


@pytest.mark.parametrize("name", ALARMS)
def test_every_sample_makes_a_readable_message(name: str, snapshot: SnapshotAssertion) -> None:
    assert json.dumps(message(name), indent=2, ensure_ascii=False) == snapshot


@pytest.mark.parametrize("name", ALARMS)
def test_no_message_holds_what_an_unknown_event_carries(name: str) -> None:
    assert "the prompt" not in json.dumps(message(name))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("<!channel>", "&lt;!channel&gt;", id="nobody calls the whole channel"),
        pytest.param("<!here|x>", "&lt;!here|x&gt;", id="nor who is there"),
        pytest.param("<@U012AB3CD>", "&lt;@U012AB3CD&gt;", id="nor one person"),
        pytest.param("<#C012AB3CD>", "&lt;#C012AB3CD&gt;", id="nor another channel"),
        pytest.param(
            "<https://evil.test|Open>",
            "&lt;https://evil.test|Open&gt;",
            id="a link cannot wear a mask",
        ),
        pytest.param("R&D", "R&amp;D", id="an ampersand is one"),
        pytest.param("&lt;!channel&gt;", "&amp;lt;!channel&amp;gt;", id="nothing is unescaped"),
    ],
)
def test_text_from_outside_is_dead_wherever_it_stands(text: str, shown: str) -> None:
    payload = render(
        msgspec.structs.replace(
            PLAIN,
            status=text,
            title=text,
            summary=text,
            account_id=text,
            region=text,
            facts=(Fact(text, text),),
            reason=text,
            links=(Link(text, "https://example.com"),),
        )
    )
    line = f"{shown}: {shown} · {shown} {shown}"
    assert payload["text"] == payload["attachments"][0]["fallback"] == line
    linked = shown.replace("|", "¦")
    assert [node["text"] for node in texts(all_blocks(payload))] == [
        f":white_check_mark: *{shown}: {shown}* · {shown} {shown}",
        shown,
        f"*{shown}*\n{shown}",
        f"<https://example.com|{linked}>",
    ]


def test_slack_makes_no_links_and_mentions_out_of_facts_on_its_own() -> None:
    shown = all_blocks(message("hostile text"))
    nodes = [node for node in texts(shown) if node["type"] == "mrkdwn"]
    assert nodes
    assert all(node["verbatim"] for node in nodes)


@pytest.mark.parametrize("tone", COLOURS)
def test_every_tone_has_its_colour_and_its_sign(tone: Tone) -> None:
    payload = render(msgspec.structs.replace(PLAIN, tone=tone))
    assert payload["attachments"][0]["color"] == COLOURS[tone]
    assert re.match(r":[a-z_]+: \*OK: chat-blocks\*$", payload["blocks"][0]["text"]["text"])
    assert payload["text"] == "OK: chat-blocks"


def test_what_is_not_known_is_left_out() -> None:
    assert blocks_of(render(PLAIN)) == []


def test_a_time_is_shown_in_the_zone_of_whoever_reads_it() -> None:
    at = datetime(2026, 11, 23, 8, 10, 41, tzinfo=UTC)
    (block,) = blocks_of(render(msgspec.structs.replace(PLAIN, at=at)))
    assert block["fields"][0]["text"] == (
        "*At*\n<!date^1795421441^{date_short_pretty} {time}|2026-11-23 08:10 UTC>"
    )


def test_a_link_longer_than_slack_takes_is_left_out_and_the_others_stay() -> None:
    long, short = Link("Long", f"https://example.com/{'x' * 3000}"), Link("Short", "https://x.test")
    alert = msgspec.structs.replace(PLAIN, links=(long, short))
    (block,) = blocks_of(render(alert))
    assert block["text"]["text"] == "<https://x.test|Short>"
    (block,) = blocks_of(render(alert, is_answered=True))
    assert [button["url"] for button in block["elements"]] == ["https://x.test"]
    assert blocks_of(render(msgspec.structs.replace(PLAIN, links=(long,)))) == []


def test_a_webhook_without_an_app_has_no_buttons() -> None:
    """Slack shows a warning at every button that no app takes."""
    alert = msgspec.structs.replace(PLAIN, links=(Link("A", "https://a.test/?x=1&y=<2>|"),))
    shown = json.dumps(render(alert))
    assert '"button"' not in shown
    assert "<https://a.test/?x=1&amp;y=%3C2%3E%7C|A>" in shown


def test_the_alarms_name_comes_last_and_leads_to_it() -> None:
    url = "https://console.example.com/a"
    alert = msgspec.structs.replace(PLAIN, links=(Link("chat-blocks", url),), alarm_arn="arn")
    payload = render(alert)
    assert blocks_of(payload) == []
    assert payload["attachments"][0]["blocks"][0]["elements"][0]["text"] == f"<{url}|chat-blocks>"
    unlinked = render(msgspec.structs.replace(PLAIN, alarm_arn="arn"))
    assert unlinked["attachments"][0]["blocks"][0]["elements"][0]["text"] == "chat-blocks"


def test_text_is_cut_between_two_escapes() -> None:
    payload = render(msgspec.structs.replace(PLAIN, summary="&" * 4000))
    text = blocks_of(payload)[0]["text"]["text"]
    assert limits.SLACK_SECTION_CHARS - 10 < len(text) <= limits.SLACK_SECTION_CHARS
    assert text == "&amp;" * ((len(text) - 1) // 5) + "…"


@pytest.mark.parametrize("text", ["&", "x", "🚨", "< "])
def test_more_of_everything_than_slack_takes_is_cut(text: str) -> None:
    much = text * 5_000
    alert = Alert(
        key="k",
        tone="critical",
        status=much,
        title=much,
        summary=much,
        account_id=much,
        region=much,
        at=datetime(2026, 11, 23, 8, 10, 41, tzinfo=UTC),
        facts=(Fact(much, much),) * 20,
        reason=much,
        links=(Link(much, "https://example.com"),) * 40,
    )
    check_message(render(alert))


@given(ALERTS)
def test_any_text_makes_a_message_that_slack_takes(alert: Alert) -> None:
    check_message(render(alert))


def check_message(payload: dict[str, Any]) -> None:
    assert 0 < len(payload["text"]) <= limits.SLACK_TEXT_CHARS
    for block in all_blocks(payload):
        check = {"section": check_section, "context": check_context, "actions": check_actions}
        check[block["type"]](block)
    shown = [node["text"] for node in texts(all_blocks(payload))]
    assert all(shown)
    assert sum(map(len, shown)) <= limits.SLACK_BLOCKS_CHARS


def check_section(block: dict[str, Any]) -> None:
    if "text" in block:
        assert len(block["text"]["text"]) <= limits.SLACK_SECTION_CHARS
    fields = block.get("fields", [])
    assert len(fields) <= limits.SLACK_FIELDS
    assert all(len(field["text"]) <= limits.SLACK_FIELD_CHARS for field in fields)
    assert "text" in block or fields


def check_context(block: dict[str, Any]) -> None:
    (element,) = block["elements"]
    assert len(element["text"]) <= limits.SLACK_SECTION_CHARS


def check_actions(block: dict[str, Any]) -> None:
    assert 0 < len(block["elements"]) <= limits.SLACK_BUTTONS
    for button in block["elements"]:
        assert len(button["text"]["text"]) <= limits.SLACK_BUTTON_TEXT_CHARS
        assert len(button["url"]) <= limits.SLACK_URL_CHARS
    ids = [button["action_id"] for button in block["elements"]]
    assert len(set(ids)) == len(ids)


@given(ALERTS)
def test_no_text_at_all_has_any_power(alert: Alert) -> None:
    assert all(map(is_dead, strings_shown(render(alert))))


@given(ANY_TEXT)
def test_what_fits_is_escaped_and_nothing_else(text: str) -> None:
    short = text[:400]
    escaped = escape(short, 5 * len(short))
    assert not set("<>") & set(escaped)
    assert escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == short
