"""The ledger remembers alike in memory and in DynamoDB, and its failures can be waited out."""

from collections.abc import Iterator
from typing import Any, Final

import boto3
import msgspec
import pytest
from botocore.exceptions import ConnectTimeoutError
from botocore.stub import Stubber
from moto import mock_aws

from bedrock_alerts.adapters.ledger import Ledger
from bedrock_alerts.alerts.memory import LedgerPort
from bedrock_alerts.alerts.model import LedgerEntry, Thread, incident_id
from bedrock_alerts.errors import TransientError
from tests.support.deliver_stack import TABLE, create_table
from tests.support.delivering import (
    ARN,
    ENDED,
    NOW,
    OPENED,
    FakeLedger,
    alarm,
    ended_incident,
    recovery,
)

ALERT: Final = alarm()
ENTRY: Final = LedgerEntry(status="sending", kind="first", owner="m1", at=NOW, opened_at=OPENED)
SENT: Final = msgspec.structs.replace(ENTRY, status="sent", at=NOW + 1.5)


@pytest.fixture
def table() -> Iterator[Any]:
    with mock_aws():
        create_table()
        yield boto3.client("dynamodb")


@pytest.fixture(params=["in memory", "in DynamoDB"])
def ledger(request: pytest.FixtureRequest) -> Iterator[LedgerPort]:
    if request.param == "in memory":
        yield FakeLedger()
        return
    with mock_aws():
        create_table()
        yield Ledger(TABLE, lambda: NOW)


def test_a_first_claim_is_ours_and_a_second_sees_it(ledger: LedgerPort) -> None:
    other = msgspec.structs.replace(ENTRY, owner="m2")
    assert ledger.begin("slack", ALERT, ENTRY, None) is None
    assert ledger.begin("slack", ALERT, other, None) == ENTRY
    assert ledger.entry("slack", ALERT) == ENTRY


def test_a_claim_takes_the_place_of_the_one_it_has_seen_and_of_no_other(
    ledger: LedgerPort,
) -> None:
    other = msgspec.structs.replace(ENTRY, owner="m2")
    ledger.write("slack", ALERT, ENTRY)
    assert ledger.begin("slack", ALERT, other, SENT) == ENTRY
    assert ledger.begin("slack", ALERT, other, ENTRY) is None
    assert ledger.entry("slack", ALERT) == other


def test_what_is_written_is_read_back_whole(ledger: LedgerPort) -> None:
    entry = msgspec.structs.replace(SENT, slot=NOW + 7.25, emailed=True, ended_at=ENDED)
    ledger.write("slack", ALERT, entry)
    assert ledger.entry("slack", ALERT) == entry
    assert ledger.entry("email", ALERT) is None
    assert ledger.entry("slack", alarm("another")) is None


def test_all_entries_of_an_incident_on_a_channel_are_found(ledger: LedgerPort) -> None:
    end = msgspec.structs.replace(SENT, kind="resolved")
    ledger.write("slack", ALERT, SENT)
    ledger.write("slack", recovery(), end)
    ledger.write("email", ALERT, ENTRY)
    ledger.write("slack:C0PAYMENTS", ALERT, ENTRY)
    ledger.write("slack", alarm("c", incident=f"{ARN}#c1"), ENTRY)
    assert set(ledger.entries("slack", ARN)) == {SENT, end}
    assert ledger.entries("slack", "another") == ()


def test_the_message_of_an_incident_is_remembered(ledger: LedgerPort) -> None:
    thread = Thread(channel_id="C0123456789", ts="1.2", root="1.1", opened_at=OPENED, over=True)
    assert ledger.thread("slack", ARN) is None
    ledger.keep_thread("slack", ARN, thread)
    assert ledger.thread("slack", ARN) == thread
    assert ledger.thread("slack:C0PAYMENTS", ARN) is None


def test_seconds_are_given_out_one_by_one_and_channel_by_channel(ledger: LedgerPort) -> None:
    assert [ledger.reserve("slack", NOW) for _ in range(3)] == [NOW, NOW + 1, NOW + 2]
    assert ledger.reserve("email", NOW) == NOW
    assert ledger.reserve("slack", NOW + 100.5) == NOW + 100.5
    assert ledger.reserve("slack", NOW + 100.6) == NOW + 101.5


def test_a_channel_that_is_held_has_no_free_second_before(ledger: LedgerPort) -> None:
    ledger.hold("slack", NOW + 30)
    ledger.hold("slack", NOW + 10)
    assert [ledger.reserve("slack", NOW) for _ in range(2)] == [NOW + 30, NOW + 31]


def put(table: Any, key: str, data: str) -> None:
    item = {"pk": {"S": incident_id(ARN)}, "sk": {"S": key}, "data": {"S": data}}
    table.put_item(TableName=TABLE, Item=item)


def test_what_is_remembered_of_an_incident_is_read(table: Any) -> None:
    ledger = Ledger(TABLE, lambda: NOW)
    assert ledger.incident(ARN) is None
    put(table, "incident", msgspec.json.encode(ended_incident()).decode())
    assert ledger.incident(ARN) == ended_incident()


def test_an_entry_of_another_version_is_as_good_as_none(table: Any) -> None:
    put(table, f"sent#slack#{ALERT.key}", '{"status":"dreaming"}')
    assert Ledger(TABLE, lambda: NOW).entry("slack", ALERT) is None


def test_items_outlive_any_alarm_and_then_go_away(table: Any) -> None:
    ledger = Ledger(TABLE, lambda: NOW)
    ledger.write("slack", ALERT, ENTRY)
    ledger.reserve("slack", NOW)
    for item in table.scan(TableName=TABLE)["Items"]:
        assert int(item["expires"]["N"]) - NOW == 400 * 86400


def test_an_incident_of_many_alerts_is_read_page_by_page() -> None:
    client = boto3.client("dynamodb")
    ledger = Ledger(TABLE, lambda: NOW, client)
    page: dict[str, Any] = {"Items": [{"data": {"S": msgspec.json.encode(SENT).decode()}}]}
    last = {"pk": {"S": "p"}, "sk": {"S": "s"}}
    with Stubber(client) as stub:
        stub.add_response("query", {**page, "LastEvaluatedKey": last})
        stub.add_response("query", page)
        assert ledger.entries("slack", ARN) == (SENT, SENT)


def test_our_own_claim_whose_answer_was_lost_is_ours() -> None:
    client = boto3.client("dynamodb")
    ledger = Ledger(TABLE, lambda: NOW, client)
    with Stubber(client) as stub:
        stub.add_client_error("put_item", "ConditionalCheckFailedException")
        stub.add_response(
            "get_item", {"Item": {"data": {"S": msgspec.json.encode(ENTRY).decode()}}}
        )
        assert ledger.begin("slack", ALERT, ENTRY, None) is None


def test_a_claim_that_has_expired_meanwhile_is_ours() -> None:
    client = boto3.client("dynamodb")
    ledger = Ledger(TABLE, lambda: NOW, client)
    with Stubber(client) as stub:
        stub.add_client_error("put_item", "ConditionalCheckFailedException")
        stub.add_response("get_item", {})
        stub.add_response("put_item", {})
        assert ledger.begin("slack", ALERT, ENTRY, None) is None


@pytest.mark.parametrize(
    "code", ["InternalServerError", "ProvisionedThroughputExceededException", "AccessDenied"]
)
def test_a_table_that_fails_says_why(code: str) -> None:
    client = boto3.client("dynamodb")
    ledger = Ledger(TABLE, lambda: NOW, client)
    with Stubber(client) as stub:
        stub.add_client_error("put_item", code)
        with pytest.raises(TransientError, match=f"^the incidents' table refused: {code}$"):
            ledger.write("slack", ALERT, ENTRY)


def test_a_table_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    client = boto3.client("dynamodb")

    def silent(**_: Any) -> None:
        raise ConnectTimeoutError(endpoint_url="https://example.com")

    monkeypatch.setattr(client, "get_item", silent)
    with pytest.raises(
        TransientError, match="no answer from the incidents' table: ConnectTimeoutError"
    ):
        Ledger(TABLE, lambda: NOW, client).entry("slack", ALERT)
