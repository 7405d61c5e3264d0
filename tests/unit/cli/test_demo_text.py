"""The demo says how its stack is used while it stays up."""

import pytest

from bedrock_alerts_cli.commands.demo import how_to_use

URL = "http://127.0.0.1:4566"


@pytest.mark.parametrize(
    ("program", "command"),
    [
        (".venv/bin/bedrock-alerts", ".venv/bin/bedrock-alerts"),
        ("/usr/bin/bedrock-alerts", "bedrock-alerts"),
    ],
)
def test_what_is_to_be_typed_is_printed(program: str, command: str) -> None:
    text = "\n".join(how_to_use(URL, program))
    assert f"Stack bedrock-alerts, Region eu-west-1, endpoint {URL}" in text
    assert "export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local" in text
    assert "AWS_DEFAULT_REGION=eu-west-1" in text
    assert text.endswith(f"  {command} incidents list --all --endpoint-url {URL}")
