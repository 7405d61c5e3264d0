"""Nothing is overwritten that the stack may not overwrite, and nothing is taken back but its own."""

from typing import Any

import boto3
import msgspec
import pytest
from botocore.validate import ParamValidator

from bedrock_alerts.errors import PermanentError
from bedrock_alerts.invocation_logging.custom_resource import read
from bedrock_alerts.invocation_logging.decide import (
    check_subscriptions,
    describe,
    missing_log_group,
    to_release,
    to_set,
    wanted_configuration,
    what_bedrock_does,
)
from bedrock_alerts.invocation_logging.logging_state import (
    MODALITIES,
    LoggingProperties,
    Memory,
    SubscriptionFilter,
)
from tests.support.custom_resources import (
    COLLECTOR,
    LOG_GROUP,
    MEMORY,
    OUR_ROLE,
    RESOURCE_ID,
    THEIR_ROLE,
    TO_S3,
    logging_request,
    ours,
    theirs,
)

WANTED = LoggingProperties(
    role_arn=OUR_ROLE, log_group_name=LOG_GROUP, modalities="text", memory_name=MEMORY
)
ADOPTING = msgspec.structs.replace(WANTED, adopt=True, adopted_role_arn=THEIR_ROLE)
CREATE, UPDATE, DELETE = (read(logging_request(kind)) for kind in ("Create", "Update", "Delete"))
NOTHING = Memory()
SET = Memory(owner=RESOURCE_ID, was_set=ours())
ADOPTED = Memory(owner=RESOURCE_ID, was_set=ours(), previous=theirs())


def api_shape() -> Any:
    client = boto3.client("bedrock", region_name="eu-west-1")
    operation = client.meta.service_model.operation_model("PutModelInvocationLoggingConfiguration")
    assert operation.input_shape is not None
    return operation.input_shape.members["loggingConfig"]


def test_the_modalities_are_those_of_the_api() -> None:
    suffix = "DataDeliveryEnabled"
    found = [name.removesuffix(suffix) for name in api_shape().members if name.endswith(suffix)]
    assert sorted(found) == sorted(MODALITIES)


@pytest.mark.parametrize("bucket", ["", "example-bodies"])
def test_the_configuration_is_one_that_the_api_takes(bucket: str) -> None:
    wanted = msgspec.structs.replace(WANTED, modalities="text,audio", large_data_bucket_name=bucket)
    configuration = wanted_configuration(wanted)
    report = ParamValidator().validate(configuration, api_shape())
    assert not report.has_errors(), report.generate_report()
    assert configuration["textDataDeliveryEnabled"] is True
    assert configuration["audioDataDeliveryEnabled"] is True
    assert configuration["imageDataDeliveryEnabled"] is False
    large = configuration["cloudWatchConfig"].get("largeDataDeliveryS3Config")
    assert large == ({"bucketName": bucket} if bucket else None)


@pytest.mark.parametrize("modalities", ["", "text,smell", "text,"])
def test_a_modality_that_does_not_exist_is_refused(modalities: str) -> None:
    with pytest.raises(PermanentError, match="is not a modality"):
        wanted_configuration(msgspec.structs.replace(WANTED, modalities=modalities))


def test_where_nothing_is_set_ours_is_set() -> None:
    plan = to_set(WANTED, CREATE, None, NOTHING)
    assert plan.put == ours()
    assert plan.remember == SET
    assert not plan.turn_off
    assert plan.says == f"Bedrock logs text to log group {LOG_GROUP}."


@pytest.mark.parametrize("present", [theirs(), TO_S3], ids=["log group", "bucket"])
def test_what_somebody_else_has_set_is_not_overwritten(present: dict[str, Any]) -> None:
    with pytest.raises(PermanentError, match="already on in this account and Region") as caught:
        to_set(WANTED, CREATE, present, NOTHING)
    assert describe(present) in str(caught.value)
    assert "left as it is" in str(caught.value)


@pytest.mark.parametrize(
    ("present", "advice"),
    [
        (theirs(), "InvocationLogging=existing InvocationLogGroupName=/their/log."),
        (theirs(), f"InvocationLogging=adopt AdoptedRoleArn={THEIR_ROLE}."),
        (TO_S3, "InvocationLogBucketName=their-archive."),
        (TO_S3, "InvocationLogging=adopt."),
    ],
)
def test_a_refusal_says_which_parameters_help(present: dict[str, Any], advice: str) -> None:
    with pytest.raises(PermanentError) as caught:
        to_set(WANTED, CREATE, present, NOTHING)
    assert advice in str(caught.value)


def test_outside_names_in_a_refusal_are_harmless() -> None:
    present = theirs()
    present["cloudWatchConfig"]["logGroupName"] = "/x\n\u202e\x1b" + "y" * 5_000
    with pytest.raises(PermanentError) as caught:
        to_set(WANTED, CREATE, present, NOTHING)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1_500


@pytest.mark.parametrize("present", [theirs(), TO_S3], ids=["log group", "bucket"])
def test_what_may_be_adopted_is_replaced_and_remembered(present: dict[str, Any]) -> None:
    plan = to_set(ADOPTING, CREATE, present, NOTHING)
    assert plan.put == ours()
    assert plan.remember == Memory(owner=RESOURCE_ID, was_set=ours(), previous=present)
    assert describe(present) in plan.says


@pytest.mark.parametrize("role", ["", "arn:aws:iam::111122223333:role/another"])
def test_what_could_not_be_put_back_is_not_adopted(role: str) -> None:
    wanted = msgspec.structs.replace(ADOPTING, adopted_role_arn=role)
    with pytest.raises(PermanentError, match="could not be restored later") as caught:
        to_set(wanted, CREATE, theirs(), NOTHING)
    assert f"AdoptedRoleArn={THEIR_ROLE}" in str(caught.value)


def test_a_request_that_is_repeated_after_it_was_served_keeps_what_it_remembered() -> None:
    plan = to_set(ADOPTING, CREATE, ours(), ADOPTED)
    assert plan.put is None
    assert plan.remember == ADOPTED


def test_an_update_sets_what_changed_and_forgets_nothing() -> None:
    wanted = msgspec.structs.replace(WANTED, modalities="text,image")
    plan = to_set(wanted, UPDATE, ours(), ADOPTED)
    assert plan.put == ours(imageDataDeliveryEnabled=True)
    assert plan.remember is not None
    assert plan.remember.previous == theirs()


def test_an_update_that_changes_nothing_sets_nothing() -> None:
    assert to_set(WANTED, UPDATE, ours(), SET).put is None


def test_a_role_that_was_replaced_is_still_known_as_ours() -> None:
    request = read(logging_request("Update", RoleArn="arn:aws:iam::111122223333:role/former"))
    present = ours()
    present["cloudWatchConfig"] = {
        "logGroupName": LOG_GROUP,
        "roleArn": "arn:aws:iam::111122223333:role/former",
    }
    assert to_set(WANTED, request, present, SET).put == ours()


def test_logging_that_somebody_turned_off_is_turned_on_again() -> None:
    plan = to_set(WANTED, UPDATE, None, ADOPTED)
    assert plan.put == ours()
    assert plan.remember == SET


def test_a_bucket_that_somebody_added_stays_when_we_change_ours() -> None:
    present = ours(s3Config={"bucketName": "their-archive"})
    plan = to_set(msgspec.structs.replace(WANTED, modalities="text,image"), UPDATE, present, SET)
    assert plan.put == ours(imageDataDeliveryEnabled=True, s3Config={"bucketName": "their-archive"})
    assert to_set(WANTED, UPDATE, present, SET).put is None


@pytest.mark.parametrize("wanted", [WANTED, msgspec.structs.replace(ADOPTING, adopted_role_arn="")])
def test_taking_back_a_failed_update_leaves_somebody_elses_configuration_alone(
    wanted: LoggingProperties,
) -> None:
    plan = to_set(wanted, UPDATE, theirs(), SET)
    assert plan.put is None
    assert plan.remember is None
    assert "not changed" in plan.says


def test_an_update_that_wants_something_new_does_not_overwrite_somebody_elses() -> None:
    wanted = msgspec.structs.replace(WANTED, modalities="text,image")
    with pytest.raises(PermanentError, match="left as it is"):
        to_set(wanted, UPDATE, theirs(), SET)


def test_a_creation_does_not_succeed_without_having_set_anything() -> None:
    with pytest.raises(PermanentError, match="left as it is"):
        to_set(WANTED, CREATE, theirs(), SET)


def test_an_update_may_adopt() -> None:
    plan = to_set(ADOPTING, UPDATE, theirs(), SET)
    assert plan.put == ours()
    assert plan.remember == ADOPTED


def test_what_was_off_before_is_turned_off_again() -> None:
    plan = to_release(WANTED, DELETE, ours(), SET)
    assert plan.turn_off
    assert plan.put is None


def test_what_was_there_before_is_put_back() -> None:
    plan = to_release(ADOPTING, DELETE, ours(), ADOPTED)
    assert plan.put == theirs()
    assert plan.says == "Bedrock logs to log group /their/log again."


@pytest.mark.parametrize("memory", [NOTHING, SET, ADOPTED], ids=["nothing", "set", "adopted"])
@pytest.mark.parametrize("present", [theirs(), TO_S3, None], ids=["log group", "bucket", "off"])
def test_what_is_not_ours_is_left_alone(present: dict[str, Any] | None, memory: Memory) -> None:
    plan = to_release(WANTED, DELETE, present, memory)
    assert plan.put is None
    assert not plan.turn_off
    assert ("not changed" in plan.says) is (present is not None)


def test_ours_is_taken_back_whatever_somebody_changed_about_it() -> None:
    present = ours(textDataDeliveryEnabled=False, videoDataDeliveryEnabled=True)
    assert to_release(WANTED, DELETE, present, ADOPTED).put == theirs()
    assert to_release(WANTED, DELETE, present, NOTHING).turn_off


def test_a_bucket_that_somebody_added_is_logged_to_after_we_are_gone() -> None:
    present = ours(s3Config={"bucketName": "their-archive"})
    plan = to_release(WANTED, DELETE, present, ADOPTED)
    assert plan.put is not None
    assert "cloudWatchConfig" not in plan.put
    assert plan.put["s3Config"] == {"bucketName": "their-archive"}
    assert not plan.turn_off


def test_a_resource_that_another_one_has_replaced_takes_nothing_back() -> None:
    memory = msgspec.structs.replace(SET, owner="Renamed-0a1b2c3d")
    plan = to_release(WANTED, DELETE, ours(), memory)
    assert plan.put is None
    assert not plan.turn_off


OTHERS = (
    SubscriptionFilter("to-siem", "arn:aws:firehose:eu-west-1:111122223333:deliverystream/siem"),
    SubscriptionFilter("to-lake", "arn:aws:kinesis:eu-west-1:111122223333:stream/lake"),
)
OURS = SubscriptionFilter("bedrock-alerts", COLLECTOR)


@pytest.mark.parametrize("found", [(), OTHERS[:1], (OTHERS[0], OURS), (OURS,)])
def test_a_log_group_with_a_free_subscription_is_fine(found: Any) -> None:
    check_subscriptions(LOG_GROUP, COLLECTOR, found)


def test_a_log_group_without_one_is_refused_with_names_and_a_way_out() -> None:
    with pytest.raises(PermanentError) as caught:
        check_subscriptions(LOG_GROUP, COLLECTOR, OTHERS)
    says = str(caught.value)
    assert f"Both subscriptions that CloudWatch Logs allows for {LOG_GROUP} are taken" in says
    for other in OTHERS:
        assert f'"{other.name}" (to {other.destination_arn})' in says
    for way in ("delete-subscription-filter", "InvocationLogStreamArn", "InvocationLogBucketName"):
        assert way in says


@pytest.mark.parametrize(
    ("present", "says"),
    [
        (None, "Deploy with InvocationLogging=auto"),
        (theirs(), "InvocationLogging=existing InvocationLogGroupName=/their/log."),
        (TO_S3, "InvocationLogBucketName=their-archive."),
    ],
)
def test_a_log_group_that_is_not_there_leads_to_the_one_that_is(
    present: dict[str, Any] | None, says: str
) -> None:
    found = missing_log_group(LOG_GROUP, present)
    assert found.startswith(f"There is no log group {LOG_GROUP}")
    assert says in found


@pytest.mark.parametrize(
    ("present", "says"),
    [
        (ours(), f"Bedrock logs to {LOG_GROUP}."),
        (ours(textDataDeliveryEnabled=False), "without text: guardrail results cannot be seen"),
        (theirs(), f"to log group /their/log, not to {LOG_GROUP}"),
        (TO_S3, f"to bucket their-archive, not to {LOG_GROUP}"),
        (None, f"Logging is off in this account and Region: {LOG_GROUP} gets no records"),
    ],
)
def test_whether_the_log_group_gets_records_is_said(
    present: dict[str, Any] | None, says: str
) -> None:
    assert says in what_bedrock_does(LOG_GROUP, present)


def test_both_destinations_are_named() -> None:
    assert describe({**theirs(), **TO_S3}) == "log group /their/log and bucket their-archive"
    assert describe({}) == "nowhere"
