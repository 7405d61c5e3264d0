"""Pricing: what a call costs, and when we say that we do not know."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_alerts.invocations import pricing
from bedrock_alerts.invocations.invocation import Billing, Cost, GuardrailUnits, Usage
from bedrock_alerts.invocations.price_list import (
    PRICES_FILE,
    PricesError,
    read_price_list,
)
from bedrock_alerts.invocations.pricing import (
    FALLBACKS,
    HOME_REGIONS,
    Prices,
)

PRICES = Prices.load()
SHIPPED = read_price_list(PRICES_FILE.read_bytes())

HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
HAIKU_55 = "anthropic.claude-haiku-5-5"
SONNET = "anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA_PRO = "amazon.nova-pro-v1:0"
NOVA_LITE = "amazon.nova-lite-v1:0"
CANVAS = "amazon.nova-canvas-v1:0"

PLAIN = Billing()
FLEX = Billing(service_tier="flex")
PRIORITY = Billing(service_tier="priority")
RESERVED = Billing(service_tier="reserved")
OPTIMIZED = Billing(latency_mode="optimized")


def tokens(
    input_tokens: int = 0, output_tokens: int = 0, cache_read: int = 0, cache_write: int = 0
) -> Usage:
    return Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cache_read_tokens=cache_read,
        cache_write_tokens=cache_write,
    )


def cost(
    model_id: str,
    usage: Usage | None = None,
    billing: Billing = PLAIN,
    *,
    region: str = "us-east-1",
    units: GuardrailUnits | None = None,
    prices: Prices = PRICES,
) -> Cost:
    return prices.cost(
        model_id=model_id, region=region, usage=usage or Usage(), billing=billing, units=units
    )


def overriding(*entries: dict[str, Any]) -> Prices:
    return Prices.load(json.dumps({"entries": entries}).encode())


# Computed by hand: (tokens x published USD per million tokens) / 1000, for a thousand calls.
# fmt: off
GOLDEN = [
    pytest.param(f"us.{HAIKU}", "us-east-1", tokens(1000, 1000), PLAIN, "6.6000", None,
        id="Haiku 4.5 through a geography is 1.10 in and 5.50 out"),
    pytest.param(f"global.{HAIKU}", "us-east-1", tokens(1000, 1000), PLAIN, "6.0000", None,
        id="Haiku 4.5 through the global profile is 1.00 in and 5.00 out"),
    pytest.param(f"eu.{HAIKU}", "eu-west-1", tokens(12, 34), PLAIN, "0.2002", None,
        id="twelve tokens in and thirty-four out of eu Haiku 4.5"),
    pytest.param(HAIKU, "us-gov-west-1", tokens(1000, 500), PLAIN, "4.2000", None,
        id="Haiku 4.5 in a Region with its own price, 1.20 in and 6.00 out"),
    pytest.param(f"global.{HAIKU}", "eu-west-1", tokens(0, 100, 0, 10_000),
        Billing(cache_write_1h_tokens=4000), "16.0000", None,
        id="6,000 cache writes at 1.25, 4,000 for an hour at 2.00, 100 out at 5.00"),
    pytest.param(f"us.{SONNET}", "us-east-1", tokens(1, 210, 88_000, 2000), PLAIN, "40.7583", None,
        id="one token beside a large cache read, 3.30 / 16.50 / 0.33 / 4.125"),
    pytest.param(f"us.{SONNET}", "us-east-1", tokens(150_000, 1000, 50_000), PLAIN,
        "528.0000", None, id="200,000 tokens of input are not above 200,000"),
    pytest.param(f"us.{SONNET}", "us-east-1", tokens(150_000, 1000, 50_001), PLAIN,
        "1047.7507", None, id="one more, from the cache, prices every token at the higher band"),
    pytest.param(f"global.{HAIKU_55}", "us-east-1", tokens(100_001, 1000), PLAIN,
        "52.5005", None, id="Haiku 5.5 above 100,000 tokens is 0.50 in and 2.50 out"),
    pytest.param(f"us.{NOVA_PRO}", "us-east-1", tokens(2000, 500), PLAIN, "3.2000", None,
        id="Nova Pro is 0.80 in and 3.20 out"),
    pytest.param(f"us.{NOVA_PRO}", "us-east-1", tokens(2000, 500), FLEX, "1.6000", None,
        id="the flex tier is half of it"),
    pytest.param(f"us.{NOVA_PRO}", "us-east-1", tokens(2000, 500), PRIORITY, "5.6000", None,
        id="the priority tier is 1.40 in and 5.60 out"),
    pytest.param(f"us.{NOVA_PRO}", "us-east-1", tokens(2000, 500), OPTIMIZED, "3.2000",
        "standard-latency", id="no price for optimized latency, the standard one stands in"),
    pytest.param(NOVA_LITE, "us-east-1", tokens(100, 200, 5000), PLAIN, "0.1290", None,
        id="Nova Lite reads its cache at 0.015"),
    pytest.param(f"ca.{NOVA_LITE}", "ca-central-1", tokens(1000, 1000), PLAIN, "0.3200",
        "without-prefix", id="a geography not in the list falls back to the bare id"),
    pytest.param("deepseek.v3.2", "eu-north-1", tokens(1000, 1000), PLAIN, "2.9600", None,
        id="DeepSeek in Stockholm is 0.74 in and 2.22 out"),
    pytest.param("deepseek.v3.2", "us-west-2", tokens(1000, 1000), PLAIN, "2.4700", None,
        id="DeepSeek in Oregon is 0.62 in and 1.85 out"),
    pytest.param("deepseek.v3.2", "eu-west-3", tokens(1000, 1000), PLAIN, "2.4700",
        "other-region", id="DeepSeek in Paris is not in the list, the list's main price stands in"),
    pytest.param("mistral.mistral-large-2402-v1:0", "eu-west-3", tokens(300, 700), PLAIN,
        "12.4800", None, id="Mistral Large in Paris is 5.20 in and 15.60 out"),
    pytest.param("openai.gpt-oss-120b-1:0", "us-east-1", tokens(4000, 1000), FLEX, "0.6000", None,
        id="an open-weight model in flex is 0.075 in and 0.30 out"),
    pytest.param("amazon.titan-embed-text-v2:0", "us-west-2", tokens(8000), PLAIN,
        "0.1600", None, id="text embeddings are 0.02 in"),
    pytest.param("amazon.titan-embed-text-v2:0", "eu-central-1", tokens(8000), PLAIN,
        "0.1600", "other-region", id="and in a Region of which no price is known, near that"),
    pytest.param(f"eu.{NOVA_LITE}", "eu-west-1", tokens(1000, 1000), PLAIN, "0.3450", None,
        id="a geography's profile costs what its source Region charges, 0.069 and 0.276"),
    pytest.param(HAIKU, "ap-southeast-2", tokens(1000, 1000), PLAIN, "6.6000", None,
        id="Claude costs the same in all commercial Regions, bare as through a geography"),
    pytest.param("amazon.titan-embed-image-v1", "us-east-1", tokens(100), PLAIN, "0.0800",
        "tokens-only", id="of a multimodal embedding only the text is counted"),
    pytest.param("stability.sd3-5-large-v1:0", "us-west-2", tokens(77), Billing(images=1),
        "80.0000", None, id="an image is charged by the image, its prompt is free"),
    pytest.param(CANVAS, "us-east-1", tokens(), Billing(images=2), "120.0000", "image-size",
        id="Nova Canvas has one price in the list, several in truth"),
]
# fmt: on


@pytest.mark.parametrize(("model_id", "region", "usage", "billing", "usd", "fallback"), GOLDEN)
def test_a_thousand_calls_cost_what_the_published_rates_say(
    model_id: str, region: str, usage: Usage, billing: Billing, usd: str, fallback: str | None
) -> None:
    found = cost(model_id, usage, billing, region=region)

    assert found.model_picodollars is not None
    thousand_calls = Decimal(found.model_picodollars * 1000) / 10**12
    assert thousand_calls.quantize(Decimal("0.0001")) == Decimal(usd)
    assert found.fallback == fallback
    assert found.priced == ("exact" if fallback is None else "approximate")


@pytest.mark.parametrize(
    ("model_id", "usage", "billing"),
    [
        pytest.param("a1b2c3d4e5f6", tokens(10), PLAIN, id="an opaque id"),
        pytest.param("vendor.unheard-of-v9:0", tokens(10), PLAIN, id="a model nobody has heard of"),
        pytest.param("vendor.unheard-of-v9:0", tokens(), PLAIN, id="the same without any usage"),
        pytest.param("us.vendor.unheard-of", tokens(10), PLAIN, id="a prefix before such a model"),
        pytest.param("eu.openai.gpt-5.4", tokens(10), PLAIN, id="only other geographies' prices"),
        pytest.param("amazon.rerank-v1:0", tokens(10), PLAIN, id="a model charged by the query"),
        pytest.param(f"us.{HAIKU}", tokens(10, 10), RESERVED, id="the reserved tier"),
        pytest.param(
            "deepseek.v3.2", tokens(10, 10, 0, 5), PLAIN, id="cache writes without a rate"
        ),
        pytest.param("deepseek.v3.2", tokens(10, 10, 5), PLAIN, id="cache reads without a rate"),
        pytest.param(
            "us.anthropic.claude-sonnet-4-20250514-v1:0",
            tokens(10, 10, 0, 5),
            Billing(cache_write_1h_tokens=1),
            id="an hour of cache where only five minutes have a rate",
        ),
        pytest.param(NOVA_LITE, tokens(10), Billing(images=1), id="images of a model of text"),
        pytest.param(CANVAS, tokens(10), PLAIN, id="a prompt to an image model, and no image"),
        pytest.param("amazon.titan-embed-image-v1", tokens(), PLAIN, id="media and no token"),
        pytest.param("", tokens(1), PLAIN, id="no id at all"),
    ],
)
def test_a_call_whose_price_is_not_known_is_unpriced_and_has_no_amount(
    model_id: str, usage: Usage, billing: Billing
) -> None:
    found = cost(model_id, usage, billing)
    assert (found.model_picodollars, found.priced, found.fallback) == (None, "unpriced", None)


@pytest.mark.parametrize(
    ("model_id", "billing"),
    [
        pytest.param(f"us.{HAIKU}", PLAIN, id="in the default tier"),
        pytest.param(f"us.{HAIKU}", RESERVED, id="in the reserved tier"),
        pytest.param(f"ca.{HAIKU}", PLAIN, id="through a geography not in the list"),
    ],
)
def test_a_call_of_a_known_model_that_used_nothing_costs_exactly_nothing(
    model_id: str, billing: Billing
) -> None:
    assert cost(model_id, Usage(), billing) == Cost(
        model_picodollars=0, guardrail_picodollars=0, priced="exact"
    )


def test_a_call_of_an_image_model_for_which_no_image_is_counted_is_unpriced() -> None:
    assert cost(CANVAS, Usage(), PLAIN).priced == "unpriced"
    assert cost(CANVAS, Usage(), Billing(counts="blocked")).model_picodollars == 0


@pytest.mark.parametrize("word", ["default", None])
def test_the_default_tier_is_the_default_however_it_is_said(word: str | None) -> None:
    found = cost(NOVA_PRO, tokens(1000), Billing(service_tier=word, latency_mode="standard"))

    assert (found.model_picodollars, found.priced) == (800_000_000, "exact")


def test_a_tier_without_a_price_is_priced_as_default_and_says_so() -> None:
    found = cost(f"us.{HAIKU}", tokens(1000), FLEX)

    assert found.model_picodollars == cost(f"us.{HAIKU}", tokens(1000)).model_picodollars
    assert (found.priced, found.fallback) == ("approximate", "default-tier")


def test_only_the_kinds_a_tier_lacks_are_borrowed_from_the_default_tier() -> None:
    model_id = "us.amazon.nova-2-pro-preview-20251202-v1:0"

    without_cache = cost(model_id, tokens(1000), PRIORITY)
    with_cache = cost(model_id, tokens(1000, 0, 1000), PRIORITY)

    assert (without_cache.model_picodollars, without_cache.priced) == (2_406_250_000, "exact")
    assert with_cache.model_picodollars == 2_406_250_000 + 343_750_000
    assert with_cache.fallback == "default-tier"


def test_a_tier_has_its_own_long_context_band() -> None:
    found = cost("us.openai.gpt-6-astra", tokens(272_001), Billing(service_tier="ultrafast"))

    assert (found.model_picodollars, found.priced) == (272_001 * 132_000_000, "exact")


def test_a_tier_without_a_long_context_band_takes_the_default_tiers_band() -> None:
    found = cost(f"us.{SONNET}", tokens(200_001), Billing(service_tier="batch"))

    assert found.model_picodollars == 200_001 * 6_600_000
    assert found.fallback == "default-tier"


def test_of_several_bands_the_highest_that_is_exceeded_applies() -> None:
    prices = overriding(
        {
            "model": "banded",
            "rates": {"input": 1000},
            "bands": [
                {"above": 100, "rates": {"input": 2000}},
                {"above": 200, "rates": {"input": 3000}},
            ],
        }
    )

    amounts = [
        cost("banded", tokens(count), prices=prices).model_picodollars for count in (100, 101, 201)
    ]

    assert amounts == [100 * 1000, 101 * 2000, 201 * 3000]


@pytest.mark.parametrize("prefix", ["us", "eu", "apac", "au", "jp", "ca", "in", "global", "us-gov"])
def test_a_geography_of_its_own_price_is_exact_and_any_other_is_told(prefix: str) -> None:
    model_id = f"{prefix}.{NOVA_LITE}"
    listed = any(entry.model == model_id for entry in SHIPPED.entries)

    region = {"eu": "eu-west-1", "apac": "ap-southeast-2"}.get(prefix, "us-east-1")
    found = cost(model_id, tokens(1000), region=region)

    assert found.fallback == (None if listed else "without-prefix")


def test_without_its_prefix_a_model_still_has_the_price_of_its_region() -> None:
    found = cost(f"us-gov.{HAIKU}", tokens(1000), region="us-gov-west-1")

    assert (found.model_picodollars, found.fallback) == (1_200_000_000, "without-prefix")


def test_a_government_region_without_a_price_of_its_own_is_not_called_exact() -> None:
    found = cost(CANVAS, tokens(), Billing(images=1), region="us-gov-west-1")

    assert found.fallback == "other-region"


def test_a_government_profile_is_exact_in_a_government_region() -> None:
    found = cost(f"us-gov.{SONNET}", tokens(1000), region="us-gov-east-1")

    assert (found.model_picodollars, found.priced) == (3_600_000_000, "exact")


def test_prices_of_government_regions_do_not_blur_those_of_all_others() -> None:
    assert cost(HAIKU, tokens(1), region="eu-west-1").priced == "exact"


def test_an_hour_of_cache_beyond_what_was_written_is_not_charged() -> None:
    found = cost(f"us.{HAIKU}", tokens(0, 0, 0, 10), Billing(cache_write_1h_tokens=99))

    assert found.model_picodollars == 10 * 2_200_000


def test_guardrail_units_cost_what_is_published_for_each_policy() -> None:
    each = {
        "topic": ".00015",
        "content": ".00015",
        "content_image": ".00075",
        "word": "0",
        "sensitive_information": ".0001",
        "sensitive_information_free": "0",
        "contextual_grounding": ".0001",
        "automated_reasoning": ".00017",
    }
    assert set(each) == set(GuardrailUnits.__struct_fields__)
    for policy, usd in each.items():
        found = cost(f"us.{HAIKU}", units=GuardrailUnits(**{policy: 3}))
        assert found.guardrail_picodollars == 3 * Decimal(usd) * 10**12, policy


def test_a_blocked_prompt_of_an_unknown_model_still_costs_its_guardrail_units() -> None:
    found = cost("a1b2c3d4e5f6", units=GuardrailUnits(topic=1, content=2))

    assert (found.priced, found.model_picodollars) == ("unpriced", None)
    assert found.guardrail_picodollars == 450_000_000


def test_more_model_ids_than_memory_should_hold_are_forgotten_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pricing, "_MEMO_LIMIT", 3)
    prices = Prices.load()

    for number in range(10):
        cost(f"made-up-{number}", tokens(1), prices=prices)

    assert len(prices._memo) <= 3  # noqa: SLF001 - the bound is the point
    assert cost(f"us.{HAIKU}", tokens(1), prices=prices).model_picodollars == 1_100_000


# --- overrides


def test_an_override_prices_an_opaque_id() -> None:
    prices = overriding({"model": "a1b2c3d4e5f6", "rates": {"input": 1000, "output": 2000}})

    found = cost("a1b2c3d4e5f6", tokens(3, 4), prices=prices, region="us-gov-west-1")

    assert found == Cost(model_picodollars=11_000, guardrail_picodollars=0, priced="exact")


def test_an_override_replaces_the_whole_entry_and_nothing_of_the_old_one_shows() -> None:
    prices = overriding({"model": f"us.{SONNET}", "rates": {"input": 3_000_000, "output": 0}})

    assert cost(f"us.{SONNET}", tokens(300_000), prices=prices).model_picodollars == 900_000_000_000
    assert cost(f"us.{SONNET}", tokens(1, 0, 1), prices=prices).priced == "unpriced"
    assert cost(f"eu.{SONNET}", tokens(1), prices=prices) == cost(f"eu.{SONNET}", tokens(1))


def test_an_override_without_a_region_is_meant_for_every_region() -> None:
    prices = overriding({"model": "deepseek.v3.2", "rates": {"input": 1000}})

    assert cost("deepseek.v3.2", tokens(1), region="eu-west-3", prices=prices).priced == "exact"


def test_an_override_with_a_region_leaves_the_other_regions_alone() -> None:
    prices = overriding({"model": "deepseek.v3.2", "region": "eu-west-3", "rates": {"input": 1000}})

    there = cost("deepseek.v3.2", tokens(1), region="eu-west-3", prices=prices)
    elsewhere = cost("deepseek.v3.2", tokens(1), region="eu-north-1", prices=prices)

    assert (there.model_picodollars, there.priced) == (1000, "exact")
    assert elsewhere == cost("deepseek.v3.2", tokens(1), region="eu-north-1")


def test_an_override_can_price_optimized_latency_and_a_reserved_tier_stays_unpriced() -> None:
    prices = overriding(
        {"model": "m", "rates": {"input": 1000}, "tiers": {"optimized": {"input": 5000}}}
    )

    found = cost("m", tokens(2), OPTIMIZED, prices=prices)

    assert (found.model_picodollars, found.priced) == (10_000, "exact")
    assert cost("m", tokens(2), RESERVED, prices=prices).priced == "unpriced"


GOOD = {"model": "good", "rates": {"input": 1000}}


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        pytest.param(b"", ["price overrides"], id="nothing"),
        pytest.param(b"{", ["price overrides"], id="half a document"),
        pytest.param(b'{"entries":["\xff"]}', ["utf-8"], id="not UTF-8"),
        pytest.param(b"[]", ["Expected `object`"], id="a bare list"),
        pytest.param(b"{}", ["entries"], id="no entries"),
        pytest.param(b'{"entries":[],"prices":[]}', ["prices"], id="an unknown key"),
        pytest.param([GOOD, 3], ["entry 1", "no model"], id="an entry that is a number"),
        pytest.param([GOOD, {"rates": {}}], ["entry 1", "model"], id="an entry without a model"),
        pytest.param(
            [GOOD, {"model": "m", "rates": {"input": 1.1}}],
            ["entry 1 (m)", "$.rates.input"],
            id="dollars where pico-dollars belong",
        ),
        pytest.param(
            [{"model": "m", "rates": {"input": -1}}], ["(m)", "$.rates.input"], id="below zero"
        ),
        pytest.param(
            [{"model": "m", "rates": {"inptu": 1000}}], ["(m)", "inptu"], id="a kind misspelt"
        ),
        pytest.param(
            [{"model": "m", "rates": {"input": 1}}],
            ["m: `rates.input` is 1 pico-dollars"],
            id="whole dollars where pico-dollars belong",
        ),
        pytest.param(
            [{"model": "m", "rates": {"input": 1000}, "tiers": {"flex": {"output": 5}}}],
            ["`tiers.flex.output` is 5"],
            id="the same in a tier",
        ),
        pytest.param(
            [
                {
                    "model": "m",
                    "rates": {"input": 1000},
                    "bands": [
                        {"above": 9, "rates": {}, "tiers": {"flex": {"cache_read": 7}}},
                    ],
                }
            ],
            ["`bands[0].tiers.flex.cache_read` is 7"],
            id="the same in the tier of a band",
        ),
        pytest.param([{"model": "m", "rates": {}}], ["m: `rates`"], id="no rate"),
        pytest.param(
            [GOOD, {**GOOD, "region": "eu-west-1"}, GOOD], ["good: appears twice"], id="one twice"
        ),
        pytest.param(
            [{**GOOD, "region": "eu-west-1"}] * 2,
            ["good in eu-west-1: appears twice"],
            id="one Region twice",
        ),
        pytest.param(
            [{**GOOD, "bands": [{"above": 5, "rates": {"input": 1000}}] * 2}],
            ["good: `bands`"],
            id="a band twice",
        ),
        pytest.param(
            [{"model": "arn:aws:bedrock:r:1:x/m", "rates": {"input": 1000}}],
            ["$.model"],
            id="an ARN where its last segment belongs",
        ),
    ],
)
def test_bad_overrides_are_refused_whole_with_the_entry_and_the_field_named(
    overrides: bytes | list[object], words: list[str]
) -> None:
    text = (
        overrides if isinstance(overrides, bytes) else json.dumps({"entries": overrides}).encode()
    )

    with pytest.raises(PricesError) as caught:
        Prices.load(text)

    assert all(word in str(caught.value) for word in words), str(caught.value)


# --- the shipped list


def test_the_shipped_list_says_where_it_is_from_and_how_old_it_is() -> None:
    assert PRICES.source == f"litellm {SHIPPED.source_version}"
    assert PRICES.dated == SHIPPED.dated
    assert "Copyright" in SHIPPED.licence
    assert "Permission is hereby granted" in SHIPPED.licence


def test_the_shipped_list_is_small_and_has_an_entry_a_line() -> None:
    text = PRICES_FILE.read_bytes()

    assert len(text) < 200_000
    assert text.count(b'\n{"model":') == len(SHIPPED.entries) > 400


@pytest.mark.parametrize(
    "family",
    [
        *("ai21", "amazon", "anthropic", "cohere", "deepseek", "google", "meta", "minimax"),
        *("mistral", "moonshotai", "nvidia", "openai", "qwen", "stability", "writer", "zai"),
    ],
)
def test_the_shipped_list_holds_every_family_of_models(family: str) -> None:
    assert any(entry.model.startswith(f"{family}.") for entry in SHIPPED.entries)


def test_where_the_list_has_both_the_main_price_is_that_of_the_home_regions() -> None:
    main = {entry.model: entry.rates for entry in SHIPPED.entries if entry.region is None}
    there = [entry for entry in SHIPPED.entries if entry.region in HOME_REGIONS]

    assert there
    assert [entry.model for entry in there if main[entry.model] != entry.rates] == []


def test_a_cache_read_is_never_dearer_than_input_and_no_text_model_is_free() -> None:
    for entry in SHIPPED.entries:
        rates = entry.rates
        if rates.image is None:
            assert rates.input, entry.model
            assert (rates.cache_read or 0) <= rates.input, entry.model


def test_every_band_prices_all_that_its_entry_prices() -> None:
    for entry in SHIPPED.entries:
        for band in entry.bands:
            for kind in entry.rates.__struct_fields__:
                assert (getattr(band.rates, kind) is None) == (
                    getattr(entry.rates, kind) is None
                ), f"{entry.model} {kind}"


@pytest.mark.parametrize(
    "text",
    [b"", b"{}", b"\xff", PRICES_FILE.read_bytes().replace(b'"USD"', b'"EUR"')],
    ids=["empty", "no header", "not UTF-8", "another currency"],
)
def test_a_list_of_another_shape_is_refused(text: bytes) -> None:
    with pytest.raises(PricesError, match="price list"):
        read_price_list(text)


# --- laws

count = st.integers(min_value=0, max_value=10_000)
usages = st.builds(
    Usage,
    input_tokens=count,
    output_tokens=count,
    cache_read_tokens=count,
    cache_write_tokens=count,
)
billings = st.builds(
    Billing,
    cache_write_1h_tokens=count,
    images=st.integers(0, 4),
    service_tier=st.sampled_from(
        [None, "default", "priority", "flex", "reserved", "batch", "never-seen"]
    ),
    latency_mode=st.sampled_from([None, "standard", "optimized"]),
)
guardrail_units = st.none() | st.builds(
    GuardrailUnits, **dict.fromkeys(GuardrailUnits.__struct_fields__, count)
)
listed = [entry.model for entry in SHIPPED.entries]
model_ids = st.sampled_from(listed) | st.builds(
    "{}.{}".format, st.sampled_from(["us", "ca", "xx-new", "me"]), st.sampled_from(listed)
)
regions = st.sampled_from(["us-east-1", "eu-west-3", "ap-south-1", "us-gov-west-1", "xx-none-9"])


@settings(deadline=None)
@given(model_ids | st.text(max_size=40), regions, usages, billings, guardrail_units)
def test_law_every_cost_is_whole_not_negative_and_has_an_amount_unless_unpriced(
    model_id: str, region: str, usage: Usage, billing: Billing, units: GuardrailUnits | None
) -> None:
    found = cost(model_id, usage, billing, region=region, units=units)

    assert isinstance(found.guardrail_picodollars, int)
    assert found.guardrail_picodollars >= 0
    assert (found.model_picodollars is None) == (found.priced == "unpriced")
    assert (found.model_picodollars or 0) >= 0
    assert (found.fallback in FALLBACKS) == (found.priced == "approximate")


@settings(deadline=None)
@given(model_ids, regions, usages, usages, count, count)
def test_law_within_one_band_two_calls_cost_what_one_call_of_their_sum_costs(
    model_id: str, region: str, one: Usage, two: Usage, hour_one: int, hour_two: int
) -> None:
    hours = (min(hour_one, one.cache_write_tokens), min(hour_two, two.cache_write_tokens))
    both = Usage(
        **{name: getattr(one, name) + getattr(two, name) for name in Usage.__struct_fields__}
    )

    apart = [
        cost(model_id, usage, Billing(cache_write_1h_tokens=hour), region=region).model_picodollars
        for usage, hour in zip((one, two), hours, strict=True)
    ]
    together = cost(model_id, both, Billing(cache_write_1h_tokens=sum(hours)), region=region)

    if together.model_picodollars is not None and None not in apart:
        assert together.model_picodollars == sum(amount or 0 for amount in apart)


@settings(deadline=None)
@given(model_ids, regions, usages, billings)
def test_law_what_was_asked_before_changes_no_answer(
    model_id: str, region: str, usage: Usage, billing: Billing
) -> None:
    asked_before = cost(model_id, usage, billing, region=region)

    assert cost(model_id, usage, billing, region=region) == asked_before
    assert cost(model_id, usage, billing, region=region, prices=Prices.load()) == asked_before


@settings(deadline=None)
@given(st.text(max_size=40), regions, usages, guardrail_units)
def test_law_no_model_outside_the_list_ever_has_an_amount(
    name: str, region: str, usage: Usage, units: GuardrailUnits | None
) -> None:
    found = cost(f"nobody.{name}!", usage, region=region, units=units)

    assert (found.priced, found.model_picodollars) == ("unpriced", None)


@given(
    place=st.integers(0, len(SHIPPED.entries) - 1),
    read=st.integers(0, 300_000),
    written=st.integers(0, 10**6),
    billing=st.sampled_from([PLAIN, FLEX, PRIORITY, OPTIMIZED, RESERVED]),
)
def test_tokens_alone_cost_the_same_as_item_by_item(
    place: int, read: int, written: int, billing: Billing
) -> None:
    entry = SHIPPED.entries[place]
    model, region = entry.model, entry.region or "us-east-1"
    usage = tokens(read, written)
    plan = PRICES._planned((model, region, billing.service_tier, billing.latency_mode))  # noqa: SLF001
    assert plan is not None
    assert cost(model, usage, billing, region=region) == pricing._itemised(  # noqa: SLF001
        plan, usage, billing, 0
    )


@pytest.mark.parametrize(
    ("model_id", "is_listed"),
    [
        (f"us.{HAIKU}", True),
        (HAIKU, True),
        (f"ca.{HAIKU}", True),
        (f"aax.{HAIKU}", False),
        (f"{HAIKU}:1k", False),
        (f"us.{HAIKU}:300k", False),
        ("acme.m0", False),
    ],
)
def test_ids_of_failed_calls_count_as_listed_only_as_aws_writes_them(
    model_id: str, *, is_listed: bool
) -> None:
    assert cost(model_id, Usage(), Billing(counts="refused")).is_listed is is_listed
