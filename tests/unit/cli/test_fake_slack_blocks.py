"""The receiver draws what Slack would draw, refuses what Slack would refuse, and trusts no text."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_alerts_cli.fake_slack.blocks import (
    EMOJI,
    payload_problem,
    render_mrkdwn,
    render_payload,
    render_plain,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
EPOCH = int(NOON.timestamp())
ANCHOR = '<a class="link" href="{}" target="_blank" rel="noopener noreferrer">{}</a>'

CLASSES = {
    *("text", "attachment", "header", "section", "body", "field", "fields", "accessory"),
    *("context", "element", "actions", "button", "button primary", "button danger", "link"),
    *("image", "unknown", "label", "mention"),
}
ALLOWED: dict[str, dict[str, re.Pattern[str]]] = {
    "a": {
        "class": re.compile("link|button(?: primary| danger)?"),
        "href": re.compile(r"https?://\S+", re.IGNORECASE),
        "target": re.compile("_blank"),
        "rel": re.compile("noopener noreferrer"),
    },
    "div": {
        "class": re.compile("|".join(CLASSES)),
        "style": re.compile("--bar: #[0-9a-fA-F]{6}"),
    },
    "span": {"class": re.compile("|".join(CLASSES))},
    "h3": {"class": re.compile("header")},
    "mark": {"class": re.compile("mention")},
    "time": {"datetime": re.compile(r"[0-9T:+.-]+")},
    **{tag: {} for tag in ("strong", "em", "s", "code", "pre", "blockquote", "br", "hr")},
}


class Reader(HTMLParser):
    """Reads HTML as a browser would, and insists that all of it is ours."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED, f"a tag of ours would not be <{tag}>"
        for name, value in attrs:
            assert name in ALLOWED[tag], f"no <{tag}> of ours has {name}"
            assert value is not None
            assert ALLOWED[tag][name].fullmatch(value), f"{name}={value!r}"
        if tag not in ("br", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        """Fail: of comments, declarations and processing instructions we write none."""
        pytest.fail(f"unexpected markup: {data!r}")

    handle_pi = unknown_decl = handle_comment

    def handle_decl(self, decl: str) -> None:
        self.handle_comment(decl)


def text_of(html: str) -> str:
    """Check that the HTML is all ours, and return the text a reader sees."""
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader.text


def mrkdwn(text: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": text}


def plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


def button(text: str = "Open", **more: object) -> dict[str, object]:
    return {"type": "button", "text": plain(text), **more}


def section(text: str = "x", **more: object) -> dict[str, object]:
    return {"type": "section", "text": mrkdwn(text), **more}


def drawn(*blocks: object) -> str:
    return str(render_payload({"blocks": list(blocks)}))


MARKUP = [
    pytest.param("*bold*", "<strong>bold</strong>", id="bold"),
    pytest.param("_slanted_", "<em>slanted</em>", id="italic"),
    pytest.param("~gone~", "<s>gone</s>", id="strike"),
    pytest.param("*_both_*", "<strong><em>both</em></strong>", id="marks nest"),
    pytest.param("*a _b* c_", "<strong>a _b</strong> c_", id="marks that cross do not"),
    pytest.param("*a *b*", "*a <strong>b</strong>", id="the later of two openers counts"),
    pytest.param("snake_case_name", "snake_case_name", id="a mark inside a word is a letter"),
    pytest.param("2 * 3 * 4", "2 * 3 * 4", id="a mark between blanks is a sign"),
    pytest.param("**", "**", id="nothing to mark"),
    pytest.param("*a\nb*", "*a<br>b*", id="marks end with their line"),
    pytest.param("`a *b*`", "<code>a *b*</code>", id="code is not formatted"),
    pytest.param("`open", "`open", id="a lonely backtick"),
    pytest.param("a\n```\n*x*\n```\nb", "a<br><pre>*x*</pre>b", id="preformatted"),
    pytest.param("> a\n> b\nc", "<blockquote>a<br>b</blockquote>c", id="one quote, two lines"),
    pytest.param("&gt; a", "<blockquote>a</blockquote>", id="an escaped sign quotes too"),
    pytest.param("a > b", "a &gt; b", id="a sign inside a line does not"),
    pytest.param("&lt;b&gt; &amp;lt; &quot;", "&lt;b&gt; &amp;lt; &amp;quot;", id="three escapes"),
    pytest.param("<b>", "&lt;b&gt;", id="HTML is text"),
    pytest.param(
        "<https://a.example/?b=1&amp;c=2|see>",
        ANCHOR.format("https://a.example/?b=1&amp;c=2", "see"),
        id="link with a label",
    ),
    pytest.param(
        "<http://a.example>", ANCHOR.format("http://a.example", "http://a.example"), id="bare link"
    ),
    pytest.param(
        "*<https://a.example/*|b>*",
        f"<strong>{ANCHOR.format('https://a.example/*', 'b')}</strong>",
        id="marks stay out of links",
    ),
    pytest.param(
        '<https://a.example/"x|b>',
        ANCHOR.format("https://a.example/&#34;x", "b"),
        id="a link cannot leave its attribute",
    ),
    pytest.param("<javascript:alert(1)|b>", "&lt;javascript:alert(1)|b&gt;", id="other schemes"),
    pytest.param("<|b>", "&lt;|b&gt;", id="an empty link"),
    pytest.param("<!channel>", '<mark class="mention">@channel</mark>', id="channel"),
    pytest.param("<!here|all ok>", '<mark class="mention">@here</mark>', id="here cannot hide"),
    pytest.param("<@U123>", '<mark class="mention">@U123</mark>', id="user"),
    pytest.param("<@U123|@ann>", '<mark class="mention">@ann</mark>', id="user with a name"),
    pytest.param("<@U123|@>", '<mark class="mention">@U123</mark>', id="user without one"),
    pytest.param("<#C123|ops>", '<mark class="mention">#ops</mark>', id="channel reference"),
    pytest.param(
        "`<!channel>`", '<code><mark class="mention">@channel</mark></code>', id="loud in code too"
    ),
    pytest.param(":bell: :nosuch: 10:30:00", f"{EMOJI['bell']} :nosuch: 10:30:00", id="emoji"),
]


@pytest.mark.parametrize(("text", "html"), MARKUP)
def test_markup_is_drawn_as_slack_draws_it(text: str, html: str) -> None:
    """Slack's markup becomes the HTML that looks the same."""
    assert render_mrkdwn(text) == html
    text_of(html)


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        ("{date_short_pretty} {time}", "Today 12:00"),
        ("{date_pretty}", "Today"),
        ("{date_long_pretty}", "Today"),
        ("{date_num} {time_secs}", "2026-03-10 12:00:00"),
        ("{date}", "March 10, 2026"),
        ("{date_short}", "Mar 10, 2026"),
        ("{date_long}", "Tuesday, March 10, 2026"),
        ("since {nosuch} &amp; on", "since {nosuch} & on"),
    ],
)
def test_dates_are_spelled_for_the_reader(token: str, shown: str) -> None:
    """Every date token Slack knows is filled in; others stay as they are."""
    html = render_mrkdwn(f"<!date^{EPOCH}^{token}|earlier>", read_at=NOON)
    assert text_of(html) == shown
    assert '<time datetime="2026-03-10T12:00:00+00:00">' in html


@pytest.mark.parametrize(
    ("read_at", "shown"),
    [
        pytest.param(NOON + timedelta(days=1), "Yesterday 12:00", id="the day after"),
        pytest.param(NOON - timedelta(days=1), "Tomorrow 12:00", id="the day before"),
        pytest.param(NOON + timedelta(days=2), "Mar 10, 2026 12:00", id="later"),
        pytest.param(
            NOON.astimezone(timezone(timedelta(hours=13))), "Today 01:00", id="another time zone"
        ),
        pytest.param(None, "Mar 10, 2026 12:00", id="no reader"),
    ],
)
def test_days_near_the_reader_have_names(read_at: datetime | None, shown: str) -> None:
    """Yesterday, today and tomorrow are those of the reader."""
    html = render_mrkdwn(f"<!date^{EPOCH}^{{date_short_pretty}} {{time}}|x>", read_at=read_at)
    assert text_of(html) == shown


def test_a_date_can_be_a_link() -> None:
    """The third part of a date token is where it leads."""
    html = render_mrkdwn(f"<!date^{EPOCH}^{{time}}^https://a.example|x>")
    assert 'href="https://a.example"' in html
    assert text_of(html) == "12:00"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("<!date^999999999999999^{time}|once>", "once", id="far beyond the calendar"),
        pytest.param("<!date^soon^{time}|once>", "<!date^soon^{time}|once>", id="not a number"),
    ],
)
def test_a_date_that_is_none_shows_its_text(text: str, shown: str) -> None:
    """A bad date is neither an error nor a mention."""
    html = render_mrkdwn(text)
    assert text_of(html) == shown
    assert "<mark" not in html


def test_plain_text_is_not_formatted() -> None:
    """A plain_text object shows marks and brackets as they are, and only emoji change."""
    block = {"type": "section", "text": plain("*a* <!channel> :bell: &lt;")}
    assert text_of(drawn(block)) == f"*a* <!channel> {EMOJI['bell']} <"
    assert "<mark" not in drawn(block)


def test_emoji_can_be_switched_off() -> None:
    """`emoji: false` keeps short codes as text."""
    assert render_plain(":bell:", emoji=False) == ":bell:"
    header = {"type": "header", "text": {**plain(":bell:"), "emoji": False}}
    assert text_of(drawn(header)) == ":bell:"


def test_every_block_we_send_is_drawn() -> None:
    """Header, section with fields and accessory, context, divider and actions have a shape."""
    html = drawn(
        {"type": "header", "text": plain("Title")},
        section("*text*", fields=[mrkdwn("a"), plain("b")], accessory=button()),
        {"type": "divider"},
        {
            "type": "context",
            "elements": [
                mrkdwn("_c_"),
                {"type": "image", "image_url": "https://a.example/x.png", "alt_text": "a bell"},
                {"type": "image"},
            ],
        },
        {"type": "actions", "elements": [button("Go", url="https://a.example", style="primary")]},
    )
    assert html == (
        '<h3 class="header">Title</h3>'
        '<div class="section"><div class="body"><div class="text"><strong>text</strong></div>'
        '<div class="fields"><div class="field">a</div><div class="field">b</div></div></div>'
        '<div class="accessory"><span class="button">Open</span></div></div>'
        "<hr>"
        '<div class="context"><span class="element"><em>c</em></span>'
        '<span class="element"><span class="image">a bell</span></span>'
        '<span class="element"><span class="image">image</span></span></div>'
        '<div class="actions"><a class="button primary" href="https://a.example" target="_blank" '
        'rel="noopener noreferrer">Go</a></div>'
    )
    text_of(html)


def test_a_section_may_have_fields_alone() -> None:
    """A section without text draws no empty line for it."""
    html = drawn({"type": "section", "fields": [mrkdwn("a")]})
    assert '<div class="text">' not in html
    assert text_of(html) == "a"


def test_a_button_leads_only_to_the_web() -> None:
    """A button with another kind of address is drawn, and does nothing."""
    html = drawn({"type": "actions", "elements": [button(url="javascript:alert(1)", style="x")]})
    assert html == '<div class="actions"><span class="button">Open</span></div>'


def test_a_menu_names_its_choices() -> None:
    """A menu looks like a button; what it offers is on its tooltip."""
    assert drawn(select(text="1 h & more", hint="Silence")) == (
        '<div class="actions"><span class="button select" title="1 h &amp; more">Silence</span></div>'
    )


@pytest.mark.parametrize(
    ("payload", "is_link"),
    [
        ({"text": "see https://a.example/x?a=1&amp;b now"}, True),
        ({"text": "see https://a.example/x?a=1&amp;b now", "parse": "none"}, False),
        ({"blocks": [section("see https://a.example/x?a=1&amp;b now")]}, True),
        (
            {
                "blocks": [
                    {
                        "type": "section",
                        "text": {
                            **mrkdwn("see https://a.example/x?a=1&amp;b now"),
                            "verbatim": True,
                        },
                    }
                ]
            },
            False,
        ),
    ],
)
def test_addresses_become_links_unless_slack_is_told_not_to(
    payload: dict[str, Any],
    *,
    is_link: bool,
) -> None:
    """An address from outside that acts as a link is seen to do so."""
    html = str(render_payload(payload))
    assert ('href="https://a.example/x?a=1&amp;b"' in html) == is_link
    assert text_of(html) == "see https://a.example/x?a=1&b now"


def test_blocks_may_be_too_long_together() -> None:
    """Each block fits, and all of them are more than Slack takes."""
    blocks = [section("x" * 2_600)] * 5
    assert payload_problem({"blocks": blocks}) is None
    assert payload_problem({"blocks": [*blocks, section("x")]}) == "msg_blocks_too_long"


@pytest.mark.parametrize(
    "block",
    [
        pytest.param({"type": "rich_text", "elements": ["<b>kept</b>"]}, id="a block type"),
        pytest.param({"type": "actions", "elements": [{"type": "kept"}]}, id="an element type"),
        pytest.param({"type": "section", "text": "kept"}, id="a text that is no object"),
        pytest.param({"kept": True}, id="a block without a type"),
        pytest.param("kept", id="not even an object"),
    ],
)
def test_what_we_cannot_draw_is_shown_in_a_box(block: object) -> None:
    """Nothing that was sent is left out, whatever it is."""
    html = drawn(block)
    assert "not drawn here" in text_of(html)
    assert "kept" in text_of(html)


def test_what_is_not_even_json_is_named() -> None:
    """A value that JSON cannot write is shown by its type."""
    assert "a set that is not JSON" in text_of(drawn({1}))


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        pytest.param({"text": "*a*"}, "a", id="text alone is formatted"),
        pytest.param({"text": "*a*", "mrkdwn": False}, "*a*", id="unless it says not to"),
        pytest.param({"text": "a", "blocks": [section("b")]}, "b", id="blocks replace the text"),
        pytest.param(
            {"text": "a", "attachments": [{"text": "_b_"}]}, "ab", id="attachments follow it"
        ),
        pytest.param(
            {"attachments": [{"text": "a", "blocks": [section("b")], "fallback": "c"}]},
            "ab",
            id="an attachment shows its text and blocks",
        ),
        pytest.param({"attachments": [{"fallback": "*c*"}]}, "*c*", id="or its fallback"),
    ],
)
def test_a_message_shows_the_parts_slack_shows(payload: dict[str, Any], shown: str) -> None:
    """Text, blocks and attachments take the places they have in a channel."""
    assert text_of(render_payload(payload)) == shown


def test_an_attachment_with_nothing_known_is_shown_in_a_box() -> None:
    """An attachment of another shape is not left out either."""
    assert "kept" in text_of(render_payload({"attachments": [{"kept": 1}]}))


@pytest.mark.parametrize(
    ("colour", "bar"),
    [
        ("#D72b3f", "#D72b3f"),
        ("good", "#2eb67d"),
        ("red; background: url(x)", "#9a9a9a"),
        ("#d72b3f;x", "#9a9a9a"),
        (None, "#9a9a9a"),
        (7, "#9a9a9a"),
    ],
)
def test_an_attachment_has_a_bar_in_its_colour(colour: object, bar: str) -> None:
    """Only a real colour gets into the style attribute."""
    html = render_payload({"attachments": [{"color": colour, "text": "x"}]})
    assert f'style="--bar: {bar}"' in html


def elements(kind: str, count: int) -> dict[str, object]:
    return {"type": kind, "elements": [button()] * count}


def fields(*texts: str) -> dict[str, object]:
    return {"type": "section", "fields": [mrkdwn(text) for text in texts]}


def header(text: object) -> dict[str, object]:
    return {"type": "header", "text": text}


def select(text: str = "x", value: str = "x", count: int = 1, hint: str = "x") -> object:
    option = {"text": plain(text), "value": value}
    menu = {"type": "static_select", "placeholder": plain(hint), "options": [option] * count}
    return {"type": "actions", "elements": [menu]}


AT_THE_LIMIT = [
    pytest.param([select(count=100)], [select(count=101)], id="choices of a menu"),
    pytest.param([select()], [select(count=0)], id="a menu without choices"),
    pytest.param([select(text="x" * 75)], [select(text="x" * 76)], id="text of a choice"),
    pytest.param([select(value="x" * 150)], [select(value="x" * 151)], id="value of a choice"),
    pytest.param([select(hint="x" * 150)], [select(hint="x" * 151)], id="a menu's hint"),
    pytest.param(
        [{"type": "image", "alt_text": "x" * 2_000}],
        [{"type": "image", "alt_text": "x" * 2_001}],
        id="alternative text of a picture",
    ),
    pytest.param([section()] * 50, [section()] * 51, id="blocks"),
    pytest.param([section("x" * 3_000)], [section("x" * 3_001)], id="section text"),
    pytest.param([fields(*"0123456789")], [fields(*"0123456789a")], id="fields"),
    pytest.param([fields("x" * 2_000)], [fields("x" * 2_001)], id="field text"),
    pytest.param([fields("x")], [fields()], id="no fields"),
    pytest.param([header(plain("x" * 150))], [header(plain("x" * 151))], id="header text"),
    pytest.param([header(plain("x"))], [header(mrkdwn("x"))], id="formatted header"),
    pytest.param([header(plain("x"))], [header("x")], id="header that is no object"),
    pytest.param([section("x")], [section("")], id="empty text"),
    pytest.param([section("x")], [{"type": "section"}], id="empty section"),
    pytest.param([elements("context", 10)], [elements("context", 11)], id="context elements"),
    pytest.param([elements("actions", 25)], [elements("actions", 26)], id="actions elements"),
    pytest.param([elements("actions", 1)], [elements("actions", 0)], id="no elements"),
    pytest.param(
        [section(accessory=button("x" * 75))], [section(accessory=button("x" * 76))], id="button"
    ),
    pytest.param(
        [section(accessory=button(url="u" * 3_000))],
        [section(accessory=button(url="u" * 3_001))],
        id="button address",
    ),
    pytest.param(
        [section(accessory=button(url="u"))], [section(accessory=button(url=7))], id="address type"
    ),
    pytest.param(
        [{"type": "context", "elements": [mrkdwn("x"), {"type": "image"}]}],
        [{"type": "context", "elements": [mrkdwn("x"), {}]}],
        id="element without a type",
    ),
    pytest.param([section(block_id="x" * 255)], [section(block_id="x" * 256)], id="block id"),
    pytest.param([section(block_id="x")], [section(block_id=7)], id="block id type"),
    pytest.param([{"type": "new_kind"}], [{"type": ""}], id="block type"),
    pytest.param([{"type": "divider"}], ["divider"], id="block that is no object"),
]


@pytest.mark.parametrize(("good", "bad"), AT_THE_LIMIT)
@pytest.mark.parametrize("inside", ["message", "attachment"])
def test_limits_are_those_of_slack(
    good: Sequence[object], bad: Sequence[object], inside: str
) -> None:
    """What just fits is taken, one more is invalid_blocks, in attachments as well."""

    def problem(blocks: Sequence[object]) -> str | None:
        holder = {"blocks": list(blocks)}
        return payload_problem(holder if inside == "message" else {"attachments": [holder]})

    assert problem(good) is None
    assert problem(bad) == "invalid_blocks"


def nested(depth: int) -> object:
    value: object = "x"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        pytest.param({"text": "hello"}, None, id="text"),
        pytest.param({"text": "hello", "blocks": None}, None, id="null is absent"),
        pytest.param({"attachments": [{"fallback": "hello"}]}, None, id="attachment"),
        pytest.param({}, "no_text", id="nothing"),
        pytest.param({"text": "", "blocks": [], "attachments": []}, "no_text", id="all empty"),
        pytest.param([], "invalid_payload", id="a list"),
        pytest.param("hello", "invalid_payload", id="a string"),
        pytest.param({"text": 7}, "invalid_payload", id="text of another type"),
        pytest.param({"blocks": {"a": 1}}, "invalid_payload", id="blocks of another type"),
        pytest.param({"attachments": "x"}, "invalid_payload", id="attachments of another type"),
        pytest.param({"attachments": ["x"]}, "invalid_payload", id="attachment that is no object"),
        pytest.param({"attachments": [{"blocks": "x"}]}, "invalid_payload", id="its blocks"),
        pytest.param({"text": "x", "more": nested(30)}, None, id="as deep as we take it"),
        pytest.param({"text": "x", "more": nested(31)}, "invalid_payload", id="too deep"),
    ],
)
def test_a_payload_is_refused_in_slacks_words(payload: object, problem: str | None) -> None:
    """The shape of a payload decides between taking it, no_text and invalid_payload."""
    assert payload_problem(payload) == problem


def test_deep_json_is_refused_and_not_an_error() -> None:
    """JSON as deep as the parser itself allows does not exhaust our stack."""
    assert payload_problem({"text": "x", "more": nested(50_000)}) == "invalid_payload"


FRAGMENTS = [
    *("*", "_", "~", "`", "```", ">", "&gt;", "&lt;", "&amp;", "&", "<", "|", '"', "'", " ", "\n"),
    *("a", "b", ":", ":bell:", "<!channel>", "<@U1|x>", "<https://a.example|", "javascript:"),
    *("<script>", "</div>", "<!--", "<![CDATA[", "<?", "onload=", "\x00", "!date^1^{time}|", "^"),
]
hostile_text = st.one_of(st.text(), st.lists(st.sampled_from(FRAGMENTS)).map("".join))
known_keys = st.sampled_from(
    ["type", "text", "blocks", "attachments", "fields", "elements", "accessory", "url", "color"]
)
known_types = st.sampled_from(
    ["header", "section", "context", "divider", "actions", "button", "image", "mrkdwn"]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | known_types | hostile_text,
    lambda inner: st.lists(inner) | st.dictionaries(known_keys | st.text(), inner),
)
hostile_blocks = st.lists(
    st.fixed_dictionaries(
        {"type": known_types | hostile_text},
        optional={
            "text": st.fixed_dictionaries({"type": known_types, "text": hostile_text}),
            "fields": json_values,
            "elements": json_values,
            "accessory": st.fixed_dictionaries({"type": known_types, "url": hostile_text}),
        },
    )
)
hostile_payloads = st.fixed_dictionaries(
    {},
    optional={
        "text": hostile_text,
        "blocks": hostile_blocks | json_values,
        "attachments": json_values
        | st.lists(st.fixed_dictionaries({"color": hostile_text, "blocks": hostile_blocks})),
    },
)


@settings(deadline=None)
@given(hostile_text)
def test_no_text_brings_markup_of_its_own(text: str) -> None:
    """Any text becomes tags and attributes that are ours, properly nested."""
    text_of(render_mrkdwn(text))
    text_of(render_plain(text))


@settings(deadline=None)
@given(hostile_payloads)
def test_no_payload_brings_markup_of_its_own(payload: dict[str, Any]) -> None:
    """Any JSON is drawn without an error, and in tags and attributes that are ours."""
    text_of(render_payload(payload))
    payload_problem(payload)


@settings(deadline=None)
@given(st.text().filter(lambda text: not set("&:\r\x00") & set(text)))
def test_plain_text_is_shown_letter_by_letter(text: str) -> None:
    """What plain_text says is what the reader sees."""
    assert text_of(render_plain(text)) == text


@settings(deadline=None)
@given(st.text(alphabet="ab *_~`\n>"))
def test_formatting_loses_no_letter(text: str) -> None:
    """Marks may turn into tags, letters neither vanish nor change places."""
    shown = text_of(render_mrkdwn(text))
    assert re.sub(r"[^ab]", "", shown) == re.sub(r"[^ab]", "", text)
