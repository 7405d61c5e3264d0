"""What whole records cost, from line to dollars: caches, suffixes, Regions, doubts."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest

from bedrock_alerts.invocations.identity import without_geography
from bedrock_alerts.invocations.invocation import PICODOLLARS, Billing, Cost, Invocation, Usage
from bedrock_alerts.invocations.parse import parse
from bedrock_alerts.invocations.price_list import (
    PRICES_FILE,
    PricesError,
    read_price_list,
)
from bedrock_alerts.invocations.pricing import Prices

RECORDS: Final = Path(__file__).parents[2] / "fixtures" / "records"
PRICES: Final = Prices.load()


def calls(name: str) -> list[Invocation]:
    text = (RECORDS / name).read_text()
    found = text.splitlines() if name.endswith(".jsonl") else [text]
    parsed = [parse(line) for line in found]
    assert all(isinstance(call, Invocation) for call in parsed)
    return [call for call in parsed if isinstance(call, Invocation)]


def cost(call: Invocation, prices: Prices = PRICES) -> Cost:
    return prices.cost(
        model_id=call.called_id,
        region=call.region,
        usage=call.usage,
        billing=call.billing,
        units=call.guardrail.units,
    )


def dollars(found: Cost) -> Decimal | None:
    amount = found.model_picodollars
    return None if amount is None else Decimal(amount) / PICODOLLARS


@pytest.mark.parametrize(
    ("name", "usd", "cached"),
    [
        ("nova-cache-write.json", "0.0002184", (0, 6100)),
        ("invoke-anthropic-cache-in-body.json", "0.0456621", (41000, 5200)),
        ("stream-anthropic-cache-in-message-start.json", "0.0261096", (27500, 3300)),
        ("invoke-nova-cache-in-body.json", "0.0019392", (7600, 0)),
        ("responses-cached-inside.json", "0.005632", (2300, 0)),
    ],
)
def test_what_the_cache_has_read_and_written_is_counted_once(
    name: str, usd: str, cached: tuple[int, int]
) -> None:
    (call,) = calls(name)
    found = cost(call)
    assert (call.usage.cache_read_tokens, call.usage.cache_write_tokens) == cached
    assert (dollars(found), found.priced) == (Decimal(usd), "exact")


def test_what_is_cached_is_not_taken_off_twice() -> None:
    record = json.loads((RECORDS / "responses-cached-inside.json").read_text())
    record["input"]["inputTokenCount"] = 300  # as Bedrock counts elsewhere: without the cache
    call = parse(json.dumps(record))
    assert isinstance(call, Invocation)
    assert (call.usage.input_tokens, call.usage.cache_read_tokens) == (300, 2300)


def test_no_model_that_reads_a_cache_for_money_leaves_its_writes_open() -> None:
    """Writing costs nothing at Nova's; the caches of these three fill by themselves."""
    open_ended = {
        without_geography(entry.model).partition(".")[0]
        for entry in read_price_list(PRICES_FILE.read_bytes()).entries
        if entry.rates.cache_read is not None and entry.rates.cache_write is None
    }
    assert open_ended == {"openai", "xai", "moonshotai"}


@pytest.mark.parametrize(
    "name", ["invoke-anthropic-cache-in-body.json", "stream-anthropic-cache-in-message-start.json"]
)
def test_the_cache_is_in_doubt_where_a_body_that_was_not_read_may_count_it(name: str) -> None:
    record = json.loads((RECORDS / name).read_text())
    del record["output"]["outputBodyJson"]
    record["output"]["outputBodyS3Path"] = "s3://example/x"
    call = parse(json.dumps(record))
    assert isinstance(call, Invocation)
    assert (cost(call).priced, cost(call).fallback) == ("approximate", "cache-unknown")
    record["input"] |= {"cacheReadInputTokenCount": 0, "cacheWriteInputTokenCount": 0}
    call = parse(json.dumps(record))
    assert isinstance(call, Invocation)
    assert cost(call).priced == "exact"


def test_what_is_cached_is_taken_off_although_the_record_counts_it_too() -> None:
    record = json.loads((RECORDS / "responses-cached-inside.json").read_text())
    record["input"] |= {"cacheReadInputTokenCount": 2300, "cacheWriteInputTokenCount": 0}
    call = parse(json.dumps(record))
    assert isinstance(call, Invocation)
    assert (call.usage.input_tokens, call.usage.cache_read_tokens) == (300, 2300)


@pytest.mark.parametrize(
    ("model", "region", "usage", "tier", "usd", "fallback"),
    [
        # Flex is half in us-east-1: 0.92 and 3.68 in Ireland, half of that.
        (
            "amazon.nova-pro-v1:0", "eu-west-1", Usage(input_tokens=1000, output_tokens=100), "flex",
            "0.000644", "other-region",
        ),
        (
            "amazon.nova-pro-v1:0", "eu-west-1", Usage(input_tokens=1000, output_tokens=100),
            "unknown", "0.001288", "tier-unknown",
        ),
        (
            "amazon.nova-pro-v1:0", "eu-west-1", Usage(input_tokens=1000, output_tokens=100), None,
            "0.001288", None,
        ),
        # Above 200,000 tokens: 6.60 and 24.75 in the home Regions.
        (
            "anthropic.claude-sonnet-4-5-20250929-v1:0", "us-gov-west-1",
            Usage(input_tokens=300_000, output_tokens=1000), None, "2.1870000", "other-region",
        ),
    ],
)  # fmt: skip
def test_what_a_regions_entry_lacks_is_near_that_of_the_others(
    model: str, region: str, usage: Usage, tier: str | None, usd: str, fallback: str | None
) -> None:
    found = PRICES.cost(
        model_id=model, region=region, usage=usage, billing=Billing(service_tier=tier), units=None
    )
    assert (dollars(found), found.fallback) == (Decimal(usd), fallback)


def test_no_model_with_a_cache_price_lacks_it_in_a_region() -> None:
    usage = Usage(input_tokens=10, output_tokens=10, cache_read_tokens=7_600)
    entries = read_price_list(PRICES_FILE.read_bytes()).entries
    with_cache = {one.model for one in entries if one.region is None and one.rates.cache_read}
    for one in entries:
        if one.region is not None and one.model in with_cache:
            found = PRICES.cost(
                model_id=one.model, region=one.region, usage=usage, billing=Billing(), units=None
            )
            assert found.priced != "unpriced", (one.model, one.region)


def test_what_only_the_body_says_is_in_doubt_without_it() -> None:
    (call,) = calls("cache-write-body-absent.json")
    found = cost(call)
    assert (dollars(found), found.priced) == (Decimal("0.09117"), "approximate")
    assert found.fallback == "cache-lifetime"


def test_the_tier_is_in_doubt_where_no_body_says_it() -> None:
    record = json.loads((RECORDS / "nova-cache-write.json").read_text())
    record["modelId"] = "us.amazon.nova-pro-v1:0"  # it has prices by tier
    record["input"].pop("inputBodyJson")
    record["output"].pop("outputBodyJson")
    call = parse(json.dumps(record))
    assert isinstance(call, Invocation)
    assert (cost(call).priced, cost(call).fallback) == ("approximate", "tier-unknown")
    record["modelId"] = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"  # it has not
    record["input"]["cacheWriteInputTokenCount"] = 0
    call = parse(json.dumps(record))
    assert isinstance(call, Invocation)
    assert cost(call).priced == "exact"


def test_a_suffix_for_the_context_does_not_change_the_price() -> None:
    found = [cost(call) for call in calls("model-id-suffix.jsonl")]
    assert [dollars(one) for one in found] == [Decimal("0.00018"), Decimal("0.00002")]


def test_each_region_has_its_price_or_none_is_exact() -> None:
    wanted = ["0.73", "2.33", "0.72", "0.99", "0.42", "3.49"]
    found = [cost(call) for call in calls("regional-prices.jsonl")]
    assert [dollars(one) for one in found] == list(map(Decimal, wanted))
    assert {one.priced for one in found} == {"exact"}


def test_a_bare_id_costs_what_its_region_charges() -> None:
    (call,) = calls("nova-2-lite-bare.json")
    assert (dollars(cost(call)), cost(call).priced) == (Decimal("3.08"), "exact")


def test_what_is_not_charged_by_the_token_is_unpriced_and_never_nothing() -> None:
    found = [cost(call) for call in calls("media-unpriced.jsonl")]
    assert [(one.priced, one.model_picodollars) for one in found] == [("unpriced", None)] * 6


def test_an_override_by_tokens_prices_no_call_that_has_none() -> None:
    prices = Prices.load((RECORDS / "rerank-price-override.json").read_bytes())
    found = cost(calls("media-unpriced.jsonl")[0], prices)
    assert (found.priced, found.model_picodollars) == ("unpriced", None)


def test_an_override_by_the_call_prices_what_is_neither_token_nor_image() -> None:
    rerank, *_ = calls("media-unpriced.jsonl")
    override = {"entries": [{"model": rerank.model, "call": 2_000_000_000}]}
    found = cost(rerank, Prices.load(json.dumps(override).encode()))
    assert (found.priced, dollars(found)) == ("exact", Decimal("0.002"))


def test_an_override_without_any_price_is_refused() -> None:
    with pytest.raises(PricesError, match="holds no rate"):
        Prices.load(b'{"entries": [{"model": "a", "call": 0}]}')


def test_a_refused_call_costs_nothing_and_is_not_unpriced() -> None:
    found = [cost(call) for call in calls("refused-unpriced.jsonl")]
    assert [one.priced for one in found] == ["exact", "exact", "exact", "unpriced"]
    assert [one.model_picodollars for one in found] == [0, 0, 0, None]


def test_free_units_of_guardrails_are_charged_to_no_one() -> None:
    (call,) = calls("guardrail-free-units.json")
    assert call.guardrail.units is not None
    assert call.guardrail.units.charged() == 0
    assert cost(call).guardrail_picodollars == 0


@pytest.mark.parametrize(
    ("name", "modalities"),
    [
        ("embedding-modality.jsonl", ["embedding", "embedding", "embedding", "image"]),
        ("media-unpriced.jsonl", ["text", "text", "audio", "video", "text", "embedding"]),
    ],
)
def test_the_modality_is_right_or_unknown(name: str, modalities: list[str]) -> None:
    assert [call.modality for call in calls(name)] == modalities


def test_a_price_is_the_same_as_that_of_another_model() -> None:
    override = {"entries": [{"model": "k7w2m9q4t1zx", "same_as": "us.amazon.nova-lite-v1:0"}]}
    prices = Prices.load(json.dumps(override).encode())
    (call,) = calls("application-inference-profile.json")
    assert (dollars(cost(call, prices)), cost(call, prices).priced) == (
        Decimal("0.0002088"),
        "exact",
    )


@pytest.mark.parametrize(
    "entry",
    [
        {"model": "k7w2m9q4t1zx", "same_as": "no.such-model"},
        {"model": "k7w2m9q4t1zx", "same_as": "amazon.nova-lite-v1:0", "rates": {"input": 1000}},
        {"model": "k7w2m9q4t1zx"},
    ],
)
def test_a_price_that_is_the_same_as_nothing_is_refused(entry: dict[str, object]) -> None:
    with pytest.raises(PricesError, match="k7w2m9q4t1zx"):
        Prices.load(json.dumps({"entries": [entry]}).encode())
