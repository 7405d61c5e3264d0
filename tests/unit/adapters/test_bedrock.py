"""Asking Bedrock for inference profiles: once each, and not for ever in vain."""

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from bedrock_alerts.adapters.bedrock import BedrockProfiles
from bedrock_alerts.invocations.profiles import Profile

ARN = "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/k7w2m9q4t1zx"
MODEL = "anthropic.claude-haiku-4-5-20251001-v1:0"
ANSWER: dict[str, Any] = {
    "inferenceProfileName": "orders",
    "inferenceProfileArn": ARN,
    "inferenceProfileId": "k7w2m9q4t1zx",
    "models": [{"modelArn": f"arn:aws:bedrock:eu-west-1::foundation-model/{MODEL}"}],
    "status": "ACTIVE",
    "type": "APPLICATION",
}


class World:
    """A stubbed Bedrock, a clock, and what was said of failures."""

    def __init__(self, tag: str | None = None) -> None:
        client = boto3.client("bedrock", region_name="eu-west-1", aws_access_key_id="x",
                              aws_secret_access_key="x")  # fmt: skip
        self.stub = Stubber(client)
        self.now = 0.0
        self.said: list[tuple[str, str]] = []
        self.profiles = BedrockProfiles(
            lambda arn, reason: self.said.append((arn, reason)), tag, client, lambda: self.now
        )
        self.stub.activate()

    def answers(self, arn: str = ARN) -> None:
        self.stub.add_response("get_inference_profile", ANSWER, {"inferenceProfileIdentifier": arn})

    def refuses(self, code: str = "AccessDeniedException") -> None:
        self.stub.add_client_error("get_inference_profile", code)


@pytest.fixture
def world() -> World:
    return World()


def test_a_profile_is_asked_for_once(world: World) -> None:
    world.answers()
    expected = Profile("orders", MODEL, MODEL)
    assert world.profiles.profile(ARN) == expected
    world.now = 3600.0
    assert world.profiles.profile(ARN) == expected
    assert world.said == []


def test_a_profile_that_changes_is_seen_within_some_hours(world: World) -> None:
    world.answers()
    world.profiles.profile(ARN)
    world.now = 7 * 3600.0
    world.answers()
    assert world.profiles.profile(ARN) is not None
    world.stub.assert_no_pending_responses()


def test_a_refusal_is_said_and_remembered_for_ten_minutes(world: World) -> None:
    world.refuses()
    for _ in range(3):
        assert world.profiles.profile(ARN) is None
    assert world.said == [(ARN, "Amazon Bedrock refused: AccessDeniedException")]
    world.now = 601.0
    world.answers()
    assert world.profiles.profile(ARN) is not None


def test_after_some_failures_in_a_row_no_one_is_asked_for_a_while(world: World) -> None:
    for number in range(3):
        world.refuses("ThrottlingException")
        assert world.profiles.profile(f"{ARN}{number}") is None
    for number in range(3, 20):
        assert world.profiles.profile(f"{ARN}{number}") is None
    assert len(world.said) == 3
    world.now = 601.0
    world.answers(f"{ARN}20")
    assert world.profiles.profile(f"{ARN}20") is not None


def test_profiles_that_do_not_exist_are_answers_and_disable_nothing(world: World) -> None:
    codes = ("ResourceNotFoundException", "AccessDeniedException", "ValidationException")
    for number, code in enumerate((*codes, *codes)):
        world.refuses(code)
        assert world.profiles.profile(f"{ARN}{number}") is None
    world.answers()
    assert world.profiles.profile(ARN) is not None


def test_without_asking_only_what_is_known_is_returned(world: World) -> None:
    assert world.profiles.profile(ARN, ask=False) is None
    world.answers()
    world.profiles.profile(ARN)
    assert world.profiles.profile(ARN, ask=False) is not None


def test_what_is_remembered_is_bounded(world: World) -> None:
    for number in range(1500):
        world.answers(f"{ARN}{number}")
        assert world.profiles.profile(f"{ARN}{number}") is not None
    world.answers(f"{ARN}0")  # it was let go
    assert world.profiles.profile(f"{ARN}0") is not None


def test_the_chosen_tag_names_the_application() -> None:
    world = World("app")
    world.answers()
    tags = [{"key": "team", "value": "x"}, {"key": "app", "value": "checkout"}]
    world.stub.add_response("list_tags_for_resource", {"tags": tags}, {"resourceARN": ARN})
    assert world.profiles.profile(ARN) == Profile("checkout", MODEL, MODEL)


@pytest.mark.parametrize("is_refused", [True, False])
def test_without_the_tag_the_profiles_name_is_the_application(*, is_refused: bool) -> None:
    world = World("app")
    world.answers()
    if is_refused:
        world.stub.add_client_error("list_tags_for_resource", "AccessDeniedException")
    else:
        world.stub.add_response("list_tags_for_resource", {"tags": []}, {"resourceARN": ARN})
    assert world.profiles.profile(ARN) == Profile("orders", MODEL, MODEL)
    assert len(world.said) == is_refused
