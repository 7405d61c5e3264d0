"""Reads and checks the price list that ships with this module, and a user's own entries.

Rates are whole pico-dollars (1e-12 USD): 1,000,000 a token is 1 USD per million tokens.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec

PRICES_FILE: Final = Path(__file__).with_name("prices.json")


# The cheapest real rate is 5,000 (a cache read); 1.10 typed as 1 would pass every other check.
_SMALLEST_RATE: Final = 100


Caveat: TypeAlias = Literal["image-size", "tokens-only", "sources-differ"]


Rate: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=10**15)]


_Name: TypeAlias = Annotated[str, msgspec.Meta(max_length=256, pattern=r"^[^\s/]+$")]


class PricesError(ValueError):
    """A price list is not valid; the message names the entry and the field."""


class Rates(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """Pico-dollars a token, by kind (`image`: a generated image); None if no price is known.

    `cache_write` is the five-minute cache, `cache_write_1h` the one-hour cache.
    """

    input: Rate | None = None
    output: Rate | None = None
    cache_read: Rate | None = None
    cache_write: Rate | None = None
    cache_write_1h: Rate | None = None
    image: Rate | None = None


class Band(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """Rates for all tokens of a call whose input, cache included, exceeds `above` tokens."""

    above: Annotated[int, msgspec.Meta(gt=0)]
    rates: Rates
    tiers: dict[str, Rates] = {}


class Entry(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """All prices of one model id, with its geography prefix, in `region`, or anywhere if None.

    `call` is a price for each call, if neither tokens nor images are charged (a rerank, a video):
    with one, kinds without a rate cost nothing. `tiers` is keyed by Bedrock's service tier or
    latency mode. `caveat` says why the list's price is only approximate: `image-size` if the real
    one varies with size and quality, `tokens-only` if media that a record does not count are
    charged too, `sources-differ` if two sources disagree. `in_all_regions` says that the price was
    checked to hold in every commercial Region without a separate entry.
    """

    model: _Name
    region: _Name | None = None
    rates: Rates = Rates()
    call: Rate | None = None
    tiers: dict[str, Rates] = {}
    bands: tuple[Band, ...] = ()
    caveat: Caveat | None = None
    in_all_regions: bool = False


class GuardrailRates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pico-dollars a text unit (`content_image`: an image), in the words of `GuardrailUnits`."""

    topic: Rate
    content: Rate
    content_image: Rate
    word: Rate
    sensitive_information: Rate
    sensitive_information_free: Rate
    contextual_grounding: Rate
    automated_reasoning: Rate


class ShippedPrices(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The format of `prices.json`."""

    source: str
    source_version: str
    licence: str
    regional_source: str = ""
    dated: Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\d$")]
    currency: Literal["USD"]
    unit: str
    guardrail: GuardrailRates
    entries: tuple[Entry, ...]


class SameAs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An override that uses the prices of another model."""

    model: _Name
    same_as: _Name


class _Overrides(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    # Untyped at first, so that an error can name its model.
    entries: list[Any]


def read_price_list(text: bytes) -> ShippedPrices:
    """Parse and check a whole `prices.json`; raises `PricesError`."""
    try:
        prices = msgspec.json.decode(text, type=ShippedPrices)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"price list: {error}"
        raise PricesError(message) from error
    _check(prices.entries, "price list")
    return prices


class _Dated(msgspec.Struct, frozen=True):
    dated: str | None = None


def read_given(text: bytes) -> ShippedPrices | tuple[Entry | SameAs, ...]:
    """Read a user's prices: a whole list (with a date), or the user's own entries.

    Raises `PricesError`.
    """
    try:
        is_whole = msgspec.json.decode(text, type=_Dated).dated is not None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        is_whole = False
    return read_price_list(text) if is_whole else read_overrides(text)


def read_overrides(text: bytes) -> tuple[Entry | SameAs, ...]:
    """Parse and check a user's own entries; raises `PricesError` with the place and the model."""
    what = "price overrides"
    try:
        found = msgspec.json.decode(text, type=_Overrides).entries
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"{what}: {error}"
        raise PricesError(message) from error
    entries: list[Entry | SameAs] = []
    for place, one in enumerate(found):
        try:
            is_copy = isinstance(one, dict) and "same_as" in one
            entries.append(msgspec.convert(one, SameAs) if is_copy else msgspec.convert(one, Entry))
        except msgspec.ValidationError as error:
            model = one.get("model") if isinstance(one, dict) else None
            message = f"{what}, entry {place} ({model or 'no model'}): {error}"
            raise PricesError(message) from error
    _check((entry for entry in entries if isinstance(entry, Entry)), what)
    return tuple(entries)


def copies(
    wanted: SameAs, entries: Mapping[tuple[str, str | None], Entry]
) -> dict[tuple[str, str | None], Entry]:
    """Return another model's entries under this one's id; raises `PricesError` if it has none."""
    copies = {
        (wanted.model, region): msgspec.structs.replace(entry, model=wanted.model)
        for (model, region), entry in entries.items()
        if model == wanted.same_as
    }
    if not copies:
        message = f"price overrides, {wanted.model}: the list has no model {wanted.same_as}"
        raise PricesError(message)
    return copies


def _check(entries: Iterable[Entry], what: str) -> None:
    """Raise `PricesError` for values that the types allow but no price list contains."""
    seen: Counter[tuple[str, str | None]] = Counter()
    for entry in entries:
        name = entry.model if entry.region is None else f"{entry.model} in {entry.region}"
        fault = _fault(entry)
        seen[entry.model, entry.region] += 1
        if seen[entry.model, entry.region] > 1:
            fault = "appears twice"
        if fault is not None:
            message = f"{what}, {name}: {fault}"
            raise PricesError(message)


def _fault(entry: Entry) -> str | None:
    """Return the error in an entry, naming the field; None if it is valid."""
    if entry.rates == Rates() and not entry.call:
        return "`rates` holds no rate, and `call` no price"
    bands = [band.above for band in entry.bands]
    if len(set(bands)) != len(bands):
        return "`bands` has one `above` twice"
    for path, rates in _all_rates(entry):
        for kind, rate in msgspec.structs.asdict(rates).items():
            if rate is not None and 0 < rate < _SMALLEST_RATE:
                return (
                    f"`{path}.{kind}` is {rate} pico-dollars, too small to be intended: "
                    "1000000 a token is 1 USD per million tokens"
                )
    return None


def _all_rates(entry: Entry) -> Iterable[tuple[str, Rates]]:
    yield "rates", entry.rates
    yield from ((f"tiers.{tier}", rates) for tier, rates in entry.tiers.items())
    for place, band in enumerate(entry.bands):
        yield f"bands[{place}].rates", band.rates
        yield from ((f"bands[{place}].tiers.{t}", rates) for t, rates in band.tiers.items())
