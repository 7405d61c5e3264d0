"""A world in which deliveries are sent without I/O: a queue, a ledger, a channel, a clock.

Everything that `deliver` does to the world goes through a port, and every port can be made to die
under it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from bedrock_alerts.alerts.deliverer import Attempt, Deliverer, Parts
from bedrock_alerts.alerts.incidents.model import Incident, Transition
from bedrock_alerts.alerts.model import Alert, Channel, Delivery, LedgerEntry, Thread, incident_id
from bedrock_alerts.alerts.send import Post, Receipt, Sender
from bedrock_alerts.errors import BedrockAlertsError, TransientError

NOW: Final = 1_795_420_800.0
OPENED: Final = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
ENDED: Final = datetime(2026, 11, 23, 8, 14, tzinfo=UTC)
HIDDEN_SECONDS: Final = 360.0
RECEIVES: Final = 15
ATTEMPTS: Final = 12
ARN: Final = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:chat-blocks"


def alarm(key: str = "opening", **changes: Any) -> Alert:
    """Return an alarm that has just begun."""
    given: dict[str, Any] = {
        "key": key,
        "tone": "critical",
        "status": "ALARM · critical",
        "title": "chat-blocks",
        "summary": "A guardrail blocked calls.",
        "account_id": "111122223333",
        "region": "eu-west-1",
        "at": OPENED,
        "kind": "first",
        "severity": "critical",
        "state": "ALARM",
        "incident": ARN,
        "alarm_arn": ARN,
        "opened_at": OPENED,
    }
    return Alert(**{**given, **changes})


def recovery(key: str = "end", **changes: Any) -> Alert:
    """Return the end of that alarm."""
    given: dict[str, Any] = {
        "kind": "resolved",
        "tone": "ok",
        "status": "RESOLVED",
        "state": "OK",
        "at": ENDED,
        "ended_at": ENDED,
    }
    return alarm(key, **{**given, **changes})


def ended_incident() -> Incident:
    """Return what is remembered of that alarm when it is over."""
    return Incident(
        key=ARN,
        transitions=(Transition(at=OPENED, state="ALARM"), Transition(at=ENDED, state="OK")),
    )


def delivery(*alerts: Alert, channel: str = "slack", **changes: Any) -> str:
    """Return the body of a delivery's message."""
    made = Delivery(channel=channel, alerts=alerts, queued_at=NOW, **changes)
    return msgspec.json.encode(made).decode()


class KilledError(BaseException):
    """What the end of a function in the middle of its work looks like to its code."""


class Clock:
    """The time, which passes only when somebody says so."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        assert 0 <= seconds <= 3, "nothing may sleep for long"
        self.now += seconds


class FakeLedger:
    """Remembers as the table does; `error` is raised by everything while it is set."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str, str], LedgerEntry] = {}
        self.threads: dict[tuple[str, str], Thread] = {}
        self.incidents: dict[str, Incident] = {}
        self.free: dict[str, float] = {}
        self.error: BedrockAlertsError | None = None

    def begin(
        self, channel: Channel, alert: Alert, entry: LedgerEntry, instead_of: LedgerEntry | None
    ) -> LedgerEntry | None:
        self._fail()
        found = self.items.get(_key(channel, alert))
        if found is None or found == instead_of:
            self.items[_key(channel, alert)] = entry
            return None
        return found

    def write(self, channel: Channel, alert: Alert, entry: LedgerEntry) -> None:
        self._fail()
        self.items[_key(channel, alert)] = entry

    def entry(self, channel: Channel, alert: Alert) -> LedgerEntry | None:
        self._fail()
        return self.items.get(_key(channel, alert))

    def entries(self, channel: Channel, incident: str) -> Sequence[LedgerEntry]:
        self._fail()
        wanted = (incident_id(incident), channel)
        return tuple(entry for key, entry in self.items.items() if key[:2] == wanted)

    def incident(self, incident: str) -> Incident | None:
        self._fail()
        return self.incidents.get(incident)

    def thread(self, channel: Channel, incident: str) -> Thread | None:
        self._fail()
        return self.threads.get((channel, incident))

    def keep_thread(self, channel: Channel, incident: str, thread: Thread) -> None:
        self._fail()
        self.threads[channel, incident] = thread

    def reserve(self, channel: Channel, now: float) -> float:
        self._fail()
        slot = max(now, self.free.get(channel, 0.0))
        self.free[channel] = slot + 1.0
        return slot

    def hold(self, channel: Channel, until: float) -> None:
        self._fail()
        self.free[channel] = max(until, self.free.get(channel, 0.0))

    def status(self, alert: Alert, channel: Channel = "slack") -> str:
        """Return what became of an alert, empty for nothing."""
        entry = self.items.get(_key(channel, alert))
        return entry.status if entry else ""

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error


class FakeSender(Sender):
    """Keeps what was sent. Raises what is in `failures`, one after the other, before it does."""

    def __init__(self, *, takes_digests: bool = True) -> None:
        self.takes_digests = takes_digests
        self.posts: list[Post] = []
        self.tried = 0
        self.failures: list[Exception] = []
        self.receipt = Receipt()
        self.more: list[Callable[[], None]] = []

    def send(self, post: Post) -> Receipt:
        self.tried += 1
        if self.failures:
            raise self.failures.pop(0)
        self.posts.append(post)
        return self.receipt

    def extras(self, post: Post, thread: Thread) -> Sequence[Callable[[], None]]:
        del post, thread
        return self.more

    def told(self, alert: Alert) -> list[str]:
        """Return the kinds that an alert was told as, once for each time."""
        return [item.kind for post in self.posts for item in post.alerts if item.key == alert.key]


class FakeEmail:
    """Keeps the fallback e-mails. Raises what is in `failures` first."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.failures: list[Exception] = []

    def send(self, subject: str, body: str) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append((subject, body))


class Journal:
    """Keeps what would be logged."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, Mapping[str, object]]] = []

    def info(self, msg: object, *, extra: Mapping[str, object]) -> None:
        self.lines.append((str(msg), extra))

    def warning(self, msg: object, *, extra: Mapping[str, object]) -> None:
        self.lines.append((str(msg), extra))

    def said(self, message: str) -> list[Mapping[str, object]]:
        """Return what came along with a message, once for each time."""
        return [extra for found, extra in self.lines if found == message]


class FakeQueue:
    """The deliveries queue, with what Lambda's event source mapping does to it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._messages: dict[str, tuple[str, float, int]] = {}
        self._number = 0
        self.parked: list[str] = []
        self.given_up: list[str] = []

    def put(self, *bodies: str) -> None:
        for body in bodies:
            self._number += 1
            self._messages[f"m{self._number}"] = (body, 0.0, 0)

    def postpone(self, receipt_handle: str, seconds: float) -> None:
        body, _, receives = self._messages[receipt_handle]
        self._messages[receipt_handle] = (body, self._clock.now + seconds, receives)

    def park(self, body: str) -> None:
        self.parked.append(body)

    def redrive(self) -> None:
        """Send back what was parked."""
        parked, self.parked = self.parked, []
        self.put(*parked)

    def receive(self) -> Attempt | None:
        """Return a message that is visible, and hide it. Parks what came too often."""
        for name, (body, visible_at, receives) in list(self._messages.items()):
            if visible_at > self._clock.now:
                continue
            if receives >= RECEIVES:
                del self._messages[name]
                self.given_up.append(body)
                continue
            self._messages[name] = (body, self._clock.now + HIDDEN_SECONDS, receives + 1)
            return Attempt(body, name, name, receives + 1)
        return None

    def delete(self, attempt: Attempt) -> None:
        del self._messages[attempt.receipt_handle]

    @property
    def next_at(self) -> float | None:
        """When the next message becomes visible."""
        return min((found[1] for found in self._messages.values()), default=None)


class Mortal:
    """Lets the world end at one of the calls that go out to it: before it is made, or after."""

    def __init__(self, *, at: int = 0, after: bool = False) -> None:
        self._at = at
        self._after = after
        self.calls: list[str] = []

    def guard(self, port: Any, kind: str) -> Any:
        return _Guarded(self, port, kind)

    @contextmanager
    def call(self, name: str) -> Iterator[None]:
        self.calls.append(name)
        is_the_one = len(self.calls) == self._at
        if is_the_one and not self._after:
            raise KilledError(f"before {name}")
        try:
            yield
        finally:
            if is_the_one and self._after:
                raise KilledError(f"after {name}")


class _Guarded:
    def __init__(self, mortal: Mortal, port: Any, kind: str) -> None:
        self._mortal = mortal
        self._port = port
        self._kind = kind

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not callable(found):
            return found

        def call(*args: Any, **options: Any) -> Any:
            with self._mortal.call(f"{self._kind}.{name}"):
                return found(*args, **options)

        return call


class World:
    """Everything together. `run` lets time pass until nothing is left to do."""

    def __init__(
        self, mortal: Mortal | None = None, *, takes_digests: bool = True, ledger: Any = None
    ) -> None:
        self.clock = Clock()
        self.ledger: Any = ledger or FakeLedger()
        self.queue = FakeQueue(self.clock)
        self.sender = FakeSender(takes_digests=takes_digests)
        self.email = FakeEmail()
        self.email_sender = FakeSender()
        self.journal = Journal()
        self.mortal = mortal or Mortal()
        guard = self.mortal.guard
        slack = guard(self.sender, "sender")
        self.deliverer = Deliverer(
            Parts(
                senders={"slack": slack, "email": guard(self.email_sender, "sender")},
                ledger=guard(self.ledger, "ledger"),
                queue=guard(self.queue, "queue"),
                parking=guard(self.queue, "parking"),
                fallback=guard(self.email, "fallback"),
                journal=self.journal,
                attempts=ATTEMPTS,
                clock=self.clock,
                sleep=self.clock.sleep,
            )
        )

    def step(self) -> str:
        """Give out one message that is visible; return how it went, empty when there is none."""
        attempt = self.queue.receive()
        if attempt is None:
            return ""
        try:
            self.deliverer.deliver(attempt)
        except KilledError:
            return "killed"
        except Exception as error:  # noqa: BLE001 - as the batch does: the message stays
            return type(error).__name__
        self.queue.delete(attempt)
        return "done"

    def run(self) -> list[str]:
        """Work until the queue is empty, and return how each step went."""
        steps: list[str] = []
        while self.queue.next_at is not None:
            self.clock.now = max(self.clock.now, self.queue.next_at)
            step = self.step()
            steps += [step] if step else []
            assert len(steps) < 1000, "this has no end"
        return steps


def not_now(retry_after: float | None = None) -> TransientError:
    """Return what a channel says that is down."""
    return TransientError("slack.com answered 503", retry_after=retry_after)


def _key(channel: Channel, alert: Alert) -> tuple[str, str, str]:
    return incident_id(alert.incident or alert.key), channel, alert.key
