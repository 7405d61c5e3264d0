"""`bedrock-alerts test-alert`: a marked test through the deployed path, timed hop by hop."""

import json
from datetime import UTC, datetime
from typing import Any, Final, get_args

import click

from bedrock_alerts.alerts.alert import DEFAULT_SEVERITY, SEVERITIES, Severity
from bedrock_alerts.alerts.test_marks import name_of_test
from bedrock_alerts_cli.deployed.deployed_notifier import DeployedNotifier, checked_channels
from bedrock_alerts_cli.deployed.deployed_stack import (
    DeployedStack,
    change_options,
    may_change,
    stack_options,
)
from bedrock_alerts_cli.deployed.email_recipients import unconfirmed
from bedrock_alerts_cli.deployed.trial_events import TrialAlarm
from bedrock_alerts_cli.deployed.trial_hops import Hops
from bedrock_alerts_cli.deployed.trial_real_alarm import course_of_real
from bedrock_alerts_cli.deployed.trial_run import course_of, run
from bedrock_alerts_cli.deployed.who_runs import name_of_caller
from bedrock_alerts_cli.terminal import Column, Row, Table, moment, until_cut_off, write

_RESULTS: Final = {
    "yes": "yes",
    "refused": "refused",
    "no_answer": "no answer yet",
    "not_asked": "not asked",
}
_STYLES: Final = {"yes": "green", "refused": "bold red", "no answer yet": "bold red"}
_HOPS: Final = (
    Column(title="hop", least=20, wraps=True),
    Column(title="time (UTC)"),
    Column(title="after", is_right=True),
)
_CHANNELS: Final = (
    Column(title="channel", style=lambda _: "bold"),
    Column(title="said", style=lambda text: _STYLES.get(text, "")),
    Column(title="why", least=20, wraps=True),
)


@click.command(name="test-alert")
@stack_options
@click.option(
    "--severity",
    type=click.Choice(get_args(Severity) or SEVERITIES),
    default=DEFAULT_SEVERITY,
    show_default=True,
    help="Severity of the test: routes may look at it.",
)
@click.option(
    "--channel",
    "channels",
    multiple=True,
    metavar="CHANNEL",
    help="Notify this channel, whatever the routes say. May be given several times."
    "  [default: the channels that the routes choose]",
)
@click.option(
    "--alarm",
    metavar="NAME",
    help="Set this alarm of the stack to ALARM and back, instead of sending a test event.",
)
@click.option(
    "--wait",
    type=click.FloatRange(1, 840),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the alert, and again for its end.",
)
@change_options
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON, nothing else.")
def test_alert(  # noqa: PLR0913 - click passes every option on its own
    *,
    stack: str,
    region: str | None,
    endpoint_url: str | None,
    severity: Severity,
    channels: tuple[str, ...],
    alarm: str | None,
    wait: float,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Send a test alert through the deployed stack, and show when each hop was done.

    An alarm event goes into the alerts queue as EventBridge would put it there. The stack routes it
    and notifies each channel; then the test ends, and each channel is notified of that. Every
    message says that it is a test. It is sent at once, without regard to quiet hours and digests,
    and delays no other alert.

    \b
    Examples:
      bedrock-alerts test-alert
      bedrock-alerts test-alert --stack bedrock-alerts-prod --severity critical
      bedrock-alerts test-alert --channel pagerduty --yes
      bedrock-alerts test-alert --alarm Throttling --wait 120

    A route can choose the channels of tests: match the alarm Test-*.

    With --alarm, everything that depends on the alarm acts as if it were real: its own actions, and
    composite alarms above it. CloudWatch may set the alarm back earlier, when it next evaluates it.

    Exit status: 1 if a channel was not notified in time, 2 if there is no such stack or alarm.
    """  # noqa: D301 - \b is click's
    deployed = DeployedStack.open(stack, region, endpoint_url)
    notifier = DeployedNotifier.of(deployed)
    asked = checked_channels(notifier, channels)
    if alarm and asked:
        raise click.UsageError(
            "--channel does not go with --alarm: a real alarm keeps to the routes"
        )
    by = name_of_caller(deployed)
    to = (
        ", ".join(asked) or f"the channels that the routes choose of {', '.join(notifier.channels)}"
    )
    if alarm:
        name, course = course_of_real(deployed, notifier, alarm, by)
        what = f"set {name} to ALARM and back, which notifies {to}: {deployed.place}"
    else:
        name = name_of_test(stack, datetime.fromtimestamp(notifier.clock(), UTC))
        trial = TrialAlarm(notifier.alarms + name, severity, by, asked)
        course = course_of(notifier, trial, wait)
        what = f"send a test alert ({severity}) to {to}: {deployed.place}"
    if any(channel.startswith("pagerduty") for channel in asked or notifier.channels):
        click.echo(
            "PagerDuty, if it is notified, pages the person on call, then resolves.", err=True
        )
    if not may_change(what, dry_run=dry_run, yes=yes):
        if as_json:
            write(json.dumps({"stack": stack, "alarm": name, "is_dry_run": True}) + "\n")
        return 0
    click.echo(f"Waiting up to {wait:g} s for {name}, then for its end.", err=True)
    hops = run(notifier, course, wait)
    return _report(deployed, name, hops, is_named=bool(asked), as_json=as_json)


def _report(stack: DeployedStack, name: str, hops: Hops, *, is_named: bool, as_json: bool) -> int:
    email = hops.channels.get("email")
    if email is not None and email.result == "yes":
        email.refusal = unconfirmed(stack)
    with until_cut_off():
        if as_json:
            write(json.dumps(_document(stack, name, hops)) + "\n")
        else:
            _print(hops, "not among --channel" if is_named else "by the routes")
    return 0 if hops.is_fine() else 1


def _document(stack: DeployedStack, name: str, hops: Hops) -> dict[str, Any]:
    return {
        "stack": stack.name,
        "account": stack.account,
        "region": stack.region,
        "alarm": name,
        "is_fine": hops.is_fine(),
        "put_at": moment(hops.put_at).replace(" ", "T") + "Z",
        **hops.document(),
    }


def _print(hops: Hops, why_not: str) -> None:
    Table(_HOPS).add(_hop_rows(hops))
    write("\n")
    Table(_CHANNELS).add(
        [
            (
                one.channel,
                _RESULTS[one.result],
                one.refusal or (why_not if one.result == "not_asked" else ""),
            )
            for one in hops.channels.values()
        ]
    )
    if hops.note:
        write(f"\n{hops.note}\n")
    if hops.is_fine():
        write("\nEvery channel was notified of the test and of its end.\n")
    elif hops.learned_at is None:
        write(
            "\nThe event was not learned in time: run bedrock-alerts doctor, which looks at the"
            " rule, the queue and the function that it passes, and see the log of the route"
            " function.\n"
        )
    elif not hops.asked():
        write("\nThe routes send this to no channel: see bedrock-alerts routes explain.\n")
    else:
        write("\nNot every channel was notified: see the log of the deliver function.\n")


def _hop_rows(hops: Hops) -> list[Row]:
    """Return a row for each hop that was seen, in the order of their times."""
    found: list[tuple[float | None, str]] = [
        (hops.put_at, hops.said[0]),
        (hops.learned_at, "learned by route"),
        (hops.end_put_at, hops.said[1]),
        (hops.end_learned_at, "end learned by route"),
    ]
    for one in hops.channels.values():
        found.append((one.claimed_at, f"{one.channel}: sending"))
        found.append((one.notified_at, f"{one.channel}: notified"))
        found.append((one.end_at, f"{one.channel}: notified of the end"))
    seen = sorted((at, hop) for at, hop in found if at is not None)
    return [(hop, moment(at)[11:], f"{at - hops.put_at:.1f} s") for at, hop in seen]
