"""A page for every alarm, and nothing on it that does not exist."""

import re
from pathlib import Path
from typing import Final

import pytest

from bedrock_alerts.metrics import METRICS
from bedrock_alerts_cli.maintain.documents import dashboard
from bedrock_alerts_cli.maintain.documents.catalogue import entries
from bedrock_alerts_cli.project import TEMPLATE
from bedrock_alerts_cli.template.load import load
from bedrock_alerts_cli.template.references import references
from bedrock_alerts_cli.template.stack import Stack

DOCUMENT: Final = load(TEMPLATE)
FOLDER: Final = TEMPLATE.parent / "docs/runbooks"
PAGES: Final = sorted(FOLDER.glob("*.md"))
ALARMS: Final = {entry.name: entry for entry in entries(DOCUMENT, Stack(DOCUMENT))}
HEADINGS: Final = ["Look first", "Likely causes", "What to do", "Tune it"]
# In italics, but a button of AWS's console.
BUTTONS: Final = frozenset({"Start DLQ redrive"})


def saved_queries() -> set[str]:
    """Return their names, without the stack's and without their folder."""
    made = Stack(
        DOCUMENT,
        {
            "EventLines": "all",
            "ApplicationMetadataKey": "team",
            "HistoryLocation": "s3://example-logs/",
        },
    )
    queries = made.resources("AWS::Logs::QueryDefinition", "AWS::Athena::NamedQuery")
    return {query["Name"].rpartition("/")[2] for query in queries.values()}


def graphs() -> set[str]:
    return {widget.properties["title"] for row in dashboard.rows([], []) for widget in row.widgets}


def section(page: Path, heading: str) -> str:
    return page.read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]


def test_every_alarm_has_a_page_and_every_page_an_alarm() -> None:
    assert {page.stem for page in PAGES} == set(ALARMS)


def test_every_alarm_links_its_own_page() -> None:
    for entry in ALARMS.values():
        properties = DOCUMENT["Resources"][entry.resource]["Properties"]
        if "AlarmDescription" in properties:
            _, variables = properties["AlarmDescription"]["Fn::Sub"]
            has_runbooks, link, _ = variables["Runbook"]["Fn::If"]
            assert has_runbooks == "HasRunbooks"
            assert link["Fn::Sub"] == f"\nRunbook: ${{RunbookBaseUrl}}/{entry.name}.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_its_parts_and_each_says_something(page: Path) -> None:
    text = page.read_text()
    assert text.startswith(f"# {page.stem}\n")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == HEADINGS
    for heading in HEADINGS:
        assert re.search(r"^- \S", section(page, heading), re.MULTILINE), heading
    assert len(text) < 3500, "too long for a tired person"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_sends_people_to_exists(page: Path) -> None:
    text = page.read_text()
    known = saved_queries() | graphs() | BUTTONS
    for name in re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", text):
        assert name in known, name
    for title, target in re.findall(r"\[(\w+)\]\(([^)]+)\)", text):
        assert target == f"{title}.md"
        assert (FOLDER / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_names_the_parameters_that_tune_its_alarm(page: Path) -> None:
    named = set(re.findall(r"`(\w+)`", section(page, "Tune it")))
    known = set(DOCUMENT["Parameters"]) | set(METRICS)
    assert {name for name in named if name[0].isupper()} <= known
    alarm = DOCUMENT["Resources"][ALARMS[page.stem].resource]["Properties"]
    tuning = {
        name
        for name in references(
            {key: part for key, part in alarm.items() if key != "AlarmDescription"}
        )
        if name.endswith(("Threshold", "Percent", "Floor", "FloorPercent", "Seconds", "Usd"))
    }
    assert tuning <= named
