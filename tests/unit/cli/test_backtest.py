"""A team's own log goes through the alarms: what fires, what it would take to be quiet, who hears."""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import click
import pytest
from click.testing import CliRunner, Result

from bedrock_alerts.metrics import Datapoint
from bedrock_alerts_cli.backtest import charts
from bedrock_alerts_cli.backtest.backtest_page import render
from bedrock_alerts_cli.backtest.history import bedrock_metrics
from bedrock_alerts_cli.backtest.offenders import Callers
from bedrock_alerts_cli.backtest.outcome import AlarmHistory, ChangeOfState, Outcome, Suggestion
from bedrock_alerts_cli.commands.backtest import backtest
from bedrock_alerts_cli.user_errors import InputError
from tests import records

START: Final = datetime(2026, 11, 2, 8, tzinfo=UTC)
HOUR: Final = 3600


def blocked(**more: Any) -> dict[str, Any]:
    trace = records.converse_trace(records.content("BLOCKED", kind="PROMPT_ATTACK"))
    return records.converse(stop="guardrail_intervened", trace=trace, **more)


def clean(**more: Any) -> dict[str, Any]:
    return records.converse(trace=records.converse_trace(records.invocation_metrics()), **more)


def at(minutes: float, make: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    moment = START + timedelta(minutes=minutes)
    stamp = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    return make(timestamp=stamp, requestId=f"00000000-0000-4000-8000-{int(minutes * 60):012d}")


def hours(count: int) -> list[dict[str, Any]]:
    """Return an ordinary call a minute."""
    return [at(minute, clean) for minute in range(count * 60)]


@pytest.fixture
def log(tmp_path: Path) -> Callable[[Iterable[Any]], Path]:
    def write(lines: Iterable[Any]) -> Path:
        path = tmp_path / "log.ndjson"
        path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
        return path

    return write


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(
        backtest, [str(each) for each in arguments], standalone_mode=False, catch_exceptions=False
    )


def outcome_of(*arguments: str | Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run(*arguments, "--json").stdout)
    return document


def alarm(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any]
    (found,) = (one for one in document["alarms"] if one["name"].endswith(f".{name}"))
    return found


# --- what fires -------------------------------------------------------------------------------


def test_an_ordinary_day_is_quiet(log: Callable[..., Path]) -> None:
    document = outcome_of(log(hours(24)))
    assert [one["name"] for one in document["alarms"] if one["fired"]] == []
    assert document["notifications"] == {"email": 0, "slack": 0}
    assert document["lines"]["processed"] == 24 * 60
    assert (document["start"], document["end"]) == ("2026-11-02T08:00:00Z", "2026-11-03T08:00:00Z")


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a log of six hours with four blocked calls in the third."""
    lines = [*hours(6), *(at(130.5 + number, blocked) for number in range(4))]
    path: Path = tmp_path_factory.mktemp("attacked") / "log.ndjson"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def document(attacked: Path) -> dict[str, Any]:
    """Return what the backtest of that log finds, with suggestions for silence."""
    return outcome_of(attacked, "--suggest", "0")


def test_an_attack_fires_and_ends_and_is_told_with_its_reason(document: dict[str, Any]) -> None:
    found = alarm(document, "ContentFiltered")
    assert (found["fired"], found["judged"], found["severity"]) == (1, True, "info")
    changes = [(one["from"], one["to"]) for one in found["state_changes"]]
    assert changes == [("INSUFFICIENT_DATA", "OK"), ("OK", "ALARM"), ("ALARM", "OK")]
    began, ended = (one["at"] for one in found["state_changes"][1:])
    assert began.startswith("2026-11-02T10:1")
    length = datetime.fromisoformat(ended) - datetime.fromisoformat(began)
    assert found["seconds_in_alarm"] == length.total_seconds() > 0
    assert found["state_changes"][1]["reason"].startswith("Threshold Crossed: ")
    assert alarm(document, "PromptAttack")["fired"] == 1


def test_messages_are_those_of_the_notifier(document: dict[str, Any]) -> None:
    fired = sum(one["fired"] for one in document["alarms"])
    ended = sum(
        one["from"] == "ALARM" and one["to"] == "OK"
        for found in document["alarms"]
        for one in found["state_changes"]
        if "contributor" not in one
    )
    assert fired > 1
    # The first news of a group goes at once; what follows shares messages.
    assert 0 < document["notifications"]["slack"] <= document["notifications"]["email"]
    assert document["notifications"]["email"] <= fired + ended


def test_alarms_of_the_last_minute_are_sent_too(log: Callable[..., Path]) -> None:
    lines = [*hours(1), *(at(59 + number / 10, blocked) for number in range(4))]
    document = outcome_of(log(lines))
    assert sum(one["fired"] for one in document["alarms"]) > 0
    assert all(document["notifications"].values())


def test_a_firing_says_how_much_over_what_and_who(document: dict[str, Any]) -> None:
    (fired,) = (
        one for one in alarm(document, "PromptAttack")["state_changes"] if one["to"] == "ALARM"
    )
    assert fired["headline"].endswith("prompt attacks blocked in 20 min")
    assert fired["value"].endswith("(threshold: 3)")
    assert fired["who"] == "search-app 3 (blocked calls)"


def test_an_alarm_on_money_names_who_spent_and_not_who_called_most(
    log: Callable[..., Path],
) -> None:
    lines = []
    for number in range(120):
        is_dear = number % 10 == 0
        caller = f"arn:aws:sts::111122223333:assumed-role/{'spender' if is_dear else 'chatty'}/x"
        tokens = (3_000_000, 1) if is_dear else (10, 1)
        lines.append(at(number / 2, partial(clean, identity={"arn": caller}, tokens=tokens)))
    found = alarm(outcome_of(log(lines)), "SpendHour")["state_changes"]
    who = [one["who"] for one in found if one["to"] == "ALARM"]
    assert who
    assert all(one.startswith("spender ") and one.endswith(" (USD)") for one in who)


def test_an_alarm_on_errors_names_who_failed_and_not_who_called_most(
    log: Callable[..., Path],
) -> None:
    lines = hours(1)
    for number in range(30):
        caller = "arn:aws:sts::111122223333:assumed-role/intruder/x"
        denied = partial(
            records.converse, identity={"arn": caller}, errorCode="AccessDeniedException"
        )
        lines.append(at(20 + number / 10, denied))
    found = alarm(outcome_of(log(lines)), "AccessDenied")["state_changes"]
    who = [one["who"] for one in found if one["to"] == "ALARM"]
    assert who
    assert all(one.startswith("intruder ") and one.endswith(" (denied calls)") for one in who)
    assert not any("search-app" in one for one in who)


def test_calls_that_are_slow_are_of_those_who_call() -> None:
    def point(metric: str, caller: str, value: float, *more: tuple[str, str]) -> Datapoint:
        dimensions = (*more, ("Principal", caller))
        return Datapoint(metric=metric, dimensions=dimensions, minute=60, values=(value,))

    calls = [point("Invocations", "app", 9.0)]
    assert Callers(calls).top("s.BedrockDegraded", 0, 120) == "app 9 (calls)"
    failed = point("InvocationErrors", "other", 2.0, ("ErrorCode", "ValidationException"))
    assert Callers([*calls, failed]).top("s.BedrockDegraded", 0, 120) == "other 2 (failed calls)"
    assert Callers([*calls, failed]).top("s.ServerErrors", 0, 120) == ""


def test_messages_are_counted_by_why_they_are_sent(document: dict[str, Any]) -> None:
    for channel, count in document["notifications"].items():
        assert sum(document["notifications_by_reason"][channel].values()) == count
    assert document["notifications_by_reason"]["email"]["firing"] >= 1
    assert document["state_changes"] >= sum(
        len(one["state_changes"]) for one in document["alarms"] if one["deployed"] and one["fired"]
    )


def test_routes_decide_who_hears(attacked: Path, document: dict[str, Any], tmp_path: Path) -> None:
    routes = tmp_path / "routes.yaml"
    routes.write_text(
        "routes:\n  - {name: critical, match: {severity: [critical]}, channels: [email]}\n"
        "  - {name: rest, channels: []}\n"
    )
    everything = ("--parameter", "AlarmSet=all")
    told = outcome_of(attacked, "--routes", routes, *everything)["notifications"]
    assert told["slack"] == 0
    unrouted = outcome_of(attacked, *everything)["notifications"]
    assert 0 < told["email"] < unrouted["email"]
    # Alarms outside of the set that is deployed are replayed, and cause no message.
    assert document["notifications"]["email"] < unrouted["email"]
    assert alarm(document, "ContentFiltered")["deployed"] is False
    assert alarm(document, "PromptAttack")["deployed"] is True


def test_parameters_are_the_template_s(attacked: Path) -> None:
    document = outcome_of(attacked, "--parameter", "PromptAttackThreshold=5")
    assert alarm(document, "PromptAttack")["fired"] == 0
    assert alarm(document, "ContentFiltered")["fired"] == 1


def test_what_a_log_cannot_tell_is_not_judged(document: dict[str, Any]) -> None:
    for name in ("MantleTraffic", "LogDeliveryFailure", "NotifierHeartbeat"):
        found = alarm(document, name)
        assert (found["judged"], found["state_changes"]) == (False, [])
    assert alarm(document, "BedrockDegraded")["judged"] is True


@pytest.mark.parametrize("name", ["LogSilence", "NativeSilence", "PipelineUncounted"])
def test_two_counts_of_the_same_log_cannot_disagree(document: dict[str, Any], name: str) -> None:
    assert alarm(document, name)["judged"] is False


@pytest.mark.parametrize("minutes", [3, 10])
def test_metrics_that_arrive_late_fire_later(
    attacked: Path, document: dict[str, Any], minutes: int
) -> None:
    late = outcome_of(attacked, "--delay", str(minutes))
    at_once, then = (
        datetime.fromisoformat(alarm(one, "PromptAttack")["state_changes"][1]["at"])
        for one in (document, late)
    )
    assert then - at_once == timedelta(minutes=minutes)
    assert alarm(late, "PromptAttack")["fired"] == 1


def test_every_one_of_many_callers_is_told_apart(log: Callable[..., Path]) -> None:
    def call_of(caller: int) -> Callable[..., dict[str, Any]]:
        arn = f"arn:aws:sts::111122223333:assumed-role/caller-{caller}/run"
        return partial(blocked, identity={"arn": arn})

    calls = [
        at(caller * 10 + minute + 0.3, call_of(caller))
        for caller in range(60)
        for minute in range(6)
    ]
    document = outcome_of(log(calls))
    found = alarm(document, "RepeatOffender")
    assert found["fired"] == 60
    assert "notifications_at_most" not in document  # the notifier itself was played


def test_bedrock_s_own_alarms_are_judged_by_what_the_log_tells(log: Callable[..., Path]) -> None:
    throttled = [
        at(60 + number / 4 + 0.01, lambda **more: records.failed("ThrottlingException", **more))
        for number in range(20)
    ]
    document = outcome_of(log([*hours(2), *throttled]))
    assert alarm(document, "Throttling")["fired"] == 1
    assert alarm(document, "ClientErrors")["fired"] == 0
    assert alarm(document, "BedrockDegraded")["fired"] == 1


def test_any_template_with_alarms_will_do(attacked: Path, tmp_path: Path) -> None:
    template = tmp_path / "theirs.yaml"
    template.write_text(
        """
        Resources:
          Mine:
            Type: AWS::CloudWatch::Alarm
            Properties:
              AlarmName: mine
              Namespace: BedrockAlerts
              MetricName: Invocations
              Statistic: Sum
              Period: 3600
              EvaluationPeriods: 1
              Threshold: 60
              ComparisonOperator: GreaterThanThreshold
        """
    )
    (found,) = outcome_of(attacked, "--template", template)["alarms"]
    assert (found["name"], found["fired"]) == ("mine", 1)


# --- what it would take -----------------------------------------------------------------------


def test_a_suggested_threshold_has_been_tried(attacked: Path, document: dict[str, Any]) -> None:
    found = {one["alarm"].rpartition(".")[2]: one for one in document["suggestions"]}
    one = found["PromptAttack"]
    assert (one["parameter"], one["present"], one["fired"]) == ("PromptAttackThreshold", 3, 1)
    assert one["value"] == 5
    assert one["would_fire"] == 0
    tried = outcome_of(attacked, "--parameter", f"PromptAttackThreshold={one['value']:g}")
    assert alarm(tried, "PromptAttack")["fired"] == 0
    just_below = outcome_of(attacked, "--parameter", "PromptAttackThreshold=4")
    assert alarm(just_below, "PromptAttack")["fired"] == 1


def test_nothing_is_suggested_for_what_is_quiet_enough(attacked: Path) -> None:
    assert outcome_of(attacked, "--suggest", "9")["suggestions"] == []
    assert "no alarm fired more than 9 times a week" in run(attacked, "--suggest", "9").stdout


# --- for people -------------------------------------------------------------------------------


def test_people_read_what_fired_what_did_not_and_what_could_not(attacked: Path) -> None:
    said = run(attacked, "--suggest", "0").stdout
    assert "ContentFiltered" in said.splitlines()[1] + said.splitlines()[2]
    assert "364 calls, 2026-11-02 08:00 to 2026-11-02 14:00 UTC (6 h)" in said
    assert "stayed quiet: " in said
    assert "a log cannot fire: " in said
    assert "the log is shorter than a day" in said
    assert "not in the deployed set (AlarmSet=all includes them): ContentFiltered" in said
    assert "messages: " in said
    assert "at most" not in said
    assert "PromptAttack: with PromptAttackThreshold=5 instead of 3" in said


def test_unreadable_lines_are_said_and_end_with_1(tmp_path: Path) -> None:
    path = tmp_path / "log.ndjson"
    path.write_text(json.dumps(at(0, clean)) + '\n{"schemaType": "ModelInvocationLog"}\n')
    result = run(path)
    assert "1 unreadable line, not counted\n" in result.stdout
    assert result.return_value == 1


def test_a_log_without_a_record_is_no_input(tmp_path: Path) -> None:
    path = tmp_path / "log.ndjson"
    path.write_text("")
    with pytest.raises(InputError):
        run(path)


@pytest.mark.parametrize("line", ["no record", '{"schemaType": "Other"}'])
def test_neither_is_a_log_of_which_nothing_is_a_call(tmp_path: Path, line: str) -> None:
    path = tmp_path / "log.ndjson"
    path.write_text(f"{line}\n")
    with pytest.raises(InputError, match=r"no invocation record was found, but 1 .*Known forms"):
        run(path)


@pytest.mark.parametrize("year", ["1999", "2999"])
def test_a_timestamp_far_off_is_said_and_not_waited_for(
    log: Callable[..., Path], year: str
) -> None:
    odd = {**at(1, clean), "timestamp": f"{year}-11-02T08:00:00Z"}
    with pytest.raises(InputError, match=f"{year}-11-02.* at most 455 days"):
        run(log([at(0, clean), odd]))


@pytest.mark.parametrize("number", ["nan", "inf", "-1", "many"])
def test_a_number_that_is_none_is_bad_usage(log: Callable[..., Path], number: str) -> None:
    with pytest.raises(click.BadParameter):
        run(log([at(0, clean)]), "--suggest", number)


def test_a_report_that_cannot_be_written_is_said(attacked: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        run(attacked, "--html", tmp_path / "none" / "report.html")
    with pytest.raises(InputError, match="cannot be written: File name too long"):
        run(attacked, "--html", tmp_path / ("x" * 300))


@pytest.mark.parametrize(
    ("fired", "weeks", "said"),
    [(0, 2, "0"), (1, 2, "0.5"), (19, 2, "9.5"), (439, 2, "220"), (4000, 2, "2,000"), (3, 0.1, "")],
)
def test_how_often_a_week_is_said_in_plain_numbers(fired: int, weeks: float, said: str) -> None:
    found = AlarmHistory(
        name="x.One",
        about="",
        severity="info",
        is_judged=True,
        fired=fired,
        seconds_in_alarm=0,
        changes=(),
        stretches=(),
    )
    assert found.weekly(weeks) == said


# --- the page ---------------------------------------------------------------------------------


class Reader(HTMLParser):
    """Collects what a page would fetch, and whether its tags close."""

    VOID: Final = frozenset({"meta", "br", "path"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.outside: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.outside += [
            f"{name}={value}"
            for name, value in attrs
            if name in {"src", "href", "xlink:href", "srcset", "action"}
            or (value and "url(" in value)
        ]
        self.outside += [tag] * (tag in {"script", "iframe", "link", "img"})
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read_page(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def test_the_page_stands_alone(attacked: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    assert f"report: {page}" in run(attacked, "--html", page, "--suggest", "0").stdout
    text = page.read_text(encoding="utf-8")
    reader = read_page(text)
    assert reader.outside == []
    assert "url(" not in text
    words = " ".join(reader.words)
    for expected in ("ContentFiltered", "Guardrail findings by policy", "PromptAttackThreshold"):
        assert expected in words


HOSTILE: Final = "<script>alert(1)</script>"


def hostile_outcome() -> Outcome:
    change = ChangeOfState(
        at=0, from_state="OK", to_state="ALARM", reason=HOSTILE, contributor=HOSTILE
    )
    return Outcome(
        start=0,
        end=60,
        lines={"processed": 1, "rejected": 1},
        alarms=(
            AlarmHistory(
                name=HOSTILE,
                severity="critical",
                about=HOSTILE,
                changes=(change,) * 600,
                stretches=((0, 60),),
                seconds_in_alarm=60,
                fired=1,
                is_judged=True,
            ),
        ),
        notifications={"slack": 1},
        suggestions=(
            Suggestion(
                alarm=HOSTILE, parameter=HOSTILE, present=1, value=None, fired=1, would_fire=1
            ),
        ),
    )


def test_text_from_outside_stays_text() -> None:
    point = Datapoint(
        metric="EstimatedCost", dimensions=(("ModelId", HOSTILE),), minute=0, values=(1.0,)
    )
    page = render(hostile_outcome(), (point,), HOSTILE)
    assert "<script" not in page
    words = " ".join(read_page(page).words)
    assert HOSTILE in words
    assert "100 more are left out here" in words


def test_a_page_without_anything_says_so() -> None:
    page = render(Outcome(start=0, end=60, lines={}, alarms=(), notifications={}), (), "Nothing")
    words = " ".join(read_page(page).words)
    assert "Every alarm that this log can fire would have stayed quiet" in words
    assert words.count("none in this log") == 4


# --- plots ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "step"),
    [(60, 60), (4 * HOUR, 60), (20 * HOUR, 300), (14 * 86400, 3 * HOUR), (365 * 86400, 7 * 86400)],
)
def test_buckets_are_few_and_cover_everything(length: int, step: int) -> None:
    start = int(START.timestamp()) + 60
    axis = charts.axis(start, start + length)
    assert axis.step == step
    assert axis.start <= start < start + length <= axis.end
    assert axis.buckets <= 241
    assert axis.bucket(start) == (start - axis.start) // step
    assert axis.bucket(start + length + 10 * step) == axis.buckets - 1
    places = [place for place, _ in axis.ticks()]
    assert places == sorted(places)
    assert 1 <= len(places) <= 9


def test_a_date_stands_at_its_midnight_and_a_time_where_it_is() -> None:
    start = int(START.timestamp()) + 40 * 60
    weeks = charts.axis(start, start + 14 * 86400)
    midnight = int(datetime(2026, 11, 7, tzinfo=UTC).timestamp())
    assert (weeks.place(midnight), "07 Nov") in weeks.ticks()
    night = charts.axis(start + 10 * HOUR, start + 20 * HOUR)
    words = [text for _, text in night.ticks()]
    assert words == ["02 Nov 20:00", "22:00", "03 Nov 00:00", "02:00", "04:00"]
    assert next(place for place, _ in night.ticks()) == night.place(start + 11 * HOUR + 20 * 60)


def point(metric: str, minute: int, *values: float, **dimensions: str) -> Datapoint:
    return Datapoint(
        metric=metric, dimensions=tuple(dimensions.items()), minute=minute, values=values
    )


def test_bars_add_up_and_the_smallest_share_a_colour() -> None:
    axis = charts.axis(0, 120)
    points = [point("EstimatedCost", 0, 10.0 - number, ModelId=f"m{number}") for number in range(9)]
    calls, cost, findings, latency = charts.plots(points, axis)
    assert [legend.name for legend in cost.legend] == [*(f"m{n}" for n in range(6)), "3 others"]
    assert [legend.amount for legend in cost.legend][::6] == ["$10.00", "$9.00"]
    assert cost.total == "$54.00"
    assert cost.top == "$60.00"
    assert calls.legend == findings.legend == ()
    assert [legend.amount for legend in latency.legend] == ["none", "none"]
    # The top of the last of the stacked bars is at 54 of 60.
    assert cost.shapes[-1][0].startswith("M0.00 10.00h")


def test_calls_are_parted_into_answered_and_failed() -> None:
    points = [point("Invocations", 0, 10.0), point("InvocationErrors", 0, 4.0)]
    calls, *_ = charts.plots(points, charts.axis(0, 60))
    assert [(one.name, one.amount) for one in calls.legend] == [
        ("answered", "6 calls"),
        ("failed", "4 calls"),
    ]


def test_findings_are_told_by_policy_and_action() -> None:
    hits = [
        point("PolicyHits", 0, 3.0, Policy="sensitive_information", Action="ANONYMIZED"),
        point("PolicyHits", 0, 9.0, Policy="content", Category="INSULTS", Action="BLOCKED"),
        point("PolicyHits", 0, 9.0),
    ]
    _, _, findings, _ = charts.plots(hits, charts.axis(0, 60))
    assert [one.name for one in findings.legend] == ["sensitive information anonymized"]


def test_a_line_breaks_where_nothing_was_measured() -> None:
    points = [point("Latency", minute, 100.0, 300.0) for minute in (0, 60, 180)]
    *_, latency = charts.plots(points, charts.axis(0, 240))
    path, _ = latency.shapes[0]
    assert path.count("M") == 2
    assert path.count("L") == 1
    assert [one.amount for one in latency.legend] == ["up to 300 ms", "up to 300 ms"]


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (0, "USD", "$0.00"),
        (0.00123, "USD", "$0.00123"),
        (1234.5, "USD", "$1,234.50"),
        (999, "ms", "999 ms"),
        (2570, "ms", "2.57 s"),
        (1000, "calls", "1,000 calls"),
    ],
)
def test_amounts_have_as_many_digits_as_mean_something(
    value: float, unit: str, written: str
) -> None:
    assert charts.amount(value, unit) == written


# --- Bedrock's metrics ------------------------------------------------------------------------


def test_bedrock_s_metrics_are_made_up_again() -> None:
    points = [
        point("Invocations", 0, 10.0),
        point("InvocationErrors", 0, 6.0),
        point("Throttles", 0, 3.0),
        point("Latency", 0, 120.0, 340.0, ModelId="m"),
        point("InvocationErrors", 0, 3.0, ErrorCode="ThrottlingException"),
        point("InvocationErrors", 0, 2.0, ErrorCode="ValidationException"),
        point("InvocationErrors", 0, 1.0, ErrorCode="ServiceUnavailableException"),
        point("GuardedInvocations", 0, 1.0),
    ]
    found = {
        (one.metric, one.dimensions): one.values
        for one in bedrock_metrics(points)
        if one.namespace == "AWS/Bedrock"
    }
    assert found == {
        ("Invocations", ()): (4.0,),
        ("InvocationThrottles", ()): (3.0,),
        ("InvocationClientErrors", ()): (2.0,),
        ("InvocationServerErrors", ()): (1.0,),
        ("InvocationLatency", (("ModelId", "m"),)): (120.0, 340.0),
    }
