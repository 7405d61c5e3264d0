"""CloudWatch's documented examples of suppression, and the order of events that was recorded.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-suppression.html
A unit of time in the examples is a minute here; a wait is two units long, an extension three.
"""

from collections.abc import Collection

import pytest

from bedrock_alerts_cli.simulator import simulate
from tests.support.simulated import START, composite, plain, row, together, told

SETTLED = 10
END = 30


def played(
    ALARM: Collection[int],  # noqa: N803 - the state
    suppressor: Collection[int],
    *,
    wait: int = 2,
    extension: int = 3,
) -> list[tuple[int, str, str]]:
    """Return what the composite does: when, its state, and what suppresses it.

    `ALARM` and `suppressor` are the units of time at the end of which each is in ALARM.
    """
    alarms = together(
        plain("child"),
        plain("maintenance", MetricName="Maintenance"),
        composite(
            "main",
            "ALARM(child)",
            ActionsSuppressor="maintenance",
            ActionsSuppressorWaitPeriod=60 * wait,
            ActionsSuppressorExtensionPeriod=60 * extension,
        ),
    )
    points = [
        *row([9 if unit + 1 - SETTLED in ALARM else 0 for unit in range(END)]),
        *row([9 if unit + 1 - SETTLED in suppressor else 0 for unit in range(END)], "Maintenance"),
    ]
    timeline = simulate(alarms, points, START, START + 60 * END)
    return [
        (minute - SETTLED, state, change.suppression)
        for (minute, state), change in zip(
            told(timeline.of("main")), timeline.of("main"), strict=True
        )
        if minute >= SETTLED
    ]


FROM_2 = range(2, 99)


@pytest.mark.parametrize(
    ("child", "suppressor", "expected"),
    [
        pytest.param(
            FROM_2,
            (),
            [(2, "ALARM", "WaitPeriod"), (4, "ALARM", "")],
            id="1: actions are not suppressed after the wait",
        ),
        pytest.param(
            FROM_2,
            range(3, 99),
            [(2, "ALARM", "WaitPeriod"), (3, "ALARM", "Alarm")],
            id="2: actions are suppressed by the alarm before the wait ends",
        ),
        pytest.param(
            (2,),
            (),
            [(2, "ALARM", "WaitPeriod"), (3, "OK", "WaitPeriod"), (5, "OK", "")],
            id="3: a change of state while waiting begins the wait anew",
        ),
        pytest.param(
            FROM_2,
            range(-3, 99),
            [(2, "ALARM", "Alarm")],
            id="4: a change of state while the alarm suppresses",
        ),
        pytest.param(
            FROM_2,
            range(3, 6),
            [
                (2, "ALARM", "WaitPeriod"),
                (3, "ALARM", "Alarm"),
                (6, "ALARM", "ExtensionPeriod"),
                (9, "ALARM", ""),
            ],
            id="5: actions are not suppressed after the extension",
        ),
        pytest.param(
            range(2, 7),
            range(3, 6),
            [
                (2, "ALARM", "WaitPeriod"),
                (3, "ALARM", "Alarm"),
                (6, "ALARM", "ExtensionPeriod"),
                (7, "OK", "WaitPeriod"),
                (9, "OK", ""),
            ],
            id="6: a change of state while extended begins a wait",
        ),
    ],
)
def test_the_documented_examples_of_suppression(
    child: Collection[int], suppressor: Collection[int], expected: list[tuple[int, str, str]]
) -> None:
    assert played(child, suppressor) == expected


def test_without_periods_only_the_alarm_itself_suppresses() -> None:
    assert played(FROM_2, (4, 5), wait=0, extension=0) == [
        (2, "ALARM", ""),
        (4, "ALARM", "Alarm"),
        (6, "ALARM", ""),
    ]


def test_a_suppressor_outside_the_template_is_never_in_alarm() -> None:
    alarms = together(
        plain("child"), composite("main", "ALARM(child)", ActionsSuppressor="elsewhere")
    )
    changes = simulate(alarms, row([0, 9]), START, START + 120).of("main")
    assert [(c.to_state, c.suppression) for c in changes] == [("OK", ""), ("ALARM", "")]


def test_a_wait_that_ends_between_two_minutes_is_told_when_it_ends() -> None:
    alarms = together(
        plain("child"),
        plain("maintenance", MetricName="Maintenance"),
        composite(
            "main",
            "ALARM(child)",
            ActionsSuppressor="maintenance",
            ActionsSuppressorWaitPeriod=90,
            ActionsSuppressorExtensionPeriod=60,
        ),
    )
    changes = simulate(alarms, row([9] * 9), START, START + 300).of("main")
    assert [int(c.at.timestamp()) - START for c in changes] == [60, 150]


def test_a_composite_of_composites_follows_in_the_same_minute() -> None:
    alarms = together(
        composite("top", "ALARM(middle) AND NOT INSUFFICIENT_DATA(child)"),
        composite("middle", "ALARM(child)"),
        plain("child"),
    )
    timeline = simulate(alarms, row([0, 9, 0]), START, START + 180)
    assert told(timeline.of("top")) == [(1, "OK"), (2, "ALARM"), (3, "OK")]
    at = [c.alarm_name for c in timeline.changes if c.to_state == "ALARM"]
    assert at == ["child", "middle", "top"]


def test_the_reason_names_the_alarm_that_changed_and_when() -> None:
    alarms = together(plain("child"), composite("main", "ALARM(child) OR FALSE"))
    born, fired = simulate(alarms, row([0, 9]), START, START + 120).of("main")
    main = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:main"
    assert born.reason == f"{main} was created and its alarm rule evaluates to OK"
    child = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:child"
    assert fired.reason == f"{child} transitioned to ALARM at Monday 23 November, 2026 08:02:00 UTC"
