"""Slack's bot, asked without posting: its token, its scopes, and its channels."""

import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from bedrock_alerts.adapters.exchange import Client
from bedrock_alerts.adapters.http import is_own_machine, read_url
from bedrock_alerts.adapters.slack_api import API_HOSTS
from bedrock_alerts.alerts.credentials import entry
from bedrock_alerts.errors import PermanentError, TransientError
from bedrock_alerts.text import clean
from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack
from bedrock_alerts_cli.deployed.doctor.finding import (
    Check,
    Clock,
    Finding,
    UnseenError,
    ok,
    unknown,
    wrong,
)
from bedrock_alerts_cli.deployed.doctor.routes_in_force import targets
from bedrock_alerts_cli.deployed.doctor.secrets_of_channels import read_secret, store

_NEEDED: Final = "chat:write"
_PICTURES: Final = "files:write"
_ANYWHERE: Final = "chat:write.public"
_TOKEN_REFUSED: Final = frozenset(
    {"account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked"}
)
_SECONDS: Final = 10.0
_MAX_BYTES: Final = 256 * 1024
_WORD_CHARS: Final = 60
_CHECK: Final = "Slack bot"


class _Said(NamedTuple):
    """What Slack answered; `error` is its word where it says no."""

    answer: Mapping[str, Any]
    error: str
    scopes: frozenset[str] | None


class _Bot(NamedTuple):
    """A bot that Slack knows."""

    api_url: str
    token: str
    name: str
    scopes: frozenset[str] | None


def slack_bot(stack: DeployedStack, _clock: Clock) -> Iterator[Finding]:
    """Ask Slack who the bot is, and look at each channel that it is to post to."""
    arn = stack.parameters.get("SlackBotSecretArn")
    if not arn:
        return
    text, problem, _ = read_secret(stack, arn)
    try:
        token = "" if problem else entry(text, "", main="token")["token"]
    except PermanentError:
        token = ""
    if not token:
        raise UnseenError("without its token Slack cannot be asked: see the Slack secret")
    api_url = _api_url(stack)
    said = _asked(api_url, token, "auth.test", {})
    if said.error in _TOKEN_REFUSED:
        says = f"Slack refuses the token: {said.error}"
        fix = store(stack, arn, "with the token of api.slack.com/apps, OAuth & Permissions")
        yield wrong(_CHECK, says, fix)
        return
    if said.error:
        raise UnseenError(f"Slack answered auth.test with {said.error}")
    bot = _Bot(api_url, token, clean(str(said.answer.get("user", "the bot")), 80), said.scopes)
    yield _known(bot, clean(str(said.answer.get("team", "")), 80))
    default = stack.parameters.get("SlackChannelId", "")
    for target in targets(stack, "slack"):
        yield _channel(bot, target or default)


def _api_url(stack: DeployedStack) -> str:
    """Return the address that the stack calls, if a token may go there."""
    url = stack.parameters.get("SlackApiUrl") or "https://slack.com/api/"
    target = read_url(url)
    is_local = stack.parameters.get("AllowLoopbackWebhooks") == "true" and is_own_machine(target)
    is_slack = target.scheme == "https" and target.host in API_HOSTS and target.port is None
    if not (is_slack or is_local):
        raise UnseenError(f"SlackApiUrl is {clean(url, 100)}, which is not Slack")
    return url


def _known(bot: _Bot, team: str) -> Finding:
    who = f"{bot.name} of {team}" if team else bot.name
    scopes = bot.scopes
    if scopes is None:
        return ok(_CHECK, f"the token is valid: {who}; Slack does not say its scopes")
    if _NEEDED not in scopes:
        fix = (
            f"At api.slack.com/apps, OAuth & Permissions, add the scope {_NEEDED}, and install the"
            " app again."
        )
        return wrong(_CHECK, f"{who} lacks the scope {_NEEDED}: it cannot post", fix)
    without = "" if _PICTURES in scopes else f"; without {_PICTURES} there are no pictures"
    return ok(_CHECK, f"the token is valid: {who}, scope {_NEEDED}{without}")


def _channel(bot: _Bot, channel: str) -> Finding:
    check = f"channel {channel}"
    said = _asked(bot.api_url, bot.token, "conversations.info", {"channel": channel})
    invite = f"In that channel: /invite @{bot.name}."
    if said.error in {"missing_scope", "not_allowed_token_type"}:
        return unknown(
            check,
            "the bot may not look at channels",
            "To have it checked, add the scopes channels:read and groups:read to the app.",
        )
    if said.error == "channel_not_found":
        says = "there is no such channel, or it is private and without the bot"
        return wrong(check, says, f"Give the ID of a channel, not its name. {invite}")
    if said.error:
        return unknown(check, f"Slack answered conversations.info with {said.error}")
    found = said.answer.get("channel")
    found = found if isinstance(found, dict) else {}
    name = f"#{clean(str(found.get('name') or channel), 80)}"
    if found.get("is_archived"):
        return wrong(check, f"{name} is archived", "Open it again, or give another SlackChannelId.")
    may_anywhere = _ANYWHERE in (bot.scopes or frozenset()) and not found.get("is_private")
    if found.get("is_member") is False and not may_anywhere:
        return wrong(check, f"the bot is not in {name}: it cannot post there", invite)
    return ok(check, f"{name}: the bot can post there")


def _asked(api_url: str, token: str, method: str, fields: Mapping[str, str]) -> _Said:
    """Call a method that changes nothing. Raises UnseenError where Slack does not answer."""
    target = read_url(api_url)
    try:
        response = Client().post(
            target._replace(path=f"{target.path.rstrip('/')}/{method}"),
            urlencode(fields).encode(),
            {
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/x-www-form-urlencoded",
            },
            seconds=_SECONDS,
            max_bytes=_MAX_BYTES,
        )
    except (TransientError, PermanentError) as error:
        raise UnseenError(f"Slack cannot be reached from here: {error}") from None
    if response.status != HTTPStatus.OK:
        raise UnseenError(f"{target.host} answered {response.status}")
    try:
        answer = json.loads(response.body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise UnseenError(f"{target.host} answered with something that is not Slack's")
    listed = response.headers.get("x-oauth-scopes")
    scopes = frozenset(one.strip() for one in listed.split(",")) if listed is not None else None
    word = "" if answer.get("ok") is True else clean(str(answer.get("error", "no")), _WORD_CHARS)
    return _Said(answer, word, scopes)


CHECKS: Final = (Check(_CHECK, slack_bot),)
