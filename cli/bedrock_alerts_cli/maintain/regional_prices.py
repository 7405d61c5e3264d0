"""The second source of prices: rates by Region, and a check of the first.

`lmux-aws-bedrock` and `lmux-bedrock-shared` (MIT, PyPI) hold tables that a script makes from AWS's
price page. They are read from their wheels as syntax trees, and neither installed nor run.
"""

import ast
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from bedrock_alerts.invocations.price_list import (
    Band,
    Entry,
    PricesError,
    Rates,
)
from bedrock_alerts.invocations.pricing import SOURCES_DIFFER

PACKAGES: Final = ("lmux-aws-bedrock", "lmux-bedrock-shared")
_FILES: Final = ("lmux_aws_bedrock/cost.py", "lmux_bedrock_shared/pricing.py")
_KINDS: Final = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_cost_per_token": "cache_read",
    "cache_creation_cost_per_token": "cache_write",
}
_LIFETIMES: Final = "cache_creation_cost_per_token_by_ttl"
_THRESHOLD: Final = "min_input_tokens"
_TOLERANCE: Final = Decimal("0.02")
_MICRO: Final = 1_000_000
# The highest ratio of a Region's price to that of us-east-1; a larger one is a mistake.
_FURTHEST: Final = Decimal("1.7")
# The same models, by their names in Bedrock's model list and on AWS's price page.
_NAMES: Final = {"qwen.qwen3-coder-480b-a35b-v1:0": "qwen.qwen3-coder-480b-a35b-instruct"}
# A geography's profile has the price of the Region that it is called from:
# https://docs.aws.amazon.com/bedrock/latest/userguide/cross-region-inference.html
_REGIONS_OF: Final = {
    "us": re.compile(r"us-(?!gov)"),
    "eu": re.compile(r"eu-"),
    "apac": re.compile(r"ap-"),
    "jp": re.compile(r"ap-northeast-[13]"),
    "au": re.compile(r"ap-southeast-[246]"),
}
_GEOGRAPHIES: Final = frozenset({*_REGIONS_OF, "ca", "in"})
# In the Price List, writing to Nova's cache costs 0.00: https://aws.amazon.com/nova/pricing/
_WRITES_FOR_NOTHING: Final = re.compile(r"(?:[a-z-]+\.)?amazon\.nova-")


class Row(NamedTuple):
    """What a model costs: rates, and those above a threshold."""

    rates: Rates
    bands: tuple[Band, ...]


class SecondSource(NamedTuple):
    """Rows by model (its id without version), and by Region where they differ from us-east-1."""

    version: str
    base: Mapping[str, Row]
    regional: Mapping[str, Mapping[str, Row]]

    def row(self, model: str, region: str | None = None) -> Row | None:
        """Return the row of a model, None if there is none; geographies are not resolved."""
        table = self.base if region is None else self.regional.get(region, {})
        return table.get(_NAMES.get(model, model.partition(":")[0]))


def read_wheels(wheels: Iterable[Path]) -> SecondSource:
    """Read the tables from the packages' wheels; raises `PricesError` if one is missing."""
    tables: dict[str, Any] = {}
    version = ""
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name in _FILES:
                    tables |= dict(_tables(archive.read(name).decode()))
        if wheel.name.startswith("lmux_aws_bedrock-"):
            version = wheel.name.split("-")[1]
    try:
        base = {**tables["_PRICING"], **tables["ANTHROPIC_PRICING"]}
        claude, others = tables["ANTHROPIC_REGIONAL_PRICING"], tables["_BEDROCK_REGIONAL"]
    except KeyError as error:
        message = f"the second source has no table {error}"
        raise PricesError(message) from error
    regional = {
        region: {**others.get(region, {}), **claude.get(region, {})}
        for region in sorted(claude.keys() | others.keys())
    }
    return SecondSource(version, base, regional)


def merged(entries: Iterable[Entry], second: SecondSource) -> tuple[tuple[Entry, ...], list[str]]:
    """Add rates by Region to the first source's entries, and return where the two disagree.

    A bare id with the global profile's price in the first source gets the price of its Region's
    profile. Other prices that differ by more than 2 % keep the first source's value and are marked.
    Implausible prices are left out: a cache read above the input price, a Region at twice the
    price.
    """
    found = {(entry.model, entry.region): entry for entry in entries}
    said: list[str] = []
    for entry in list(found.values()):
        row = second.row(entry.model, entry.region)
        if row is not None and _differ(entry.rates, row.rates):
            found[entry.model, entry.region] = _settled(entry, row, found, said)
    for entry in list(found.values()):
        if entry.region is None:
            _add(list(_by_region(entry, second)), entry, second, found, said)
    for entry in list(_only_in(second, found)):
        found[entry.model, None] = entry
        _add(list(_by_region(entry, second)), entry, second, found, said)
    ordered = sorted(found.values(), key=lambda entry: (entry.model, entry.region or ""))
    return tuple(map(_with_free_writes, ordered)), said


def _add(
    regional: list[Entry],
    entry: Entry,
    second: SecondSource,
    found: dict[tuple[str, str | None], Entry],
    said: list[str],
) -> None:
    """Add a model's prices by Region, or record that its price is the same in all."""
    is_alike = all((one.region or "").startswith("us-gov-") for one in regional)
    row = second.row(entry.model)
    if row is not None and is_alike:
        known = found[entry.model, None]
        found[entry.model, None] = msgspec.structs.replace(known, in_all_regions=True)
    for one in regional:
        place = f"{one.model} in {one.region}"
        rates, wide = one.rates, entry.rates
        if wide.input and rates.input and not _is_near(wide.input, rates.input):
            said.append(f"{place}: {_shown(rates)} against {_shown(wide)} elsewhere; left out")
        elif (rates.cache_read or 0) > (rates.input or 0):
            said.append(f"{place}: a cache read costs more than the input; left out")
            rates = msgspec.structs.replace(rates, cache_read=None)
            found.setdefault((one.model, one.region), msgspec.structs.replace(one, rates=rates))
        else:
            found.setdefault((one.model, one.region), one)


def _is_near(one: int, other: int) -> bool:
    return max(one, other) <= _FURTHEST * min(one, other)


def _settled(
    entry: Entry, row: Row, found: Mapping[tuple[str, str | None], Entry], said: list[str]
) -> Entry:
    geographic = found.get((f"us.{entry.model}", None))
    place = "" if entry.region is None else f" in {entry.region}"
    amounts = f"{_shown(entry.rates)} against {_shown(row.rates)}"
    if entry.region is None and geographic and not _differ(geographic.rates, row.rates):
        said.append(f"{entry.model}{place}: {amounts}; taken: the second, as for `us.`")
        return msgspec.structs.replace(geographic, model=entry.model)
    said.append(f"{entry.model}{place}: {amounts}; taken: the first, as approximate")
    return msgspec.structs.replace(entry, caveat=entry.caveat or SOURCES_DIFFER)


def _by_region(entry: Entry, second: SecondSource) -> Iterator[Entry]:
    geography, _, bare = entry.model.partition(".")
    regions = _REGIONS_OF.get(geography)
    for region in second.regional:
        row = second.row(entry.model, region)
        if row is None and regions is not None and regions.match(region):
            row = second.row(bare, region)
        if row is not None:
            yield msgspec.structs.replace(
                entry,
                region=region,
                rates=row.rates,
                bands=row.bands,
                tiers={},
                in_all_regions=False,
                caveat=None if entry.caveat == SOURCES_DIFFER else entry.caveat,
            )


def _only_in(
    second: SecondSource, found: Mapping[tuple[str, str | None], Entry]
) -> Iterator[Entry]:
    """Return the models that only the second source has, with their us-east-1 prices."""
    known = {_NAMES.get(model, model.partition(":")[0]) for model, _ in found}
    for name, row in second.base.items():
        geography, _, bare = name.partition(".")
        # If a model is priced by Region, a geography's price is that of us-east-1.
        is_by_region = geography in _GEOGRAPHIES and any(
            bare in r for r in second.regional.values()
        )
        if name in known or is_by_region:
            continue
        model = f"{name}:0" if re.search(r"-v\d+$", name) else name
        yield Entry(model=model, rates=row.rates, bands=row.bands)


def _with_free_writes(entry: Entry) -> Entry:
    if not _WRITES_FOR_NOTHING.match(entry.model):
        return entry

    def free(rates: Rates) -> Rates:
        is_open = rates.cache_read is not None and rates.cache_write is None
        return msgspec.structs.replace(rates, cache_write=0) if is_open else rates

    return msgspec.structs.replace(
        entry,
        rates=free(entry.rates),
        tiers={tier: free(rates) for tier, rates in entry.tiers.items()},
    )


def _differ(one: Rates, other: Rates) -> bool:
    """Whether the prices of both differ by more than 2 % for input or output."""
    pairs = ((one.input, other.input), (one.output, other.output))
    return any(
        a is not None and b is not None and abs(a - b) > _TOLERANCE * max(a, b) for a, b in pairs
    )


def _shown(rates: Rates) -> str:
    return "/".join(
        "none" if rate is None else f"{Decimal(rate) / _MICRO:f}"
        for rate in (rates.input, rates.output)
    )


# ---- the tables ----------------------------------------------------------------------------------


def _tables(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read the tables of a file: by model, or by Region and model."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Dict):
            yield ast.unparse(node.target), _table(node.value)


def _table(node: ast.Dict) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if not isinstance(key, ast.Constant):
            continue  # another table is included here, which is read by its own name
        if isinstance(value, ast.Dict):
            table[str(key.value)] = _table(value)
        elif isinstance(value, ast.Call):
            table[str(key.value)] = _row(value)
    return table


def _row(call: ast.Call) -> Row:
    (tiers,) = [one.value for one in call.keywords if one.arg == "tiers"]
    if not isinstance(tiers, ast.List):
        raise PricesError("the second source has prices of another form")
    found = [dict(_fields(tier)) for tier in tiers.elts if isinstance(tier, ast.Call)]
    lowest, *above = sorted(found, key=lambda fields: fields.get(_THRESHOLD, 0))
    return Row(
        _rates(lowest), tuple(Band(above=one[_THRESHOLD], rates=_rates(one)) for one in above)
    )


def _fields(call: ast.Call) -> Iterator[tuple[str, Any]]:
    for field in call.keywords:
        name, value = str(field.arg), field.value
        if isinstance(value, ast.Dict):
            lifetimes = zip(value.keys, value.values, strict=True)
            yield name, {ast.literal_eval(key): _rate(rate) for key, rate in lifetimes if key}
        elif name == _THRESHOLD:
            yield name, ast.literal_eval(value)
        else:
            yield name, _rate(value)


def _rate(node: ast.expr) -> int:
    """Return pico-dollars a token of `per_million_tokens(0.33)`, or of a plain 0."""
    number = node.args[0] if isinstance(node, ast.Call) else node
    amount = Decimal(ast.unparse(number)) * _MICRO
    if amount % 1 or (amount and not isinstance(node, ast.Call)):
        message = f"the second source has an amount of another form: {ast.unparse(node)}"
        raise PricesError(message)
    return int(amount)


def _rates(fields: Mapping[str, Any]) -> Rates:
    unknown = fields.keys() - _KINDS.keys() - {_LIFETIMES, _THRESHOLD}
    if unknown:
        message = f"the second source has prices this program does not know: {sorted(unknown)}"
        raise PricesError(message)
    kinds = {ours: fields[theirs] for theirs, ours in _KINDS.items() if theirs in fields}
    hour = fields.get(_LIFETIMES, {}).get("1h")
    return Rates(**kinds, cache_write_1h=hour)
