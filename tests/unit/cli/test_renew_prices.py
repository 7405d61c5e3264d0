"""Renewing the price list: what is taken out of a wheel, how, and what stops a renewal."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bedrock_alerts.invocations.price_list import (
    Band,
    Entry,
    PricesError,
    Rates,
    ShippedPrices,
    read_price_list,
)
from bedrock_alerts_cli.maintain import renew_prices as prices
from tests.support.second_prices import second_wheels

LICENCE = """Portions of this software are licensed as follows: a folder apart.
---
MIT License

Copyright (c) 2023 Somebody

Permission is hereby granted, free of charge, ...
"""
UNITS = {
    "topicPolicyUnits": 0.00015,
    "contentPolicyUnits": 0.00015,
    "contentPolicyImageUnits": 0.00075,
    "wordPolicyUnits": 0.0,
    "sensitiveInformationPolicyUnits": 0.0001,
    "sensitiveInformationPolicyFreeUnits": 0.0,
    "contextualGroundingPolicyUnits": 0.0001,
    "automatedReasoningPolicyUnits": 0.00017,
}


def guardrails(**units: float) -> dict[str, object]:
    return {
        "litellm_provider": "bedrock",
        "mode": "guardrail",
        "guardrail_cost_per_unit": {**UNITS, **units},
    }


Wheel = Callable[..., Path]


def chat(**costs: object) -> dict[str, object]:
    return {
        "litellm_provider": "bedrock_converse",
        "mode": "chat",
        "max_input_tokens": 200000,
        "input_cost_per_token": 1e-06,
        "output_cost_per_token": 5e-06,
        **costs,
    }


MAP: dict[str, dict[str, Any]] = {
    "sample_spec": {"litellm_provider": "one of many"},
    "gpt-elsewhere": {"litellm_provider": "openai", "input_cost_per_token": 1e-06},
    "bedrock/guardrails": guardrails(),
    "v.model-1:0": chat(),
}


@pytest.fixture
def wheel(tmp_path: Path) -> Wheel:
    """Build a wheel that holds only what the program reads."""

    def build(
        content: dict[str, Any] = MAP,
        *,
        version: str = "9.9.9",
        licence: str = LICENCE,
        metadata: str | None = None,
    ) -> Path:
        file = tmp_path / f"litellm-{version}-py3-none-any.whl"
        info = f"litellm-{version}.dist-info"
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(prices.PRICES_MEMBER, json.dumps(content))
            archive.writestr(f"{info}/licenses/LICENSE", licence)
            archive.writestr(f"{info}/METADATA", metadata or f"Name: litellm\nVersion: {version}\n")
        return file

    return build


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "prices.json"


def entries_of(wheel: Path) -> dict[str, Entry]:
    found, _ = prices.convert(prices.read_wheel(wheel))
    return {entry.model + (f"@{entry.region}" if entry.region else ""): entry for entry in found}


def renew(wheel: Path, file: Path, *options: str) -> int:
    second = [f"--second={one}" for one in second_wheels(file.parent)]
    return prices.main(["--wheel", str(wheel), "--file", str(file), *second, *options])


def written(file: Path) -> ShippedPrices:
    return read_price_list(file.read_bytes())


def test_only_bedrock_models_are_taken(wheel: Wheel) -> None:
    assert list(entries_of(wheel())) == ["v.model-1:0"]


def test_rates_become_whole_pico_dollars_a_token(wheel: Wheel) -> None:
    costs = {
        "cache_read_input_token_cost": 8.75e-09,
        "cache_creation_input_token_cost": 1.25e-06,
        "cache_creation_input_token_cost_above_1hr": 2e-06,
    }

    found = entries_of(wheel({"v.m": chat(**costs)}))["v.m"]

    assert found.rates == Rates(
        input=1_000_000,
        output=5_000_000,
        cache_read=8_750,
        cache_write=1_250_000,
        cache_write_1h=2_000_000,
    )


def test_tiers_and_bands_and_tiers_of_bands_are_told_apart(wheel: Wheel) -> None:
    costs = {
        "input_cost_per_token_batches": 5e-07,
        "input_cost_per_token_flex": 6e-07,
        "output_cost_per_token_priority": 7e-06,
        "input_cost_per_token_above_200k_tokens": 2e-06,
        "cache_creation_input_token_cost_above_1hr_above_200k_tokens": 4e-06,
        "input_cost_per_token_above_200k_tokens_flex": 1e-06,
        "output_cost_per_token_above_100k_tokens": 6e-06,
    }

    found = entries_of(wheel({"v.m": chat(**costs)}))["v.m"]

    assert found.tiers == {
        "batch": Rates(input=500_000),
        "flex": Rates(input=600_000),
        "priority": Rates(output=7_000_000),
    }
    assert found.bands == (
        Band(above=100_000, rates=Rates(output=6_000_000)),
        Band(
            above=200_000,
            rates=Rates(input=2_000_000, cache_write_1h=4_000_000),
            tiers={"flex": Rates(input=1_000_000)},
        ),
    )


def test_a_key_with_a_region_becomes_an_entry_of_that_region(wheel: Wheel) -> None:
    found = entries_of(
        wheel({"bedrock/us-gov-west-1/v.m-1:0": chat(), "bedrock/eu-north-1/v.m-1:0": chat()})
    )

    assert list(found) == ["v.m-1:0@eu-north-1", "v.m-1:0@us-gov-west-1"]


def test_the_librarys_own_prefix_is_dropped_and_the_plain_key_wins(wheel: Wheel) -> None:
    plain = chat(input_cost_per_token=3e-06)

    found = entries_of(wheel({"bedrock/us.v.m": chat(), "us.v.m": plain, "bedrock/v.n": chat()}))

    assert list(found) == ["us.v.m", "v.n"]
    assert found["us.v.m"].rates.input == 3_000_000


@pytest.mark.parametrize(
    ("key", "fields", "reason"),
    [
        ("bedrock_mantle/v.m", {"litellm_provider": "bedrock_mantle"}, "never in the invocation"),
        ("bedrock/*/1-month-commitment/v.m", {"input_cost_per_second": 0.01}, "by the hour"),
        ("bedrock/claude_platform/claude-x", {}, "not a Bedrock model id"),
        ("1024-x-1024/50-steps/v.m", {"output_cost_per_image": 0.04}, "image size"),
        ("bedrock/invoke/v.m", {}, "a route of the library"),
        ("v.m@20251001", {}, "alias"),
        ("claude-v9", {}, "alias"),
        ("bedrock/us-gov-east-1/claude-v9", {}, "alias"),
        ("bedrock/some/new/form/v.m", {}, "unknown form"),
        ("v.rank", {"mode": "rerank", "input_cost_per_query": 0.001}, "no record counts"),
        ("v.video", {"input_cost_per_video_per_second": 0.0005}, "no record counts"),
        ("v.voice", {"mode": "realtime", "input_cost_per_audio_token": 3e-06}, "no record counts"),
    ],
)
def test_what_has_no_place_in_our_list_is_left_out_and_told(
    wheel: Wheel, key: str, fields: dict[str, object], reason: str
) -> None:
    found, skipped = prices.convert(prices.read_wheel(wheel({key: chat(**fields)})))

    assert found == ()
    ((told, keys),) = skipped.items()
    assert reason in told
    assert keys == [key]


def test_an_image_model_is_charged_by_the_image_and_its_prompt_is_free(wheel: Wheel) -> None:
    image = {"litellm_provider": "bedrock", "mode": "image_generation"}
    found = entries_of(
        wheel(
            {
                "v.paint": {**image, "output_cost_per_image": 0.08, "input_cost_per_image": 0.0},
                "us.amazon.nova-canvas-v1:0": {**image, "output_cost_per_image": 0.06},
            }
        )
    )

    assert found["v.paint"].rates == Rates(input=0, output=0, image=80_000_000_000)
    assert found["v.paint"].caveat is None
    assert found["us.amazon.nova-canvas-v1:0"].caveat == "image-size"


def test_an_embedding_charged_also_by_media_says_that_only_tokens_count(wheel: Wheel) -> None:
    found = entries_of(wheel({"v.m": chat(mode="embedding", input_cost_per_image=6e-05)}))

    assert found["v.m"].caveat == "tokens-only"


def test_media_tokens_at_the_price_of_text_need_no_caveat(wheel: Wheel) -> None:
    found = entries_of(wheel({"v.m": chat(input_cost_per_audio_token=1e-06)}))

    assert found["v.m"].caveat is None


@pytest.mark.parametrize(
    ("costs", "message"),
    [
        ({"input_cost_per_token": 1.23e-13}, "v.m: input_cost_per_token"),
        ({"input_cost_per_token": -1e-06}, "not a whole number"),
        ({"input_cost_per_token": None}, "not a whole number"),
        ({"input_cost_per_thought": 1e-06}, "v.m: input_cost_per_thought is a price"),
        ({"input_cost_per_token_moonlight": 1e-06}, "input_cost_per_token_moonlight"),
    ],
    ids=["a fraction of a pico-dollar", "below zero", "null", "a new price", "a new tier"],
)
def test_a_price_that_cannot_be_carried_over_exactly_stops_the_renewal(
    wheel: Wheel, file: Path, costs: dict[str, object], message: str
) -> None:
    with pytest.raises(PricesError, match=message):
        renew(wheel({**MAP, "v.m": chat(**costs)}), file)

    assert not file.exists()


def test_web_searches_are_a_tools_price_and_no_obstacle(wheel: Wheel) -> None:
    found = entries_of(wheel({"v.m": chat(search_context_cost_per_query={"high": 0.01})}))

    assert found["v.m"].rates == Rates(input=1_000_000, output=5_000_000)


def test_guardrail_units_other_than_ours_stop_the_renewal(wheel: Wheel, file: Path) -> None:
    with pytest.raises(PricesError, match="poetryPolicyUnits"):
        renew(wheel({**MAP, "bedrock/guardrails": guardrails(poetryPolicyUnits=1.0)}), file)

    assert not file.exists()


@pytest.mark.parametrize(
    "parts",
    [{"licence": "All rights reserved."}, {"metadata": "Name: litellm\n"}],
    ids=["another licence", "no version"],
)
def test_a_wheel_that_does_not_say_what_we_must_tell_is_refused(
    wheel: Wheel, parts: dict[str, str]
) -> None:
    with pytest.raises(PricesError, match="license"):
        prices.read_wheel(wheel(**parts))


def test_a_wheel_without_a_price_list_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "litellm-1-py3-none-any.whl", "w") as archive:
        archive.writestr("litellm-1.dist-info/METADATA", "Version: 1")

    with pytest.raises(PricesError, match="no file like"):
        prices.read_wheel(tmp_path / "litellm-1-py3-none-any.whl")


def test_a_renewal_writes_header_licence_and_an_entry_a_line(wheel: Wheel, file: Path) -> None:
    assert renew(wheel(), file, "--dated", "2026-01-02") == 0

    found = written(file)
    assert (found.source, found.source_version, found.dated) == ("litellm", "9.9.9", "2026-01-02")
    assert found.licence.startswith("MIT License Copyright (c) 2023 Somebody Permission")
    assert found.guardrail.content_image == 750_000_000
    assert (
        b'\n{"model":"v.model-1:0","rates":{"input":1000000,"output":5000000}}\n'
        in file.read_bytes()
    )


def test_the_same_wheel_writes_the_same_bytes_whatever_the_order_of_its_keys(
    wheel: Wheel, file: Path
) -> None:
    content = {**MAP, "v.b": chat(), "v.a": chat(), "bedrock/eu-west-1/v.a": chat()}
    renew(wheel(content), file, "--dated", "2026-01-02")
    first = file.read_bytes()

    renew(wheel(dict(reversed(content.items()))), file)

    assert file.read_bytes() == first


def test_a_new_release_is_dated_today_and_a_known_one_keeps_its_date(
    wheel: Wheel, file: Path
) -> None:
    before = datetime.now(UTC).date()
    renew(wheel(), file)
    assert before.isoformat() <= written(file).dated <= datetime.now(UTC).date().isoformat()

    renew(wheel(), file, "--dated", "2026-01-02")
    renew(wheel(), file)

    assert written(file).dated == "2026-01-02"


def test_a_renewal_tells_what_was_added_removed_and_changed(
    wheel: Wheel, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = {**MAP, "v.gone": chat(), "v.paint": chat(output_cost_per_image=0.04)}
    renew(wheel(gone), file)
    capsys.readouterr()
    now = {
        **MAP,
        "bedrock/eu-west-1/v.new": chat(),
        "v.model-1:0": chat(
            input_cost_per_token=1.1e-06,
            input_cost_per_token_flex=5e-07,
            input_cost_per_token_above_200k_tokens=2e-06,
        ),
        "v.paint": chat(output_cost_per_image=0.06),
        "bedrock_mantle/v.m": chat(),
    }

    renew(wheel(now), file)

    assert capsys.readouterr().out.splitlines() == [
        "- v.gone",
        "~ v.model-1:0: input 1 -> 1.1",
        "~ v.model-1:0: input (flex) none -> 0.5",
        "~ v.model-1:0: input above 200000 none -> 2",
        "+ v.new in eu-west-1: input 1, output 5",
        "~ v.paint: image 0.04 -> 0.06",
        "left out, other endpoint, never in the invocation log: 1 (bedrock_mantle/v.m)",
        "3 entries, litellm 9.9.9: differs",
    ]


def test_a_changed_guardrail_price_and_a_caveat_are_told_too(
    wheel: Wheel, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    renew(wheel(), file)
    capsys.readouterr()

    renew(
        wheel(
            {
                **MAP,
                "bedrock/guardrails": guardrails(wordPolicyUnits=0.0001),
                "v.model-1:0": chat(mode="embedding", input_cost_per_image=6e-05),
            }
        ),
        file,
    )

    out = capsys.readouterr().out
    assert "~ guardrails: word 0 -> 0.0001\n" in out
    assert "~ v.model-1:0: caveat none -> tokens-only\n" in out


def test_a_check_exits_with_1_on_a_difference_and_writes_nothing(
    wheel: Wheel, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert renew(wheel(), file, "--check") == 1
    assert not file.exists()

    renew(wheel(), file)
    before = file.read_bytes()
    assert renew(wheel(), file, "--check") == 0
    assert "same" in capsys.readouterr().out

    assert renew(wheel({**MAP, "v.new": chat()}), file, "--check") == 1
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "wanted"), [([], "litellm"), (["--release", "9.9.9"], "litellm==9.9.9")]
)
def test_without_a_wheel_pip_fetches_the_newest_or_the_release_asked_for(
    wheel: Wheel,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    wanted: str,
) -> None:
    built = wheel()
    commands: list[list[str]] = []

    def fetched(command: list[str], *, check: bool) -> None:
        assert check
        commands.append(command)
        folder = Path(command[command.index("--dest") + 1])
        for one in [built] if command[-1] == wanted else second_wheels(file.parent):
            (folder / one.name).write_bytes(one.read_bytes())

    monkeypatch.setattr(subprocess, "run", fetched)

    assert prices.main(["--file", str(file), *options]) == 0

    assert commands[1][-2:] == ["lmux-aws-bedrock", "lmux-bedrock-shared"]
    python, *words = commands[0]
    assert python == sys.executable
    assert words[:3] == ["-m", "pip", "download"]
    assert "--no-deps" in words
    assert words[-1] == wanted
    assert written(file).source_version == "9.9.9"


def test_a_list_the_layer_could_not_load_is_not_written(wheel: Wheel, file: Path) -> None:
    with pytest.raises(PricesError, match="too small to be intended"):
        renew(wheel({**MAP, "v.m": chat(input_cost_per_token=1e-12)}), file)

    assert not file.exists()


def test_amounts_are_exact_however_small() -> None:
    assert prices.picodollars(Decimal("8.75E-9"), "here") == 8750
