"""Users' own prices are taken, and a mistake in them costs nothing but a line in the log."""

import json
from datetime import datetime
from typing import Any, Final

import pytest

from bedrock_alerts.invocations.invocation import Billing, Cost, Usage
from bedrock_alerts.invocations.price_list import PRICES_FILE, read_price_list
from bedrock_alerts.invocations.pricing import GivenPrices, Prices
from bedrock_alerts.invocations.pricing import load_prices as load_given

MODEL: Final = "example.model-v1:0"
ENTRY: Final = {"model": MODEL, "rates": {"input": 250_000, "output": 1_250_000}}
MANY: Final = "{" + '"x":[' * 2000


NOW: Final = datetime.fromisoformat(read_price_list(PRICES_FILE.read_bytes()).dated).timestamp()


def load_prices(*given: str | GivenPrices | None) -> tuple[Prices, tuple[bytes, ...]]:
    found = [
        GivenPrices("PriceOverrides", one.encode("utf-8", "surrogatepass"))
        if isinstance(one, str)
        else one
        for one in given
        if one is not None
    ]
    return load_given(found, NOW)


def cost(prices: Prices, model: str = MODEL) -> Cost:
    return prices.cost(
        model_id=model,
        region="eu-west-1",
        usage=Usage(input_tokens=4),
        billing=Billing(),
        units=None,
    )


def test_without_overrides_the_shipped_prices_are_used() -> None:
    prices, lines = load_prices(None)
    assert lines == ()
    assert cost(prices).priced == "unpriced"


def test_a_users_own_price_is_used() -> None:
    prices, lines = load_prices(json.dumps({"entries": [ENTRY]}))
    assert lines == ()
    assert cost(prices) == Cost(
        model_picodollars=1_000_000, guardrail_picodollars=0, priced="exact"
    )


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        pytest.param("no JSON", "price overrides: JSON is malformed", id="no JSON"),
        pytest.param("[]", "price overrides: Expected `object`", id="another shape"),
        pytest.param(MANY, "price overrides: ", id="nested too deeply"),
        pytest.param("\udcff", "price overrides: ", id="no text"),
        pytest.param(
            json.dumps({"entries": [ENTRY, {"model": "a", "rates": {"inptu": 1}}]}),
            "price overrides, entry 1 (a): Object contains unknown field `inptu` - at `$.rates`",
            id="a misspelt field",
        ),
        pytest.param(
            json.dumps({"entries": [{"model": "a", "rates": {"input": "1.10"}}]}),
            "price overrides, entry 0 (a): Expected `int | null`, got `str` - at `$.rates.input`",
            id="a price in words",
        ),
        pytest.param(
            json.dumps({"entries": [ENTRY, ENTRY]}),
            f"price overrides, {MODEL}: appears twice",
            id="an entry twice",
        ),
    ],
)
def test_overrides_that_cannot_be_used_are_told_and_the_shipped_prices_stay(
    overrides: str, named: str
) -> None:
    prices, (line,) = load_prices(overrides)
    document: dict[str, Any] = json.loads(line)
    assert document["event"] == "price_overrides_refused"
    assert document["level"] == "ERROR"
    assert document["error"].startswith(named)
    assert cost(prices).priced == "unpriced"
    assert cost(prices, "amazon.nova-lite-v1:0") == cost(Prices.load(), "amazon.nova-lite-v1:0")


@pytest.mark.parametrize(
    "model", ['"}\n{"_aws":{}}', {"_aws": {"CloudWatchMetrics": []}}, "x" * 3000, "\u2028\x1b[31m"]
)
def test_no_override_can_write_a_line_of_its_own_or_metrics(model: Any) -> None:
    _, (line,) = load_prices(json.dumps({"entries": [{"model": model}]}))
    assert b"\n" not in line
    assert len(line) < 2000
    document: dict[str, Any] = json.loads(line)
    assert set(document) == {"event", "level", "message", "where", "error"}
    assert document["error"].isprintable()


def whole_list(**changes: Any) -> bytes:
    shipped = json.loads(PRICES_FILE.read_bytes())
    return json.dumps({**shipped, "dated": "2027-05-04", "entries": [ENTRY], **changes}).encode()


def test_a_whole_list_replaces_the_shipped_one() -> None:
    prices, lines = load_prices(GivenPrices("s3://b/k", whole_list()))
    assert lines == ()
    assert prices.dated == "2027-05-04"
    assert cost(prices).priced == "approximate"  # the list does not say that it holds everywhere
    assert cost(prices, "amazon.nova-lite-v1:0").priced == "unpriced"


def test_the_list_before_a_broken_one_is_used_and_said() -> None:
    broken = GivenPrices("s3://b/k", whole_list(entries=[{"model": "a"}]))
    prices, (line,) = load_prices(broken, GivenPrices("s3://b/k.previous", whole_list()))
    assert prices.dated == "2027-05-04"
    said = json.loads(line)
    assert (said["event"], said["where"]) == ("price_overrides_refused", "s3://b/k")
    assert "holds no rate" in said["error"]


def test_without_a_usable_list_the_shipped_one_is_used() -> None:
    gone = [GivenPrices(f"s3://b/{key}", missing="the object is gone") for key in "kp"]
    prices, lines = load_prices(*gone)
    assert prices.dated == Prices.load().dated
    assert [json.loads(line)["error"] for line in lines] == ["the object is gone"] * 2


@pytest.mark.parametrize(("days", "says"), [(60, []), (61, ["prices_old"])])
def test_a_list_of_more_than_sixty_days_is_said_to_be_old(days: int, says: list[str]) -> None:
    _, lines = load_given([], NOW + days * 86_400)
    assert [json.loads(line)["event"] for line in lines] == says
