"""A first deployment: what `sam` asks, what it has to be allowed, and in which Regions it works."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from bedrock_alerts_cli.maintain.documents.deploy_policy import policy

ROOT: Final = Path(__file__).resolve().parents[2]
BIN: Final = Path(sys.executable).parent
# Nothing listens there: the first call to AWS ends the attempt.
NOWHERE: Final = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_MAX_ATTEMPTS": "1",
    "SAM_CLI_TELEMETRY": "0",
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
}
FIRST_CALL: Final = "Could not connect to the endpoint URL"


def sam(folder: Path, *arguments: str, answers: str = "") -> str:
    done = subprocess.run(
        [str(BIN / "sam"), "deploy", "--template-file", str(ROOT / "template.yaml"), *arguments],
        cwd=folder,
        env=NOWHERE,
        input=answers,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout + done.stderr


def test_enter_to_every_question_gets_as_far_as_aws(tmp_path: Path) -> None:
    said = sam(tmp_path, "--guided", answers="\n" * 120)
    assert "Security Constraints Not Satisfied" not in said
    assert "has no authentication" not in said
    assert FIRST_CALL in said


def test_the_readmes_one_line_asks_nothing_and_gets_as_far_as_aws(tmp_path: Path) -> None:
    line = "sam build && sam deploy --parameter-overrides AlertEmail=you@example.com"
    assert line in (ROOT / "README.md").read_text()
    (tmp_path / "samconfig.toml").write_text((ROOT / "samconfig.toml").read_text())
    said = sam(tmp_path, "--parameter-overrides", "AlertEmail=you@example.com")
    assert FIRST_CALL in said
    assert "[y/N]" not in said


def test_the_template_is_checked_for_regions_that_lack_something() -> None:
    assert (
        "cfn-lint template.yaml members/template.yaml --regions us-east-1 eu-west-1"
        " ap-southeast-2 us-gov-west-1 il-central-1"
    ) in (ROOT / "tools/check").read_text()


def test_the_policy_for_who_deploys_covers_every_type_of_the_template(
    template: dict[str, Any],
) -> None:
    made = policy(template, "example")
    assert len(json.dumps(made, separators=(",", ":"))) < 10_240, "no policy takes more"
    sids = [statement["Sid"] for statement in made["Statement"]]
    assert len(set(sids)) == len(sids)
    for statement in made["Statement"]:
        assert not any("*" in action for action in statement["Action"])
    actions = {action for one in made["Statement"] for action in one["Action"]}
    for needed in ("lambda:CreateFunctionUrlConfig", "cloudwatch:PutMetricAlarm", "iam:PassRole"):
        assert needed in actions
