"""A page for every alarm, and nothing on it that does not exist."""

import re
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Final

import botocore.session
import jmespath
import pytest
from botocore import xform_name

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
# In italics, but a page, tab, button or setting of AWS's console.
CONSOLE: Final = frozenset(
    {
        "Detect",
        "Event history",
        "Revoke sessions",
        "Service Quotas",
        "Settings",
        "Start DLQ redrive",
    }
)
CHECKED: Final = re.compile(
    r"^Steps checked against the template[^\n]+, \d{4}-\d{2}-\d{2}; not run in an account\.( [^\n]+)?$"
)


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
    text = re.sub(
        r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.DOTALL
    )  # code has stars too
    known = saved_queries() | graphs() | CONSOLE
    for name in re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", text):
        assert name in known, name
    for title, target in re.findall(r"\[(\w+)\]\(([^)]+)\)", text):
        assert target == f"{title}.md"
        assert (FOLDER / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_says_at_its_end_how_its_steps_were_checked(page: Path) -> None:
    assert CHECKED.match(page.read_text().rstrip("\n").rpartition("\n")[2])


def aws_commands() -> list[tuple[str, str]]:
    """Return every AWS CLI command of the pages, with the name of its page."""
    found = []
    for page in PAGES:
        text = page.read_text()
        inline = re.findall(r"`(aws [^`\n]+)`", text)
        blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        lines = [line for block in blocks for line in block.splitlines()]
        found += [(page.stem, one) for one in (*inline, *lines) if one.startswith("aws ")]
    return found


GLOBAL_OPTIONS: Final = frozenset(
    {"--query", "--output", "--cli-binary-format", "--cli-read-timeout"}
)
HIGH_LEVEL: Final = frozenset(
    {("s3", "ls"), ("s3", "cp"), ("s3", "rm"), ("cloudformation", "wait")}
)


@pytest.mark.parametrize(("page", "command"), aws_commands())
def test_an_aws_command_has_an_operation_and_options_that_exist(page: str, command: str) -> None:
    words = [word for word in shlex.split(command.partition(" > ")[0]) if word]
    service, name = words[1:3]
    if (service, name) in HIGH_LEVEL:
        return
    model = botocore.session.get_session().get_service_model(service)
    operations = {xform_name(one, "-"): one for one in model.operation_names}
    shape = model.operation_model(operations[name]).input_shape
    known = {f"--{xform_name(member, '-')}" for member in shape.members} if shape else set()
    required = (
        {f"--{xform_name(member, '-')}" for member in shape.required_members} if shape else set()
    )
    options = {word for word in words if word.startswith("--")}
    assert options <= known | GLOBAL_OPTIONS, page
    assert required <= options, page
    for option, value in pairwise(words):
        if option == "--query":
            jmespath.compile(value)


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
