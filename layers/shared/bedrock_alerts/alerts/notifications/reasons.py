"""The only table of what each reason does on each kind of channel."""

from typing import Final, Literal, NamedTuple, TypeAlias

from bedrock_alerts.alerts.alert import Reason

Action: TypeAlias = Literal[
    "send", "post", "edit", "reply", "broadcast", "trigger", "acknowledge", "resolve", "change", ""
]
"""The action on the channel; empty for none."""

Kind: TypeAlias = Literal["plain", "bot", "pagerduty"]


class Row(NamedTuple):
    """A reason: what it does on a channel of messages, on a Slack bot, on PagerDuty.

    `edit` is an edit with a quiet reply, `broadcast` an edit with a reply that notifies the
    channel; if there is nothing to edit, a notification is a post.
    """

    plain: Action
    bot: Action
    pagerduty: Action
    is_bad_news: bool = False


TABLE: Final[dict[Reason, Row]] = {
    "firing": Row("send", "post", "trigger", is_bad_news=True),
    "contributors": Row("send", "broadcast", "", is_bad_news=True),
    "escalated": Row("send", "broadcast", "trigger", is_bad_news=True),
    "still_firing": Row("send", "broadcast", "", is_bad_news=True),
    "undelivered": Row("send", "broadcast", ""),
    "no_data": Row("send", "broadcast", "", is_bad_news=True),
    "acknowledged": Row("send", "edit", "acknowledge"),
    "silenced": Row("send", "edit", "acknowledge"),
    "recovering": Row("", "edit", ""),
    "changed": Row("", "edit", ""),
    "resolved": Row("send", "edit", "resolve"),
    "notice": Row("send", "post", "change", is_bad_news=True),
}

# Actions that notify people, and so keep to the pace of a group.
NOISY: Final[frozenset[Action]] = frozenset({"send", "post", "broadcast"})


def action_of(reason: Reason, kind: Kind) -> Action:
    """Return what a reason does on a kind of channel."""
    row = TABLE[reason]
    return {"plain": row.plain, "bot": row.bot, "pagerduty": row.pagerduty}[kind]


def kind_of(channel: str, *, has_bot: bool) -> Kind:
    """Return the kind of a channel: `slack` can be edited only with a bot."""
    name = channel.partition(":")[0]
    if name == "pagerduty":
        return "pagerduty"
    return "bot" if name == "slack" and has_bot else "plain"
