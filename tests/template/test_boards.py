"""The dashboard, the saved queries and the history: what they name exists."""

import html
import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from bedrock_alerts.invocations.event_lines import event_line
from bedrock_alerts.invocations.invocation import Cost, Invocation
from bedrock_alerts.invocations.parse import parse
from bedrock_alerts.invocations.pricing import Prices
from bedrock_alerts.invocations.usage_lines import UsageLines
from bedrock_alerts.metrics import METRICS
from bedrock_alerts_cli.maintain.dashboard_picture import page, sample
from bedrock_alerts_cli.maintain.documents.dashboard import COLUMNS
from bedrock_alerts_cli.maintain.documents.emitted import dimension_sets
from bedrock_alerts_cli.template import load
from bedrock_alerts_cli.template.stack import Stack
from tests.records import content, converse, converse_trace

TEMPLATE: Final = load(Path(__file__).resolve().parents[2] / "template.yaml")
# https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring.html,
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html and
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
DOCUMENTED: Final = {
    ("AWS/Bedrock", "Invocations", ("ModelId",)),
    ("AWS/Bedrock", "InvocationLatency", ("ModelId",)),
    *(
        ("AWS/Bedrock", name, ())
        for name in (
            "CacheReadInputTokenCount",
            "CacheWriteInputTokenCount",
            "InputTokenCount",
            "InvocationClientErrors",
            "InvocationLatency",
            "InvocationServerErrors",
            "InvocationThrottles",
            "OutputTokenCount",
            "TimeToFirstToken",
        )
    ),
    ("AWS/Lambda", "Errors", ("FunctionName",)),
    ("AWS/Lambda", "Throttles", ("FunctionName",)),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", ("QueueName",)),
}
SOURCES: Final[tuple[dict[str, str], ...]] = (
    {},
    {"InvocationLogBucketName": "example-logs"},
    {"InvocationLogStreamArn": "arn:aws:kinesis:us-east-1:111122223333:stream/example"},
)
SEARCH: Final = re.compile(r"SEARCH\('\{([^}]*)\} MetricName=\"(\w+)\"', '(\w+)', (\d+)\)")


def stack(**parameters: str) -> Stack:
    return Stack(TEMPLATE, parameters)


def board(**parameters: str) -> dict[str, Any]:
    (dashboard,) = stack(**parameters).resources("AWS::CloudWatch::Dashboard").values()
    document: dict[str, Any] = json.loads(dashboard["DashboardBody"])
    return document


def metrics(document: dict[str, Any]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Give namespace, name and dimensions of everything that is drawn."""
    for widget in document["widgets"]:
        for metric in widget["properties"].get("metrics", []):
            parts = [part for part in metric if isinstance(part, str)]
            if parts:
                yield parts[0], parts[1], tuple(parts[2::2])
            for options in metric:
                if isinstance(options, dict) and "expression" in options:
                    found = SEARCH.search(options["expression"])
                    assert found, options["expression"]
                    namespace, *names = found[1].split(",")
                    yield namespace.strip('"'), found[2], tuple(names)


@pytest.mark.parametrize("source", SOURCES)
def test_the_dashboard_is_json_wherever_the_log_comes_from(source: dict[str, str]) -> None:
    document = board(**source)
    assert document["widgets"]
    assert "${MetricsNamespace}" not in json.dumps(document)


def test_nothing_on_the_dashboard_overlaps_or_leaves_the_page() -> None:
    widgets = board()["widgets"]
    for widget in widgets:
        assert widget["x"] + widget["width"] <= COLUMNS
    for one, other in combinations(widgets, 2):
        assert (
            one["x"] + one["width"] <= other["x"]
            or other["x"] + other["width"] <= one["x"]
            or one["y"] + one["height"] <= other["y"]
            or other["y"] + other["height"] <= one["y"]
        ), (one["properties"]["title"], other["properties"]["title"])


def test_the_dashboard_fits_two_screens() -> None:
    assert max(widget["y"] + widget["height"] for widget in board()["widgets"]) <= 40


def test_everything_drawn_is_published_by_us_or_documented_by_aws() -> None:
    published = dimension_sets()
    drawn = list(metrics(board(MetricsNamespace="Example/Own")))
    assert len(drawn) > 30
    for namespace, name, dimensions in drawn:
        if namespace == "Example/Own":
            sets = published.get(name, ((),)) if name in METRICS else ()
            assert sorted(dimensions) in [sorted(names) for names in sets], (name, dimensions)
        else:
            assert (namespace, name, dimensions) in DOCUMENTED


def test_the_dashboard_shows_exactly_the_alarms_that_are_made() -> None:
    for source in SOURCES:
        made = stack(**source)
        alarms = made.resources("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
        names = [alarm["AlarmName"] for alarm in alarms.values()]
        for widget in (one for one in board(**source)["widgets"] if one["type"] == "alarm"):
            shown = [arn.rpartition(":")[2] for arn in widget["properties"]["alarms"]]
            assert shown == names
            assert 1 <= len(shown) <= 100


def test_what_is_wrong_now_comes_first_then_who_spent_how_much() -> None:
    widgets = board()["widgets"]
    first = widgets[0]
    assert (first["type"], first["y"], first["width"]) == ("alarm", 0, COLUMNS)
    assert first["properties"]["states"] == ["ALARM", "INSUFFICIENT_DATA"]
    assert first["properties"]["sortBy"] == "stateUpdatedTimestamp"  # by state, then by time
    second = [one["properties"]["title"] for one in widgets if one["y"] == widgets[2]["y"]]
    assert [title.split()[2].rstrip(",") for title in second] == ["caller", "application", "model"]
    drawn = {name for _, name, _ in metrics(board())}
    assert {"AlertLatency", "NotificationsFailed", "PolicyHits", "InvocationThrottles"} <= drawn
    assert all(widget["y"] + widget["height"] <= 12 for widget in widgets[:5])


@pytest.mark.parametrize(
    ("source", "function"),
    list(zip(SOURCES, ("collect-logs", "collect-objects", "collect-stream"), strict=True)),
)
def test_the_dashboard_reads_the_log_of_the_collector_in_use(
    source: dict[str, str], function: str
) -> None:
    document = board(**source)
    logs = [widget for widget in document["widgets"] if widget["type"] == "log"]
    assert len(logs) == 4
    for log in logs:
        assert f"SOURCE '/aws/lambda/bedrock-alerts-{function}'" in log["properties"]["query"]
    assert f"bedrock-alerts-{function}" in [
        part
        for widget in document["widgets"]
        for metric in widget["properties"].get("metrics", [])
        for part in metric
    ]


def test_the_picture_of_the_dashboard_draws_every_widget() -> None:
    found = sample()
    shown = page(board(), found)
    for widget in board()["widgets"]:
        assert html.escape(widget["properties"]["title"]) in shown
    spent = sum(line["total_usd"] for line in found.lines if line["event"] == "usage")
    assert spent > 1
    assert "support-chat" in shown


def test_the_dashboard_can_be_left_out() -> None:
    assert not stack(Overviews="none").resources("AWS::CloudWatch::Dashboard")


# ---- saved queries -------------------------------------------------------------------------------

WORDS: Final = frozenset(
    word
    for line in (
        "fields filter stats sort limit unnest into display as by desc asc and or not in like bin",
        "jsonParse count count_distinct sum latest earliest coalesce ispresent strcontains 1h 5m",
    )
    for word in line.split()
)
NAME: Final = re.compile(r"`[^`]*`|[@\w][\w.@]*")
TEXT: Final = re.compile(r"'[^']*'|/[^/]*/")


def a_call() -> tuple[Invocation, Cost]:
    trace = converse_trace(content(kind="PROMPT_ATTACK"))
    call = parse(json.dumps(converse(trace=trace, requestMetadata={"team": "search"})), where="x")
    assert isinstance(call, Invocation)
    cost = Prices.load().cost(
        model_id=call.called_id,
        region=call.region,
        usage=call.usage,
        billing=call.billing,
        units=None,
    )
    return call, cost


def a_line() -> dict[str, Any]:
    line: dict[str, Any] = msgspec.json.decode(event_line(*a_call(), "team"))
    return line


def a_usage_line() -> dict[str, Any]:
    usage = UsageLines(None)
    usage.add([a_call()])
    line: dict[str, Any] = msgspec.json.decode(next(usage.lines()))
    return line


def known_to(query: str) -> set[str]:
    """Return the names in the lines that a query over the collector's log reads."""
    return set(paths(a_usage_line() if "event = 'usage'" in query else a_line()))


def paths(node: Any, above: str = "") -> Iterator[str]:
    """Give every path of a document, as Logs Insights writes them."""
    if isinstance(node, dict):
        for name, part in node.items():
            yield f"{above}{name}"
            yield from paths(part, f"{above}{name}.")
    elif isinstance(node, list):
        for number, part in enumerate(node):
            yield from paths(part, f"{above}{number}.")


def a_record() -> dict[str, Any]:
    """Return a record with everything that is documented and queries ask for."""
    record = converse(requestMetadata={"team": "search"}, errorCode="ExampleException")
    record["output"]["outputBodyS3Path"] = "s3://example-bodies/x/data/y_output.json.gz"
    return record


def unknown_names(query: str, known: set[str], nested: dict[str, set[str]]) -> set[str]:
    """Return the names in a query that stand for nothing."""
    text = TEXT.sub("''", query)
    aliases = set(re.findall(r"(?:as|into) (\w+)", text))
    unknown = set()
    for name in NAME.findall(text):
        plain = name.strip("`")
        head, _, rest = plain.partition(".")
        if plain in WORDS | aliases | known or plain.isdigit() or plain.startswith("@"):
            continue
        if head in nested and rest in nested[head]:
            continue
        unknown.add(plain)
    return unknown


def saved(**parameters: str) -> dict[str, dict[str, Any]]:
    return stack(**parameters).resources("AWS::Logs::QueryDefinition")


ALL: Final = {"EventLines": "all", "ApplicationMetadataKey": "team"}


@pytest.mark.parametrize("name", sorted(saved(**ALL)))
def test_a_saved_query_asks_for_fields_that_exist(name: str) -> None:
    query = saved(**ALL)[name]
    record = a_record()
    nested = {"record": set(paths(record))}
    known: set[str] = set()
    if query["LogGroupNames"] == ["/aws/lambda/bedrock-alerts-collect-logs"]:
        known = known_to(query["QueryString"])
        nested = {"line": known, "hit": set(a_line()["guardrail"]["hits"][0])}
    else:
        assert query["LogGroupNames"] == ["/aws/bedrock/invocations"]
    assert unknown_names(query["QueryString"], known, nested) == set()
    assert len(query["QueryString"]) <= 10_000


def test_a_name_that_stands_for_nothing_is_found() -> None:
    query = "filter event = 'x' and verdict = 'blocked' | stats count(*) as n by principal"
    assert unknown_names(query, set(paths(a_line())), {}) == {"verdict"}


def test_the_queries_on_the_dashboard_ask_for_fields_that_exist() -> None:
    for log in (widget for widget in board()["widgets"] if widget["type"] == "log"):
        _, _, query = log["properties"]["query"].partition("' | ")
        assert unknown_names(query, known_to(query), {}) == set()


@pytest.mark.parametrize("name", sorted(saved(**ALL)))
def test_no_saved_query_shows_what_was_said(name: str) -> None:
    text = saved(**ALL)[name]["QueryString"]
    for word in ("inputBodyJson", "message.content", "messages", "modelOutput", "match"):
        assert word not in text
    if saved(**ALL)[name]["LogGroupNames"] == ["/aws/bedrock/invocations"]:
        assert text.count("@message") == text.count("jsonParse(@message)")


def test_queries_that_need_every_call_exist_only_where_every_call_has_a_line() -> None:
    few, many = saved(), saved(EventLines="all")
    assert {name for name in many if name not in few} == {
        "QuerySlowestCalls",
        "QueryUnguarded",
        "QueryUnpriced",
    }
    assert "/Every call/" not in "".join(query["Name"] for query in few.values())


def test_without_a_raw_log_there_are_no_queries_over_it() -> None:
    names = [query["Name"] for query in saved(InvocationLogBucketName="example-logs").values()]
    assert names
    assert not [name for name in names if "/Raw log/" in name]


def test_saved_queries_have_names_of_their_own() -> None:
    names = [query["Name"] for query in saved(**ALL).values()]
    assert len(set(names)) == len(names)
    assert all(name.startswith("bedrock-alerts/") for name in names)


# ---- history -------------------------------------------------------------------------------------

HISTORY: Final = {
    "HistoryLocation": "s3://example-logs/bedrock/",
    "ApplicationMetadataKey": "team",
}


def history_queries() -> dict[str, str]:
    made = stack(**HISTORY).resources("AWS::Athena::NamedQuery")
    return {name: query["QueryString"] for name, query in made.items()}


def test_there_is_no_history_unless_a_bucket_is_named() -> None:
    kinds = (
        "AWS::Glue::Database",
        "AWS::Glue::Table",
        "AWS::Athena::WorkGroup",
        "AWS::Athena::NamedQuery",
    )
    assert stack().resources(*kinds) == {}
    assert len(stack(**HISTORY).resources(*kinds)) > 8


def test_partitions_are_the_days_of_bedrocks_layout() -> None:
    (table,) = (
        one["TableInput"] for one in stack(**HISTORY).resources("AWS::Glue::Table").values()
    )
    layout = "s3://example-logs/bedrock/AWSLogs/111122223333/BedrockModelInvocationLogs/eu-west-1/"
    assert table["StorageDescriptor"]["Location"] == layout
    assert table["Parameters"]["storage.location.template"] == f"{layout}${{day}}"
    (key,) = table["PartitionKeys"]
    # Each key needs its projection, and its format is a part of the path.
    assert table["Parameters"][f"projection.{key['Name']}.type"] == "date"
    assert table["Parameters"][f"projection.{key['Name']}.format"] == "yyyy/MM/dd"


def test_the_database_can_be_named_without_quotes() -> None:
    (database,) = stack(**HISTORY).resources("AWS::Glue::Database").values()
    assert database["DatabaseInput"]["Name"] == "bedrock_alerts"


@pytest.mark.parametrize("name", sorted(history_queries()))
def test_a_query_of_the_history_reads_columns_and_paths_that_exist(name: str) -> None:
    query = history_queries()[name]
    (table,) = (
        one["TableInput"] for one in stack(**HISTORY).resources("AWS::Glue::Table").values()
    )
    assert f"FROM {table['Name']}" in query
    columns = {column["Name"] for column in table["StorageDescriptor"]["Columns"]}
    columns |= {key["Name"] for key in table["PartitionKeys"]}
    assert {"day", "record"} == columns
    record = set(paths(a_record()))
    for path in re.findall(r"json_extract_scalar\(record, '\$\.([\w.]+)'", query):
        assert path in record, path
    assert "day >= date_format(" in query, "it would read everything there is"


SQL: Final = frozenset(
    word
    for line in (
        "SELECT FROM calls GROUP BY ORDER DESC NULLS LAST LIMIT AS DISTINCT WHERE IS NOT NULL AND",
        "HAVING count sum count_if max coalesce json_exists json_extract_scalar",
    )
    for word in line.split()
)


def test_columns_that_a_query_selects_are_made_by_its_first_part() -> None:
    checked = 0
    for name, query in history_queries().items():
        head, is_shared, body = query.partition("ModelInvocationLog'\n)")
        if not is_shared:
            continue
        checked += 1
        made = set(re.findall(r"AS (\w+)", head)) | {"day", "record"}
        own = set(re.findall(r"AS (\w+)", body))
        used = set(re.findall(r"[A-Za-z_]\w*", re.sub(r"'[^']*'", "''", body)))
        assert used - SQL - made - own == set(), name
    assert checked > 5
