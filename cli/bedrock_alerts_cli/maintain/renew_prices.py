"""Renew `prices.json` from the price list of the package `litellm`, with Regions of a second one.

    python -m bedrock_alerts_cli.maintain.renew_prices
                                                     newest release: rewrite, print what changed
    python -m bedrock_alerts_cli.maintain.renew_prices --check
                                                     print only; exit 1 if the file differs
    python -m bedrock_alerts_cli.maintain.renew_prices --wheel FILE --second FILE --second FILE
                                                     read these wheels instead of fetching them

`litellm` is read as a zip file and never installed: it is large and fetches prices on import.
Differences of more than 2 % are printed; `regional_prices` decides which one is used.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from bedrock_alerts.invocations.price_list import (
    PRICES_FILE,
    Band,
    Caveat,
    Entry,
    PricesError,
    Rates,
    ShippedPrices,
    read_price_list,
)
from bedrock_alerts.invocations.pricing import (
    IMAGE_SIZE,
    TOKENS_ONLY,
)
from bedrock_alerts_cli.maintain import regional_prices

PRICES_MEMBER: Final = "litellm/model_prices_and_context_window_backup.json"
GUARDRAILS_KEY: Final = "bedrock/guardrails"
UNIT: Final = (
    "pico-dollars (1e-12 USD) a token, an image made, or a guardrail unit; "
    "1000000 a token is 1 USD per million tokens"
)

_PICO: Final = Decimal(10) ** 12
_MILLION: Final = Decimal(10) ** 6

_KINDS: Final = {
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "cache_creation_input_token_cost": "cache_write",
    "cache_read_input_token_cost": "cache_read",
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "output_cost_per_image": "image",
}
# `_batches` is the list's word for Bedrock's tier batch.
_TIERS: Final = {
    "batches": "batch",
    "flex": "flex",
    "priority": "priority",
    "ultrafast": "ultrafast",
}
# One threshold applies to the whole call, and the prompt compared with it includes cached tokens
# (read in the cost calculator and the Converse transformation of litellm 1.109.1).
_RATE_FIELD: Final = re.compile(
    rf"(?P<kind>{'|'.join(_KINDS)})(?:_above_(?P<above>\d+)k_tokens)?(?:_(?P<tier>{'|'.join(_TIERS)}))?"
)
# Web searches are a tool's, charged by the search; no record counts them.
_IGNORED: Final = frozenset({"search_context_cost_per_query"})
# Charged in addition to or instead of tokens, and not counted in a record.
_UNCOUNTED: Final = re.compile(
    r"input_cost_per_(query|image|image_token|audio_token|(video|audio)_per_second)"
    r"|output_cost_per_audio_token"
)
_GUARDRAIL_UNITS: Final = {
    "topicPolicyUnits": "topic",
    "contentPolicyUnits": "content",
    "contentPolicyImageUnits": "content_image",
    "wordPolicyUnits": "word",
    "sensitiveInformationPolicyUnits": "sensitive_information",
    "sensitiveInformationPolicyFreeUnits": "sensitive_information_free",
    "contextualGroundingPolicyUnits": "contextual_grounding",
    "automatedReasoningPolicyUnits": "automated_reasoning",
}

_MODEL: Final = re.compile(r"(?:[a-z]{2,6}(?:-[a-z]+)?\.)?[a-z0-9]+\.[A-Za-z0-9.:_-]+")
_KEY: Final = re.compile(
    rf"(?:bedrock/)?(?:(?P<region>[a-z]{{2,3}}(?:-[a-z]+){{1,2}}-\d)/)?(?P<model>{_MODEL.pattern})"
)
_SKIPPED_KEYS: Final = (
    (re.compile(r"bedrock_mantle/"), "other endpoint, never in the invocation log"),
    (re.compile(r".*-month-commitment/"), "provisioned by the hour"),
    (re.compile(r"bedrock/claude_platform/"), "not a Bedrock model id"),
    (
        re.compile(r"[a-z0-9]+-x-[a-z0-9]+/"),
        "by image size, which a record's model id does not say",
    ),
    (re.compile(r"bedrock/invoke/"), "a route of the library, priced under its own id"),
    (re.compile(r"(bedrock/[a-z0-9-]+/)?claude-|.*@"), "alias"),
)
# AWS charges these by size and quality; the list has one price for each.
_BY_IMAGE_SIZE: Final = ("amazon.nova-canvas", "amazon.titan-image-generator")


@dataclass(frozen=True, slots=True)
class Source:
    """The content of a wheel: its release, its license, and the price map with exact decimals."""

    version: str
    licence: str
    prices: Mapping[str, Mapping[str, Any]]


def read_wheel(wheel: Path) -> Source:
    """Read the price list from a wheel; raises `PricesError` if something is missing."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = _member(names, r"litellm-[^/]+\.dist-info/METADATA")
        licence = _member(names, r"litellm-[^/]+\.dist-info/(licenses/)?LICENSE[^/]*")
        prices = _member(names, re.escape(PRICES_MEMBER))
        version = re.search(r"^Version: (\S+)$", archive.read(metadata).decode(), re.MULTILINE)
        text = " ".join(archive.read(licence).decode().split())
        content = json.loads(archive.read(prices), parse_float=Decimal, parse_int=Decimal)
    # The wheel's license first excludes a folder that has nothing to do with prices.
    start = text.find("MIT License Copyright")
    if version is None or start < 0:
        message = f"{wheel.name}: no version, or the license is no longer MIT; check it"
        raise PricesError(message)
    return Source(version=version[1], licence=text[start:], prices=content)


def _member(names: Iterable[str], pattern: str) -> str:
    for name in names:
        if re.fullmatch(pattern, name):
            return name
    message = f"the wheel holds no file like {pattern}"
    raise PricesError(message)


def picodollars(amount: object, where: str) -> int:
    """Convert USD to whole pico-dollars, exactly; raises `PricesError` if they are not whole."""
    if not isinstance(amount, Decimal) or amount < 0 or amount * _PICO % 1:
        message = f"{where}: {amount!r} is not a whole number of pico-dollars"
        raise PricesError(message)
    return int(amount * _PICO)


def convert(source: Source) -> tuple[tuple[Entry, ...], dict[str, list[str]]]:
    """Return the price map as sorted entries, and the omitted keys by reason."""
    entries: dict[tuple[str, str], Entry] = {}
    skipped: dict[str, list[str]] = defaultdict(list)
    # Keys without the library's prefix first: they are more complete if both exist.
    for key in sorted(source.prices, key=lambda key: (key.startswith("bedrock/"), key)):
        fields = source.prices[key]
        if not str(fields.get("litellm_provider")).startswith("bedrock") or key == GUARDRAILS_KEY:
            continue
        entry = _entry(key, fields)
        if isinstance(entry, str):
            skipped[entry].append(key)
        elif (place := (entry.model, entry.region or "")) in entries:
            skipped["a duplicate id"].append(key)
        else:
            entries[place] = entry
    return tuple(entries[place] for place in sorted(entries)), dict(skipped)


def _entry(key: str, fields: Mapping[str, Any]) -> Entry | str:
    """Return one key of the price map as an entry, or the reason why it is omitted."""
    for pattern, reason in _SKIPPED_KEYS:
        if pattern.match(key):
            return reason
    found = _KEY.fullmatch(key)
    if found is None:
        return "a key of unknown form"
    caveat = _caveat(key, fields)
    if isinstance(caveat, _NotByToken):
        return "charged by what no record counts"
    rates = _rates(key, fields)
    if str(fields.get("mode")).startswith("image"):
        # Charged only by the image, so its prompt is free; a chat model without a rate is not.
        free = {"input": 0, "output": 0}
        rates = {place: {**free, **kinds} for place, kinds in rates.items()}
    return Entry(
        model=found["model"],
        region=found["region"],
        rates=Rates(**rates.get((0, ""), {})),
        tiers=_tiers(rates, 0),
        bands=tuple(
            Band(above=above, rates=Rates(**rates.get((above, ""), {})), tiers=_tiers(rates, above))
            for above in sorted({above for above, _ in rates if above})
        ),
        caveat=caveat,
    )


class _NotByToken:
    """Marks a model whose main price is not for tokens or images."""


def _caveat(key: str, fields: Mapping[str, Any]) -> Caveat | _NotByToken | None:
    own = fields.get("input_cost_per_token")
    uncounted = [
        name
        for name, amount in fields.items()
        # Media tokens at the price of text tokens need no separate count.
        if _UNCOUNTED.fullmatch(name) and amount and not (name.endswith("_token") and amount == own)
    ]
    if not uncounted:
        return IMAGE_SIZE if any(model in key for model in _BY_IMAGE_SIZE) else None
    return TOKENS_ONLY if own and fields.get("mode") == "embedding" else _NotByToken()


def _rates(key: str, fields: Mapping[str, Any]) -> dict[tuple[int, str], dict[str, int]]:
    """Collect rates by (threshold in tokens, tier); raises `PricesError` on an unknown price."""
    rates: dict[tuple[int, str], dict[str, int]] = defaultdict(dict)
    for name, amount in fields.items():
        found = _RATE_FIELD.fullmatch(name)
        if found is not None:
            place = (int(found["above"] or 0) * 1000, _TIERS.get(found["tier"], ""))
            rates[place][_KINDS[found["kind"]]] = picodollars(amount, f"{key}: {name}")
        elif "cost" in name and name not in _IGNORED and not _UNCOUNTED.fullmatch(name):
            # Silently omitting a new kind of price would make every amount too small.
            message = f"{key}: {name} is a price that this program does not know; add it"
            raise PricesError(message)
    return rates


def _tiers(rates: Mapping[tuple[int, str], dict[str, int]], above: int) -> dict[str, Rates]:
    return {
        tier: Rates(**kinds)
        for (threshold, tier), kinds in sorted(rates.items())
        if threshold == above and tier
    }


def guardrail(source: Source) -> dict[str, int]:
    """Convert the guardrail prices; raises `PricesError` if the units are unknown."""
    found = source.prices.get(GUARDRAILS_KEY, {}).get("guardrail_cost_per_unit", {})
    if set(found) != set(_GUARDRAIL_UNITS):
        message = f"{GUARDRAILS_KEY}: expected {sorted(_GUARDRAIL_UNITS)}, found {sorted(found)}"
        raise PricesError(message)
    return {
        ours: picodollars(found[theirs], f"{GUARDRAILS_KEY}: {theirs}")
        for theirs, ours in _GUARDRAIL_UNITS.items()
    }


def render(source: Source, entries: Iterable[Entry], dated: str, regional: str = "") -> bytes:
    """Return the file: a header, then one entry a line, so that a renewal is a readable diff."""
    header = {
        "source": "litellm",
        "source_version": source.version,
        "licence": source.licence,
        "regional_source": regional,
        "dated": dated,
        "currency": "USD",
        "unit": UNIT,
        "guardrail": guardrail(source),
    }
    lines = [
        *(f"{json.dumps(name)}:{json.dumps(value)}," for name, value in header.items()),
        '"entries":[',
        ",\n".join(msgspec.json.encode(entry).decode() for entry in entries),
        "]",
    ]
    text = ("{\n" + "\n".join(lines) + "\n}\n").encode()
    read_price_list(text)  # a file that the layer cannot load is not written
    return text


def differences(before: ShippedPrices | None, after: ShippedPrices) -> Iterator[str]:
    """Return what was added, removed and changed, in USD per million tokens (or image, unit)."""
    old, new = _amounts(before), _amounts(after)
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name), new.get(name)
        if was is None and now is not None:
            yield f"+ {name}: " + ", ".join(f"{kind} {usd}" for kind, usd in now.items())
        elif now is None:
            yield f"- {name}"
        elif was is not None and was != now:
            for kind in sorted(was.keys() | now.keys()):
                if was.get(kind) != now.get(kind):
                    yield f"~ {name}: {kind} {was.get(kind, 'none')} -> {now.get(kind, 'none')}"


def _amounts(prices: ShippedPrices | None) -> dict[str, dict[str, str]]:
    """Return a price list as readable amounts by name and kind."""
    if prices is None:
        return {}
    units = msgspec.structs.asdict(prices.guardrail)
    amounts = {"guardrails": {name: _usd(rate, _PICO) for name, rate in units.items()}}
    for entry in prices.entries:
        name = entry.model if entry.region is None else f"{entry.model} in {entry.region}"
        amounts[name] = dict(_entry_amounts(entry))
    return amounts


def _entry_amounts(entry: Entry) -> Iterator[tuple[str, str]]:
    yield from _rate_amounts("", entry.rates, entry.tiers)
    for band in entry.bands:
        yield from _rate_amounts(f" above {band.above}", band.rates, band.tiers)
    if entry.caveat is not None:
        yield "caveat", entry.caveat


def _rate_amounts(
    where: str, rates: Rates, tiers: Mapping[str, Rates]
) -> Iterator[tuple[str, str]]:
    for tier, of_tier in (("", rates), *tiers.items()):
        for kind, rate in msgspec.structs.asdict(of_tier).items():
            if rate is not None:
                label = f"{kind}{where}" + (f" ({tier})" if tier else "")
                yield label, _usd(rate, _PICO if kind == "image" else _MILLION)


def _usd(rate: int, unit: Decimal) -> str:
    return f"{(Decimal(rate) / unit).normalize():f}"


def fetch(wanted: Sequence[str], folder: Path) -> list[Path]:
    """Download packages' wheels, newest or of a release, with this interpreter's own pip."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    # They are read, not run, so their Python version does not matter.
    command += ["--only-binary=:all:", "--python-version=3.13", "--dest", str(folder), *wanted]
    subprocess.run(command, check=True)
    return sorted(folder.glob("*.whl"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bedrock_alerts_cli.maintain.renew_prices", description=__doc__
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 on difference")
    parser.add_argument("--wheel", type=Path, help="a litellm wheel already downloaded")
    parser.add_argument(
        "--second", type=Path, action="append", help="a wheel of the second source, of each one"
    )
    parser.add_argument("--release", help="the litellm release to fetch, newest if not given")
    parser.add_argument("--dated", help="date of the list, YYYY-MM-DD; today for a new release")
    parser.add_argument("--file", type=Path, default=PRICES_FILE, help="the file to renew")
    return parser


def _source(arguments: argparse.Namespace) -> Source:
    if arguments.wheel is not None:
        return read_wheel(arguments.wheel)
    wanted = "litellm" if arguments.release is None else f"litellm=={arguments.release}"
    with tempfile.TemporaryDirectory() as folder:
        (wheel,) = fetch([wanted], Path(folder))
        return read_wheel(wheel)


def _second_source(arguments: argparse.Namespace) -> regional_prices.SecondSource:
    if arguments.second is not None:
        return regional_prices.read_wheels(arguments.second)
    with tempfile.TemporaryDirectory() as folder:
        return regional_prices.read_wheels(fetch(regional_prices.PACKAGES, Path(folder)))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; returns the exit code. Raises `PricesError` and writes nothing on doubt."""
    arguments = _parser().parse_args(argv)
    source = _source(arguments)
    first, skipped = convert(source)
    second = _second_source(arguments)
    entries, disagreements = regional_prices.merged(first, second)
    file: Path = arguments.file
    written = file.read_bytes() if file.exists() else None
    before = None if written is None else read_price_list(written)
    dated = arguments.dated
    if dated is None and before is not None and before.source_version == source.version:
        # A wheel does not say when its prices were true: the date is when we first read it.
        dated = before.dated
    text = render(
        source,
        entries,
        dated or datetime.now(UTC).date().isoformat(),
        f"{regional_prices.PACKAGES[0]} {second.version}",
    )
    after = read_price_list(text)
    for line in differences(before, after):
        print(line)
    for line in disagreements:
        print(f"! {line}")
    for reason, keys in sorted(skipped.items()):
        print(f"left out, {reason}: {len(keys)} ({', '.join(keys[:3])})")
    same = written == text
    print(f"{len(entries)} entries, litellm {source.version}: {'same' if same else 'differs'}")
    if arguments.check:
        return 0 if same else 1
    file.write_bytes(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
