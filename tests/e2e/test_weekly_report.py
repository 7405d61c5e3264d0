"""The weekly report on the local stack: stored, sent on both channels, and looked at by doctor."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bedrock_alerts_cli.main import cli
from tests.support.live_stack import LiveStack, live_stack, wait_until

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def live(locally_built: Path) -> Iterator[LiveStack]:
    with live_stack(locally_built, relayed=(), Overviews="dashboard,weekly-report") as found:
        yield found


def run_it(live: LiveStack) -> dict[str, Any]:
    answer = live.engine.client("lambda").invoke(
        FunctionName=live.stack.resources["WeeklyReportFunction"]
    )
    found: dict[str, Any] = json.loads(answer["Payload"].read())
    return found


def doctor(live: LiveStack) -> dict[str, str]:
    words = ["doctor", "--json", "--endpoint-url", live.engine.url]
    result = CliRunner().invoke(cli, words, standalone_mode=False)
    everything: list[dict[str, str]] = json.loads(result.output)
    (found,) = [one for one in everything if one["check"] == "weekly report"]
    return found


def test_the_report_is_sent_once_to_each_channel_and_stored(live: LiveStack) -> None:
    assert doctor(live)["verdict"] == "waiting"

    answer = run_it(live)
    assert answer["channels"] == 2, answer
    wait_until(lambda: live.emails("Weekly report"))
    (email,) = live.emails("Weekly report")
    (message, *_) = live.slack.messages()
    assert "Weekly report" in message.text
    s3, bucket = live.engine.client("s3"), live.stack.resources["ReportsBucket"]
    (stored,) = s3.list_objects_v2(Bucket=bucket)["Contents"]
    page = s3.get_object(Bucket=bucket, Key=stored["Key"])["Body"].read().decode()
    assert stored["Key"].endswith(".html")
    assert "bedrock-alerts in 111122223333 eu-west-1" in page
    assert email.subject.startswith("[Weekly report] No Bedrock call was counted in 7 days")
    assert doctor(live)["verdict"] == "ok"


def test_what_slack_refuses_is_an_error_and_the_email_is_sent(live: LiveStack) -> None:
    live.slack.refuses_with = "channel_not_found"
    sent = len(live.emails("Weekly report"))
    answer = run_it(live)
    assert "the weekly report was not sent to slack" in answer["errorMessage"]
    wait_until(lambda: len(live.emails("Weekly report")) == sent + 1)
