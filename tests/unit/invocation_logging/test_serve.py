"""Whole lives of the custom resources: created, updated, rolled back, deleted, and all that fails."""

import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts.errors import PermanentError, TransientError
from bedrock_alerts.invocation_logging.logging_state import (
    Outcome,
    RefusedError,
    SubscriptionFilter,
)
from bedrock_alerts.invocation_logging.serve import serve
from tests.support.custom_resources import (
    COLLECTOR,
    LOG_GROUP,
    MEMORY,
    OUR_ROLE,
    THEIR_ROLE,
    TO_S3,
    Countdown,
    check_request,
    logging_request,
    ours,
    request,
    theirs,
)
from tests.support.logging_world import World

ADOPT: dict[str, Any] = {"Adopt": "true", "AdoptedRoleArn": THEIR_ROLE}
LAG = RefusedError("ValidationException: Failed to validate permissions for log group")
DENIED = TransientError("AccessDeniedException: you may not")
THROTTLED = TransientError("ThrottlingException: slow down")


def send(world: World, request: dict[str, Any], time: Countdown | None = None) -> Outcome:
    return serve(request, world.tools, (time or Countdown()).patience())


def says(outcome: Outcome, *, succeeded: bool) -> str:
    assert outcome.error is None
    assert outcome.succeeded is succeeded, outcome.says
    return outcome.says


def test_created_and_deleted_leaves_nothing_behind() -> None:
    world = World()
    assert "Bedrock logs text" in says(send(world, logging_request()), succeeded=True)
    assert world.present == ours()
    says(send(world, logging_request("Delete")), succeeded=True)
    assert not world.present
    assert world.memories == {}


@pytest.mark.parametrize("present", [theirs(), TO_S3], ids=["log group", "bucket"])
def test_adopted_and_deleted_puts_back_what_was_there(present: dict[str, Any]) -> None:
    world = World(present)
    says(send(world, logging_request(**ADOPT)), succeeded=True)
    assert world.present == ours()
    says(send(world, logging_request("Update", Modalities="text,image", **ADOPT)), succeeded=True)
    assert world.present == ours(imageDataDeliveryEnabled=True)
    outcome = send(world, logging_request("Delete", Modalities="text,image", **ADOPT))
    assert "again" in says(outcome, succeeded=True)
    assert world.present == present
    assert world.memories == {}


def test_refused_and_rolled_back_touches_nothing() -> None:
    world = World(theirs())
    assert "left as it is" in says(send(world, logging_request()), succeeded=False)
    outcome = send(world, logging_request("Delete"))
    assert "not changed" in says(outcome, succeeded=True)
    assert world.present == theirs()
    assert world.changes == []
    assert world.memories == {}


def test_a_creation_that_fails_and_is_rolled_back_touches_nothing() -> None:
    world = World(theirs())
    world.fail("put", DENIED, times=1000)
    assert "AccessDeniedException" in says(send(world, logging_request(**ADOPT)), succeeded=False)
    world.fail("put")
    says(send(world, logging_request("Delete", **ADOPT)), succeeded=True)
    assert world.present == theirs()
    assert world.memories == {}


def test_an_update_that_is_taken_back_leaves_the_former_configuration() -> None:
    world = World()
    send(world, logging_request())
    send(world, logging_request("Update", Modalities="text,video"))
    says(send(world, logging_request("Update")), succeeded=True)
    assert world.present == ours()


def test_an_update_over_somebody_elses_configuration_fails_and_can_be_taken_back() -> None:
    world = World()
    send(world, logging_request())
    world.present = theirs()
    outcome = send(world, logging_request("Update", Modalities="text,image"))
    assert "left as it is" in says(outcome, succeeded=False)
    assert "not changed" in says(send(world, logging_request("Update")), succeeded=True)
    assert world.present == theirs()
    assert "not changed" in says(send(world, logging_request("Delete")), succeeded=True)
    assert world.present == theirs()
    assert world.memories == {}


def test_a_repeated_request_does_nothing_twice_and_loses_nothing() -> None:
    world = World(theirs())
    for _ in range(3):
        says(send(world, logging_request(**ADOPT)), succeeded=True)
    assert world.changes == ["put"]
    for _ in range(3):
        says(send(world, logging_request("Delete", **ADOPT)), succeeded=True)
    assert world.changes == ["put", "put"]
    assert world.present == theirs()


@pytest.mark.parametrize("after", ["save", "put"])
def test_a_function_that_is_ended_half_way_still_knows_what_to_put_back(after: str) -> None:
    class EndedError(BaseException):
        """Not even caught as an exception: the function is no more."""

    world = World(theirs())
    tools = world.tools
    call = {"save": tools.memory, "put": tools.logging}[after]
    original = getattr(call, after)

    def and_end(*arguments: Any) -> None:
        original(*arguments)
        raise EndedError

    setattr(call, after, and_end)
    with pytest.raises(EndedError):
        serve(logging_request(**ADOPT), tools, Countdown().patience())
    says(send(world, logging_request(**ADOPT)), succeeded=True)
    says(send(world, logging_request("Delete", **ADOPT)), succeeded=True)
    assert world.present == theirs()


def test_a_role_that_is_not_yet_seen_is_waited_for() -> None:
    world, time = World(), Countdown()
    world.fail("put", LAG, times=5)
    says(send(world, logging_request(), time), succeeded=True)
    assert world.present == ours()
    assert world.changes == ["put"] * 6
    assert time.seconds < 120 - 20


@pytest.mark.parametrize(
    "call", ["get", "load", "save", "put"], ids=lambda call: f"{call} is throttled"
)
def test_a_throttled_call_is_made_again(call: str) -> None:
    world = World()
    world.fail(call, THROTTLED, TransientError("no response from AWS: ReadTimeoutError"))
    says(send(world, logging_request()), succeeded=True)
    assert world.present == ours()


@pytest.mark.parametrize("call", ["get", "load", "save", "put"])
def test_what_is_denied_for_good_is_told_in_time(call: str) -> None:
    world, time = World(), Countdown()
    world.fail(call, DENIED, times=1000)
    reason = says(send(world, logging_request(), time), succeeded=False)
    assert reason.startswith("AccessDeniedException: you may not (tried ")
    assert time.seconds > 20
    assert world.present is None


@pytest.mark.parametrize("seconds", [0.0, 5.0, 30.0])
@pytest.mark.parametrize("kind", ["Create", "Update", "Delete"])
def test_a_function_without_time_says_so_and_touches_nothing(kind: str, seconds: float) -> None:
    world = World(ours())
    reason = says(send(world, logging_request(kind), Countdown(seconds)), succeeded=False)
    assert "the function ran out of time" in reason
    assert world.calls == []


def test_nothing_is_set_that_could_not_be_remembered() -> None:
    present = {"s3Config": {"bucketName": "their-archive", "keyPrefix": "p" * 4_000}}
    world = World(present)
    reason = says(send(world, logging_request(**ADOPT)), succeeded=False)
    assert "too long to be stored" in reason
    assert world.present == present


def test_what_cannot_be_put_back_is_turned_off_rather_than_left_to_fail_unseen() -> None:
    world, time = World(theirs()), Countdown()
    send(world, logging_request(**ADOPT))
    world.refuse(theirs())
    outcome = send(world, logging_request("Delete", **ADOPT), time)
    text = says(outcome, succeeded=True)
    assert text.startswith(
        "Logging has been turned off. It could not be restored to log group /their/log"
    )
    assert "Failed to validate permissions" in text
    assert world.present is None
    assert world.memories == {}
    assert time.seconds > 20


@pytest.mark.parametrize("call", ["get", "load", "put", "forget"])
def test_a_deletion_that_fails_keeps_what_it_needs_and_can_be_repeated(call: str) -> None:
    world = World(theirs())
    send(world, logging_request(**ADOPT))
    world.fail(call, DENIED, times=1000)
    reason = says(send(world, logging_request("Delete", **ADOPT)), succeeded=False)
    assert "AccessDeniedException" in reason
    assert reason.endswith("set or turn off Bedrock's logging yourself first.")
    assert world.memories.keys() == {MEMORY}
    world.fail(call)
    says(send(world, logging_request("Delete", **ADOPT)), succeeded=True)
    assert world.present == theirs()
    assert world.memories == {}


def test_a_deletion_that_fails_ends_once_somebody_has_set_the_logging() -> None:
    world = World(theirs())
    send(world, logging_request(**ADOPT))
    world.fail("put", DENIED, times=1000)
    says(send(world, logging_request("Delete", **ADOPT)), succeeded=False)
    world.present = TO_S3
    says(send(world, logging_request("Delete", **ADOPT)), succeeded=True)
    assert world.present == TO_S3
    assert world.memories == {}


def test_a_deletion_that_cannot_take_our_part_out_fails() -> None:
    world = World()
    send(world, logging_request())
    world.present = ours(s3Config={"bucketName": "their-archive"})
    world.fail("put", LAG, times=1000)
    assert "Failed to validate" in says(send(world, logging_request("Delete")), succeeded=False)
    assert world.present == ours(s3Config={"bucketName": "their-archive"})


def test_a_resource_that_got_another_name_hands_over_what_it_remembers() -> None:
    world = World(theirs())
    send(world, logging_request(**ADOPT))
    renamed = {**logging_request(**ADOPT), "LogicalResourceId": "Renamed"}
    says(send(world, renamed), succeeded=True)
    outcome = send(world, logging_request("Delete", **ADOPT))
    assert "Another resource" in says(outcome, succeeded=True)
    assert world.present == ours()
    new_id = "Renamed-0a1b2c3d-0000-4000-8000-000000000001"
    deleted = {**logging_request("Delete", **ADOPT), "PhysicalResourceId": new_id}
    says(send(world, deleted), succeeded=True)
    assert world.present == theirs()
    assert world.memories == {}


@pytest.mark.parametrize("text", ["", "[]", "not JSON", '{"owner":7}'])
def test_a_memory_that_somebody_changed_is_not_guessed_at(text: str) -> None:
    world = World(ours())
    world.memories[MEMORY] = text
    assert MEMORY in says(send(world, logging_request("Delete")), succeeded=False)
    assert world.present == ours()


@pytest.mark.parametrize(
    "change",
    [
        {"RequestType": "Explode"},
        {"ResourceType": "Custom::Something"},
        {"ResourceProperties": {}},
        {"ResourceProperties": "text"},
        {"ResourceProperties": {**logging_request()["ResourceProperties"], "Adopt": "perhaps"}},
        {"ResourceProperties": {**logging_request()["ResourceProperties"], "Modalities": "smell"}},
    ],
)
def test_an_odd_request_fails_and_its_rollback_succeeds(change: dict[str, Any]) -> None:
    world = World(theirs())
    says(send(world, {**logging_request(), **change}), succeeded=False)
    says(
        send(world, {**logging_request("Delete"), **change, "RequestType": "Delete"}),
        succeeded=True,
    )
    assert world.present == theirs()
    assert world.changes == []


@given(
    st.dictionaries(
        st.sampled_from(["RequestType", "ResourceType", "ResourceProperties", "StackId"]),
        st.none()
        | st.integers()
        | st.text()
        | st.lists(st.text())
        | st.dictionaries(st.text(), st.text()),
    )
)
def test_no_request_is_so_odd_that_nothing_is_said(change: dict[str, Any]) -> None:
    world = World(theirs())
    outcome = send(world, {**logging_request(), **change})
    assert outcome.error is None
    assert world.present == theirs()


def test_what_nobody_expected_is_told_without_its_text() -> None:
    world = World()
    world.fail("put", RuntimeError("a secret"))
    outcome = send(world, logging_request())
    assert not outcome.succeeded
    assert outcome.says.startswith("unexpected RuntimeError")
    assert "a secret" not in outcome.says
    assert isinstance(outcome.error, RuntimeError)


def other(number: int) -> SubscriptionFilter:
    return SubscriptionFilter(f"theirs-{number}", f"arn:aws:kinesis:…:stream/{number}")


def test_a_log_group_with_a_subscription_left_is_taken() -> None:
    world = World(ours())
    world.found = (other(1), SubscriptionFilter("ours", COLLECTOR))
    for kind in ("Create", "Update"):
        assert says(send(world, check_request(kind)), succeeded=True) == (
            f"Bedrock logs to {LOG_GROUP}."
        )
    assert world.changes == []


def test_a_log_group_whose_subscriptions_are_taken_is_refused_and_its_rollback_succeeds() -> None:
    world = World()
    world.found = (other(1), other(2))
    reason = says(send(world, check_request()), succeeded=False)
    assert '"theirs-1"' in reason
    assert '"theirs-2"' in reason
    says(send(world, check_request("Delete")), succeeded=True)


def test_a_log_group_that_is_not_there_is_refused_with_the_one_that_bedrock_uses() -> None:
    world = World(theirs())
    world.found = None
    reason = says(send(world, check_request()), succeeded=False)
    assert "InvocationLogGroupName=/their/log" in reason


@pytest.mark.parametrize("found", [(), None], ids=["there", "not there"])
def test_not_seeing_bedrocks_logging_is_said_and_nothing_worse(found: Any) -> None:
    world = World()
    world.found = found
    world.fail("get", PermanentError("it is hidden"))
    text = says(send(world, check_request()), succeeded=found is not None)
    assert "The destination of Bedrock's logs is not known: it is hidden" in text


def test_subscriptions_that_cannot_be_seen_at_first_are_looked_at_again() -> None:
    world = World()
    world.fail("subscriptions", DENIED, THROTTLED)
    says(send(world, check_request()), succeeded=True)


def test_what_is_remembered_names_no_more_than_the_two_configurations() -> None:
    world = World(theirs())
    send(world, logging_request(**ADOPT))
    remembered = json.loads(world.memories[MEMORY])
    assert set(remembered) == {"owner", "was_set", "previous"}
    assert remembered["was_set"] == ours()
    assert remembered["previous"] == theirs()


# ---- auto: whatever Bedrock does already is read ---------------------------------------------------


def auto_check(kind: str = "Create", /, **properties: Any) -> dict[str, Any]:
    return check_request(
        kind,
        Mode="auto",
        RoleArn=OUR_ROLE,
        OwnPrefix="/aws/lambda/bedrock-alerts-",
        RetentionDays="30",
        **properties,
    )


def test_auto_reads_the_log_group_that_bedrock_logs_to_already() -> None:
    world = World(theirs())
    outcome = send(world, auto_check())
    assert outcome.attributes == {"LogGroupName": "/their/log"}
    outcome = send(world, logging_request(Mode="auto", LogGroupName="/their/log"))
    assert "already logs to log group /their/log" in says(outcome, succeeded=True)
    assert (world.changes, world.created) == ([], {})
    says(send(world, logging_request("Delete", Mode="auto")), succeeded=True)
    assert world.present == theirs()


def test_auto_makes_a_missing_log_group_and_switches_logging_on() -> None:
    world = World()
    world.found = None
    outcome = send(world, auto_check(KmsKeyArn="arn:aws:kms:…:key/1"))
    assert outcome.attributes == {"LogGroupName": LOG_GROUP}
    assert world.created == {LOG_GROUP: (30, "arn:aws:kms:…:key/1")}
    says(send(world, logging_request(Mode="auto")), succeeded=True)
    assert world.present == ours()


def test_a_redeployment_takes_the_log_group_that_a_deleted_stack_has_left() -> None:
    world = World()
    for request_ in (auto_check(), logging_request(Mode="auto")):
        says(send(world, request_), succeeded=True)
    says(send(world, logging_request("Delete", Mode="auto")), succeeded=True)
    assert world.present is None
    for request_ in (auto_check(), logging_request(Mode="auto")):
        says(send(world, request_), succeeded=True)
    assert says(send(world, auto_check()), succeeded=True) == f"Bedrock logs to {LOG_GROUP}."
    assert world.created == {}


@pytest.mark.parametrize(
    ("present", "change", "sentence"),
    [
        pytest.param(
            TO_S3, {}, "deploy with InvocationLogBucketName=their-archive", id="logs to S3 only"
        ),
        pytest.param(
            theirs(),
            {"group_class": "INFREQUENT_ACCESS"},
            "does not support subscriptions",
            id="the class",
        ),
        pytest.param(
            theirs(), {"found": (other(1), other(2))}, '"theirs-1"', id="both slots are taken"
        ),
        pytest.param(theirs(), {"found": None}, "There is no log group /their/log", id="no group"),
        pytest.param(
            theirs(
                cloudWatchConfig={
                    "logGroupName": "/aws/lambda/bedrock-alerts-collect-logs",
                    "roleArn": "arn:aws:iam::111122223333:role/theirs",
                }
            ),
            {},
            "is a log group of this stack",
            id="the collector would read what it writes",
        ),
    ],
)
def test_auto_stops_with_what_to_do_where_nothing_can_be_read(
    present: dict[str, Any], change: dict[str, Any], sentence: str
) -> None:
    world = World(present)
    for name, value in change.items():
        setattr(world, name, value)
    assert sentence in says(send(world, auto_check()), succeeded=False)
    assert (world.changes, world.created) == ([], {})


def test_a_log_group_of_the_stack_itself_is_refused_by_name_too() -> None:
    own = "/aws/lambda/bedrock-alerts-route"
    outcome = send(World(), auto_check(LogGroupName=own))
    assert "is a log group of this stack" in says(outcome, succeeded=False)


def test_retention_is_set_although_it_is_refused_at_first() -> None:
    """A group of prompts without it would keep them for ever."""
    world = World()
    world.found = None
    world.fail("keep", TransientError("slow down"), times=2)
    says(send(world, auto_check()), succeeded=True)
    assert world.created == {LOG_GROUP: (30, "")}


def test_a_log_group_that_bedrock_names_and_nobody_has_is_told_with_what_makes_it() -> None:
    world = World(theirs())
    world.found = None
    reason = says(send(world, auto_check()), succeeded=False)
    assert "aws logs create-log-group --log-group-name /their/log" in reason
    assert "InvocationLogging=adopt AdoptedRoleArn=" in reason
    assert "existing" not in reason


def test_what_a_rolled_back_upgrade_left_is_older_than_the_former_routes() -> None:
    world = World()
    world.memories[ROUTES["Name"]] = '{"routes":[]}'
    world.memories[ROUTES["FormerName"]] = '{"default":["email"]}'
    says(send(world, routes_request()), succeeded=True)
    assert world.memories[ROUTES["Name"]] == '{"default":["email"]}'


# ---- the routes ------------------------------------------------------------------------------------

ROUTES: Final = {"Name": "/bedrock-alerts/a/alert-routes", "FormerName": "/bedrock-alerts/a/routes"}


def routes_request(kind: str = "Create") -> dict[str, Any]:
    return request(kind, "StoredRoutes", "Custom::StoredRoutes", dict(ROUTES))


def test_routes_of_version_0_1_are_taken_over_and_survive_every_later_update() -> None:
    world = World()
    world.memories[ROUTES["FormerName"]] = '{"routes":[]}'
    outcome = send(world, routes_request())
    assert outcome.attributes == {"Name": ROUTES["Name"]}
    assert world.memories[ROUTES["Name"]] == '{"routes":[]}'
    world.memories[ROUTES["Name"]] = '{"routes":[],"default":["slack"]}'
    del world.memories[ROUTES["FormerName"]]
    says(send(world, routes_request("Update")), succeeded=True)
    assert world.memories[ROUTES["Name"]] == '{"routes":[],"default":["slack"]}'


def test_a_new_stack_begins_without_routes_and_takes_them_along_when_it_is_deleted() -> None:
    world = World()
    says(send(world, routes_request()), succeeded=True)
    assert world.memories == {ROUTES["Name"]: "{}"}
    says(send(world, routes_request("Delete")), succeeded=True)
    assert world.memories == {}
