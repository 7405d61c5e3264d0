"""Calculates the cost of one invocation from the price list that ships with this module.

Money is whole pico-dollars (1e-12 USD), so that sums of any length stay exact. A rate of 1,000,000
pico-dollars a token is 1 USD per million tokens.

`priced` is about the price list, not the bill: `exact` says that the list has a price for exactly
this model id, tier and kind of token. Lists have no discounts, commitments or taxes; use overrides
for them.
"""

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final, NamedTuple, Protocol, Self, TypeAlias

import msgspec

from bedrock_alerts.invocations.event_lines import notice
from bedrock_alerts.invocations.identity import GEOGRAPHIES, without_geography
from bedrock_alerts.invocations.invocation import (
    UNKNOWN_TIER,
    Billing,
    Cost,
    GuardrailUnits,
    Invocation,
    Usage,
)
from bedrock_alerts.invocations.price_list import (
    PRICES_FILE,
    Band,
    Entry,
    GuardrailRates,
    PricesError,
    Rates,
    SameAs,
    ShippedPrices,
    copies,
    read_given,
    read_price_list,
)
from bedrock_alerts.text import clean

WITHOUT_PREFIX: Final = "without-prefix"
OTHER_REGION: Final = "other-region"
IMAGE_SIZE: Final = "image-size"
TOKENS_ONLY: Final = "tokens-only"
STANDARD_LATENCY: Final = "standard-latency"
DEFAULT_TIER: Final = "default-tier"
TIER_UNKNOWN: Final = "tier-unknown"
CACHE_LIFETIME: Final = "cache-lifetime"
CACHE_UNKNOWN: Final = "cache-unknown"
SOURCES_DIFFER: Final = "sources-differ"
FALLBACKS: Final = (
    WITHOUT_PREFIX,
    OTHER_REGION,
    IMAGE_SIZE,
    TOKENS_ONLY,
    STANDARD_LATENCY,
    DEFAULT_TIER,
    TIER_UNKNOWN,
    CACHE_LIFETIME,
    CACHE_UNKNOWN,
    SOURCES_DIFFER,
)
"""Every value of `Cost.fallback`. If several apply, the first in this order is used."""

HOME_REGIONS: Final = frozenset({"us-east-1", "us-east-2", "us-west-2"})
"""Regions whose prices are in the list's region-less entries.

Checked on litellm 1.109.1: wherever the list has both, the region-less input and output rates equal
those of these three.
"""

RESERVED: Final = "reserved"
"""The service tier that is paid by capacity and time, not by token."""

# Vendors' own names match too (`meta.`), so the text after the dot must be a model in the list.
_PREFIX: Final = re.compile(r"[a-z]{2,6}(?:-[a-z]+)?\.")
# The suffix of a model with a longer context, which has the price of the model.
_CONTEXT: Final = re.compile(r":\d+k$")
_GOV: Final = "us-gov-"
_GOV_PREFIX: Final = "us-gov."

# Model ids come from callers: an endless supply of new ones must not fill memory.
_MEMO_LIMIT: Final = 4096
_MAX_FAULT: Final = 500
OLD_DAYS: Final = 60
"""The age at which a list is reported as old: several models a month are new."""


class _Row(msgspec.Struct, frozen=True):
    """The charges of one band: the rate of each kind, and the source of a borrowed one."""

    above: int
    charges: tuple[tuple[int | None, str | None], ...]


class _Plain(NamedTuple):
    """Rates for calls with only input and output below a limit: most calls.

    Pico-dollars a token, and the number of input tokens up to which they apply.
    """

    read: int
    written: int
    most: int


_FREE: Final = frozenset({"refused", "blocked"})
_CACHE_READ: Final = Rates.__struct_fields__.index("cache_read")

# Model id, Region, service tier, latency mode.
_PlanKey: TypeAlias = tuple[str, str, str | None, str | None]


class _Plan(msgspec.Struct, frozen=True):
    """Everything to price a call that does not depend on its usage."""

    rows: tuple[_Row, ...]
    fallback: str | None
    by_image: bool
    tokens_only: bool
    has_cache: bool
    has_hour_long_cache: bool
    plain: _Plain | None
    call: int | None
    is_named: bool = True


# Rates, and the fallback's name if they replace missing ones.
_Sources: TypeAlias = list[tuple[Rates, str | None]]


def _charges(sources: _Sources) -> tuple[tuple[int | None, str | None], ...]:
    """Return the rate of each kind from the first source that has it."""
    tables = [(msgspec.structs.astuple(rates), borrowed) for rates, borrowed in sources]
    return tuple(
        next(
            (
                (rates[kind], borrowed if rates[kind] else None)  # 0 is 0 in every Region
                for rates, borrowed in tables
                if rates[kind] is not None
            ),
            (None, None),
        )
        for kind in range(len(Rates.__struct_fields__))
    )


def _plan(
    entry: Entry,
    fallback: str | None,
    service_tier: str | None,
    latency_mode: str | None,
    wide: Entry | None,
) -> _Plan:
    """Return the charges of `entry` in a tier; an optimized latency is priced like a tier.

    `wide` is the region-less entry at this Region's ratio, for rates that the Region's own lacks.
    """
    fast = latency_mode not in (None, "standard")
    tier = latency_mode if fast else service_tier
    if_other_tier = STANDARD_LATENCY if fast else DEFAULT_TIER
    lowest = Band(above=-1, rates=entry.rates, tiers=entry.tiers)
    bands = {band.above: band for band in (*entry.bands, lowest)}
    wide_bands: dict[int, Band] = {}
    if wide is not None:
        wide_bands = {band.above: band for band in wide.bands if not entry.bands}
        wide_bands[-1] = Band(above=-1, rates=wide.rates, tiers=wide.tiers)
    rows = []
    for above in sorted(bands.keys() | wide_bands.keys(), reverse=True):
        own, other = bands.get(above), wide_bands.get(above)
        sources: _Sources = []
        if service_tier == RESERVED:
            rows.append(_Row(above, _charges(sources)))
            continue
        is_default = tier in (None, "default", UNKNOWN_TIER)
        for band, borrowed in ((own, None), (other, OTHER_REGION)):
            if band is not None and not is_default and tier in band.tiers:
                sources.append((band.tiers[str(tier)], borrowed))
        for band, borrowed in ((own, None), (other, OTHER_REGION)):
            if band is not None:
                sources.append((band.rates, borrowed if is_default else if_other_tier))
        rows.append(_Row(above, _charges(sources)))
    by_image = entry.rates.image is not None
    # Batch jobs are not in the log.
    has_tiers = any(name != "batch" for one in (entry, wide) if one for name in one.tiers)
    in_doubt = TIER_UNKNOWN if tier == UNKNOWN_TIER and has_tiers else None
    charges = rows[-1].charges
    return _Plan(
        tuple(rows),
        fallback or entry.caveat or in_doubt,
        by_image,
        entry.caveat == TOKENS_ONLY,
        charges[_CACHE_READ][0] is not None,
        entry.rates.cache_write_1h not in (None, entry.rates.cache_write),
        None if by_image or entry.call else _plain(rows),
        entry.call,
    )


def _at_the_ratio_of(entry: Entry, wide: Entry) -> Entry:
    """Return the region-less entry, each rate scaled by the Region's ratio for input."""
    ours, theirs = entry.rates.input, wide.rates.input
    if not ours or not theirs or ours == theirs:
        return wide

    def scaled(rates: Rates) -> Rates:
        return Rates(
            **{
                kind: rate * ours // theirs
                for kind, rate in msgspec.structs.asdict(rates).items()
                if rate is not None
            }
        )

    def all_scaled(tiers: Mapping[str, Rates]) -> dict[str, Rates]:
        return {tier: scaled(rates) for tier, rates in tiers.items()}

    return msgspec.structs.replace(
        wide,
        rates=scaled(wide.rates),
        tiers=all_scaled(wide.tiers),
        bands=tuple(
            Band(above=band.above, rates=scaled(band.rates), tiers=all_scaled(band.tiers))
            for band in wide.bands
        ),
    )


def _plain(rows: list[_Row]) -> _Plain | None:
    """Return the rates of input and output below all bands, None if one is borrowed or missing."""
    *bands, lowest = rows
    (read, read_from), (written, written_from) = lowest.charges[:2]
    if read is None or written is None or read_from or written_from:
        return None
    return _Plain(read, written, bands[-1].above if bands else sys.maxsize)


class PriceList(Protocol):
    """Prices calls."""

    def cost(
        self,
        *,
        model_id: str,
        region: str,
        usage: Usage,
        billing: Billing,
        units: GuardrailUnits | None,
    ) -> Cost:
        """Return the cost, unpriced if no price is known."""


def cost_of(call: Invocation, prices: PriceList) -> Cost:
    """Return what a call cost, by the id that was called.

    Only an override can price the id of an application inference profile; otherwise the call is
    priced like the profile's source.
    """
    cost = prices.cost(
        model_id=call.called_id,
        region=call.region,
        usage=call.usage,
        billing=call.billing,
        units=call.guardrail.units,
    )
    if cost.is_listed or not call.priced_as:
        return cost
    made_from = msgspec.structs.replace(
        call, model=call.priced_as, inference_profile=None, priced_as=""
    )
    return cost_of(made_from, prices)


@dataclass(frozen=True, slots=True)
class Prices:
    """A price list, ready to price calls; created by `Prices.load` and never changed.

    `dated` is the ISO date of the list, `source` where it came from.
    """

    dated: str
    source: str
    _guardrail: GuardrailRates
    _entries: Mapping[tuple[str, str | None], Entry]
    # Models that the list prices by Region, and those that an override prices for all Regions.
    _models: frozenset[str]
    _regional: frozenset[str]
    _everywhere: frozenset[str]
    _memo: dict[_PlanKey, _Plan | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    # Units are small numbers that repeat.
    _unit_costs: dict[GuardrailUnits, int] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @classmethod
    def load(cls, given: bytes | None = None) -> Self:
        """Read the shipped list, or `given` instead, or both.

        `given` is JSON: a whole list like `prices.json`, or `{"entries": [...]}`, which add to the
        shipped list. Each of these entries replaces the whole entry of its model and Region, and
        accepts any model id, also an opaque one. `{"model": ..., "same_as": ...}` uses the prices
        of another model, in all Regions. Raises `PricesError` and loads nothing if an entry is not
        valid.
        """
        found = () if given is None else read_given(given)
        own: tuple[Entry | SameAs, ...] = ()
        if isinstance(found, ShippedPrices):
            base = found
        else:
            base, own = read_price_list(PRICES_FILE.read_bytes()), found
        entries = {(entry.model, entry.region): entry for entry in base.entries}
        replaced = [one for one in own if isinstance(one, Entry)]
        entries |= {(entry.model, entry.region): entry for entry in replaced}
        for one in own:
            if isinstance(one, SameAs):
                entries |= copies(one, entries)
        return cls(
            dated=base.dated,
            source=f"{base.source} {base.source_version}",
            _guardrail=base.guardrail,
            _entries=entries,
            _models=frozenset(model for model, _ in entries),
            _regional=frozenset(
                model
                for model, region in entries
                if region is not None and not region.startswith(_GOV)
            ),
            _everywhere=frozenset(entry.model for entry in replaced if entry.region is None),
        )

    def models(self) -> int:
        """Return how many model ids the list has, each with or without a geography."""
        return len(self._models)

    def days_old(self, now: float) -> int:
        """Return the age of the list; `now` is in seconds since 1970."""
        return (datetime.fromtimestamp(now, UTC).date() - date.fromisoformat(self.dated)).days

    def cost(
        self,
        *,
        model_id: str,
        region: str,
        usage: Usage,
        billing: Billing,
        units: GuardrailUnits | None,
    ) -> Cost:
        """Price one call; `region` is the record's own, not where the call ran. Never raises.

        The order of look-up: the id in its Region; the id; both again without its geography prefix
        (`without-prefix`). No other model's price is ever used, nor another geography's.
        `other-region`: the list prices this model by Region, but not for this one. `default-tier`,
        `standard-latency`: the list has no price for the tier or latency. Rates that a Region's own
        entry lacks (a tier, a band, the cache) are the region-less ones at the same ratio, also
        with `other-region`. `image-size`, `tokens-only`, `sources-differ`: see `Entry`.
        `tier-unknown`, `cache-lifetime`, `cache-unknown`: only the body names the tier, the
        lifetime of cache writes, or the cached tokens, and it was not read.

        A call that failed or was blocked before it used anything costs nothing, whatever its model.
        Calls of unknown models, of the reserved tier, and with a kind of token without a rate are
        unpriced. Such a kind is not charged as input: that would be ten times too much for most
        cache reads and too little for most cache writes, without a sign of it; a counted unpriced
        call leads to a rate being added. The same holds for an image model whose record counts no
        image.

        No usage costs exactly nothing for any known model, except if a record does not count all
        that is charged (`tokens-only`, or no count at all): there it is unpriced. Counts must not
        be negative.
        """
        guardrail = 0
        if units is not None:
            guardrail = self._unit_costs.get(units) or self._guardrail_cost(units)
        key = (model_id, region, billing.service_tier, billing.latency_mode)
        plan = self._memo.get(key) or self._planned(key)
        if billing.counts in _FREE:
            return Cost(
                model_picodollars=0,
                guardrail_picodollars=guardrail,
                priced="exact",
                is_listed=plan is not None and plan.is_named,
            )
        if plan is None:
            return Cost(
                model_picodollars=None,
                guardrail_picodollars=guardrail,
                priced="unpriced",
                is_listed=False,
            )
        read, written, plain = usage.input_tokens, usage.output_tokens, plan.plain
        if (
            plain is not None
            and read <= plain.most
            and (read or written)
            and not (usage.cache_read_tokens or usage.cache_write_tokens or billing.images)
            and billing.counts == "present"
        ):
            return Cost(
                read * plain.read + written * plain.written,
                guardrail,
                "approximate" if plan.fallback else "exact",
                plan.fallback,
            )
        return _itemised(plan, usage, billing, guardrail)

    def _planned(self, key: _PlanKey) -> _Plan | None:
        memo = self._memo
        if key in memo:
            return memo[key]
        model_id, region, service_tier, latency_mode = key
        found = self._find(model_id, region)
        plan = None
        if found is not None:
            entry, fallback = found
            wide = None if entry.region is None else self._entries.get((entry.model, None))
            wide = wide and _at_the_ratio_of(entry, wide)
            plan = msgspec.structs.replace(
                _plan(entry, fallback, service_tier, latency_mode, wide),
                is_named=self._is_named(model_id),
            )
        if len(memo) >= _MEMO_LIMIT:
            memo.clear()
        memo[key] = plan
        return plan

    def _is_named(self, model_id: str) -> bool:
        """Whether the list has this id, with a geography of AWS or without."""
        geography, _, rest = model_id.partition(".")
        names = (model_id, rest) if geography in GEOGRAPHIES else (model_id,)
        return any(name in self._models for name in names)

    def _find(self, model_id: str, region: str) -> tuple[Entry, str | None] | None:
        """Return the entry that prices a model in a Region, and the fallback used."""
        found = self._listed(model_id, region)
        if found is None:
            model_id = _CONTEXT.sub("", model_id)
            found = self._listed(model_id, region)
        prefix = _PREFIX.match(model_id)
        if found is not None or prefix is None:
            return found
        found = self._listed(model_id[prefix.end() :], region)
        return None if found is None else (found[0], WITHOUT_PREFIX)

    def _listed(self, model: str, region: str) -> tuple[Entry, str | None] | None:
        entry = self._entries.get((model, region))
        if entry is not None:
            return entry, None
        entry = self._entries.get((model, None))
        if entry is None:
            return None
        return entry, None if self._applies(entry, region) else OTHER_REGION

    def _applies(self, entry: Entry, region: str) -> bool:
        """Whether the region-less price of a model is the list's price for this Region.

        Most models cost more outside the home Regions. A geography has its own price.
        """
        model = entry.model
        if model in self._everywhere:
            return True
        if region.startswith(_GOV):
            return model.startswith(_GOV_PREFIX)
        if region in HOME_REGIONS or entry.in_all_regions:
            return True
        return without_geography(model) != model and model not in self._regional

    def _guardrail_cost(self, units: GuardrailUnits) -> int:
        rates = self._guardrail
        cost = (
            units.topic * rates.topic
            + units.content * rates.content
            + units.content_image * rates.content_image
            + units.word * rates.word
            + units.sensitive_information * rates.sensitive_information
            + units.sensitive_information_free * rates.sensitive_information_free
            + units.contextual_grounding * rates.contextual_grounding
            + units.automated_reasoning * rates.automated_reasoning
        )
        if len(self._unit_costs) >= _MEMO_LIMIT:
            self._unit_costs.clear()
        self._unit_costs[units] = cost
        return cost


def _itemised(plan: _Plan, usage: Usage, billing: Billing, guardrail: int) -> Cost:
    """Price one kind of token after the other."""
    written = usage.cache_write_tokens
    # A record that contradicts itself must not make a negative count of the other kind.
    written_1h = min(billing.cache_write_1h_tokens or 0, written)
    counts = (
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        written - written_1h,
        written_1h,
        billing.images,
    )
    amount, fallback = _charge(plan, counts)
    if plan.call is not None:
        amount = plan.call + (amount or 0)
    if billing.counts == "missing" and plan.call is None:
        amount = None  # the record does not count all that is charged
    if billing.cache_write_1h_tokens is None and plan.has_hour_long_cache:
        fallback = fallback or CACHE_LIFETIME
    if billing.counts == "no-cache" and plan.has_cache:
        fallback = fallback or CACHE_UNKNOWN
    return Cost(
        model_picodollars=amount,
        guardrail_picodollars=guardrail,
        priced="unpriced" if amount is None else "approximate" if fallback else "exact",
        fallback=fallback,
    )


def _charge(
    plan: _Plan, counts: tuple[int, int, int, int, int, int]
) -> tuple[int | None, str | None]:
    """Return amount and fallback; no amount if a used kind has no rate."""
    if not any(counts):
        is_counted = not (plan.tokens_only or plan.by_image)
        return (0 if is_counted else None), plan.fallback if plan.call else None
    if plan.by_image and not counts[5]:
        # A prompt was read and no image counted: the charge is unknown.
        return None, None
    read_in = counts[0] + counts[2] + counts[3] + counts[4]
    # The last row is above -1, so one always applies.
    row = next(row for row in plan.rows if read_in > row.above)
    amount = 0
    fallback = plan.fallback
    for count, (rate, borrowed) in zip(counts, row.charges, strict=True):
        if not count:
            continue
        if rate is None:
            if plan.call is not None:
                continue
            return None, None
        amount += count * rate
        if borrowed and fallback is None:
            fallback = borrowed
    return amount, fallback


class GivenPrices(NamedTuple):
    """Prices from a user: JSON and its source; `missing` says why there is none."""

    where: str
    text: bytes = b""
    missing: str = ""


def load_prices(given: Iterable[GivenPrices], now: float) -> tuple[Prices, tuple[bytes, ...]]:
    """Return prices from the first valid one of `given`, and lines for the log.

    There is a line for each one that is not valid, and for an old list. Without a valid one, only
    the shipped list is used: raising would stop everything, including alarms on guardrails, because
    of a price.
    """
    prices, lines = None, []
    for one in given:
        fault = one.missing
        if not fault:
            try:
                prices = Prices.load(one.text)
                break
            except PricesError as error:
                fault = str(error)
        lines.append(
            notice(
                "price_overrides_refused",
                "ERROR",
                "PriceOverrides cannot be used",
                where=clean(one.where, _MAX_FAULT),
                error=clean(fault, _MAX_FAULT),
            )
        )
    prices = prices or Prices.load()
    if prices.days_old(now) > OLD_DAYS:
        lines.append(
            notice(
                "prices_old",
                "WARNING",
                f"the price list is more than {OLD_DAYS} days old: new models may be unpriced",
                dated=prices.dated,
            )
        )
    return prices, tuple(lines)
