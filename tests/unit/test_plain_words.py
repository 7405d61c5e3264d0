"""Text for people uses the words of the field: none of the old words below come back."""

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
CODE: Final = ("layers", "functions", "cli")
# Files and folders whose Markdown and YAML is checked as well.
DOCUMENTS: Final = (
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md"),
    *("docs", "alarms", "config", "template.yaml"),
)

# An old word or phrase, as a regular expression without groups, and what to write instead.
WORDS: Final = {
    r"anew": "again",
    r"behaviour|colour(?:s|ed)?|grey|neighbour(?:s|ing)?": "American spelling",
    r"com(?:e|es|ing) and go(?:es|ing)?": "on and off, flapping",
    r"e-mail(?:s|ed)?": "email",
    r"for nothing": "free of charge",
    r"for want of": "without",
    r"fuses?": "circuit breaker",
    r"go(?:es)? off|went off": "fires",
    r"hear(?:s|d)?": "receives, is notified of",
    r"h(?:old|olds|eld)(?: \w+){0,3} back": "suppresses (an alarm), delays (a message)",
    r"in place of": "instead of",
    r"in trouble": "failing, slow",
    r"invented": "sample, synthetic",
    r"(?<!there )(?:is|are|was|were) no (?!(?:longer|more|less|better|different|one|such)\b)\w+": (
        "is not a, is not valid"
    ),
    r"judg(?:e|es|ed|ing)": "evaluate",
    r"ledgers?": "notification log",
    r"mend(?:s|ed|ing)?": "fix, repair",
    r"news": "alert, update",
    r"of (?:its|our|their|your) own": "its own, separate",
    r"park(?:s|ed|ing)?": "to the dead-letter queue",
    r"per cent": "percent",
    r"remember(?:s|ed|ing)?": "store, record",
    r"shall": "must, will",
    r"signs? of life": "heartbeat",
    r"(?:some|any|no|every)body": "someone, anyone, no one, everyone",
    r"st(?:ands?|ood)(?! (?:alone|by|for|in|out|up)\b)(?!-)": "is, is firing",
    r"stor(?:y|ies)": "scenario, timeline",
    r"t(?:ells?|elling|old)(?! (?:\w+ ){0,2}apart)": "notify, send, report, show",
    r"waiting rooms?": "digest queue",
    r"what is usual": "the baseline, the expected range",
    r"whoever": "anyone who, the person who",
}
_USE: Final = list(WORDS.values())
_ANY: Final = re.compile(
    r"(?<![\w./-])(?:(" + ")|(".join(WORDS).replace(" ", r"\s") + r"))(?![\w/]|\.\w)", re.IGNORECASE
)
# Names of code, addresses and substitutions are not words;
_NAMES: Final = re.compile(
    r"```.*?```|``.*?``|`[^`]*`|https?://\S+|\]\([^)\s]*\)|\$?\{[^{}]*\}", re.DOTALL
)
_INDENT: Final = re.compile(r"\n[ \t]*(?:#+ ?)?")


def old_words(text: str, name: str, line: int = 1) -> Iterator[str]:
    """Yield `file:line: word → use` for each old word of a text that begins at `line`."""
    text = _NAMES.sub(lambda found: "_" + "\n" * found[0].count("\n"), _INDENT.sub("\n", text))
    for found in _ANY.finditer(text):
        at = line + text.count("\n", 0, found.start())
        yield f"{name}:{at}: {' '.join(found[0].split())} → {_USE[(found.lastindex or 1) - 1]}"


def python_texts(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and text of each docstring, comment and string with a space."""
    inner: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            inner.update(map(id, ast.walk(node)))
            parts = (part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
            text = "".join(map(str, parts))
        elif (
            isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner
        ):
            text = node.value
        else:
            continue
        if " " in text.strip():
            yield node.lineno, text
    comments: list[str] = []
    last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        line = token.start[0]
        if comments and line != last + 1:
            yield last - len(comments) + 1, "\n".join(comments)
            comments = []
        comments.append(token.string)
        last = line
    yield last - len(comments) + 1, "\n".join(comments)


def found_in(paths: Iterable[Path]) -> list[str]:
    """Return the old words of files; most files have none, and are not parsed."""
    found: list[str] = []
    for path in paths:
        name, text = str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
        if not _ANY.search(_INDENT.sub("\n", text)):
            continue
        if path.suffix == ".py":
            for line, words in python_texts(text):
                found += old_words(words, name, line)
        else:
            found += old_words(text, name)
    return found


def files(folders: Iterable[str], *endings: str) -> Iterator[Path]:
    """Yield the files of folders, and the files among `folders`."""
    for name in folders:
        path = ROOT / name
        below = [path] if path.is_file() else sorted(path.rglob("*"))
        yield from (one for one in below if one.suffix in endings)


def test_docstrings_comments_and_strings_use_plain_words() -> None:
    assert not found_in(files(CODE, ".py")), "write the words on the right instead"


def test_documents_use_plain_words() -> None:
    assert not found_in(files(DOCUMENTS, ".md", ".yaml")), "write the words on the right instead"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('"""Nobody\nshall read it."""', ["x.py:1: Nobody", "x.py:2: shall"]),
        ("x = 1\n# in place\n# of this", ["x.py:2: in place of"]),
        ('say(f"{place} is no number")', ["x.py:1: is no number"]),
        ('say("told")\n# `told` and tests/told.py\ntold = story["news"]', []),
        ('say("there is no number, and this is no longer one")', []),
    ],
)
def test_words_are_found_and_names_are_not(source: str, expected: list[str]) -> None:
    found = [
        text for line, words in python_texts(source) for text in old_words(words, "x.py", line)
    ]

    assert [text.partition(" → ")[0] for text in found] == expected


def test_every_word_has_its_replacement() -> None:
    assert list(old_words("Code in `whoever` is fine, but\nwhoever is not", "a.md")) == [
        "a.md:2: whoever → anyone who, the person who"
    ]
