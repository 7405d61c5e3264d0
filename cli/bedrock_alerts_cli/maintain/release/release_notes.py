"""The section of the changelog that a release is published with."""

import re

from bedrock_alerts_cli.user_errors import CommandError


def section(changelog: str, version: str) -> str:
    """Return what the changelog says of a version. Raises CommandError where it says nothing."""
    found = re.search(
        rf"^(## {re.escape(version)}\b.*?\n.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL
    )
    if found is None:
        raise CommandError(f"CHANGELOG.md has no section {version}")
    return found[1].strip() + "\n"
