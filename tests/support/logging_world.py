"""Bedrock, Parameter Store and a log group in memory, in which any call can be made to fail."""

from typing import TYPE_CHECKING, Any

from bedrock_alerts.invocation_logging.logging_state import (
    Configuration,
    LogGroup,
    RefusedError,
    SubscriptionFilter,
    Tools,
)

if TYPE_CHECKING:
    from collections.abc import Callable


class World:
    """All that the function can reach. `before` is called with every call's name and subject."""

    def __init__(self, present: dict[str, Any] | None = None) -> None:
        self.present: Configuration | None = present
        self.memories: dict[str, str] = {}
        self.found: tuple[SubscriptionFilter, ...] | None = ()
        self.group_class = "STANDARD"
        self.created: dict[str, tuple[int, str]] = {}
        self.calls: list[str] = []
        self.before: Callable[[str, Any], None] = lambda _call, _subject: None

    @property
    def tools(self) -> Tools:
        """The function's way to it."""
        return Tools(_Logging(self), _Memory(self), _LogGroups(self))

    @property
    def changes(self) -> list[str]:
        """What was changed about the logging, in order."""
        return [call for call in self.calls if call in {"put", "delete"}]

    def called(self, call: str, subject: Any = None) -> None:
        """Note a call, and let it fail where it is to."""
        self.calls.append(call)
        self.before(call, subject)

    def fail(self, call: str, *errors: Exception, times: int = 1) -> None:
        """Let a call fail with each of `errors` in turn, `times` over."""
        pending = [*errors] * times

        def before(name: str, _subject: Any) -> None:
            if name == call and pending:
                raise pending.pop(0)

        self.before = before

    def refuse(self, refused: Configuration) -> None:
        """Let Bedrock refuse one configuration for ever."""

        def before(name: str, subject: Any) -> None:
            if name == "put" and subject == refused:
                raise RefusedError("ValidationException: Failed to validate permissions")

        self.before = before


class _Logging:
    def __init__(self, world: World) -> None:
        self._world = world

    def get(self) -> Configuration | None:
        self._world.called("get")
        return self._world.present

    def put(self, configuration: Configuration) -> None:
        self._world.called("put", configuration)
        self._world.present = configuration

    def delete(self) -> None:
        self._world.called("delete")
        self._world.present = None


class _Memory:
    def __init__(self, world: World) -> None:
        self._world = world

    def load(self, name: str) -> str | None:
        self._world.called("load")
        return self._world.memories.get(name)

    def save(self, name: str, text: str) -> None:
        self._world.called("save", text)
        self._world.memories[name] = text

    def forget(self, name: str) -> None:
        self._world.called("forget")
        self._world.memories.pop(name, None)


class _LogGroups:
    def __init__(self, world: World) -> None:
        self._world = world

    def find(self, name: str) -> LogGroup | None:
        self._world.called("find", name)
        return None if self._world.found is None else LogGroup(name, self._world.group_class)

    def create(self, name: str, kms_key_arn: str) -> None:
        self._world.called("create", name)
        self._world.found = ()
        self._world.created[name] = (0, kms_key_arn)

    def keep(self, name: str, days: int) -> None:
        self._world.called("keep", name)
        self._world.created[name] = (days, self._world.created[name][1])

    def subscriptions(self, log_group: str) -> tuple[SubscriptionFilter, ...]:
        self._world.called("subscriptions", log_group)
        return self._world.found or ()
