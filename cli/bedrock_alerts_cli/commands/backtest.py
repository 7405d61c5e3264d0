"""`bedrock-alerts backtest`: which alarms would have fired on these logs, when and why."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, get_args

import click
import msgspec

from bedrock_alerts.alerts.describe import lasting
from bedrock_alerts.invocations.aggregate import AggregateOptions
from bedrock_alerts.invocations.collector import CollectOptions
from bedrock_alerts.invocations.identity import CallerDetail, Naming
from bedrock_alerts.metrics import DEFAULT_NAMESPACE
from bedrock_alerts_cli import plurals
from bedrock_alerts_cli.backtest.backtest_page import render
from bedrock_alerts_cli.backtest.history import History, read_history
from bedrock_alerts_cli.backtest.message_counts import messages
from bedrock_alerts_cli.backtest.offenders import Callers
from bedrock_alerts_cli.backtest.outcome import AlarmHistory, Outcome, Suggestion
from bedrock_alerts_cli.backtest.run import Setup, alarm_histories, fired_with, replay
from bedrock_alerts_cli.backtest.suggest import suggestions
from bedrock_alerts_cli.commands.routes import read_routes
from bedrock_alerts_cli.counting import left_out
from bedrock_alerts_cli.log_files import Sources, nothing_read
from bedrock_alerts_cli.options import (
    Amount,
    parameter_option,
    prices,
    prices_option,
    profiles,
    profiles_option,
)
from bedrock_alerts_cli.project import TEMPLATE
from bedrock_alerts_cli.simulator import Lateness
from bedrock_alerts_cli.template.load import load
from bedrock_alerts_cli.terminal import Column, Table, moment, until_cut_off, write
from bedrock_alerts_cli.user_errors import InputError
from bedrock_alerts_cli.user_files import refuse_without_folder, write_page

_STACK: Final = "bedrock-alerts"
# As long as CloudWatch keeps metrics. One wrong timestamp would mean centuries of minutes.
_LONGEST_SECONDS: Final = 455 * 86400
_SEVERITY_STYLES: Final = {"critical": "bold red", "warning": "yellow", "info": "blue"}
_COLUMNS: Final = (
    Column(title="alarm", style=lambda _: "bold"),
    Column(title="severity", style=lambda text: _SEVERITY_STYLES.get(text, ""), rank=2),
    Column(title="times", is_right=True),
    Column(title="a week", is_right=True, rank=1),
    Column(title="in alarm", is_right=True),
    Column(title="first", rank=3),
    Column(title="first reason", least=24, wraps=True, style=lambda _: "dim", rank=4),
)


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, allow_dash=True), metavar="FILE…"
)
@click.option(
    "--template",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=TEMPLATE,
    help="The template with the alarms. Default: the one of this project.",
)
@parameter_option
@click.option(
    "--routes",
    "routes_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Routes file, used to count messages by channel.",
)
@click.option(
    "--channels",
    default="email,slack",
    show_default=True,
    help="Channels to count messages for.",
)
@click.option(
    "--suggest",
    type=Amount(min=0),
    metavar="N",
    help="Suggest thresholds that would have given at most N alarms a week of each kind.",
)
@click.option(
    "--delay",
    type=click.IntRange(0, 1440),
    default=0,
    metavar="MINUTES",
    help="Minutes by which metrics arrive late, as in CloudWatch. Default: 0.",
)
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a report to this file."
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON, nothing else.")
@prices_option
@profiles_option
@click.pass_context
def backtest(  # noqa: PLR0913 - click passes every option on its own
    ctx: click.Context,
    files: tuple[str, ...],
    *,
    template: Path,
    parameters: dict[str, str],
    routes_file: Path | None,
    channels: str,
    suggest: float | None,
    delay: int,
    html: Path | None,
    as_json: bool,
    overrides: bytes | None,
    listed: bytes | None,
) -> None:
    """Show which of the template's alarms would have fired on these logs.

    FILE is what `inspect` reads: a log in any form, a folder of logs, or - for standard input.
    Bedrock's own metrics are rebuilt from the log. Alarms on data that is not in a log are listed
    as such: that they stayed quiet means nothing.

    \b
    Examples:
      bedrock-alerts backtest calls.json.gz --html page.html
      bedrock-alerts backtest logs/ --parameter HourlyBudgetUsd=20 --routes config/routes.yaml

    Exit status: 1 if a line was rejected, 2 if no record was found or a file cannot be read.
    """  # noqa: D301 - \b is click's
    refuse_without_folder(html)
    setup = Setup(template, parameters, _STACK)
    alarms = setup.alarms()
    known, routes = read_routes(routes_file, channels)
    settings = _Settings(setup)
    history = read_history(
        Sources(files, note=lambda text: click.echo(text, err=True)),
        prices(overrides),
        settings.collect,
        profiles(listed),
        shown=not as_json,
    )
    _refuse_what_cannot_be_replayed(history)
    deployed = setup.deployed()
    timeline = replay(alarms, history, settings.namespace, Lateness(delay))
    callers = Callers(history.points)
    found = alarm_histories(alarms, timeline, settings.namespace, deployed, callers)
    sent = messages(timeline, known, routes, deployed)
    outcome = Outcome(
        start=history.start,
        end=history.end,
        lines=history.counts,
        alarms=found,
        notifications=sent.by_channel,
        by_reason=sent.by_reason,
        state_changes=sum(change.alarm_name in deployed for change in timeline.changes),
    )
    if suggest is not None:
        fired = fired_with(setup, history, settings.namespace, Lateness(delay))
        # Less than a week of log allows as many as a whole week: a fraction of an alarm cannot
        # fire.
        most = suggest * max(1.0, outcome.weeks)
        outcome = msgspec.structs.replace(
            outcome, suggestions=suggestions(found, setup, fired, most)
        )
    with until_cut_off():
        if html is not None:
            write_page(html, render(outcome, history.points, "Bedrock Alerts: backtest"))
        if as_json:
            write(json.dumps(outcome.document()) + "\n")
        else:
            _print(outcome, suggest, html)
    ctx.exit(1 if history.rejected else 0)


def _refuse_what_cannot_be_replayed(history: History) -> None:
    if not history.counts["processed"]:
        raise InputError(nothing_read(left_out(history.counts)))
    if history.end - history.start > _LONGEST_SECONDS:
        raise InputError(
            f"the records are from {moment(history.start)[:10]} to {moment(history.end)[:10]},"
            f" and alarms are replayed over at most {_LONGEST_SECONDS // 86400} days: leave out"
            " those that are too old or too new, or split the log"
        )


class _Settings:
    """The collector's settings from the template's parameters."""

    def __init__(self, setup: Setup) -> None:
        described = load(setup.template).get("Parameters", {})
        values = {name: str(one.get("Default", "")) for name, one in described.items()}
        values |= setup.parameters
        self.namespace = values.get("MetricsNamespace") or DEFAULT_NAMESPACE
        self.collect = CollectOptions(
            aggregate=AggregateOptions(
                principals="all",  # who it was is part of each firing
                caller_details=True,
                application_key=values.get("ApplicationMetadataKey") or None,
            ),
            naming=Naming(_one_of(values.get("CallerDetail", ""), get_args(CallerDetail), "auto")),
        )


def _one_of(text: str, known: tuple[Any, ...], otherwise: Any) -> Any:
    """Return a parameter's value if it is a known one."""
    return text if text in known else otherwise


def _print(outcome: Outcome, suggest: float | None, html: Path | None) -> None:
    loud = sorted((one for one in outcome.alarms if one.fired), key=lambda one: -one.fired)
    Table(_COLUMNS).add([_row(alarm, outcome) for alarm in loud])
    write("\n" * bool(loud) + "".join(f"{line}\n" for line in _summary(outcome, suggest)))
    if html is not None:
        write(f"report: {html}\n")


def _row(alarm: AlarmHistory, outcome: Outcome) -> tuple[str, ...]:
    first = next(change for change in alarm.changes if change.to_state == "ALARM")
    return (
        alarm.short_name,
        alarm.severity,
        f"{alarm.fired:,}",
        alarm.weekly(outcome.weeks),
        lasting(timedelta(seconds=alarm.seconds_in_alarm)),
        moment(first.at)[:16],
        first.headline or first.reason,
    )


def _summary(outcome: Outcome, suggest: float | None) -> list[str]:
    length = lasting(timedelta(seconds=outcome.end - outcome.start))
    between = f"{moment(outcome.start)[:16]} to {moment(outcome.end)[:16]} UTC ({length})"
    lines = [f"{plurals.count(outcome.lines['processed'], 'call')}, {between}"]
    fired = sum(alarm.fired for alarm in outcome.alarms if alarm.is_deployed)
    quiet = [one.short_name for one in outcome.alarms if not one.fired and one.is_judged]
    blind = [one.short_name for one in outcome.alarms if not one.is_judged]
    told = ", ".join(f"{count:,} to {name}" for name, count in outcome.notifications.items())
    outside = [one.short_name for one in outcome.alarms if one.fired and not one.is_deployed]
    lines.append(f"{plurals.count(fired, 'alarm')}; messages: {told or 'none'}")
    if outcome.is_short:
        lines.append("the log is shorter than a day: alarms that stayed quiet prove little")
    if outside:
        lines.append(f"not in the deployed set (AlarmSet=all includes them): {', '.join(outside)}")
    lines += [f"stayed quiet: {', '.join(quiet)}"] if quiet else []
    lines += [f"a log cannot fire: {', '.join(blind)}"] if blind else []
    if outcome.lines["rejected"]:
        unread = plurals.count(outcome.lines["rejected"], "unreadable line")
        lines.append(f"{unread}, not counted")
    lines += [_suggested(one) for one in outcome.suggestions]
    if suggest is not None and not outcome.suggestions:
        lines.append(f"no alarm fired more than {suggest:g} times a week")
    return lines


def _suggested(one: Suggestion) -> str:
    alarm = one.alarm.rpartition(".")[2]
    if one.value is None:
        return f"{alarm}: no value of {one.parameter} that was tried is quiet enough"
    return (
        f"{alarm}: with {one.parameter}={one.value:.10g} instead of {one.present:.10g} it would"
        f" have fired {one.would_fire} times instead of {one.fired}"
        + (" (estimated: its band is approximated here)" if one.is_estimated else "")
    )
