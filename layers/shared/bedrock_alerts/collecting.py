"""What every collector works with, put together from its settings."""

from typing import NamedTuple

from bedrock_alerts.adapters.emf import EmfSink
from bedrock_alerts.invocations.bodies import OffloadedBodies
from bedrock_alerts.invocations.overrides import load_prices
from bedrock_alerts.invocations.pipeline import CollectOptions, collect_options
from bedrock_alerts.invocations.pricing import Prices
from bedrock_alerts.settings import CollectorSettings


class Collecting(NamedTuple):
    """The parts; `bodies` is None where offloaded bodies are not to be read."""

    prices: Prices
    options: CollectOptions
    bodies: OffloadedBodies | None
    metrics: EmfSink


def collecting(settings: CollectorSettings, *, own_log_group: str | None = None) -> Collecting:
    """Make the parts, and say in the log what of the settings cannot be used."""
    metrics = EmfSink(settings.metrics_namespace)
    prices, complaints = load_prices(settings.price_overrides)
    metrics.publish((), complaints)
    return Collecting(
        prices=prices,
        options=collect_options(settings, own_log_group=own_log_group),
        bodies=_bodies(settings.offloaded_body_bucket_name),
        metrics=metrics,
    )


def _bodies(bucket: str | None) -> OffloadedBodies | None:
    if bucket is None:
        return None
    # Imported only when it is wanted: boto3 takes a third of a second of every cold start.
    from bedrock_alerts.adapters.bodies import body_reader  # noqa: PLC0415

    return OffloadedBodies(bucket, body_reader().chunks)
