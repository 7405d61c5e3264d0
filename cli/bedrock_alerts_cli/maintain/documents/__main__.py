"""`python -m bedrock_alerts_cli.maintain.documents`: write everything that is generated."""

import sys

from bedrock_alerts_cli.maintain.documents.files import generated
from bedrock_alerts_cli.project import ROOT


def main() -> int:
    """Write what has changed, and say so."""
    root = ROOT
    for path, text in generated(root):
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"wrote {path.relative_to(root)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
