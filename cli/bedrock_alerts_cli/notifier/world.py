"""The notifier on a simulated clock: queues, the sweep, two functions, and their services."""

import heapq
import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from bedrock_alerts.alerts.alert import Channel
from bedrock_alerts.alerts.channels.amazon_q.send import AmazonQSender
from bedrock_alerts.alerts.channels.email.send import EmailSender
from bedrock_alerts.alerts.channels.pagerduty.send import PagerDutySender
from bedrock_alerts.alerts.channels.slack.send import SlackBotSender
from bedrock_alerts.alerts.channels.slack.webhook_send import SlackWebhookSender
from bedrock_alerts.alerts.channels.teams.send import TeamsSender
from bedrock_alerts.alerts.channels.webhook.send import WebhookSender
from bedrock_alerts.alerts.deliverer import Deliverer
from bedrock_alerts.alerts.deliverer import Parts as DelivererParts
from bedrock_alerts.alerts.events import (
    Answer,
    Heartbeat,
    Kept,
)
from bedrock_alerts.alerts.incidents.item import AlarmItem, Policy
from bedrock_alerts.alerts.incidents.learn import LookedUp
from bedrock_alerts.alerts.normalise import encode_note
from bedrock_alerts.alerts.ports import Poke, Sender
from bedrock_alerts.alerts.router import Parts as RouterParts
from bedrock_alerts.alerts.router import Router
from bedrock_alerts.alerts.routing import Routes
from bedrock_alerts.errors import PermanentError, TransientError, UnknownOutcomeError
from bedrock_alerts_cli.notifier.in_memory import (
    Channels,
    FixedSecret,
    Json,
    Mailbox,
    MemoryTable,
    Recorded,
    Silent,
    SlackMessages,
    Topic,
)

BOT_CHANNEL: Final = "C0ALERTS"
_VISIBLE_AGAIN: Final = 60.0
_FUNCTION_SECONDS: Final = 55.0
_A_CALL: Final = 0.01
_SERVER_ERROR: Final = 500
# Receives of a poke, and of one that carries its event because the table was unavailable.
_LOOKS: Final = 3
_LOOKS_WITH_EVENT: Final = 12


class Died(BaseException):
    """The process ended in the middle of its work."""


class Outage(NamedTuple):
    """A service that is unavailable from `start` to `end`.

    `status` is its response: 429 with `retry_after`, 0 for a time-out whose request was accepted.
    """

    what: str
    start: float
    end: float
    status: int = 503
    retry_after: float | None = None


class World:
    """The simulated time, and all events in order."""

    def __init__(
        self,
        start: float,
        channels: Sequence[Channel] = ("email", "slack", "pagerduty"),
        *,
        policy: Policy | None = None,
        own_alarms_prefix: str = "",
    ) -> None:
        self._now = start
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self.policy = policy or Policy()
        self.routes = Routes()
        self.channels = tuple(channels)
        self.outages: list[Outage] = []
        self.look_up: Callable[[AlarmItem], LookedUp | None] = lambda _item: None
        self.before_call: Callable[[str], None] = lambda _name: None
        self.requests: list[tuple[float, str]] = []
        self.refused: list[tuple[float, str]] = []
        self.answers: list[tuple[Answer, str]] = []
        self.table = MemoryTable(self)
        self.out = Channels(self)
        self.journal = Silent()
        self._own_alarms_prefix = own_alarms_prefix
        self.dead: list[str] = []
        self.drops_pokes: Callable[[], bool] = lambda: False

    # ---- time ------------------------------------------------------------------------------------

    def now(self) -> float:
        """Return the simulated time."""
        return self._now

    def at(self, when: float, do: Callable[[], None]) -> None:
        """Schedule an event at a time."""
        heapq.heappush(self._heap, (when, next(self._order), do))

    def run_until(self, end: float) -> None:
        """Run all events that are due by then."""
        while self._heap and self._heap[0][0] <= end:
            when, _, do = heapq.heappop(self._heap)
            self._now = max(self._now, when)
            do()
        self._now = max(self._now, end)

    def run_next(self) -> None:
        """Run the next event that is due by now, if any."""
        if self._heap and self._heap[0][0] <= self._now:
            heapq.heappop(self._heap)[2]()

    def sweep_every_minute(self, until: float) -> None:
        """Start the heartbeat."""
        first = (self._now // 60 + 1) * 60
        for minute in range(int((until - first) // 60) + 1):
            self.at(first + 60 * minute, self.beat)

    def beat(self) -> None:
        """Send the heartbeat."""
        self._receive(encode_note(Heartbeat()), 1, is_kept=False)

    def call(self, name: str) -> None:
        """Make a call: it takes some time, may be refused, or end the process."""
        self._now += _A_CALL
        if name != "table":
            self.requests.append((self._now, name))
        self.before_call(name)
        for outage in self.outages:
            if outage.what == name and outage.start <= self._now < outage.end:
                self.refused.append((self._now, name))
                if outage.status == 0:
                    raise UnknownOutcomeError(f"{name} did not respond")
                if outage.status >= _SERVER_ERROR and name != "table":
                    raise TransientError(f"{name} returned {outage.status}")
                raise TransientError(f"{name} is unavailable", retry_after=outage.retry_after)

    # ---- queues ----------------------------------------------------------------------------------

    def receive(self, body: str, attempt: int = 1) -> None:
        """Deliver a message of the alerts queue now."""
        self._receive(body, attempt)

    def _receive(self, body: str, attempt: int, *, is_kept: bool = True) -> None:
        router = Router(self._router_parts())
        try:
            router.route(body, attempt)
        except TransientError:
            if is_kept:
                pause = 5.0 if attempt == 1 else _VISIBLE_AGAIN
                self.at(self._now + pause, lambda: self._receive(body, attempt + 1))
        except Died:
            if is_kept:
                self.at(self._now + 180.0, lambda: self._receive(body, attempt + 1))

    def keep(self, note: Kept, delay: float) -> None:
        """Put a kept event into the alerts queue."""
        self.call("queue")
        body = encode_note(note)
        self.at(self._now + delay, lambda: self._receive(body, 1))

    def put(self, pokes: Sequence[Poke], delay: float = 0.0) -> None:
        """Put pokes into the deliveries queue."""
        self.call("queue")
        for poke in pokes:
            if poke.event is None and self.drops_pokes():
                continue
            self.at(self._now + delay, lambda poke=poke: self._look(poke, 1))  # type: ignore[misc]

    def _look(self, poke: Poke, attempt: int) -> None:
        deliverer = Deliverer(self._deliverer_parts(), self._now + _FUNCTION_SECONDS)
        try:
            deliverer.deliver(poke)
        except (TransientError, Died):
            if attempt < (_LOOKS if poke.event is None else _LOOKS_WITH_EVENT):
                self.at(self._now + 60.0, lambda: self._look(poke, attempt + 1))
        except PermanentError:
            self.dead.append(poke.channel)

    # ---- the two functions -----------------------------------------------------------------------

    def _router_parts(self) -> RouterParts:
        return RouterParts(
            table=self.table,
            queue=self,
            kept=self,
            journal=self.journal,
            channels=self.channels,
            policy=self.policy,
            routes=lambda: (self.routes, ""),
            look_up=self._look_up,
            answered=lambda answer, text: self.answers.append((answer, text)),
            own_alarms_prefix=self._own_alarms_prefix,
            clock=self.now,
        )

    def _look_up(self, item: AlarmItem) -> LookedUp | None:
        self.call("describe_alarms")
        return self.look_up(item)

    def _deliverer_parts(self) -> DelivererParts:
        return DelivererParts(
            table=self.table,
            queue=self,
            senders=self._senders(),
            journal=self.journal,
            look_up=self._look_up,
            parked=lambda poke: self.dead.append(poke.channel),
            channels=self.channels,
            policy=self.policy,
            has_bot=True,
            clock=self.now,
            sleep=self._sleep,
        )

    def _sleep(self, seconds: float) -> None:
        self._now += seconds

    def _senders(self) -> dict[str, Sender]:
        def poster(name: str) -> Any:
            return Json(self, self.out, name)

        url = FixedSecret(self._webhooks())
        senders: dict[str, Sender] = {
            "email": EmailSender(Mailbox(self, self.out)),
            "slack": SlackBotSender(
                SlackMessages(self, self.out),
                FixedSecret("xoxb-invented"),
                BOT_CHANNEL,
                is_answered=True,
            ),
            "slack_webhook": SlackWebhookSender(poster("slack"), url),
            "pagerduty": PagerDutySender(poster("pagerduty"), FixedSecret("R0EXAMPLE")),
            "teams": TeamsSender(poster("teams"), url),
            "webhook": WebhookSender(poster("webhook"), url, self.now),
            "amazon_q": AmazonQSender(Topic(self, self.out)),
        }
        return {name: Recorded(sender, self.out) for name, sender in senders.items()}

    def _webhooks(self) -> str:
        """Return a secret with an entry for every target that is named anywhere."""
        routed = [channel for route in self.routes.routes for channel in route.channels]
        named = (*self.channels, *(self.routes.default or ()), *routed)
        targets = {channel.partition(":")[2] for channel in named} - {""}
        hook = {"url": "https://example.com/hook", "secret": "s"}
        return json.dumps({"default": hook, **dict.fromkeys(targets, hook)})
