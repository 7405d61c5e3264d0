"""Sample traffic in, alerts out: the whole pipeline on this machine, shown as it happens."""

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

from rich.console import Console
from rich.table import Table

from bedrock_alerts.adapters.incidents_table import IncidentsTable
from bedrock_alerts.alerts.events import incident_id
from bedrock_alerts.alerts.router import EMAILED_BY_CLOUDWATCH
from bedrock_alerts_cli.fake_slack.server import PortInUseError, Receiver
from bedrock_alerts_cli.fake_slack.slack_methods import BOT_TOKEN, CHANNEL_ID
from bedrock_alerts_cli.local_stack import sample_traffic as traffic
from bedrock_alerts_cli.local_stack.deploy import STACK, Stack, build, build_folder, deploy
from bedrock_alerts_cli.local_stack.engine import Engine, running_engine
from bedrock_alerts_cli.local_stack.event_patterns import matches_pattern
from bedrock_alerts_cli.local_stack.log_queries import open_log_queries
from bedrock_alerts_cli.local_stack.mailbox import open_mailbox
from bedrock_alerts_cli.local_stack.metrics_log import MetricsLog
from bedrock_alerts_cli.project import TEMPLATE
from bedrock_alerts_cli.sample_account import ACCOUNT, REGION
from bedrock_alerts_cli.simulator import Alarm, Change, Datapoint, Simulator, read_alarms
from bedrock_alerts_cli.template import stack as project_stack
from bedrock_alerts_cli.user_errors import CommandError

LOG_GROUP: Final = "/aws/bedrock/invocations"
_LOG_STREAM: Final = "aws/bedrock/modelinvocations"
_ADDRESS: Final = "oncall@example.com"
_METRICS_SECONDS: Final = 30.0
_TRIES: Final = 3
# After the first alert of a group, later ones share a message, minutes later; a slow function's
# message returns after the queue's time-out.
_NOTIFICATION_SECONDS: Final = 480.0
_AT_ONCE_SECONDS: Final = 3.0
_SURPLUS_SECONDS: Final = 1.0
_SETTLING: Final = timedelta(minutes=1)
_CHANNELS: Final = {"Slack": "slack", "email": "email"}
_WORDS: Final = {"ALARM": "firing", "OK": "resolved"}


class DemoOptions(NamedTuple):
    """The options of the demo."""

    page_port: int = 8700
    engine_port: int | None = None
    outage: bool = False
    pace: float = 0.6
    slack: Literal["webhook", "bot"] = "webhook"


class Due(NamedTuple):
    """One change that a channel must show: its channel, place in the scenario, and time."""

    channel: str
    change: int
    alarm: str
    state: str
    asked: datetime


class Outcome(NamedTuple):
    """The result of the demo."""

    changes: tuple[Change, ...]
    seconds: Mapping[tuple[str, int], float]
    missing: tuple[str, ...]
    surplus: tuple[str, ...]
    records: int
    datapoints: int

    @property
    def complete(self) -> bool:
        """Whether every channel shows every change, in no more messages than changes."""
        return not (self.missing or self.surplus)


class LocalStack(NamedTuple):
    """Everything that runs in the demo."""

    engine: Engine
    stack: Stack
    receiver: Receiver
    alarms: tuple[Alarm, ...]
    pattern: Mapping[str, Any]
    """The pattern of the rule that puts events into the alerts queue."""


@contextlib.contextmanager
def local_stack(options: DemoOptions, say: Console) -> Iterator[LocalStack]:
    """Start engine and receiver, deploy the template, and stop everything at the end."""
    with contextlib.ExitStack() as stop:
        receiver = Receiver(port=options.page_port)
        try:
            stop.enter_context(receiver)
        except PortInUseError as error:
            raise CommandError(f"{error} with --port") from error
        with _step(say, "Starting the engine", "Engine started"):
            engine = stop.enter_context(running_engine(options.engine_port))
        parameters = {
            "AlertEmail": _ADDRESS,
            **_slack_parameters(engine, receiver, options),
            "AlarmSet": "all",
            # The scenario's clock is faster than the functions', so they need not wait longer.
            "RecoveryMinutes": "1",
            "AllowLoopbackWebhooks": "true",
        }
        with build_folder():
            with _step(say, "Building with `sam build`", "Built with `sam build`"):
                built = build(engine)
            with _step(say, "Deploying with `sam deploy`", "Deployed with `sam deploy`"):
                stack = deploy(engine, built, parameters)
        alarm_count = sum("Alarm" in kind for kind in stack.left_out.values())
        others = sorted({kind for kind in stack.left_out.values() if "Alarm" not in kind})
        say.print(
            f"  {alarm_count} alarms are played by the simulator: this engine evaluates none."
        )
        if others:
            say.print(f"  The demo does without {', '.join(others)}; a deployment to AWS has them.")
        stop.enter_context(open_mailbox(engine, stack.outputs["EmailTopicArn"], _ADDRESS, receiver))
        asking = [stack.resources[name] for name in ("RouteFunction", "DeliverFunction")]
        stop.enter_context(open_log_queries(engine, asking))
        receiver.set_summary([("Watching", LOG_GROUP), ("Stack", "bedrock-alerts, local")])
        # The engine evaluates no alarms and cannot create all of them, so they are simulated.
        alarms = read_alarms(TEMPLATE, parameters, STACK, account=ACCOUNT, region=REGION)
        rules = project_stack.Stack.read(parameters=parameters).resources("AWS::Events::Rule")
        rule = rules["StateChangeRule"]
        yield LocalStack(engine, stack, receiver, alarms, rule["EventPattern"])


def _slack_parameters(engine: Engine, receiver: Receiver, options: DemoOptions) -> dict[str, str]:
    """Store Slack's secret in the engine, and return the addresses of everything."""
    is_bot = options.slack == "bot"
    text = json.dumps({"token": BOT_TOKEN}) if is_bot else receiver.webhook_url
    secret = engine.client("secretsmanager").create_secret(
        Name="bedrock-alerts/slack", SecretString=text
    )
    if not is_bot:
        return {"SlackWebhookSecretArn": secret["ARN"]}
    return {
        "SlackBotSecretArn": secret["ARN"],
        "SlackChannelId": CHANNEL_ID,
        "SlackApiUrl": receiver.api_url,
    }


class Demo:
    """Plays the scenario and records what happened, what was due and what arrived."""

    def __init__(self, local: LocalStack, options: DemoOptions, say: Console) -> None:
        self._local = local
        self._options = options
        self._say = say
        self._logs = local.engine.client("logs")
        self._sqs = local.engine.client("sqs")
        self._collector_group = "/aws/lambda/" + local.stack.resources["CollectLogsFunction"]
        self._metrics = MetricsLog()
        self._table = IncidentsTable(
            local.stack.resources["IncidentsTable"], client=local.engine.client("dynamodb")
        )
        self._due: list[Due] = []
        self._arrived: dict[Due, float] = {}
        self._changes: list[Change] = []
        self._records = self._counted = self._datapoints = 0
        self._is_down = False

    def play(self) -> Outcome:
        """Play every scene, wait for due messages, and return the result."""
        minutes = len(traffic.STORY)
        start = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=minutes)
        alarms = Simulator(self._local.alarms, start - _SETTLING)
        # New alarms report that they have no data, which is not part of the scenario.
        alarms.advance([], start)
        self._logs.create_log_stream(logGroupName=LOG_GROUP, logStreamName=_LOG_STREAM)
        for number, (scene, records) in enumerate(traffic.story(start)):
            end = start + timedelta(minutes=number + 1)
            points = self._play_minute(scene, records, end)
            for change in alarms.advance(points, end):
                event = change.event(ACCOUNT, REGION)
                # An alarm represents its contributors: their own list follows a minute or two
                # later, after the end of the scenario. CloudWatch emails alarms about this tool.
                is_own = _short(change.alarm_name).startswith(EMAILED_BY_CLOUDWATCH)
                is_ours = matches_pattern(self._local.pattern, event)
                if change.contributor or is_own or not is_ours:
                    continue
                if self._options.outage and not self._changes:
                    self._local.receiver.stop()
                    self._is_down = True
                    self._say.print("       [red]Slack becomes unavailable[/red]")
                self._announce(change, event)
            if self._is_down and self._has_failed():
                self._bring_back()
            self._show_arrivals()
            time.sleep(self._options.pace)
        self._end_outage()
        self._wait_for_arrivals()
        time.sleep(_SURPLUS_SECONDS)  # duplicates arrive late
        return self._outcome()

    def _has_failed(self) -> bool:
        """Whether a delivery has failed: an outage without a delivery would show nothing."""
        group = "/aws/lambda/" + self._local.stack.resources["DeliverFunction"]
        events = self._logs.filter_log_events(logGroupName=group)["events"]
        return any('"NotificationsFailed"' in event["message"] for event in events)

    def _end_outage(self) -> None:
        """Wait until a delivery has failed during an outage, and end the outage."""
        deadline = time.monotonic() + _NOTIFICATION_SECONDS
        while self._is_down:
            if self._has_failed():
                self._bring_back()
            elif time.monotonic() > deadline:
                raise CommandError("Slack was unavailable, and no delivery was attempted")
            else:
                time.sleep(0.2)

    def _bring_back(self) -> None:
        self._local.receiver.start()
        self._is_down = False
        self._say.print("       [green]Slack is back, after a delivery failed[/green]")

    def _play_minute(
        self, scene: traffic.Scene, records: list[tuple[datetime, dict[str, Any]]], end: datetime
    ) -> list[Datapoint]:
        """Log a minute's calls; return the metrics of the collector and of Bedrock itself."""
        self._records += len(records)
        points: list[Datapoint] = []
        # AWS invokes a function again where that fails; this engine drops the batch.
        for _ in range(_TRIES):
            self._put(records)
            points += self._read_metrics_until_counted()
            if self._counted >= self._records:
                break
        else:
            raise CommandError(
                f"{self._records} records were sent, and the collector has counted "
                f"{self._counted} of them; see log group {self._collector_group}"
            )
        self._datapoints += len(points)
        notes = [
            f"[red]{scene.blocked} blocked[/red]" if scene.blocked else "",
            f"[yellow]{scene.throttled} throttled[/yellow]" if scene.throttled else "",
        ]
        self._say.print(
            f"[bold]{end:%H:%M}[/bold]  {len(records):>3} records → "
            f"{len(points):>3} data points   {scene.title}  {' '.join(notes)}"
        )
        return [*points, *traffic.native_metrics(records)]

    def _put(self, records: list[tuple[datetime, dict[str, Any]]]) -> None:
        self._logs.put_log_events(
            logGroupName=LOG_GROUP,
            logStreamName=_LOG_STREAM,
            logEvents=[
                {"timestamp": int(moment.timestamp() * 1000), "message": json.dumps(record)}
                for moment, record in records
            ],
        )

    def _read_metrics_until_counted(self) -> list[Datapoint]:
        """Read the collector's log until all records are counted, or for a while."""
        points: list[Datapoint] = []
        deadline = time.monotonic() + _METRICS_SECONDS
        while time.monotonic() < deadline:
            events = self._logs.filter_log_events(logGroupName=self._collector_group)["events"]
            # The engine's events have no ids: read them all, each time.
            new = self._metrics.read(event["message"] for event in events)
            self._counted += _received(new)
            points += new
            if self._counted >= self._records:
                return points
            time.sleep(0.05)
        return points

    def _announce(self, change: Change, event: Mapping[str, Any]) -> None:
        colour = "red" if change.to_state == "ALARM" else "green"
        value, limit = _compared(change)
        compared = f"  ({value} against {limit})" if value else ""
        self._say.print(
            f"       [bold {colour}]{_short(change.alarm_name)} is {change.to_state}[/]{compared}"
        )
        self._sqs.send_message(
            QueueUrl=self._local.stack.resources["AlertsQueue"],
            MessageBody=json.dumps(event),
        )
        self._changes.append(change)
        asked = datetime.now(UTC)
        number, alarm = len(self._changes) - 1, change.event(ACCOUNT, REGION)["resources"][0]
        due = [Due(name, number, alarm, change.to_state, asked) for name in _CHANNELS]
        self._due += due
        # After a short wait, a notification arrives in its own minute.
        if not self._options.outage:
            deadline = time.monotonic() + _AT_ONCE_SECONDS
            while not all(map(self._is_shown, due)) and time.monotonic() < deadline:
                time.sleep(0.1)

    def _is_shown(self, due: Due) -> bool:
        """Whether the notifier has stored that the channel shows the change."""
        item, _ = self._table.load(incident_id(due.alarm))
        shown = item.view(_CHANNELS[due.channel]).shown if item else None
        return shown is not None and (due.state == "ALARM" or shown.state == "resolved")

    def _inbox(self, channel: str) -> int:
        """Count a channel's messages that notify people, without quiet thread replies."""
        receiver = self._local.receiver
        if channel == "email":
            return len(receiver.emails())
        return sum(not message.thread_ts or message.broadcast for message in receiver.messages())

    def _show_arrivals(self) -> None:
        for due in self._due:
            if due not in self._arrived and self._is_shown(due):
                seconds = (datetime.now(UTC) - due.asked).total_seconds()
                self._arrived[due] = seconds
                alarm = self._changes[due.change].alarm_name
                self._say.print(
                    f"       → {due.channel}: {_short(alarm)} is {_WORDS[due.state]}"
                    f"  [dim]after {seconds:.1f} s[/dim]"
                )

    def _wait_for_arrivals(self) -> None:
        deadline = time.monotonic() + _NOTIFICATION_SECONDS
        if len(self._arrived) < len(self._due):
            self._say.print("       Later alerts of a group share a message: waiting…")
        while len(self._arrived) < len(self._due) and time.monotonic() < deadline:
            time.sleep(0.5)
            self._show_arrivals()

    def _outcome(self) -> Outcome:
        happened = {(_short(change.alarm_name), change.to_state) for change in self._changes}
        expected = set(traffic.EXPECTED)
        missing = [f"{state} {alarm}" for alarm, state in sorted(expected - happened)]
        surplus = [f"{state} {alarm}" for alarm, state in sorted(happened - expected)]
        missing += [
            f"{due.channel}: {due.state} {_short(self._changes[due.change].alarm_name)}"
            for due in self._due
            if due not in self._arrived
        ]
        for channel in _CHANNELS:
            count = self._inbox(channel)
            if not count:
                missing.append(f"{channel}: every message")
            if count > len(self._changes):
                surplus.append(f"{channel}: {count} messages instead of {len(self._changes)}")
        return Outcome(
            changes=tuple(self._changes),
            seconds={(due.channel, due.change): s for due, s in self._arrived.items()},
            missing=tuple(missing),
            surplus=tuple(surplus),
            records=self._records,
            datapoints=self._datapoints,
        )


def summary(outcome: Outcome) -> Table:
    """Return a table of what happened."""
    table = Table(title="What happened, and how soon each channel showed it", title_justify="left")
    for heading in ("Time", "Alarm", "State", "Value", "Limit", "Slack", "Email"):
        left = heading in ("Alarm", "State")
        table.add_column(heading, justify="left" if left else "right", no_wrap=True)
    for number, change in enumerate(outcome.changes):
        delays = [outcome.seconds.get((channel, number)) for channel in _CHANNELS]
        table.add_row(
            f"{change.at:%H:%M}",
            _short(change.alarm_name),
            f"[{'red' if change.to_state == 'ALARM' else 'green'}]{change.to_state}[/]",
            *_compared(change),
            *("[red]missing[/]" if delay is None else f"{delay:.1f} s" for delay in delays),
        )
    return table


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return the result as JSON values."""
    return {
        "complete": outcome.complete,
        "records": outcome.records,
        "datapoints": outcome.datapoints,
        "state_changes": [
            {
                "alarm": change.alarm_name,
                "state": change.to_state,
                "at": change.at.isoformat(),
                "slack_seconds": outcome.seconds.get(("Slack", number)),
                "email_seconds": outcome.seconds.get(("email", number)),
            }
            for number, change in enumerate(outcome.changes)
        ],
        "missing": list(outcome.missing),
        "surplus": list(outcome.surplus),
    }


def _received(points: list[Datapoint]) -> int:
    """Return how many records the collector says it has received."""
    return sum(int(sum(p.values)) for p in points if p.metric == "RecordsReceived")


def _compared(change: Change) -> tuple[str, str]:
    """Return the last value and its limit, empty if there is none."""
    data = change.after.data or {}
    values, limit = data.get("recentDatapoints") or [], data.get("threshold")
    if not values or limit is None:
        return "", ""
    return f"{values[-1]:.3g}", f"{limit:g}"


def _short(alarm: str) -> str:
    return alarm.removeprefix(f"{STACK}.")


@contextlib.contextmanager
def _step(say: Console, doing: str, done: str) -> Iterator[None]:
    started = time.monotonic()
    with say.status(f"{doing}…"):
        yield
    say.print(f"[green]✓[/] {done}  [dim]{time.monotonic() - started:.1f} s[/dim]")
