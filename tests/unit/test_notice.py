"""NOTICE names what is shipped, under the license that the package itself declares."""

import hashlib
import importlib.metadata
import json
import re
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
NOTICE: Final = (ROOT / "NOTICE").read_text(encoding="utf-8")
# The text that apache.org publishes, unchanged: GitHub recognizes a license by its words.
APACHE_2_0: Final = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
# It holds Claude's prices; the list names only its sibling.
WITHIN_LMUX: Final = "lmux-bedrock-shared"


class Named(NamedTuple):
    """A line of NOTICE."""

    licence: str
    home_page: str


def named() -> dict[str, Named]:
    lines = re.findall(r"^  ([a-z0-9-]+) {2,}(\S+) {2,}(\S+)$", NOTICE, re.MULTILINE)
    assert len({name for name, *_ in lines}) == len(lines)
    return {name: Named(licence, home_page) for name, licence, home_page in lines}


def pinned() -> dict[str, str]:
    requirements = (ROOT / "layers/dependencies/requirements.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", requirements, re.MULTILINE))


def price_list() -> dict[str, Any]:
    (path,) = (ROOT / "layers/shared").rglob("prices.json")
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def price_sources() -> set[str]:
    prices = price_list()
    return {prices["source"], prices["regional_source"].split()[0]}


def declared(package: str) -> set[str]:
    """Return the SPDX ids that the installed package declares; of several, one is its file's."""
    metadata = importlib.metadata.metadata(package)
    if "License-Expression" in metadata:
        return {metadata["License-Expression"]}
    classifiers = metadata.get_all("Classifier") or []
    ids = [re.search(r"^License :: .*\(([\w.-]+)\)$", classifier) for classifier in classifiers]
    return {*(metadata.get_all("License") or []), *(found[1] for found in ids if found)}


def test_the_license_is_the_whole_text_of_apache_2_0() -> None:
    assert hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == APACHE_2_0


def test_what_is_shipped_is_named_and_nothing_else() -> None:
    assert pinned()
    assert named().keys() == {*pinned(), *price_sources(), WITHIN_LMUX}


@pytest.mark.parametrize("package", sorted(pinned()))
def test_a_package_has_the_license_that_it_declares(package: str) -> None:
    try:
        ids = declared(package)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{package} is not installed here")
    assert named()[package].licence in ids


def test_the_price_list_has_the_license_that_it_carries() -> None:
    prices = price_list()
    assert prices["licence"].startswith(f"{named()[prices['source']].licence} License ")
    title, terms = prices["licence"].split(" Permission is ")
    assert title.removeprefix("MIT License ") in NOTICE
    assert f"Permission is {terms}" in " ".join(NOTICE.split())


def test_no_version_is_repeated() -> None:
    versions = [*pinned().values(), price_list()["source_version"]]
    assert [version for version in versions if version in NOTICE] == []
