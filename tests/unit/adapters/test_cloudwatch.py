"""CloudWatch draws a metric, and says how alarms are now; what fails may succeed later."""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Final

import boto3
import pytest
from botocore.stub import Stubber
from mypy_boto3_cloudwatch import CloudWatchClient

from bedrock_alerts.adapters.cloudwatch import AlarmStates, MetricPictures
from bedrock_alerts.alerts.incidents.item import AlarmItem, Series
from bedrock_alerts.alerts.incidents.learn import LookedUp
from bedrock_alerts.errors import PermanentError, TransientError

HOME: Final = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:"
SINCE: Final = datetime(2026, 11, 23, 8, 10, 41, tzinfo=UTC)
ASKED: Final = {"AlarmNames": ["chat-blocks"], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}
ITEM: Final = AlarmItem(arn=f"{HOME}chat-blocks")
WITH_CONTRIBUTORS: Final = AlarmItem(arn=f"{HOME}chat-blocks", contributors={"a": Series()})


def test_a_picture_is_drawn_by_cloudwatch() -> None:
    cloudwatch = boto3.client("cloudwatch", region_name="eu-west-1")
    pictures = MetricPictures(cloudwatch)
    with Stubber(cloudwatch) as stub:
        stub.add_response(
            "get_metric_widget_image", {"MetricWidgetImage": b"PNG"}, {"MetricWidget": "{}"}
        )
        assert pictures.draw("{}") == b"PNG"
        stub.add_client_error("get_metric_widget_image", "Throttling")
        with pytest.raises(TransientError, match=r"^Amazon CloudWatch refused: Throttling$"):
            pictures.draw("{}")


def test_the_client_for_pictures_is_made_at_the_first_one(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def client(service: str, **_: object) -> object:
        made.append(service)
        raise PermanentError("enough")

    monkeypatch.setattr(boto3, "client", client)
    pictures = MetricPictures()
    assert made == []
    with pytest.raises(PermanentError):
        pictures.draw("{}")
    assert made == ["cloudwatch"]


# ---- how alarms are ------------------------------------------------------------------------------


@pytest.fixture
def cloudwatch() -> CloudWatchClient:
    return boto3.client("cloudwatch", region_name="eu-west-1")


@pytest.fixture
def stub(cloudwatch: CloudWatchClient) -> Iterator[Stubber]:
    with Stubber(cloudwatch) as stub:
        yield stub
        stub.assert_no_pending_responses()


def alarm(**more: Any) -> dict[str, Any]:
    return {"AlarmName": "chat-blocks", "StateValue": "ALARM", **more}


@pytest.mark.usefixtures("stub")
@pytest.mark.parametrize(
    "arn",
    [
        pytest.param("arn:aws:cloudwatch:eu-west-1:999999999999:alarm:chat-blocks", id="account"),
        pytest.param("arn:aws:cloudwatch:eu-west-3:111122223333:alarm:chat-blocks", id="Region"),
        pytest.param("cloudtrail@0001", id="a notice"),
        pytest.param("", id="nothing"),
    ],
)
def test_an_alarm_of_elsewhere_is_not_asked_for(cloudwatch: CloudWatchClient, arn: str) -> None:
    assert AlarmStates(HOME, cloudwatch)(AlarmItem(arn=arn)) is None  # the stub takes no request


def test_an_alarm_that_is_not_there_was_deleted(
    cloudwatch: CloudWatchClient, stub: Stubber
) -> None:
    stub.add_response("describe_alarms", {"MetricAlarms": [], "CompositeAlarms": []}, ASKED)
    assert AlarmStates(HOME, cloudwatch)(ITEM) == LookedUp(state=None)


@pytest.mark.parametrize("kind", ["MetricAlarms", "CompositeAlarms"])
def test_an_alarm_has_its_state_and_since_when(
    cloudwatch: CloudWatchClient, stub: Stubber, kind: str
) -> None:
    later = datetime(2026, 11, 23, 9, tzinfo=UTC)
    found = alarm(
        StateTransitionedTimestamp=SINCE, StateUpdatedTimestamp=later, ActionsEnabled=False
    )
    stub.add_response("describe_alarms", {kind: [found]}, ASKED)
    assert AlarmStates(HOME, cloudwatch)(ITEM) == LookedUp(
        state="ALARM", since=SINCE.timestamp(), are_actions_enabled=False
    )


def test_an_alarm_without_the_time_of_its_transition_has_that_of_its_update(
    cloudwatch: CloudWatchClient, stub: Stubber
) -> None:
    states = AlarmStates(HOME, cloudwatch)
    stub.add_response("describe_alarms", {"MetricAlarms": [alarm(StateUpdatedTimestamp=SINCE)]})
    stub.add_response("describe_alarms", {"MetricAlarms": [alarm()]})
    assert states(ITEM) == LookedUp(state="ALARM", since=SINCE.timestamp())
    assert states(ITEM) == LookedUp(state="ALARM", since=0.0)


class Contributing:
    """Answers as CloudWatch does since it knows contributors, one page after the other.

    The oldest botocore that is supported has no model of this, so no stub can.
    """

    def __init__(self, *pages: dict[str, Any]) -> None:
        self.asked: list[dict[str, Any]] = []
        self._pages = list(pages)

    def describe_alarms(self, **_: Any) -> dict[str, Any]:
        return {"MetricAlarms": [alarm()]}

    def describe_alarm_contributors(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        return self._pages.pop(0)


def page(*names: str, token: str = "") -> dict[str, Any]:
    more = {"NextToken": token} if token else {}
    return {"AlarmContributors": [{"ContributorId": name} for name in names], **more}


def contributors(client: Any, item: AlarmItem = WITH_CONTRIBUTORS) -> Collection[str] | None:
    found = AlarmStates(HOME, client)(item)
    assert found is not None
    assert found.state == "ALARM"
    return found.contributors


def test_contributors_are_asked_for_page_by_page() -> None:
    client = Contributing(page("a", "b", token="t"), page("c"))
    assert contributors(client) == frozenset("abc")
    assert client.asked == [
        {"AlarmName": "chat-blocks"},
        {"AlarmName": "chat-blocks", "NextToken": "t"},
    ]


def test_no_contributor_in_alarm_is_an_answer_too() -> None:
    assert contributors(Contributing(page())) == frozenset()


def test_contributors_are_asked_for_only_where_some_are_known() -> None:
    client = Contributing()
    assert contributors(client, ITEM) is None
    assert client.asked == []


def test_more_contributors_than_can_be_read_are_no_answer() -> None:
    pages = [page(str(number), token="t") for number in range(9)]
    client = Contributing(*pages)
    assert contributors(client) is None
    assert len(client.asked) == 5


def test_an_old_boto3_cannot_ask_for_contributors() -> None:
    client = SimpleNamespace(describe_alarms=lambda **_: {"MetricAlarms": [alarm()]})
    assert contributors(client) is None


def test_a_refused_question_may_be_answered_later(
    cloudwatch: CloudWatchClient, stub: Stubber
) -> None:
    stub.add_client_error("describe_alarms", "AccessDenied")
    with pytest.raises(TransientError, match=r"^Amazon CloudWatch refused: AccessDenied$"):
        AlarmStates(HOME, cloudwatch)(ITEM)


def test_the_client_for_questions_is_made_at_the_first_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[Any] = []

    def client(service: str, *, config: Any) -> Contributing:
        made.append((service, config.retries["total_max_attempts"]))
        return Contributing()

    monkeypatch.setattr(boto3, "client", client)
    states = AlarmStates(HOME)
    assert states(AlarmItem(arn="elsewhere")) is None
    assert made == []
    for _ in range(2):
        states(ITEM)
    assert made == [("cloudwatch", 1)]
