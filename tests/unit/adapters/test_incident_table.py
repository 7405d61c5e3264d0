"""An incident is written only if nobody else has written meanwhile, and forgotten some day."""

from collections.abc import Iterator
from typing import Any, Final

import boto3
import msgspec
import pytest
from botocore.exceptions import ConnectTimeoutError
from botocore.stub import Stubber
from moto import mock_aws

from bedrock_alerts.adapters.incident_table import IncidentTable
from bedrock_alerts.alerts.incidents.model import Incident, Transition
from bedrock_alerts.errors import TransientError
from tests.support.deliver_stack import TABLE, create_table
from tests.support.incidents import at

ID: Final = "0" * 32
NOW: Final = 1_795_420_800.0
DAY: Final = 86_400
INCIDENT: Final = Incident(key="arn", transitions=(Transition(at=at(0), state="ALARM"),))


@pytest.fixture
def table() -> Iterator[IncidentTable]:
    with mock_aws():
        create_table()
        yield IncidentTable(TABLE, lambda: NOW)


def put(table: IncidentTable, incident: Incident) -> None:
    table.update(ID, lambda _: (incident, None))


def item() -> dict[str, Any]:
    key = {"pk": {"S": ID}, "sk": {"S": "incident"}}
    found: dict[str, Any] = boto3.client("dynamodb").get_item(TableName=TABLE, Key=key)["Item"]
    return found


def test_what_is_unknown_is_none(table: IncidentTable) -> None:
    assert table.load(ID) is None


def test_what_was_remembered_is_found_again(table: IncidentTable) -> None:
    put(table, INCIDENT)
    assert table.load(ID) == INCIDENT


def test_an_update_sees_what_is_there_and_gives_what_it_found(table: IncidentTable) -> None:
    put(table, INCIDENT)
    worse = msgspec.structs.replace(INCIDENT, severity="critical")
    assert table.update(ID, lambda found: (worse, found)) == INCIDENT
    assert table.load(ID) == worse


def test_what_does_not_change_is_not_written(table: IncidentTable) -> None:
    put(table, INCIDENT)
    assert table.update(ID, lambda found: (found, "same")) == "same"
    assert table.update(ID, lambda _: (None, "nothing")) == "nothing"
    assert item()["version"] == {"N": "1"}


def test_of_two_who_change_it_at_once_the_slower_decides_again(table: IncidentTable) -> None:
    seen: list[Incident | None] = []

    def slow(found: Incident | None) -> tuple[Incident, None]:
        seen.append(found)
        if len(seen) == 1:
            put(table, INCIDENT)  # somebody else, in between
        return msgspec.structs.replace(found or INCIDENT, acked_by="slow"), None

    table.update(ID, slow)
    assert seen == [None, INCIDENT]
    assert table.load(ID) == msgspec.structs.replace(INCIDENT, acked_by="slow")
    assert item()["version"] == {"N": "2"}


def test_who_is_always_too_slow_gives_up(table: IncidentTable) -> None:
    calls = 0

    def unlucky(found: Incident | None) -> tuple[Incident, None]:
        nonlocal calls
        calls += 1
        rival = calls
        table.update(ID, lambda _: (msgspec.structs.replace(INCIDENT, acked_by=str(rival)), None))
        return msgspec.structs.replace(found or INCIDENT, acked_by="unlucky"), None

    with pytest.raises(TransientError, match="changed 8 times while it was being changed"):
        table.update(ID, unlucky)
    assert calls == 8


def test_an_item_that_cannot_be_read_is_forgotten_and_written_anew(table: IncidentTable) -> None:
    put(table, INCIDENT)
    client = boto3.client("dynamodb")
    client.put_item(TableName=TABLE, Item={**item(), "data": {"S": "{"}})
    assert table.load(ID) is None
    put(table, INCIDENT)
    assert table.load(ID) == INCIDENT


def test_fields_of_a_later_version_are_no_obstacle(table: IncidentTable) -> None:
    put(table, INCIDENT)
    text = item()["data"]["S"].replace("{", '{"novel":1,', 1)
    boto3.client("dynamodb").put_item(TableName=TABLE, Item={**item(), "data": {"S": text}})
    assert table.load(ID) == INCIDENT


@pytest.mark.parametrize(
    ("opened_at", "ended_at", "days"),
    [
        pytest.param(None, None, 30, id="nothing has stood yet"),
        pytest.param(at(0), None, 400, id="it stands"),
        pytest.param(at(0), at(9), 30, id="it is over"),
    ],
)
def test_an_incident_is_forgotten_some_day(
    table: IncidentTable, opened_at: Any, ended_at: Any, days: int
) -> None:
    put(table, msgspec.structs.replace(INCIDENT, opened_at=opened_at, ended_at=ended_at))
    assert item()["expires"] == {"N": str(int(NOW) + days * DAY)}


def test_an_error_of_the_table_can_be_waited_out_and_names_its_code() -> None:
    client = boto3.client("dynamodb")
    stub = Stubber(client)
    stub.add_client_error("get_item", "ProvisionedThroughputExceededException", "a secret text")
    with stub, pytest.raises(TransientError) as caught:
        IncidentTable(TABLE, client=client).load(ID)
    assert str(caught.value) == (
        "the incidents' table refused: ProvisionedThroughputExceededException"
    )


def test_a_write_that_is_refused_for_another_reason_can_be_waited_out() -> None:
    client = boto3.client("dynamodb")
    stub = Stubber(client)
    stub.add_response("get_item", {})
    stub.add_client_error("put_item", "InternalServerError")
    with stub, pytest.raises(TransientError, match="InternalServerError"):
        put(IncidentTable(TABLE, client=client), INCIDENT)


def test_a_conflict_without_the_item_in_the_way_is_read_again() -> None:
    client = boto3.client("dynamodb")
    stub = Stubber(client)
    stub.add_response("get_item", {})
    stub.add_client_error("put_item", "ConditionalCheckFailedException")
    stub.add_response("get_item", {})
    stub.add_response("put_item", {})
    with stub:
        put(IncidentTable(TABLE, client=client), INCIDENT)
        stub.assert_no_pending_responses()


def test_no_answer_can_be_waited_out(monkeypatch: pytest.MonkeyPatch) -> None:
    client = boto3.client("dynamodb")

    def silent(**_: object) -> None:
        raise ConnectTimeoutError(endpoint_url="https://dynamodb.example.com")

    monkeypatch.setattr(client, "get_item", silent)
    with pytest.raises(TransientError, match="no answer from the incidents' table: ConnectTimeout"):
        IncidentTable(TABLE, client=client).load(ID)
