"""Alerts with any text in them, whatever the steps before the renderers let through."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from bedrock_alerts.alerts.alert import Alert, Fact, Link

_TEXT = st.text(st.characters(exclude_categories=()))
# Generated texts are short: what makes a message too long is the same over and over.
_LONG = st.builds(
    lambda text, times: text * times,
    st.sampled_from(["&", "<!channel> ", "🚨", "ü", "x y", "\n", "\ud800"]),
    st.sampled_from([1, 100, 1_000, 10_000]),
)
ANY_TEXT = _TEXT | _LONG
ALERTS = st.builds(
    Alert,
    key=st.just("k"),
    tone=st.sampled_from(["critical", "warning", "info", "ok", "unknown"]),
    status=ANY_TEXT,
    title=ANY_TEXT,
    summary=ANY_TEXT,
    account_id=ANY_TEXT,
    region=ANY_TEXT,
    at=st.none() | st.datetimes(min_value=datetime(1, 1, 2)).map(lambda at: at.replace(tzinfo=UTC)),  # noqa: DTZ001 - hypothesis wants it naive
    facts=st.lists(st.builds(Fact, ANY_TEXT, ANY_TEXT), max_size=20).map(tuple),
    reason=ANY_TEXT,
    links=st.lists(
        st.builds(
            Link,
            ANY_TEXT.map(lambda text: f"Open {text}"),
            ANY_TEXT.map(lambda text: f"https://example.com/{text}"),
        ),
        max_size=40,
    ).map(tuple),
)
