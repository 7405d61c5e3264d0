"""The secrets of the channels: readable, of a known form, with an entry for each target.

No finding repeats anything of a secret. Nothing is posted anywhere.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from bedrock_alerts.adapters.http import (
    PAGERDUTY_HOSTS,
    SLACK_HOSTS,
    TEAMS_HOSTS,
    Poster,
    is_own_machine,
    read_url,
)
from bedrock_alerts.alerts.credentials import entry, signing_secret
from bedrock_alerts.errors import PermanentError
from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack
from bedrock_alerts_cli.deployed.doctor.finding import (
    Check,
    Clock,
    Finding,
    ok,
    wrong,
)
from bedrock_alerts_cli.deployed.doctor.looked_at import not_seen
from bedrock_alerts_cli.deployed.doctor.routes_in_force import targets

_NAMES: Final = {
    "slack": "Slack", "webhook": "webhook", "pagerduty": "PagerDuty", "teams": "Teams",
}  # fmt: skip
_ROUTING_KEY: Final = re.compile(r"[A-Za-z0-9]{32}")
_WEBHOOK_PATH: Final = re.compile(r"/(services|workflows|triggers)/[A-Za-z0-9/_-]{10,}")


class Kind(NamedTuple):
    """A channel with a secret: which parameter has its ARN, and what an entry has to be."""

    channel: str
    parameter: str
    main: str
    needs: tuple[str, ...]
    judge: Callable[[Mapping[str, str], bool], str]


def _of_slack(found: Mapping[str, str], is_local: bool) -> str:  # noqa: FBT001 - one signature
    target = Poster(SLACK_HOSTS, allow_loopback=is_local).checked(found["url"])
    if is_own_machine(target) or _WEBHOOK_PATH.fullmatch(target.path):
        return ""
    return "its path is not that of an incoming webhook (/services/T…/B…/…)"


def _of_teams(found: Mapping[str, str], is_local: bool) -> str:  # noqa: FBT001
    Poster(TEAMS_HOSTS, allow_loopback=is_local).checked(found["url"])
    return ""


def _of_webhook(found: Mapping[str, str], is_local: bool) -> str:  # noqa: FBT001
    target = read_url(found["url"])
    if is_local and is_own_machine(target):
        return ""
    is_fit = target.scheme == "https" and target.host and not target.has_user
    return "" if is_fit else "the URL has to be https://HOST/…, without user"


def _of_pagerduty(found: Mapping[str, str], is_local: bool) -> str:  # noqa: FBT001
    if found.get("url"):
        Poster(PAGERDUTY_HOSTS, allow_loopback=is_local).checked(found["url"])
    if _ROUTING_KEY.fullmatch(found["routing_key"]):
        return ""
    return "an integration key of the Events API v2 has 32 letters and digits"


def _of_bot(found: Mapping[str, str], _is_local: bool) -> str:  # noqa: FBT001
    return "" if found["token"].startswith("xoxb-") else "a bot's token begins with xoxb-"


KINDS: Final = (
    Kind("slack", "SlackBotSecretArn", "token", (), _of_bot),
    Kind("slack", "SlackWebhookSecretArn", "url", (), _of_slack),
    Kind("webhook", "WebhookSecretArn", "url", ("secret",), _of_webhook),
    Kind("pagerduty", "PagerDutySecretArn", "routing_key", (), _of_pagerduty),
    Kind("teams", "TeamsWebhookSecretArn", "url", (), _of_teams),
)


def secrets(stack: DeployedStack, _clock: Clock) -> Iterator[Finding]:
    """Look at the secret of each channel that the stack has."""
    for kind in KINDS:
        arn = stack.parameters.get(kind.parameter)
        if not arn or (kind.main == "url" and kind.channel == "slack" and _has_bot(stack)):
            continue
        check = f"{_NAMES[kind.channel]} secret"
        try:
            yield from _secret(stack, kind, arn, check)
        except Exception as error:  # noqa: BLE001 - the other secrets are looked at
            yield not_seen(check, error)


def _has_bot(stack: DeployedStack) -> bool:
    return bool(stack.parameters.get("SlackBotSecretArn"))


def read_secret(stack: DeployedStack, arn: str) -> tuple[str, str, str]:
    """Return a secret's text, or what is wrong with it and the fix.

    Raises what the client raises where it cannot be read.
    """
    client: Any = stack.client("secretsmanager")
    name = arn.rpartition(":secret:")[2]
    try:
        answer = client.get_secret_value(SecretId=arn)
    except client.exceptions.ResourceNotFoundException:
        fix = f"Create it, and deploy with --parameter {_parameter(stack, arn)}=ARN: docs/slack.md."
        return "", f"the secret {name} is not there", fix
    except client.exceptions.InvalidRequestException:
        restore = stack.aws(f"secretsmanager restore-secret --secret-id {arn}")
        return "", f"the secret {name} is to be deleted", f"Restore it:\n{restore}"
    text = answer.get("SecretString")
    if text is None:
        return "", "the secret is binary", store(stack, arn, "as a text")
    return str(text).strip(), "", ""


def _parameter(stack: DeployedStack, arn: str) -> str:
    return next((kind.parameter for kind in KINDS if stack.parameters.get(kind.parameter) == arn),
                "")  # fmt: skip


def store(stack: DeployedStack, arn: str, what: str) -> str:
    """Return how a secret is stored again."""
    put = f"secretsmanager put-secret-value --secret-id {arn} --secret-string file://secret.txt"
    return f"Store it again, {what}:\n{stack.aws(put)}"


def _secret(stack: DeployedStack, kind: Kind, arn: str, check: str) -> Iterator[Finding]:
    text, says, fix = read_secret(stack, arn)
    if says:
        yield wrong(check, says, fix)
        return
    is_local = stack.parameters.get("AllowLoopbackWebhooks") == "true"
    own = ("",) if kind.main == "token" else targets(stack, kind.channel)
    for target in own:
        about = f"{check}, target {target}" if target else check
        try:
            found = entry(text, target, main=kind.main, needs=kind.needs)
            problem = kind.judge(found, is_local)
        except PermanentError as error:
            problem = str(error)
        if problem:
            yield wrong(about, problem, store(stack, arn, "in that form"))
        else:
            yield ok(about, _evidence(stack, kind))
    if kind.main == "token" and stack.parameters.get("SlackButtons") == "true":
        try:
            signing_secret(text)
        except PermanentError as error:
            says = f"{error}: buttons do nothing"
            yield wrong("Slack signing secret", says, store(stack, arn, "in that form"))
        else:
            yield ok("Slack signing secret", "it is in the secret")


def _evidence(stack: DeployedStack, kind: Kind) -> str:
    if kind.main == "token":
        return "readable, a bot's token"
    test = stack.ours("test-alert")
    return f"readable, of the right form; only a post shows that it works: {test}"


CHECKS: Final = (Check("secrets", secrets),)
