"""The page with the figures, `docs/benchmarks.md`: two parts, each renewed on its own."""

from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
PAGE: Final = DOCS / "benchmarks.md"
_BORDER: Final = "<!-- What follows is made by tests/benchmarks/alerts.py. -->"


def write_collect(text: str) -> None:
    """Renew what is said of the collector."""
    _write(text, _parts()[1])


def write_alerts(text: str) -> None:
    """Renew what is said of alerts."""
    _write(_parts()[0], text)


def _parts() -> tuple[str, str]:
    collect, _, alerts = PAGE.read_text().partition(_BORDER)
    return collect, alerts


def _write(collect: str, alerts: str) -> None:
    parts = [collect.strip()]
    if alerts.strip():
        parts += [_BORDER, alerts.strip()]
    PAGE.write_text("\n\n".join(parts) + "\n")
