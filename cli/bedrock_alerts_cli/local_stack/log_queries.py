"""CloudWatch Logs Insights of the local stack: its engine finds nothing.

Reads the queries that the functions ask (`filter`, `stats`, `sort`, `limit`) over lines of JSON.
Any other query fails, as one with an error does in AWS.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
"""

import itertools
import json
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from bedrock_alerts_cli.local_stack.engine import Engine

ENDPOINT: Final = "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"
"""The variable by which a function finds these queries."""

_HOST: Final = "127.0.0.1"
_SUM: Final = re.compile(r"sum\(([\w.]+)\) as (\w+)")
_COUNT: Final = re.compile(r"count\(\*?\) as (\w+)")
_COMPARED: Final = re.compile(r'([@\w.]+) (=|in|like|>) ("[^"]*"|\[[^\]]*\]|/.*/|\d+)')
_NUMBER: Final = re.compile(r"\d+")

Line = Mapping[str, Any]
Row = dict[str, str]


class QueryError(ValueError):
    """A query that is not understood."""


def answer(query: str, lines: Iterable[Line]) -> list[Row]:
    """Return the rows of a query. Raises QueryError."""
    found = list(lines)
    rows: list[Row] = []
    for command in re.split(r"\s*\|\s*", query.strip()):
        name, _, rest = command.partition(" ")
        if name == "filter":
            found = [line for line in found if _matches(line, rest)]
        elif name == "stats":
            rows = _grouped(found, rest)
        elif name == "sort":
            field, _, order = rest.partition(" ")
            rows.sort(key=lambda row: float(row.get(field, 0)), reverse=order == "desc")
        elif name == "limit":
            rows = rows[: int(rest)]
        else:
            raise QueryError(f"the local stack does not know the command {name}")
    return rows


def _matches(line: Line, condition: str) -> bool:
    return all(
        any(_compares(line, one) for one in part.strip("()").split(" or "))
        for part in condition.split(" and ")
    )


def _compares(line: Line, comparison: str) -> bool:
    found = _COMPARED.fullmatch(comparison.strip())
    if found is None:
        raise QueryError(f"the local stack does not know the condition {comparison}")
    field, operator, text = found.groups()
    if operator == "like":
        message = json.dumps(line, separators=(",", ":"), ensure_ascii=False)
        return re.search(text[1:-1], message) is not None
    value = _value(line, field)
    if operator == ">":
        return value is not None and float(value) > float(text)
    given = json.loads(text)
    return value in given if operator == "in" else value == given


def _value(line: Line, field: str) -> Any:
    """Return the value of a path such as `guardrail.hits.0.policy`, None if there is none."""
    found: Any = line
    for step in field.split("."):
        if isinstance(found, list) and _NUMBER.fullmatch(step):
            found = found[int(step)] if int(step) < len(found) else None
        else:
            found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _grouped(lines: Iterable[Line], stats: str) -> list[Row]:
    what, _, by = stats.partition(" by ")
    fields = [field.strip() for field in by.split(",")]
    sums: defaultdict[tuple[Any, ...], defaultdict[str, float]] = defaultdict(
        lambda: defaultdict(float)
    )
    for line in lines:
        group = sums[tuple(_value(line, field) for field in fields)]
        for name in _COUNT.findall(what):
            group[name] += 1
        for field, name in _SUM.findall(what):
            group[name] += _value(line, field) or 0
    return [
        {
            **{field: str(value) for field, value in zip(fields, key, strict=True) if value},
            **{name: f"{amount:g}" for name, amount in group.items()},
        }
        for key, group in sums.items()
    ]


class LogQueries:
    """Answers StartQuery and GetQueryResults over the engine's logs.

    The demo plays the past half hour within a minute, so a line counts at the time of its call and
    not when it was written; a line without one counts at any time.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._numbers = itertools.count(1)
        self._answers: dict[str, Sequence[Row] | QueryError] = {}

    def operations(self) -> Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]]:
        """Return what can be asked, by its name in the API."""
        return {
            "StartQuery": self._start,
            "GetQueryResults": self._results,
            "StopQuery": lambda _: {"success": True},
        }

    def _start(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        groups = [one.rpartition("log-group:")[2] for one in asked["logGroupIdentifiers"]]
        number = f"query-{next(self._numbers)}"
        try:
            self._answers[number] = answer(
                asked["queryString"], self._lines(groups, asked["startTime"], asked["endTime"])
            )
        except QueryError as error:
            self._answers[number] = error
        return {"queryId": number}

    def _results(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        found = self._answers[asked["queryId"]]
        if isinstance(found, QueryError):
            return {"status": "Failed", "results": []}
        rows = [[{"field": field, "value": value} for field, value in row.items()] for row in found]
        return {"status": "Complete", "results": rows}

    def _lines(self, groups: Iterable[str], start: float, end: float) -> Iterator[Line]:
        pages = self._engine.client("logs").get_paginator("filter_log_events")
        for group in groups:
            for page in pages.paginate(logGroupName=group.rstrip(":*")):
                for event in page["events"]:
                    line = _read(event["message"])
                    if line is not None and _is_within(line, start, end):
                        yield line


def _read(message: str) -> Line | None:
    try:
        found = json.loads(message)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _is_within(line: Line, start: float, end: float) -> bool:
    at = line.get("timestamp")
    try:
        return at is None or start <= datetime.fromisoformat(str(at)).timestamp() <= end
    except ValueError:
        return False


@contextmanager
def open_log_queries(engine: Engine, functions: Iterable[str]) -> Iterator[None]:
    """Let some functions ask queries, until the context ends."""
    server = ThreadingHTTPServer((_HOST, 0), _handler(LogQueries(engine)))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        client = engine.client("lambda")
        for name in functions:
            found = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
            variables = {**found, ENDPOINT: f"http://{_HOST}:{server.server_address[1]}"}
            client.update_function_configuration(
                FunctionName=name, Environment={"Variables": variables}
            )
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(queries: LogQueries) -> type[BaseHTTPRequestHandler]:
    operations = queries.operations()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            name = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
            known = operations.get(name)
            found = known(json.loads(body)) if known else {"__type": "UnknownOperationException"}
            content = json.dumps(found).encode()
            self.send_response_only(200 if known else 400)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Write nothing: the demo has the terminal."""

    return Handler
