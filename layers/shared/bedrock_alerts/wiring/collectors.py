"""The parts of every collector, built from its settings."""

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Final, NamedTuple

from bedrock_alerts.adapters.emf import EmfSink
from bedrock_alerts.errors import GoneError, TransientError
from bedrock_alerts.invocations.collector import Collected, Parts, collect_options
from bedrock_alerts.invocations.event_lines import notice
from bedrock_alerts.invocations.memory import Memory
from bedrock_alerts.invocations.offloaded_bodies import OffloadedBodies
from bedrock_alerts.invocations.pricing import GivenPrices, load_prices
from bedrock_alerts.invocations.profiles import Profile, Profiles
from bedrock_alerts.wiring.collector_settings import CollectorSettings

_S3: Final = "s3://"
PREVIOUS: Final = ".previous"
"""Suffix of the key of the prices that `bedrock-alerts prices put` has replaced."""
MAX_PRICES_BYTES: Final = 8 * 1024 * 1024


class Collecting(NamedTuple):
    """The parts, and where the metrics go."""

    parts: Parts
    metrics: EmfSink

    def publish(self, collected: Collected, proof: Iterable[bytes] = ()) -> None:
        """Write metrics and lines, then record what was counted; `proof` comes last of all."""
        self.metrics.publish(
            collected.datapoints,
            chain(collected.events, collected.notices, collected.usage),
            proof,
        )
        if self.parts.memory is not None:
            self.parts.memory.keep(collected.deliveries)


def collecting(settings: CollectorSettings) -> Collecting:
    """Build the parts, and log the settings that cannot be used."""
    metrics = EmfSink(settings.metrics_namespace)
    prices, complaints = load_prices(given_prices(settings.price_overrides), time.time())
    metrics.publish((), complaints)
    parts = Parts(
        prices=prices,
        options=collect_options(settings),
        bodies=_bodies(settings.offloaded_body_bucket_name),
        memory=Memory(),
        profiles=_Profiles(metrics, settings.application_metadata_key),
    )
    return Collecting(parts, metrics)


def given_prices(
    overrides: str | None, chunks: Callable[[str, str], Iterator[bytes]] | None = None
) -> Iterator[GivenPrices]:
    """Yield the prices of PriceOverrides: JSON, or an object in S3 and the one that it replaced.

    AWS is called only for an object, by `chunks` if given.
    """
    if overrides is None:
        return
    if not overrides.startswith(_S3):
        # Bytes that are not UTF-8 in the environment become lone surrogates: wrong text, no crash.
        yield GivenPrices("PriceOverrides", overrides.encode("utf-8", "surrogatepass"))
        return
    # boto3 takes a third of a second of every cold start.
    from bedrock_alerts.adapters.s3 import body_reader, bounded  # noqa: PLC0415

    chunks = chunks or body_reader().chunks
    bucket, _, key = overrides.removeprefix(_S3).partition("/")
    for name in (key, f"{key}{PREVIOUS}"):
        where = f"{_S3}{bucket}/{name}"
        try:
            text = bounded(chunks(bucket, name), MAX_PRICES_BYTES)
        except (GoneError, TransientError) as error:
            yield GivenPrices(where, missing=str(error))
        else:
            yield GivenPrices(where, text)


class _Profiles:
    """Looks up application inference profiles in Bedrock; the client is created on first use."""

    def __init__(self, metrics: EmfSink, tag: str | None) -> None:
        self._metrics = metrics
        self._tag = tag
        self._asked: Profiles | None = None

    def profile(self, arn: str, *, ask: bool) -> Profile | None:
        if self._asked is None and not ask:
            return None
        if self._asked is None:
            # boto3 takes a third of a second of every cold start.
            from bedrock_alerts.adapters.bedrock import BedrockProfiles  # noqa: PLC0415

            self._asked = BedrockProfiles(self._say, self._tag)
        return self._asked.profile(arn, ask=ask)

    def _say(self, arn: str, reason: str) -> None:
        line = notice(
            "inference_profile_not_read",
            "WARNING",
            "an inference profile cannot be read: its calls are unpriced for ten minutes",
            inference_profile=arn,
            reason=reason,
        )
        self._metrics.publish((), (line,))


def _bodies(bucket: str | None) -> OffloadedBodies | None:
    if bucket is None:
        return None
    # Imported only when needed: boto3 takes a third of a second of every cold start.
    from bedrock_alerts.adapters.s3 import body_reader  # noqa: PLC0415

    return OffloadedBodies(bucket, body_reader().chunks)
