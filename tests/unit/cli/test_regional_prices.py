"""The second source of prices: what it adds, what it settles, and what is not believed."""

from pathlib import Path
from typing import Any

import pytest

from bedrock_alerts.invocations.price_list import (
    Band,
    Entry,
    PricesError,
    Rates,
)
from bedrock_alerts_cli.maintain.regional_prices import merged, read_wheels
from tests.support.second_prices import row, second_wheels

M = 1_000_000


def entry(model: str, read: float = 1.0, written: float = 5.0, **more: Any) -> Entry:
    rates = Rates(input=int(read * M), output=int(written * M), **more.pop("rates", {}))
    return Entry(model=model, rates=rates, **more)


def merge(folder: Path, *entries: Entry, **tables: Any) -> tuple[dict[str, Entry], list[str]]:
    found, said = merged(entries, read_wheels(second_wheels(folder, **tables)))
    return {f"{one.model}@{one.region or '*'}": one for one in found}, said


def test_the_version_is_that_of_the_package(tmp_path: Path) -> None:
    assert read_wheels(second_wheels(tmp_path)).version == "7.7.7"


def test_a_model_that_costs_the_same_everywhere_is_said_to(tmp_path: Path) -> None:
    found, said = merge(tmp_path, entry("v.m-v1:0"), base={"v.m-v1": row(1, 5)})
    assert found == {"v.m-v1:0@*": entry("v.m-v1:0", in_all_regions=True)}
    assert said == []


def test_a_region_with_its_own_price_gets_an_entry(tmp_path: Path) -> None:
    found, _ = merge(
        tmp_path,
        entry("v.m-v1:0", tiers={"flex": Rates(input=1000)}),
        base={"v.m-v1": row(1, 5)},
        regional={"eu-west-2": {"v.m-v1": row(1.3, 6.5)}},
    )
    assert found["v.m-v1:0@eu-west-2"] == entry("v.m-v1:0", 1.3, 6.5, region="eu-west-2")
    assert not found["v.m-v1:0@*"].in_all_regions


def test_a_geographys_profile_costs_what_its_source_region_charges(tmp_path: Path) -> None:
    found, _ = merge(
        tmp_path,
        entry("v.m"),
        entry("eu.v.m", 1.2, 6),
        base={"v.m": row(1, 5)},
        regional={"eu-west-2": {"v.m": row(1.3, 6.5)}, "ap-south-1": {"v.m": row(1.1, 5)}},
    )
    assert found["eu.v.m@eu-west-2"].rates == Rates(input=1_300_000, output=6_500_000)
    assert "eu.v.m@ap-south-1" not in found


def test_a_bare_id_with_the_global_price_gets_that_of_its_region(tmp_path: Path) -> None:
    found, said = merge(
        tmp_path, entry("v.m"), entry("us.v.m", 1.1, 5.5), base={"v.m": row(1.1, 5.5)}
    )
    assert found["v.m@*"].rates == found["us.v.m@*"].rates
    assert "taken: the second" in said[0]


def test_where_the_sources_differ_the_first_is_taken_as_near(tmp_path: Path) -> None:
    found, said = merge(tmp_path, entry("v.m"), base={"v.m": row(1.03, 5)})
    assert found["v.m@*"].rates == entry("v.m").rates
    assert found["v.m@*"].caveat == "sources-differ"
    assert said == ["v.m: 1/5 against 1.03/5; taken: the first, as approximate"]


def test_two_percent_is_no_difference(tmp_path: Path) -> None:
    found, said = merge(tmp_path, entry("v.m"), base={"v.m": row(1.02, 5)})
    assert found["v.m@*"].caveat is None
    assert said == []


@pytest.mark.parametrize("price", [row(10, 50), row(0.5, 2.5)])
def test_a_region_at_many_times_the_price_is_not_believed(tmp_path: Path, price: str) -> None:
    found, said = merge(
        tmp_path, entry("v.m"), base={"v.m": row(1, 5)}, regional={"eu-west-2": {"v.m": price}}
    )
    assert list(found) == ["v.m@*"]
    assert not found["v.m@*"].in_all_regions
    assert said[0].endswith("left out")


def test_a_cache_that_is_dearer_than_the_input_is_not_believed(tmp_path: Path) -> None:
    dear = row(1.1, 5, more="cache_read_cost_per_token=per_million_tokens(9),")
    found, said = merge(
        tmp_path, entry("v.m"), base={"v.m": row(1, 5)}, regional={"eu-west-2": {"v.m": dear}}
    )
    assert found["v.m@eu-west-2"].rates == Rates(input=1_100_000, output=5_000_000)
    assert "costs more than the input" in said[0]


def test_a_model_that_only_the_second_source_knows_is_taken(tmp_path: Path) -> None:
    found, _ = merge(
        tmp_path,
        entry("v.m"),
        base={"v.new-v2": row(2, 4)},
        claude={"anthropic.new": row(3, 15)},
        regional={"eu-west-2": {"v.new-v2": row(2.2, 4.4)}},
    )
    assert found["v.new-v2:0@*"].rates == Rates(input=2 * M, output=4 * M)
    assert found["v.new-v2:0@eu-west-2"].rates == Rates(input=2_200_000, output=4_400_000)
    assert found["anthropic.new@*"].in_all_regions


def test_bands_and_lifetimes_are_read(tmp_path: Path) -> None:
    more = (
        "cache_creation_cost_per_token=per_million_tokens(1.25),"
        "cache_creation_cost_per_token_by_ttl={'1h': per_million_tokens(2)})"
        ", PricingTier(input_cost_per_token=per_million_tokens(2), output_cost_per_token=0.0, "
        "min_input_tokens=1000"
    )
    found, _ = merge(tmp_path, base={"v.m": row(1, 5, more=more)})
    assert found["v.m@*"].rates == Rates(
        input=M, output=5 * M, cache_write=1_250_000, cache_write_1h=2 * M
    )
    assert found["v.m@*"].bands == (Band(above=1000, rates=Rates(input=2 * M, output=0)),)


def test_what_nova_writes_to_its_cache_costs_nothing(tmp_path: Path) -> None:
    reads: dict[str, Any] = {"rates": {"cache_read": 1000}}
    found, _ = merge(
        tmp_path, entry("us.amazon.nova-lite-v1:0", **reads), entry("v.other", **reads)
    )
    assert found["us.amazon.nova-lite-v1:0@*"].rates.cache_write == 0
    assert found["v.other@*"].rates.cache_write is None


@pytest.mark.parametrize(
    "price",
    [
        "ModelPricing(tiers=[PricingTier(video_cost_per_second=per_million_tokens(1))])",
        "ModelPricing(tiers=[PricingTier(input_cost_per_token=0.25)])",
        "ModelPricing(tiers=[PricingTier(input_cost_per_token=per_million_tokens(0.0000001))])",
        "ModelPricing(tiers=cheap)",
    ],
)
def test_a_price_of_a_form_that_is_not_known_stops_the_renewal(tmp_path: Path, price: str) -> None:
    with pytest.raises(PricesError, match="the second source"):
        read_wheels(second_wheels(tmp_path, base={"v.m": price}))


def test_a_wheel_that_is_missing_stops_the_renewal(tmp_path: Path) -> None:
    with pytest.raises(PricesError, match="no table"):
        read_wheels(second_wheels(tmp_path)[:1])
