"""What an alarm's owner has written into its description is found."""

import pytest

from bedrock_alerts.alerts.describe import severity_of, split_description
from tests.support.changes import change_with


@pytest.mark.parametrize(
    ("description", "text", "trailers"),
    [
        pytest.param("", "", {}, id="nothing"),
        pytest.param("Calls fail.", "Calls fail.", {}, id="text alone"),
        pytest.param(
            "Calls fail.\n\nTeam: Chat\nSeverity: info",
            "Calls fail.",
            {"team": "Chat", "severity": "info"},
            id="text and trailers",
        ),
        pytest.param("Note: calls fail.", "Note: calls fail.", {}, id="other words are text"),
        pytest.param("Team:\nRunbook: ", "Team:\nRunbook:", {}, id="an empty trailer is text"),
        pytest.param("Team: A\nTeam: B", "", {"team": "B"}, id="the last one counts"),
        pytest.param(
            "Calls fail. Severity: critical. Team: Chat. Wake someone.",
            "Calls fail. Wake someone.",
            {"severity": "critical", "team": "Chat"},
            id="within a line",
        ),
        pytest.param(
            "**Severity**: **critical** | **Team**: orders | Runbook: <https://a.example.com/x>",
            "",
            {"severity": "critical", "team": "orders", "runbook": "https://a.example.com/x"},
            id="Markdown",
        ),
        pytest.param(
            "- Runbook: [Orders](https://a.example.com/x)",
            "",
            {"runbook": "https://a.example.com/x"},
            id="a link of Markdown",
        ),
        pytest.param(
            "<p>Calls fail.</p><b>Severity:</b> critical<br/>Team: Chat",
            "Calls fail.",
            {"severity": "critical", "team": "Chat"},
            id="HTML",
        ),
        pytest.param(
            r"Calls fail.\nSeverity: info\r\nTeam: Chat",
            "Calls fail.",
            {"severity": "info", "team": "Chat"},
            id="line breaks as they are typed",
        ),
        pytest.param(
            "Calls fail (severity: critical)",
            "Calls fail",
            {"severity": "critical"},
            id="in brackets",
        ),
        pytest.param("the severity: is odd", "the severity: is odd", {}, id="prose"),
        pytest.param("Call the team: they know", "Call the team: they know", {}, id="more prose"),
    ],
)
def test_a_description_is_parted(description: str, text: str, trailers: dict[str, str]) -> None:
    assert split_description(description) == (text, trailers)


@pytest.mark.parametrize(
    ("description", "severity"),
    [
        pytest.param("Severity: critical", "critical", id="critical"),
        pytest.param("severity:INFO", "info", id="in any case"),
        pytest.param("Severity: dreadful", "warning", id="unknown words are warnings"),
        pytest.param("", "warning", id="and so is nothing"),
    ],
)
def test_the_severity_stands_in_the_description(description: str, severity: str) -> None:
    assert severity_of(change_with(description=description)) == severity
