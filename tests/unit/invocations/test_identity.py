"""Who called which model, by ARNs and ids of all kinds."""

import pytest

from bedrock_alerts.invocations.identity import (
    OTHER_VALUES,
    Naming,
    is_api_key,
    made_by,
    model_ref,
    principal_of,
)
from tests.records import ACCOUNT, CALLER, HAIKU, REGION

BEDROCK = f"arn:aws:bedrock:{REGION}:{ACCOUNT}"
OPAQUE = "ab12cd34ef56"


@pytest.mark.parametrize(
    ("model_id", "model", "profile"),
    [
        pytest.param(HAIKU, HAIKU, None, id="a bare id"),
        pytest.param("meta.llama3-1-8b-instruct-v1:0", "meta.llama3-1-8b-instruct-v1:0", None,
            id="a vendor is no geography"),
        pytest.param("zai.glm-4.6", "zai.glm-4.6", None,
            id="a vendor is no geography, though a point follows"),
        pytest.param("acme.model-1.5", "acme.model-1.5", None, id="an unknown vendor is none either"),
        pytest.param("anthropic.claude-3-haiku-20240307-v1:0:48k",
            "anthropic.claude-3-haiku-20240307-v1:0:48k", None, id="a bare id with a context size"),
        *(
            pytest.param(f"{geography}.{HAIKU}", HAIKU, f"{geography}.{HAIKU}",
                id=f"the geography {geography}")
            for geography in
            ("us", "eu", "apac", "au", "jp", "ca", "in", "global", "us-gov", "mars", "sa-east")
        ),
        pytest.param("eu.newcomer.model-v1:0", "newcomer.model-v1:0", "eu.newcomer.model-v1:0",
            id="a geography before a vendor unknown today"),
        pytest.param(f"arn:aws:bedrock:{REGION}::foundation-model/{HAIKU}", HAIKU, None,
            id="the ARN of a foundation model"),
        pytest.param(f"arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/{HAIKU}", HAIKU, None,
            id="the ARN of a foundation model in another partition"),
        pytest.param(f"{BEDROCK}:inference-profile/eu.{HAIKU}", HAIKU, f"eu.{HAIKU}",
            id="the ARN of a system inference profile"),
        pytest.param(f"{BEDROCK}:inference-profile/{HAIKU}", HAIKU, HAIKU,
            id="the ARN of an inference profile without a geography"),
        pytest.param(f"{BEDROCK}:application-inference-profile/{OPAQUE}", OPAQUE, OPAQUE,
            id="the ARN of an application's inference profile"),
        pytest.param(f"{BEDROCK}:provisioned-model/{OPAQUE}", OPAQUE, None,
            id="the ARN of provisioned throughput"),
        pytest.param(f"{BEDROCK}:custom-model/amazon.titan-text-lite-v1:0:4k/{OPAQUE}", OPAQUE, None,
            id="the ARN of a custom model"),
        pytest.param(f"{BEDROCK}:custom-model-deployment/{OPAQUE}", OPAQUE, None,
            id="the ARN of a deployed custom model"),
        pytest.param(f"{BEDROCK}:imported-model/{OPAQUE}", OPAQUE, None,
            id="the ARN of an imported model"),
        pytest.param(f"{BEDROCK}:default-prompt-router/anthropic.claude:1", "anthropic.claude:1", None,
            id="the ARN of a default prompt router"),
        pytest.param(f"{BEDROCK}:prompt-router/{OPAQUE}", OPAQUE, None, id="the ARN of a prompt router"),
        pytest.param(f"{BEDROCK}:prompt/{OPAQUE}:2", f"{OPAQUE}:2", None, id="the ARN of a prompt"),
        pytest.param(f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/mine", "mine", None,
            id="the ARN of an endpoint from the marketplace"),
        pytest.param(f"{BEDROCK}:provisioned-model/", "unknown", None, id="an ARN that ends too early"),
        pytest.param("arn:", "arn:", None, id="the word arn alone"),
        pytest.param("\n", "unknown", None, id="a blank"),
        pytest.param("x" * 300, "x" * 255 + "…", None, id="an id that is too long"),
    ],
)  # fmt: skip
def test_model_and_profile_are_told_apart(model_id: str, model: str, profile: str | None) -> None:
    assert model_ref(model_id) == (model, profile)


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        pytest.param(CALLER, "search-app", id="a role, whatever its session is called"),
        pytest.param(f"arn:aws:sts::{ACCOUNT}:assumed-role/search-app", "search-app",
            id="a role without a session"),
        pytest.param(f"arn:aws:sts::{ACCOUNT}:assumed-role/search-app/a/b:c", "search-app",
            id="a role with an odd session"),
        pytest.param(
            f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_Dev_0123456789abcdef/alice",
            "alice", id="a person of IAM Identity Center"),
        pytest.param(f"arn:aws:iam::{ACCOUNT}:role/service-role/search-app", "search-app",
            id="a role by its own ARN, with a path"),
        pytest.param(f"arn:aws:iam::{ACCOUNT}:user/batch", "user/batch", id="a user"),
        pytest.param(f"arn:aws:iam::{ACCOUNT}:user/staff/batch", "user/batch",
            id="a user with a path"),
        pytest.param(f"arn:aws:sts::{ACCOUNT}:federated-user/bob", "federated-user/bob",
            id="a federated user"),
        pytest.param(f"arn:aws:iam::{ACCOUNT}:root", "root", id="the account itself"),
        pytest.param(f"arn:aws-cn:sts::{ACCOUNT}:assumed-role/search-app/x", "search-app",
            id="another partition"),
        pytest.param("bedrock.amazonaws.com", "bedrock.amazonaws.com", id="a service"),
        pytest.param("arn:", "unknown", id="an ARN of nothing"),
        pytest.param(f"arn:aws:sts::{ACCOUNT}:assumed-role/", "unknown", id="a role without a name"),
        pytest.param("", "unknown", id="nobody"),
        pytest.param(f"arn:aws:sts::{ACCOUNT}:assumed-role/{'r' * 999}/x", "r" * 256,
            id="a name that is too long"),
    ],
)  # fmt: skip
def test_a_principal_is_short_and_stable(arn: str, expected: str) -> None:
    assert principal_of(arn) == expected


STS = f"arn:aws:sts::{ACCOUNT}"
SSO = f"{STS}:assumed-role/AWSReservedSSO_Analysts_0a1b2c3d4e5f6071/ada@example.com"


@pytest.mark.parametrize(
    ("arn", "auto", "role", "session"),
    [
        pytest.param(CALLER, "search-app", "search-app", "search-app/alice@example.com", id="role"),
        pytest.param(
            SSO,
            "ada@example.com",
            "AWSReservedSSO_Analysts_0a1b2c3d4e5f6071",
            "AWSReservedSSO_Analysts_0a1b2c3d4e5f6071/ada@example.com",
            id="a person of IAM Identity Center",
        ),
        pytest.param(f"{STS}:federated-user/bo", *["federated-user/bo"] * 3, id="a federated user"),
        pytest.param(f"arn:aws:iam::{ACCOUNT}:user/batch", *["user/batch"] * 3, id="a user"),
        pytest.param(
            f"{STS}:assumed-role/AWSReservedSSO_Analysts_0a1b2c3d4e5f6071",
            *["AWSReservedSSO_Analysts_0a1b2c3d4e5f6071"] * 3,
            id="a role of IAM Identity Center without a session",
        ),
        pytest.param(
            f"{STS}:assumed-role/__other__/x",
            "role/__other__",
            "role/__other__",
            "__other__/x",
            id="a role with a name of ours",
        ),
    ],
)
def test_a_caller_is_named_in_as_much_detail_as_wanted(
    arn: str, auto: str, role: str, session: str
) -> None:
    assert principal_of(arn) == auto
    assert principal_of(arn, Naming("role")) == role
    assert principal_of(arn, Naming("session")) == session
    assert OTHER_VALUES not in (auto, role, session)


@pytest.mark.parametrize(
    ("model_id", "expected"),
    [
        ("us.amazon.nova-canvas-v1:0", "image"),
        ("arn:aws:bedrock:us-east-1::foundation-model/cohere.embed-english-v3", "embedding"),
        (
            "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.amazon.nova-reel-v1:1",
            "video",
        ),
        ("us.twelvelabs.pegasus-1-2-v1:0", "text"),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", None),
        # Names that people choose.
        ("arn:aws:sagemaker:us-east-1:111122223333:endpoint/my-image-chat", None),
        ("arn:aws:bedrock:us-east-1:111122223333:prompt-router/embedded", None),
        ("arn:aws:bedrock:us-east-1:111122223333:custom-model-deployment/image", None),
    ],
)
def test_a_model_s_name_may_say_what_it_makes(model_id: str, expected: str | None) -> None:
    assert made_by(model_id) == expected


def test_a_hashed_name_is_the_same_for_all_sessions_and_differs_by_stack() -> None:
    hashed = Naming("hashed", "stack/1")
    name = principal_of(CALLER, hashed)
    assert name == principal_of(CALLER.replace("alice", "bo"), hashed)
    assert name.startswith("caller-")
    assert name != principal_of(SSO, hashed)
    assert principal_of("ada@example.com", hashed).startswith("caller-")
    assert name != principal_of(CALLER, Naming("hashed", "stack/2"))
    assert "search" not in name


@pytest.mark.parametrize(
    ("arn", "is_one"),
    [
        (f"arn:aws:iam::{ACCOUNT}:user/BedrockAPIKey-4kq7", True),
        (f"arn:aws-us-gov:iam::{ACCOUNT}:user/team/BedrockAPIKey-x", True),
        (f"arn:aws:iam::{ACCOUNT}:user/batch", False),
        (f"{STS}:assumed-role/BedrockAPIKey-4kq7/x", False),
    ],
)
def test_the_users_of_long_term_api_keys_are_known(arn: str, *, is_one: bool) -> None:
    assert is_api_key(arn) is is_one
