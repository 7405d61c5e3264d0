"""Amazon Bedrock: look-up of application inference profiles, and of legacy models."""

import time
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

import boto3
from botocore.config import Config

from bedrock_alerts.adapters.aws_errors import translated
from bedrock_alerts.errors import PermanentError, TransientError
from bedrock_alerts.invocations.profiles import Profile, application_of, read_profile

# Calls without a price are counted as unpriced: the batch must not wait for a profile.
_CONFIG: Final = Config(
    connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 1}
)
# Nothing waits for the list.
_LIST_CONFIG: Final = Config(
    connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3}
)
_NOT_KNOWN_SECONDS: Final = 600.0
_KNOWN_SECONDS: Final = 6 * 3600.0
_MOST: Final = 1000
# The profile does not exist for us, and that is stored.
_ANSWERS: Final = frozenset(
    {"AccessDeniedException", "ResourceNotFoundException", "ValidationException"}
)
# After this many failed look-ups in a row, none are made for a while.
_PATIENCE: Final = 3


class BedrockProfiles:
    """Looks each profile up once, and stores the result, also if there is none.

    `on_failure` receives each profile that could not be read, with its ARN and the reason. The
    value of the profile's tag `tag` is the application, or else the profile's name.
    """

    def __init__(
        self,
        on_failure: Callable[[str, str], None] = lambda _arn, _reason: None,
        tag: str | None = None,
        client: Any = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tag = tag
        self._client = client
        self._on_failure = on_failure
        self._clock = clock
        self._known: dict[str, tuple[Profile | None, float]] = {}
        self._in_vain = 0
        self._rests_until = 0.0

    def profile(self, arn: str, *, ask: bool = True) -> Profile | None:
        """Return a profile by its ARN, None if unknown; without `ask`, only a stored one."""
        now = self._clock()
        profile, until = self._known.get(arn, (None, 0.0))
        if now < until or now < self._rests_until or not ask:
            return profile
        profile = self._asked(arn)
        if len(self._known) >= _MOST:
            self._known.clear()
        seconds = _KNOWN_SECONDS if profile else _NOT_KNOWN_SECONDS
        self._known[arn] = (profile, self._clock() + seconds)
        return profile

    def _asked(self, arn: str) -> Profile | None:
        try:
            with translated("Amazon Bedrock", _ANSWERS):
                if self._client is None:
                    self._client = boto3.client("bedrock", config=_CONFIG)
                answer = self._client.get_inference_profile(inferenceProfileIdentifier=arn)
        except PermanentError as error:
            self._in_vain = 0
            self._on_failure(arn, str(error))
            return None
        except TransientError as error:
            self._in_vain += 1
            if self._in_vain >= _PATIENCE:
                self._in_vain = 0
                self._rests_until = self._clock() + _NOT_KNOWN_SECONDS
            self._on_failure(arn, str(error))
            return None
        self._in_vain = 0
        profile = read_profile(answer)
        tagged = self._tagged(arn) if profile and self._tag else ""
        return profile._replace(name=tagged) if profile and tagged else profile

    def _tagged(self, arn: str) -> str:
        """Return the value of the tag that names the application, empty for none."""
        try:
            with translated("Amazon Bedrock", _ANSWERS):
                answer = self._client.list_tags_for_resource(resourceARN=arn)
        except (PermanentError, TransientError) as error:
            self._on_failure(arn, f"its tags: {error}")
            return ""
        tags = {tag.get("key"): tag.get("value") for tag in answer.get("tags", ())}
        return application_of(tags.get(self._tag))


class LegacyModels:
    """The models of this Region that AWS calls legacy, from the list of foundation models."""

    def __init__(self, client: Any = None) -> None:
        self._client = client

    def __call__(self) -> Mapping[str, date | None]:
        """Return their ids, with the end-of-life date if AWS names one. Raises TransientError."""
        if self._client is None:
            self._client = boto3.client("bedrock", config=_LIST_CONFIG)
        with translated("Amazon Bedrock"):
            answer = self._client.list_foundation_models()
        return {
            model["modelId"]: ends.date() if ends else None
            for model in answer.get("modelSummaries", ())
            if (lifecycle := model.get("modelLifecycle", {})).get("status") == "LEGACY"
            # Only newer versions of boto3 have the date.
            for ends in (lifecycle.get("endOfLifeTime"),)
        }
