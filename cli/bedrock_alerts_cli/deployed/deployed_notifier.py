"""The notifier of a deployed stack: its alerts queue, its incidents table, and how it is set.

The queue is the one way in: `route` is the only one that learns, also from who is at a terminal.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from bedrock_alerts.alerts.alert import Channel
from bedrock_alerts.alerts.incidents.item import AlarmItem, Policy, policy_of
from bedrock_alerts.alerts.notifications.reasons import Kind, kind_of
from bedrock_alerts.alerts.routing import each_once, slack_aliases
from bedrock_alerts.alerts.test_marks import is_channel
from bedrock_alerts.errors import BedrockAlertsError
from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack, said_plainly
from bedrock_alerts_cli.user_errors import CommandError, InputError

_REMINDER_HOURS: Final = (1, 4)


class DeployedNotifier(NamedTuple):
    """What commands do with a notifier.

    `put` puts a message into the alerts queue that can be received after some seconds, `load`
    returns what is known of an alarm by its id, `items` all that is known of any. Each raises
    CommandError. `alarms` is how the ARNs of the alarms of its account and Region begin. `ours`
    returns a command of ours for the stack.
    """

    stack: str
    account: str
    region: str
    alarms: str
    put: Callable[[str, float], None]
    load: Callable[[str], AlarmItem | None]
    items: Callable[[], Iterable[AlarmItem]]
    channels: tuple[Channel, ...] = ()
    policy: Policy = Policy()
    has_bot: bool = False
    slack_channel_id: str = ""
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    ours: Callable[[str], str] = "bedrock-alerts {}".format

    @classmethod
    def of(cls, stack: DeployedStack) -> "DeployedNotifier":
        """Return the notifier of a stack. Raises InputError where it has none."""
        # boto3 takes longer to load than all the rest.
        from bedrock_alerts.adapters.incidents_table import IncidentsTable  # noqa: PLC0415

        queue, name = stack.resource("AlertsQueue"), stack.resource("IncidentsTable")
        table = IncidentsTable(name, client=stack.client("dynamodb"))
        about = f"incidents table of {stack.place}"

        def put(body: str, delay: float) -> None:
            with _plainly(f"alerts queue of {stack.place}"):
                stack.client("sqs").send_message(
                    QueueUrl=queue, MessageBody=body, DelaySeconds=int(delay)
                )

        def load(alarm: str) -> AlarmItem | None:
            with _plainly(about):
                return table.load(alarm)[0]

        def items() -> Iterator[AlarmItem]:
            with _plainly(about):
                yield from table.items()

        has_bot = bool(stack.parameters.get("SlackBotSecretArn"))
        partition = stack.outputs.get("RouteFunctionArn", "arn:aws:").split(":")[1]
        return cls(
            stack=stack.name,
            account=stack.account,
            region=stack.region,
            alarms=f"arn:{partition}:cloudwatch:{stack.region}:{stack.account}:alarm:",
            put=put,
            load=load,
            items=items,
            channels=tuple(stack.outputs.get("Channels", "email").split(",")),
            policy=_policy(stack.parameters),
            has_bot=has_bot,
            slack_channel_id=stack.parameters.get("SlackChannelId", "") if has_bot else "",
            ours=stack.ours,
        )

    def kind(self, channel: Channel) -> Kind:
        """Return what kind a channel is."""
        return kind_of(channel, has_bot=self.has_bot)

    def has(self, channel: Channel) -> bool:
        """Whether the stack has a channel, or the kind that a target is of."""
        kinds = {known.partition(":")[0] for known in self.channels}
        return channel.partition(":")[0] in kinds

    def wait_for(self, is_so: Callable[[], bool], seconds: float, *, every: float = 0.5) -> bool:
        """Poll until a condition is true; False if it is not in time."""
        deadline = self.clock() + seconds
        while not is_so():
            if self.clock() >= deadline:
                return False
            self.sleep(every)
        return True


def checked_channels(notifier: DeployedNotifier, named: Iterable[Channel]) -> tuple[Channel, ...]:
    """Return the channels that a person names, each once. Raises InputError for unknown ones."""
    given = tuple(named)
    for channel in given:
        if not (is_channel(channel) and notifier.has(channel)):
            known = ", ".join(notifier.channels)
            raise InputError(f"stack {notifier.stack} has no channel {channel}: it has {known}")
    return each_once(given, slack_aliases(notifier.slack_channel_id))


def _policy(parameters: Any) -> Policy:
    hours = str(parameters.get("ReminderHours", "")).split(",")
    critical, warning = map(int, hours) if len(hours) == len(_REMINDER_HOURS) else _REMINDER_HOURS
    return policy_of((critical, warning), int(parameters.get("RecoveryMinutes") or 10))


@contextmanager
def _plainly(about: str) -> Iterator[None]:
    """Turn an adapter's AWS errors into errors of the command."""
    with said_plainly(about):
        try:
            yield
        except BedrockAlertsError as error:
            if error.__cause__ is None:
                raise CommandError(f"{about}: {error}. Try again.") from error
            raise error.__cause__ from None
