"""Links into the console are the very ones that it makes itself."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import pytest

from bedrock_alerts.alerts.console import Console, jsurl

ARN = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:a"
HOME = Console(ARN, "eu-west-1")
CONSOLE = "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1"


@pytest.mark.parametrize(
    ("arn", "region", "name", "url"),
    [
        pytest.param(
            ARN, "eu-west-1", "chat-blocks", f"{CONSOLE}#alarmsV2:alarm/chat-blocks", id="plain"
        ),
        pytest.param(
            ARN,
            "eu-west-1",
            "a/b c#ü",
            f"{CONSOLE}#alarmsV2:alarm/a%2Fb%20c%23%C3%BC",
            id="an odd name",
        ),
        pytest.param(
            "arn:aws-us-gov:cloudwatch:us-gov-west-1:111122223333:alarm:a",
            "us-gov-west-1",
            "a",
            "https://us-gov-west-1.console.amazonaws-us-gov.com/cloudwatch/home"
            "?region=us-gov-west-1#alarmsV2:alarm/a",
            id="GovCloud",
        ),
        pytest.param(
            "arn:aws-cn:cloudwatch:cn-north-1:111122223333:alarm:a",
            "cn-north-1",
            "a",
            "https://cn-north-1.console.amazonaws.cn/cloudwatch/home"
            "?region=cn-north-1#alarmsV2:alarm/a",
            id="China",
        ),
        pytest.param(
            "no ARN", "eu-west-1", "a", f"{CONSOLE}#alarmsV2:alarm/a", id="an ARN that is none"
        ),
    ],
)
def test_an_alarm_has_a_page(arn: str, region: str, name: str, url: str) -> None:
    assert Console(arn, region).alarm(name) == url


def test_the_other_pages_are_in_the_same_region() -> None:
    assert HOME.dashboard("stack-eu-west-1") == f"{CONSOLE}#dashboards/dashboard/stack-eu-west-1"
    assert HOME.quotas() == (
        "https://eu-west-1.console.aws.amazon.com/servicequotas/home/services/bedrock/quotas"
    )
    assert HOME.trail("e-1") == (
        "https://eu-west-1.console.aws.amazon.com/cloudtrailv2/home?region=eu-west-1#/events/e-1"
    )


@pytest.mark.parametrize("region", ["", "EU (Ireland)", "evil.example.com/"])
def test_a_text_that_is_no_region_leads_nowhere(region: str) -> None:
    assert not Console(ARN, region).is_known
    assert HOME.is_known


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(
            {
                "end": 0,
                "start": -3600,
                "timeType": "RELATIVE",
                "unit": "seconds",
                "editorString": "fields @message | limit 20",
                "source": ["/bedrock/invocations"],
            },
            "~(end~0~start~-3600~timeType~'RELATIVE~unit~'seconds~editorString~'fields*20*40message"
            "*20*7c*20limit*2020~source~(~'*2fbedrock*2finvocations))",
            id="a query",
        ),
        pytest.param([], "~(~)", id="an empty list"),
        pytest.param({}, "~()", id="an empty object"),
        pytest.param([True, False, None, 1.5], "~(~true~false~null~1.5)", id="words and numbers"),
        pytest.param("a$b_c.d-e", "~'a!b_c.d-e", id="the dollar is a mark of exclamation"),
        pytest.param("ü—🚨", "~'*fc**2014**d83d**dea8", id="all that is not ASCII"),
        pytest.param({"a b": {"c": ["x"]}}, "~(a*20b~(c~(~'x)))", id="things in things"),
    ],
)
def test_a_value_is_written_as_jsurl(value: Any, text: str) -> None:
    assert jsurl(value) == text


def test_a_query_is_filled_in_exactly_as_the_console_does_it() -> None:
    start, end = datetime(2026, 11, 23, 8, 5, tzinfo=UTC), datetime(2026, 11, 23, 8, 11, tzinfo=UTC)
    url = HOME.insights("filter a = 1\n| limit 20", ["/aws/lambda/collect"], start, end)
    assert url == (
        f"{CONSOLE}#logsV2:logs-insights$3FqueryDetail$3D$257E$2528end$257E$25272026-11-23T08*3a11"
        "*3a00.000Z$257Estart$257E$25272026-11-23T08*3a05*3a00.000Z$257EtimeType$257E$2527ABSOLUTE"
        "$257Etz$257E$2527UTC$257EeditorString$257E$2527filter*20a*20*3d*201*0a*7c*20limit*2020"
        "$257Esource$257E$2528$257E$2527*2faws*2flambda*2fcollect$2529$2529"
    )


def test_what_is_filled_in_can_be_read_back() -> None:
    now = datetime(2026, 11, 23, 8, 11, tzinfo=UTC)
    url = HOME.insights("a ~ 'b' (c) * % $", ["g"], now, now)
    inner = unquote(url.split("logs-insights")[1].replace("$", "%"))
    assert inner.startswith("?queryDetail=")
    assert "editorString~'a*20*7e*20*27b*27*20*28c*29*20*2a*20*25*20!~source~(~'g))" in unquote(
        inner
    )
