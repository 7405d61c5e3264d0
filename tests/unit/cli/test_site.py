"""What the pages name exists: links, anchors, pages of the menu, commands, options, targets."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
import pytest
import yaml
from click.testing import CliRunner

from bedrock_alerts_cli.main import cli

ROOT: Final = Path(__file__).resolve().parents[3]
DOCS: Final = ROOT / "docs"
PAGES: Final = [ROOT / "README.md", ROOT / "events/README.md", *sorted(DOCS.rglob("*.md"))]
WORDS_OF_THE_README: Final = 900
READERS: Final = {"backtest", "inspect", "metrics", "report", "routes", "simulate", "stack-cost"}
# The targets that pass ARGS on to a command.
OF_MAKE: Final = {"demo": "demo", "deploy": "deploy"}

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """Give the language and the content of each block of code."""
    for match in re.finditer(r"^( *)```(\w*)\n(.*?)^\1```$", text, re.MULTILINE | re.DOTALL):
        yield match[2], match[3]


def prose(text: str) -> str:
    return re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(path: Path) -> set[str]:
    """Return what GitHub and the site make of a page's headings."""
    headings = re.findall(r"^#+ +(.+?) *$", prose(path.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(text: str) -> Iterator[list[str]]:
    """Give each command of the shell blocks, and of code within the text, in words."""
    lines = [
        line
        for language, content in blocks(text)
        if language == "sh"
        for line in content.replace("\\\n", " ").splitlines()
    ]
    lines += re.findall(r"`((?:\.venv/bin/)?(?:bedrock-alerts|make) [^`]+)`", prose(text))
    for line in lines:
        words = shlex.split(line, comments=True)
        command: list[str] = []
        for word in (*words, ";"):
            if word in {"|", "&&", ";"}:
                yield command
                command = []
            elif command or not re.fullmatch(r"[A-Z_]+=.*", word):
                command.append(word)


def parse(arguments: list[str]) -> None:
    """Let click read what follows `bedrock-alerts`; it raises for what does not exist."""
    context = click.Context(cli, info_name="bedrock-alerts", **cli.context_settings)
    command: click.Command = cli
    while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
        name, *arguments = arguments
        found = command.get_command(context, name)
        assert found is not None, f"there is no command {name}"
        command = found
        context = click.Context(command, info_name=name, parent=context)
    command.make_parser(context).parse_args(arguments)


@each_page
def test_every_link_and_anchor_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page.read_text(encoding="utf-8"))):
        if re.match(r"https?://|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.is_file(), target
        if page.is_relative_to(DOCS):
            assert found.is_relative_to(DOCS), f"{target}: the site has only what is in docs/"
        if anchor:
            assert anchor in anchors(found), target


@each_page
def test_every_command_and_option_exists(page: Path) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for name, *arguments in filter(None, commands(page.read_text(encoding="utf-8"))):
        if name.rpartition("/")[2] == "bedrock-alerts":
            parse(arguments)
        elif name == "make":
            assert arguments, "make what?"
            assert arguments[0] in targets, arguments[0]
            given = [one.partition("=")[2] for one in arguments if one.startswith("ARGS=")]
            if given and arguments[0] in OF_MAKE:
                parse([OF_MAKE[arguments[0]], *shlex.split(given[0])])


def runnable() -> list[list[str]]:
    """Return the commands of the pages' shell blocks that need neither AWS nor a fresh event."""
    found = [
        arguments
        for page in PAGES
        for name, *arguments in filter(None, commands(page.read_text(encoding="utf-8")))
        if name == ".venv/bin/bedrock-alerts"
        and arguments[0] in READERS
        and not {"EVENT.json", "put"} & set(arguments)
    ]
    return [shlex.split(line) for line in dict.fromkeys(map(shlex.join, found))]


@pytest.mark.parametrize("arguments", runnable(), ids=" ".join)
def test_a_command_of_the_pages_runs(arguments: list[str], tmp_path: Path) -> None:
    files = {"calls.json.gz": str(ROOT / "events/collect_logs/traffic.ndjson")}
    for one in arguments:
        if (ROOT / one).is_file():
            files[one] = str(ROOT / one)
        elif one.endswith(".html"):
            files[one] = str(tmp_path / one)
    result = CliRunner().invoke(
        cli, [files.get(one, one) for one in arguments], standalone_mode=False
    )
    assert result.exception is None, result.output
    assert not result.return_value, result.output


@pytest.mark.parametrize("arguments", [["inspekt"], ["routes", "put", "--stak", "x", "f"]])
def test_a_command_that_does_not_exist_is_found(arguments: list[str]) -> None:
    with pytest.raises((AssertionError, click.NoSuchOption)):
        parse(arguments)


def test_what_a_shell_block_runs_is_found() -> None:
    text = (
        "```sh\nsam build && A=b bedrock-alerts x \\\n  --y | make z # no\n```\nor `make a`, `z`\n"
    )
    assert [one for one in commands(text) if one] == [
        ["sam", "build"],
        ["bedrock-alerts", "x", "--y"],
        ["make", "z"],
        ["make", "a"],
    ]


class _Loader(yaml.SafeLoader):
    """Reads `mkdocs.yml`: what it has made by Python is none of ours."""


_Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)


def menu(found: Any) -> Iterator[str]:
    if isinstance(found, str):
        yield found
    for item in found.values() if isinstance(found, dict) else ():
        yield from menu(item)
    for item in found if isinstance(found, list) else ():
        yield from menu(item)


def test_every_page_is_in_the_menu_once() -> None:
    site = yaml.load((ROOT / "mkdocs.yml").read_text(), _Loader)  # noqa: S506 - a safe loader's kin
    pages = [str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")]
    assert sorted(menu(site["nav"])) == sorted(pages)


def test_the_site_loads_nothing_from_the_network() -> None:
    site = yaml.load((ROOT / "mkdocs.yml").read_text(), _Loader)  # noqa: S506 - likewise
    assert site["theme"]["font"] is False
    assert {"offline", "search"} <= set(site["plugins"])
    assert "://" not in str({key: site.get(key) for key in ("extra_javascript", "extra_css")})


@pytest.mark.parametrize(
    "file", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda f: f.name
)
def test_pinned_requirements_hold_no_addresses(file: Path) -> None:
    assert "://" not in file.read_text(encoding="utf-8")


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) < WORDS_OF_THE_README
