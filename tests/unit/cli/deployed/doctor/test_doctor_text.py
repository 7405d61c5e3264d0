"""What doctor prints: by area, what is wrong last, commands in one piece, JSON for programs."""

import json
import sys

import click
import pytest
from syrupy.assertion import SnapshotAssertion

from bedrock_alerts_cli.deployed.doctor.doctor_text import Looked, as_text, in_json, sums
from bedrock_alerts_cli.deployed.doctor.finding import count, ok, unknown, waiting, wrong
from bedrock_alerts_cli.deployed.doctor.looked_at import Seen

PLACE = "stack bedrock-alerts, account 111122223333, eu-west-1"
COMMAND = "aws logs put-subscription-filter --log-group-name /aws/bedrock/invocations --region eu"
SEEN = (
    Seen("Stack", (ok("stack state", "CREATE_COMPLETE, last deployed 3 d ago"),)),
    Seen(
        "Invocation log",
        (
            ok("invocation logging", "on, to log group /aws/bedrock/invocations"),
            wrong("subscription", "there is none", f"Put it back:\n{COMMAND}"),
            waiting("records", "no call in two weeks", "Call a model in eu-west-1."),
        ),
    ),
    Seen(
        "Alarms",
        (
            *(ok(f"alarm {name}", f"OK; newest data {name}") for name in ("A", "B", "C", "D")),
            *(waiting(f"alarm {name}", "as deployed; no data") for name in ("E", "F", "G", "H")),
            wrong("alarm LogSilence", "it is not there", "See docs/runbooks/LogSilence.md."),
        ),
    ),
    Seen(
        "Queues and incidents",
        (
            *(ok(f"queue bedrock-alerts-{name}", "empty") for name in ("a", "b", "c", "d")),
            unknown(
                "failed batches",
                "not allowed: s3:ListBucket",
                "Allow your user or role s3:ListBucket: docs/operate.md.",
            ),
        ),
    ),
)


def test_a_pipe_gets_plain_text(snapshot: SnapshotAssertion) -> None:
    text = as_text(PLACE, SEEN)
    assert text == click.unstyle(text)
    assert text == snapshot
    assert f"      {COMMAND}\n" in text


def test_every_finding_can_have_its_line(snapshot: SnapshotAssertion) -> None:
    assert as_text(PLACE, SEEN, every=True) == snapshot


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")


@pytest.mark.usefixtures("terminal")
def test_a_terminal_gets_color_and_its_own_width() -> None:
    text = as_text(PLACE, SEEN)
    assert click.style("✓", fg="green", bold=True) in text
    assert click.style("✗", fg="red", bold=True) in text
    lines = [line for line in click.unstyle(text).splitlines() if "aws logs" not in line]
    assert max(map(len, lines)) <= 60


def test_json_has_every_finding() -> None:
    found = json.loads(
        in_json([Looked("bedrock-alerts", "prod", "111122223333", "eu-west-1", SEEN)])
    )
    assert len(found) == sum(len(area.findings) for area in SEEN)
    assert found[2] == {
        "stack": "bedrock-alerts",
        "account": "111122223333",
        "region": "eu-west-1",
        "check": "subscription",
        "verdict": "wrong",
        "evidence": "there is none",
        "fix": f"Put it back:\n{COMMAND}",
    }


def test_several_places_end_with_a_line_for_each() -> None:
    looked = [
        Looked("bedrock-alerts", "payments-prod eu-west-1", "444455556666", "eu-west-1", SEEN),
        Looked("bedrock-alerts", "search", "", "", unread="there is no stack bedrock-alerts"),
        Looked("bedrock-alerts", "platform eu-west-1", "111122223333", "eu-west-1", SEEN[:1]),
    ]
    assert sums(looked).splitlines() == [
        "payments-prod eu-west-1  10 ok, 5 waiting, 1 not checked, 2 wrong.",
        "search                   there is no stack bedrock-alerts",
        "platform eu-west-1       1 ok.",
    ]
    assert [one.exit_code for one in looked] == [1, 2, 0]
    unread = [one for one in json.loads(in_json(looked)) if one["verdict"] == "unknown"]
    assert unread[-1]["evidence"] == "there is no stack bedrock-alerts"


def test_nothing_wrong_has_no_section_for_it() -> None:
    assert "Wrong" not in as_text(PLACE, SEEN[:1])
    assert as_text(PLACE, SEEN[:1]).endswith("\n1 ok.\n")


def test_one_is_not_two() -> None:
    assert (count(1, "query", "queries"), count(2, "query", "queries")) == ("1 query", "2 queries")
