"""Which model an application inference profile stands for, and what its calls cost."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from bedrock_alerts.invocations.aggregate import AggregateOptions
from bedrock_alerts.invocations.collector import CollectOptions, Collector, Parts
from bedrock_alerts.invocations.invocation import PICODOLLARS, Invocation
from bedrock_alerts.invocations.parse import parse
from bedrock_alerts.invocations.pricing import Prices, cost_of
from bedrock_alerts.invocations.profiles import ListedProfiles, Profile, read_profile
from tests.records import ACCOUNT, HAIKU, Json, converse, failed

RECORDS: Final = Path(__file__).parents[2] / "fixtures" / "records"
ANSWER: Final[Json] = json.loads(
    (RECORDS / "application-inference-profile.get-inference-profile.json").read_text()
)
RECORD: Final[Json] = json.loads((RECORDS / "application-inference-profile.json").read_text())
ARN: Final = RECORD["modelId"]
PRICES: Final = Prices.load()


class Counted:
    """Profiles that count how often they were asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def profile(self, arn: str, *, ask: bool) -> Profile | None:
        if ask:
            self.asked.append(arn)
        return read_profile(ANSWER) if arn == ARN and self.asked else None


def collect(*records: Json, profiles: Any, **options: Any) -> tuple[dict[Any, Any], list[Json]]:
    collect_options = CollectOptions(every_event=True, aggregate=AggregateOptions(**options))
    collector = Collector(Parts(PRICES, collect_options, profiles=profiles), now=None)
    for record in records:
        collector.add(json.dumps(record))
    found = collector.finish()
    laid = {(p.metric, p.dimensions): sum(p.values) for p in found.datapoints}
    return laid, [json.loads(line) for line in found.events]


def test_a_call_through_a_profile_costs_what_its_model_costs() -> None:
    laid, (line,) = collect(RECORD, profiles=Counted(), application_key="team")
    assert line["model"] == HAIKU
    assert line["inference_profile"] == "k7w2m9q4t1zx"
    assert line["application"] == "orders-assistant"
    assert (line["cost_usd"], line["priced"]) == (0.00429, "exact")
    assert laid["EstimatedCost", (("ModelId", "k7w2m9q4t1zx"),)] == 0.00429
    assert laid["EstimatedCost", (("Application", "orders-assistant"),)] == 0.00429


def test_what_the_caller_says_of_its_application_comes_first() -> None:
    record = {**RECORD, "requestMetadata": {"team": "billing"}}
    laid, _ = collect(record, profiles=Counted(), application_key="team")
    assert ("Invocations", (("Application", "billing"),)) in laid
    assert ("Invocations", (("Application", "orders-assistant"),)) not in laid


def test_a_profile_that_is_not_known_stays_unpriced() -> None:
    other = {**RECORD, "modelId": ARN.replace("k7w2m9q4t1zx", "another")}
    _, (line,) = collect(other, profiles=Counted())
    assert (line["priced"], line["model"], line["application"]) == ("unpriced", "another", None)


def test_only_calls_through_profiles_are_asked_about() -> None:
    profiles = Counted()
    refused = failed(modelId=ARN)  # it costs nothing, and may name any profile
    collect(converse(), converse(model=f"eu.{HAIKU}"), refused, profiles=profiles)
    assert profiles.asked == []


def test_a_refused_call_has_its_application_where_the_profile_is_known() -> None:
    profiles = Counted()
    laid, _ = collect(RECORD, profiles=profiles, application_key="team")
    laid, _ = collect(failed(modelId=ARN), profiles=profiles, application_key="team")
    assert laid["Invocations", (("Application", "orders-assistant"),)] == 1
    assert len(profiles.asked) == 1


def test_an_override_of_the_profiles_own_id_comes_first() -> None:
    override = {"entries": [{"model": "k7w2m9q4t1zx", "rates": {"input": 10**6, "output": 10**6}}]}
    prices = Prices.load(json.dumps(override).encode())
    parts = Parts(prices, CollectOptions(every_event=True), profiles=Counted())
    collector = Collector(parts, now=None)
    collector.add(json.dumps(RECORD))
    (line,) = [json.loads(line) for line in collector.finish().events]
    assert line["cost_usd"] == 0.00222


@pytest.mark.parametrize(
    ("regions", "priced_as"),
    [
        (["eu-west-1"], HAIKU),
        (["eu-west-1", "eu-central-1"], f"eu.{HAIKU}"),
        (["us-east-1", "us-west-2"], f"us.{HAIKU}"),
        (["us-gov-east-1", "us-gov-west-1"], f"us-gov.{HAIKU}"),
        (["ap-northeast-1", "ap-northeast-3"], f"jp.{HAIKU}"),
        (["ap-southeast-2", "ap-southeast-4"], f"au.{HAIKU}"),
        (["ap-northeast-1", "ap-south-1"], f"apac.{HAIKU}"),
        (["ca-central-1", "us-east-1"], f"ca.{HAIKU}"),
        (["eu-west-1", "us-east-1"], f"mixed.{HAIKU}"),
        (["us-east-1", ""], f"global.{HAIKU}"),
    ],
)
def test_the_regions_tell_what_a_profile_was_made_from(regions: list[str], priced_as: str) -> None:
    models = [
        {"modelArn": f"arn:aws:bedrock:{region}::foundation-model/{HAIKU}"} for region in regions
    ]
    found = read_profile({"inferenceProfileName": "x", "models": models})
    assert found == Profile("x", HAIKU, priced_as)


def test_a_set_of_regions_of_no_known_geography_has_no_exact_price() -> None:
    call = parse(json.dumps(RECORD))
    assert isinstance(call, Invocation)
    mixed = msgspec.structs.replace(call, priced_as=f"mixed.{HAIKU}")
    assert cost_of(mixed, PRICES).fallback == "without-prefix"


@pytest.mark.parametrize(
    "models",
    [
        [],
        [{"modelArn": "arn:aws:bedrock:eu-west-1:111122223333:custom-model/x/y"}],
        [{"modelArn": None}],
        [
            {"modelArn": "arn:aws:bedrock:eu-west-1::foundation-model/a.b"},
            {"modelArn": "arn:aws:bedrock:eu-west-1::foundation-model/c.d"},
        ],
    ],
)
def test_a_profile_that_names_no_single_model_is_not_known(models: list[Any]) -> None:
    assert read_profile({"models": models}) is None


@pytest.mark.parametrize(
    "listed",
    [
        ANSWER,
        {"inferenceProfileSummaries": [ANSWER, {"inferenceProfileId": "x", "models": []}]},
        {"k7w2m9q4t1zx": f"us.{HAIKU}"},
        {ARN: f"us.{HAIKU}"},
        {ARN: f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/us.{HAIKU}"},
    ],
    ids=["one answer", "a list of AWS's", "by id", "by ARN", "as a profile's ARN"],
)
def test_profiles_can_be_listed_in_a_file(listed: Json) -> None:
    found = ListedProfiles(json.dumps(listed).encode()).profile(ARN)
    assert found is not None
    assert (found.model, found.priced_as) == (HAIKU, f"us.{HAIKU}")
    cost = Decimal("0.00429") * PICODOLLARS
    assert cost == 1800 * 1_100_000 + 420 * 5_500_000


@pytest.mark.parametrize("text", [b"[]", b"{}", b"x", b'{"a": 7}', b'{"models": []}'])
def test_a_file_that_lists_nothing_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's own, and ours
        ListedProfiles(text)
