"""Sample wheels of the second source of prices, in the form that the renewal reads."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

Table: TypeAlias = Mapping[str, str]


def row(read: float, written: float, *, more: str = "") -> str:
    """Return the source text of one model's price, in USD per million tokens."""
    return (
        "ModelPricing(tiers=[PricingTier("
        f"input_cost_per_token=per_million_tokens({read}), "
        f"output_cost_per_token=per_million_tokens({written}), {more})])"
    )


def second_wheels(
    folder: Path,
    base: Table | None = None,
    regional: Mapping[str, Table] | None = None,
    claude: Table | None = None,
) -> list[Path]:
    """Write both wheels into a folder and return them."""
    files = {
        "lmux_aws_bedrock": f"_PRICING: dict = {{{_table(base or {})}\n    **ANTHROPIC_PRICING}}\n"
        f"_BEDROCK_REGIONAL: dict = {{{_regions(regional or {})}}}\n",
        "lmux_bedrock_shared": f"ANTHROPIC_PRICING: dict = {{{_table(claude or {})}}}\n"
        'ANTHROPIC_REGIONAL_PRICING: dict = {"us-gov-east-1": {}}\n',
    }
    members = {
        "lmux_aws_bedrock": "lmux_aws_bedrock/cost.py",
        "lmux_bedrock_shared": "lmux_bedrock_shared/pricing.py",
    }
    wheels = []
    for package, text in files.items():
        wheel = folder / f"{package}-7.7.7-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(members[package], text)
        wheels.append(wheel)
    return wheels


def _table(table: Table) -> str:
    return "".join(f'\n    "{model}": {price},' for model, price in table.items())


def _regions(regional: Mapping[str, Table]) -> str:
    return "".join(f'\n  "{region}": {{{_table(table)}}},' for region, table in regional.items())
