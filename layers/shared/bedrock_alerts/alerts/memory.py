"""The ledger of who was told, of which everything may fail without an alert being lost."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from bedrock_alerts.alerts.incidents.model import Incident
from bedrock_alerts.alerts.model import Alert, Channel, LedgerEntry, Thread
from bedrock_alerts.errors import TransientError

T = TypeVar("T")


class LedgerPort(Protocol):
    """Remembers who was told. Every method raises TransientError."""

    def begin(
        self, channel: Channel, alert: Alert, entry: LedgerEntry, instead_of: LedgerEntry | None
    ) -> LedgerEntry | None:
        """Write `entry` where nothing stands but `instead_of`. Returns what stands there, if so."""

    def write(self, channel: Channel, alert: Alert, entry: LedgerEntry) -> None:
        """Write `entry`, whatever stands there."""

    def entry(self, channel: Channel, alert: Alert) -> LedgerEntry | None:
        """Return what became of an alert."""

    def entries(self, channel: Channel, incident: str) -> Sequence[LedgerEntry]:
        """Return what became of all alerts about an incident."""

    def incident(self, incident: str) -> Incident | None:
        """Return what is remembered of an incident."""

    def thread(self, channel: Channel, incident: str) -> Thread | None:
        """Return the message that shows an incident."""

    def keep_thread(self, channel: Channel, incident: str, thread: Thread) -> None:
        """Remember the message that shows an incident."""

    def reserve(self, channel: Channel, now: float) -> float:
        """Take the channel's next free second, and return when it is."""

    def hold(self, channel: Channel, until: float) -> None:
        """Let the channel have no free second before `until`."""


class JournalPort(Protocol):
    """Writes down what happens."""

    def info(self, msg: object, *, extra: Mapping[str, object]) -> None:
        """Write what is as it should be."""

    def warning(self, msg: object, *, extra: Mapping[str, object]) -> None:
        """Write what somebody may want to look at."""


class Memory:
    """The ledger, of which everything is asked once: after a failure it is left alone.

    What it would have said is then what lets the alert go out.
    """

    def __init__(self, ledger: LedgerPort, journal: JournalPort) -> None:
        self._ledger = ledger
        self._journal = journal
        self._is_lost = False

    def begin(
        self, channel: Channel, alert: Alert, entry: LedgerEntry, instead_of: LedgerEntry | None
    ) -> LedgerEntry | None:
        """Claim an alert; without the ledger the claim is ours."""
        return self._ask(lambda: self._ledger.begin(channel, alert, entry, instead_of), None)

    def write(
        self, channel: Channel, alert: Alert, entry: LedgerEntry, *, always: bool = False
    ) -> None:
        """Write an entry; `always` tries even though the ledger has failed before."""
        if always:
            self._is_lost = False
        self._ask(lambda: self._ledger.write(channel, alert, entry), None)

    def entry(self, channel: Channel, alert: Alert) -> LedgerEntry | None:
        """Return what became of an alert, None also where that cannot be had."""
        return self._ask(lambda: self._ledger.entry(channel, alert), None)

    def entries(self, channel: Channel, incident: str) -> Sequence[LedgerEntry] | None:
        """Return the entries of an incident, None where they cannot be had."""
        nothing: Sequence[LedgerEntry] | None = None
        return self._ask(lambda: self._ledger.entries(channel, incident), nothing)

    def incident(self, incident: str) -> Incident | None:
        """Return what is remembered of an incident, None also where that cannot be had."""
        return self._ask(lambda: self._ledger.incident(incident), None)

    def thread(self, channel: Channel, incident: str) -> Thread | None:
        """Return the message that shows an incident, None also where that cannot be had."""
        return self._ask(lambda: self._ledger.thread(channel, incident), None)

    def keep_thread(self, channel: Channel, incident: str, thread: Thread) -> None:
        """Remember the message that shows an incident, as far as possible."""
        self._ask(lambda: self._ledger.keep_thread(channel, incident, thread), None)

    def reserve(self, channel: Channel, now: float) -> float:
        """Take a second of the channel's; without the ledger it is this one."""
        return self._ask(lambda: self._ledger.reserve(channel, now), now)

    def hold(self, channel: Channel, until: float) -> None:
        """Keep a channel from being used, as far as possible."""
        self._ask(lambda: self._ledger.hold(channel, until), None)

    def _ask(self, ask: Callable[[], T], otherwise: T) -> T:
        if self._is_lost:
            return otherwise
        try:
            return ask()
        except TransientError as error:
            self._is_lost = True
            self._journal.warning("without the ledger", extra={"reason": str(error)})
            return otherwise
