"""Counts whole logs like the collector counts its batches."""

from collections.abc import Mapping
from contextlib import closing

from bedrock_alerts.invocations.collector import Collected, CollectOptions, Collector, Parts
from bedrock_alerts.invocations.pricing import Prices
from bedrock_alerts.invocations.profiles import Profiles
from bedrock_alerts_cli.log_files import Line, Sources
from bedrock_alerts_cli.terminal import watched


def count(
    sources: Sources,
    prices: Prices,
    options: CollectOptions,
    profiles: Profiles | None = None,
    *,
    shown: bool,
) -> Collected:
    """Count everything in this process, because only one process finds all duplicates.

    Shows a progress bar if `shown`.
    """
    parts = Parts(prices, options, profiles=profiles)
    collector = Collector(parts, now=None, keep_events=False)
    with closing(watched(sources.blocks(), sources, shown=shown)) as blocks:
        for block in blocks:
            for entry in block.entries():
                if isinstance(entry, Line):
                    collector.add(entry.text, event_id=entry.event_id, logged_at=entry.logged_at)
                else:
                    collector.add_unread(entry, None)
    return collector.finish()


def left_out(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the numbers of lines without a call, from the line counters."""
    return {name: counts[name] for name in ("rejected", "skipped")}
