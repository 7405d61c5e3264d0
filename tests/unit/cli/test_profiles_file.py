"""Files of application inference profiles, and of prices, as people have them."""

import json
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from bedrock_alerts_cli.main import main
from bedrock_alerts_cli.profiles_file import read_profiles
from tests.records import converse

ARN: Final = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/"
MODEL: Final = "anthropic.claude-haiku-4-5-20251001-v1:0"


def answer(name: str) -> dict[str, Any]:
    return {
        "inferenceProfileName": f"app-{name}",
        "inferenceProfileId": name,
        "inferenceProfileArn": ARN + name,
        "models": [{"modelArn": f"arn:aws:bedrock:us-east-1::foundation-model/{MODEL}"}],
        "status": "ACTIVE",
        "type": "APPLICATION",
    }


ONE, TWO = answer("abc"), answer("def")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"{json.dumps(ONE, indent=4)}\n{json.dumps(TWO, indent=4)}\n", id="answers"),
        pytest.param(f"{json.dumps(ONE)}\n{json.dumps(TWO)}\n", id="an answer a line"),
        pytest.param(json.dumps([ONE, TWO]), id="an array of them"),
        pytest.param(json.dumps({"inferenceProfileSummaries": [ONE, TWO]}), id="a list"),
        pytest.param(
            "\n".join(json.dumps({"inferenceProfileSummaries": [one]}) for one in (ONE, TWO)),
            id="pages of a list",
        ),
        pytest.param(json.dumps({"abc": MODEL, ARN + "def": MODEL}), id="a mapping"),
        pytest.param(f'{{"abc": "{MODEL}"}} {{"def": "{MODEL}"}}', id="mappings"),
    ],
)
def test_every_profile_is_known(text: str) -> None:
    found = read_profiles(text.encode())
    for name in ("abc", "def"):
        profile = found.profile(ARN + name)
        assert profile is not None
        assert profile.model == MODEL


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7",
        "{}",
        "[]",
        "[1]",
        "no JSON",
        '{"abc": 7}',
        '{"abc": {"model": "x"}}',
        '{"models": 7}',
        '{"models": [7]}',
        '{"inferenceProfileId": "abc", "models": [{"modelArn": 7}]}',
        '{"inferenceProfileSummaries": 7}',
        '{"inferenceProfileSummaries": [7]}',
        f'{json.dumps(ONE)} {{"def": "{MODEL}"}}',
    ],
)
def test_other_content_is_refused_with_what_is_expected(text: str) -> None:
    with pytest.raises(ValueError, match=r'expected is JSON {"ID": "MODEL"}, or what `aws bedrock'):
        read_profiles(text.encode())


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("option", ["--profiles", "--prices"])
def test_a_byte_order_mark_is_read(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    option: str,
    encoding: str,
) -> None:
    content = (
        {"abc": MODEL}
        if option == "--profiles"
        else {"entries": [{"model": "tuned", "rates": {"input": 250_000, "output": 250_000}}]}
    )
    file = tmp_path / "given.json"
    file.write_text(json.dumps(content), encoding=encoding)
    log = tmp_path / "calls.ndjson"
    log.write_text(json.dumps(converse(model=ARN + "abc" if option == "--profiles" else "tuned")))
    monkeypatch.setattr(
        sys, "argv", ["bedrock-alerts", "inspect", str(log), "--json", option, str(file)]
    )
    assert main() == 0
    call = json.loads(capfd.readouterr().out)
    assert (call["model"], call["priced"]) == (
        MODEL if option == "--profiles" else "tuned",
        "exact",
    )
