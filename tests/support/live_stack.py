"""The real template on the local stack, with relays in front of its services and Slack at hand."""

import contextlib
import json
import os
import signal
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from bedrock_alerts.adapters.incidents_table import SHARDS
from bedrock_alerts.alerts.events import Heartbeat
from bedrock_alerts.alerts.incidents.item import AlarmItem, View
from bedrock_alerts.alerts.normalise import encode_note
from bedrock_alerts.alerts.notifications.pace import ChannelState
from bedrock_alerts_cli.fake_slack.inbox import Email
from bedrock_alerts_cli.fake_slack.server import Receiver
from bedrock_alerts_cli.local_stack.deploy import Stack, build, build_folder, deploy
from bedrock_alerts_cli.local_stack.engine import Engine, running_engine
from bedrock_alerts_cli.local_stack.mailbox import open_mailbox
from tests.support.alarms import alarm_event, state
from tests.support.relay import Relay
from tests.support.slack_world import SlackWorld

CHANNEL_ID: Final = "C0123456789"
SIGNING_SECRET: Final = "8f742231b10e8888abcd99yyyzzz85a5"
_BOT: Final = {"token": "xoxb-invented", "signing_secret": SIGNING_SECRET}
_ADDRESS: Final = "oncall@example.com"
# What the functions ask by way of a relay: the names are those of botocore's variables.
RELAYED: Final = ("CLOUDWATCH_LOGS", "DYNAMODB", "SECRETS_MANAGER", "SQS")
_ESTABLISHED: Final = "01"
_PATIENCE_SECONDS: Final = 40.0


class LiveStack(NamedTuple):
    """A deployed stack, and everything around it."""

    engine: Engine
    stack: Stack
    slack: SlackWorld
    relays: Mapping[str, Relay]
    inbox: Receiver
    bot_secret: str
    parameters: Mapping[str, str] = {}

    # ---- what happens --------------------------------------------------------------------------

    def happen(self, *events: Mapping[str, Any]) -> None:
        """Put events into the alerts queue, as EventBridge does."""
        self.put("AlertsQueue", *(json.dumps(event) for event in events))

    def put(self, queue: str, *bodies: str) -> None:
        """Put messages into a queue of the template."""
        sqs = self.engine.client("sqs")
        for first in range(0, len(bodies), 10):
            entries = [
                {"Id": str(number), "MessageBody": body}
                for number, body in enumerate(bodies[first : first + 10])
            ]
            answer = sqs.send_message_batch(QueueUrl=self.stack.resources[queue], Entries=entries)
            assert not answer.get("Failed"), answer

    def take(self, queue: str) -> list[str]:
        """Take all that lies in a queue."""
        sqs = self.engine.client("sqs")
        url, found = self.stack.resources[queue], list[str]()
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(message["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def set_up(self, function: str, **variables: str) -> None:
        """Give a function other variables, which restarts it."""
        client = self.engine.client("lambda")
        name = self.stack.resources[function]
        known = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        client.update_function_configuration(
            FunctionName=name, Environment={"Variables": {**known, **variables}}
        )

    @contextlib.contextmanager
    def queue_gives_out_again_after(
        self, seconds: int, queue: str = "DeliveriesQueue"
    ) -> Iterator[None]:
        """Let what a function had received and not handled come back sooner."""
        sqs, url = self.engine.client("sqs"), self.stack.resources[queue]
        usual = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(seconds)})
        try:
            yield
        finally:
            sqs.set_queue_attributes(QueueUrl=url, Attributes=usual["Attributes"])

    @contextlib.contextmanager
    def delivers_nothing(self) -> Iterator[None]:
        """Keep pokes in their queue meanwhile."""
        client = self.engine.client("lambda")
        name = self.stack.resources["DeliverFunction"]
        (found,) = client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
        client.update_event_source_mapping(UUID=found["UUID"], Enabled=False)
        try:
            yield
        finally:
            client.update_event_source_mapping(UUID=found["UUID"], Enabled=True)

    # ---- time ------------------------------------------------------------------------------------

    def sweep(self) -> None:
        """Let the heartbeat come, which pokes whatever is due."""
        self.put("AlertsQueue", encode_note(Heartbeat()))

    def forget(self) -> None:
        """Let there be no alarms, and channels as if nothing had been sent on them for long."""
        table = self.engine.client("dynamodb")
        for item in [*self.items("pace"), *self.items("item")]:
            table.delete_item(
                TableName=self.stack.resources["IncidentsTable"],
                Key={"pk": item["pk"], "sk": item["sk"]},
            )

    def let_time_pass(self, seconds: float) -> None:
        """Let what the table holds be so much older, its channels' pace too, and sweep."""
        table = self.engine.client("dynamodb")
        name = self.stack.resources["IncidentsTable"]
        for item in self.items("pace"):
            pace = msgspec.json.decode(item["data"]["S"], type=ChannelState)
            groups = {
                group: msgspec.structs.replace(
                    known, last=known.last - seconds, lease=known.lease - seconds
                )
                for group, known in pace.groups.items()
            }
            aged = msgspec.structs.replace(pace, groups=groups, next_free=0.0, not_before=0.0)
            item["data"]["S"] = msgspec.json.encode(aged).decode()
            item["version"]["N"] = str(int(item["version"]["N"]) + 1)
            table.put_item(TableName=name, Item=item)
        for known, item in self.alarms():
            views = {
                channel: msgspec.structs.replace(
                    view,
                    due=None if view.due is None else view.due - seconds,
                    lease=view.lease - seconds,
                    last_noisy=max(0.0, view.last_noisy - seconds),
                    last_urgent=max(0.0, view.last_urgent - seconds),
                    last_looked=max(0.0, view.last_looked - seconds),
                )
                for channel, view in known.views.items()
            }
            older = msgspec.structs.replace(known, views=views)
            item["data"]["S"] = msgspec.json.encode(older).decode()
            item["version"]["N"] = str(int(item["version"]["N"]) + 1)
            item["due"] = {"N": repr(time.time() - 1)}
            shard = item["pk"]["S"].removeprefix("alarm#")
            item["shard"] = {"S": f"due#{zlib.crc32(shard.encode()) % SHARDS}"}
            table.put_item(TableName=name, Item=item)
        self.sweep()

    # ---- what became of it ---------------------------------------------------------------------

    def emails(self, about: str) -> list[Email]:
        """Return the emails that name something."""
        found = self.inbox.emails()
        return [email for email in found if about in email.subject or about in email.body]

    def view(self, name: str, channel: str) -> View:
        """Return what the table says that a channel was shown of an alarm."""
        found = [item for item, _ in self.alarms() if item.arn.endswith(f":{name}")]
        return found[0].view(channel) if found else View()

    def alarms(self) -> list[tuple[AlarmItem, dict[str, Any]]]:
        """Return the alarms' items, each with what the table holds."""
        return [
            (msgspec.json.decode(item["data"]["S"], type=AlarmItem), item)
            for item in self.items("item")
        ]

    def waiting(self, queue: str) -> int:
        """Count what a queue holds, hidden or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.engine.client("sqs").get_queue_attributes(
            QueueUrl=self.stack.resources[queue], AttributeNames=names
        )
        return sum(int(answer["Attributes"][name]) for name in names)

    def items(self, sort_key: str) -> list[dict[str, Any]]:
        """Return the items of the table whose sort key begins so."""
        pages = self.engine.client("dynamodb").get_paginator("scan")
        table = self.stack.resources["IncidentsTable"]
        items = (item for page in pages.paginate(TableName=table) for item in page["Items"])
        return [item for item in items if item["sk"]["S"].startswith(sort_key)]

    def is_quiet(self) -> bool:
        """Whether everything that happened was processed."""
        return not (self.waiting("AlertsQueue") or self.waiting("DeliveriesQueue"))


def wait_until(what: Callable[[], object], seconds: float = _PATIENCE_SECONDS) -> None:
    """Wait until something holds; an AssertionError says that it never did."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "this never came to hold"
        time.sleep(0.1)


@contextlib.contextmanager
def live_stack(
    built: Path | None = None, relayed: Sequence[str] = RELAYED, **others: str
) -> Iterator[LiveStack]:
    """Deploy the template with a Slack bot, and stop everything at the end.

    `built` is the template as built for the local stack; by default it is built here. `relayed`
    are the services that the functions reach by way of a relay, `others` more of the template's
    parameters.
    """
    with contextlib.ExitStack() as stop:
        slack = stop.enter_context(SlackWorld())
        engine = stop.enter_context(running_engine())
        keeper = engine.client("secretsmanager")
        secret = keeper.create_secret(Name="bot", SecretString=json.dumps(_BOT))["ARN"]
        parameters = {
            "AlertEmail": _ADDRESS,
            "SlackBotSecretArn": secret,
            "SlackChannelId": CHANNEL_ID,
            "SlackApiUrl": slack.api_url,
            "SlackButtons": "true",
            "AllowLoopbackWebhooks": "true",
            "RecoveryMinutes": "1",
            **others,
        }
        if built is None:
            with build_folder():
                stack = deploy(engine, build(engine), parameters)
        else:
            stack = deploy(engine, built, parameters)
        inbox = Receiver()
        stop.enter_context(open_mailbox(engine, stack.outputs["EmailTopicArn"], _ADDRESS, inbox))
        relays = {name: stop.enter_context(Relay(engine.port)) for name in relayed}
        live = LiveStack(engine, stack, slack, relays, inbox, secret, parameters)
        endpoints = {f"AWS_ENDPOINT_URL_{name}": relay.url for name, relay in relays.items()}
        for function in ("RouteFunction", "DeliverFunction"):
            live.set_up(function, **endpoints)
        yield live


def kill_who_calls_from(port: int) -> None:
    """Kill the function at the other end of a connection, as a machine that breaks does."""
    inode = next(
        fields[9]
        for fields in map(str.split, Path("/proc/net/tcp").read_text().splitlines()[1:])
        if fields[3] == _ESTABLISHED and int(fields[1].rpartition(":")[2], 16) == port
    )
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile, or is someone else's
            if str(link.readlink()) == f"socket:[{inode}]":
                os.kill(int(link.parts[2]), signal.SIGKILL)
                return
    raise AssertionError(f"nobody calls from port {port}")


def elsewhere(event: Mapping[str, Any]) -> dict[str, Any]:
    """Let an event be of another account: CloudWatch is not asked whether its alarm exists."""
    arn = event["resources"][0].replace("111122223333", "444455556666")
    return {**event, "account": "444455556666", "resources": [arn]}


def changed(
    name: str, to: str = "ALARM", minutes: float = 0, severity: str = "warning"
) -> dict[str, Any]:
    """Return the event of an alarm that changed its state, `minutes` after the present one began."""
    start = datetime.now(UTC) - timedelta(minutes=5)
    moment = (start + timedelta(minutes=minutes)).isoformat(timespec="milliseconds")
    stamp = moment.replace("+00:00", "+0000")
    before = "OK" if to == "ALARM" else "ALARM"
    event = alarm_event(
        alarmName=name,
        configuration={"description": f"Invented for {name}.\nSeverity: {severity}"},
        previousState=state(before, "…", stamp),
        state=state(to, "Threshold Crossed: 1 datapoint [12.0] was greater.", stamp),
    )
    return {**event, "time": moment}
