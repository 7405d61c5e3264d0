"""Every file, or part of one, that is generated: `make docs` writes them, a test compares them."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from bedrock_alerts_cli.maintain.documents import (
    bills,
    chapters,
    commands,
    dashboard,
    emitted,
    house,
    tables,
)
from bedrock_alerts_cli.maintain.documents import sample_messages as messages
from bedrock_alerts_cli.maintain.documents.alarm_catalogue import read_catalogue
from bedrock_alerts_cli.maintain.documents.catalogue import entries
from bedrock_alerts_cli.template import parse
from bedrock_alerts_cli.template.stack import Stack

# What messages say about an alarm travels with the functions.
_RUNTIME: Final = "layers/shared/bedrock_alerts/alerts/catalogue.json"
_DECISIONS: Final = "docs/decisions.md"
_PART: Final = re.compile(
    r"(?P<begin>^[ ]*(?P<mark><!--|\#)[ ]begin[ ](?P<name>[a-z]+):.*?\n)"
    r".*?(?P<end>^[ ]*(?P=mark)[ ]end[ ](?P=name)\b)",
    re.MULTILINE | re.DOTALL,
)


def generated(root: Path) -> Iterator[tuple[Path, str]]:
    """Give each file as it should be. Raises ValueError where a part has no place in its file."""
    catalogue = read_catalogue(root / "alarms")
    yield root / _RUNTIME, messages.catalogue(catalogue)  # first: the samples below read it
    chapters_of_template = {
        "alarms": chapters.resources(catalogue),
        "switches": chapters.switches(catalogue),
        "thresholds": chapters.thresholds(catalogue),
        "tuning": chapters.parameters(catalogue),
    }
    # The rest is made from the template as it is with these.
    text = with_parts((root / "template.yaml").read_text(), chapters_of_template)
    board = dashboard.resource(parse(text))
    document = parse(with_parts(text, {"dashboard": board}))
    # As with AlarmSet=all, so that a composite alarm names all of its alarms.
    alarms = list(entries(document, Stack(document, {"AlarmSet": "all"})))
    parts = {
        "template.yaml": {**chapters_of_template, "dashboard": board},
        "mkdocs.yml": {"runbooks": tables.runbooks_of_site(catalogue, "runbooks")},
        "docs/alarms.md": {"alarms": tables.alarms_in_full(alarms, "runbooks")},
        "docs/architecture.md": {"reasons": tables.reasons(), "rooms": house.rooms(root)},
        "docs/commands.md": {"commands": commands.commands()},
        "docs/cost.md": {
            "bill": bills.example(document),
            "cases": bills.cases(document),
            "rates": bills.rates(),
        },
        "docs/decisions-index.md": {
            "decisions": tables.decisions((root / _DECISIONS).read_text(), Path(_DECISIONS).name)
        },
        "docs/deploying.md": {"parameters": tables.parameter_groups(document, "parameters.md")},
        "docs/get-started.md": {"email": messages.mail()},
        "docs/metrics.md": {"metrics": tables.metrics_in_full(emitted.dimension_sets())},
        "docs/parameters.md": {"parameters": tables.parameters_in_full(document)},
        "docs/runbooks.md": {"runbooks": tables.runbooks(alarms, catalogue, "runbooks")},
        "docs/webhook.md": {"event": messages.event()},
        **{
            f"docs/runbooks/{alarm.name}.md": {"alarm": tables.alarm_in_short(alarm)}
            for alarm in alarms
        },
    }
    for name, made in parts.items():
        path = root / name
        yield path, with_parts(path.read_text(), made)


def with_parts(text: str, parts: Mapping[str, str]) -> str:
    """Replace the text between the comments `begin NAME: …` and `end NAME`.

    A part that `parts` does not name stays. Raises ValueError for a part without a place.
    """
    found: set[str] = set()

    def replaced(match: re.Match[str]) -> str:
        if match["name"] not in parts:
            return match[0]
        found.add(match["name"])
        blank = "\n" if match["mark"] == "<!--" else ""
        return f"{match['begin']}{blank}{parts[match['name']]}{blank}{match['end']}"

    written = _PART.sub(replaced, text)
    if found != parts.keys():
        raise ValueError(f"no place for {', '.join(sorted(set(parts) - found))}")
    return written
