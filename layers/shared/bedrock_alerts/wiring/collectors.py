"""What every collector works with, put together from its settings."""

from collections.abc import Iterable
from itertools import chain
from typing import NamedTuple

from bedrock_alerts.adapters.emf import EmfSink
from bedrock_alerts.invocations.collector import Collected, Parts, collect_options
from bedrock_alerts.invocations.event_lines import notice
from bedrock_alerts.invocations.memory import Memory
from bedrock_alerts.invocations.offloaded_bodies import OffloadedBodies
from bedrock_alerts.invocations.pricing import load_prices
from bedrock_alerts.invocations.profiles import Profile, Profiles
from bedrock_alerts.wiring.collector_settings import CollectorSettings


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


def collecting(settings: CollectorSettings, *, own_log_group: str | None = None) -> Collecting:
    """Make the parts, and say in the log what of the settings cannot be used."""
    metrics = EmfSink(settings.metrics_namespace)
    prices, complaints = load_prices(settings.price_overrides)
    metrics.publish((), complaints)
    parts = Parts(
        prices=prices,
        options=collect_options(settings, own_log_group=own_log_group),
        bodies=_bodies(settings.offloaded_body_bucket_name),
        memory=Memory(),
        profiles=_Profiles(metrics),
    )
    return Collecting(parts, metrics)


class _Profiles:
    """Application inference profiles, asked of Bedrock: the client is made when one is met."""

    def __init__(self, metrics: EmfSink) -> None:
        self._metrics = metrics
        self._asked: Profiles | None = None

    def profile(self, arn: str, *, ask: bool) -> Profile | None:
        if self._asked is None and not ask:
            return None
        if self._asked is None:
            # boto3 takes a third of a second of every cold start.
            from bedrock_alerts.adapters.bedrock import BedrockProfiles  # noqa: PLC0415

            self._asked = BedrockProfiles(self._say)
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
    # Imported only when it is wanted: boto3 takes a third of a second of every cold start.
    from bedrock_alerts.adapters.s3 import body_reader  # noqa: PLC0415

    return OffloadedBodies(bucket, body_reader().chunks)
