"""CloudWatch's documented examples of missing data and M out of N, row by row.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
0 is within the threshold, X breaches it, - is missing; the newest is on the right.
"""

from typing import get_args

import pytest

from bedrock_alerts_cli.simulator.evaluation import Rules, Treatment, judge

CODES = {"0": 0, "X": 1, "-": 2, "?": 3}
KEPT = None

# Shown, then how many have to be filled in, then the state by treatment in the table's order:
# missing, ignore, breaching, notBreaching.
THREE_OF_THREE = (
    ("0 - X - X", 0, "OK", "OK", "OK", "OK"),
    ("0 - - - -", 2, "OK", "OK", "OK", "OK"),
    ("- - - - -", 3, "INSUFFICIENT_DATA", KEPT, "ALARM", "OK"),
    ("0 X X - X", 0, "ALARM", "ALARM", "ALARM", "ALARM"),
    ("- - X - -", 2, "ALARM", KEPT, "ALARM", "OK"),
)
TWO_OF_THREE = (
    ("0 - X - X", 0, "ALARM", "ALARM", "ALARM", "ALARM"),
    ("0 0 X 0 X", 0, "ALARM", "ALARM", "ALARM", "ALARM"),
    ("0 - X - -", 1, "OK", "OK", "ALARM", "OK"),
    ("- - - - 0", 2, "OK", "OK", "ALARM", "OK"),
    ("- - - X -", 2, "ALARM", KEPT, "ALARM", "OK"),
)
TREATMENTS: tuple[Treatment, ...] = ("missing", "ignore", "breaching", "notBreaching")


def codes(shown: str) -> bytes:
    return bytes(CODES[sign] for sign in shown.split())


def test_every_treatment_is_in_the_tables() -> None:
    assert set(TREATMENTS) == set(get_args(Treatment))


@pytest.mark.parametrize("column", range(4), ids=TREATMENTS)
@pytest.mark.parametrize(
    ("needed", "row"),
    [
        *(pytest.param(3, row, id=f"3 of 3: {row[0]}") for row in THREE_OF_THREE),
        *(pytest.param(2, row, id=f"2 of 3: {row[0]}") for row in TWO_OF_THREE),
    ],
)
def test_the_documented_tables_hold_row_by_row(
    needed: int, row: tuple[str, int, *tuple[str | None, ...]], column: int
) -> None:
    shown, filled, *states = row
    verdict = judge(codes(shown), Rules(needed, 3, TREATMENTS[column]))
    assert verdict.state == states[column]
    # The first row of 3 of 3 lists three real points where five were looked at, and so on.
    assert verdict.filled == filled


@pytest.mark.parametrize("shown", ["- - - - X", "- - - X -"])
@pytest.mark.parametrize("treatment", ["missing", "ignore"])
def test_a_lone_breach_younger_than_the_alarm_needs_does_not_alarm(
    shown: str, treatment: Treatment
) -> None:
    assert judge(codes(shown), Rules(3, 3, treatment)).state is None


@pytest.mark.parametrize("shown", ["- - - X 0", "- - X - 0"])
def test_what_follows_a_lone_breach_and_is_within_the_threshold_makes_it_ok(shown: str) -> None:
    assert judge(codes(shown), Rules(3, 3, "missing")).state == "OK"


def test_only_as_many_periods_are_judged_as_the_alarm_needs() -> None:
    verdict = judge(codes("X X 0 0 0"), Rules(2, 3, "missing"))
    assert (verdict.state, verdict.places) == ("OK", (0, 1, 2))


def test_a_percentile_of_few_values_keeps_the_state() -> None:
    assert judge(codes("X X X X ?"), Rules(1, 1, "breaching")).state is None
