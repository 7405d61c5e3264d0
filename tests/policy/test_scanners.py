"""What other people's scanners find in the template: everything is mended, or explained here."""

import json
import subprocess
import sys
from collections import defaultdict
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHECKOV: Final = ROOT / ".venv-policy/bin/checkov"
CFN_LINT: Final = Path(sys.executable).with_name("cfn-lint")


class Accepted(NamedTuple):
    """Why a finding is accepted, and on which resources (patterns of logical ids)."""

    why: str
    resources: str = "*"

    def covers(self, resource: str) -> bool:
        """Whether a resource is among them."""
        return any(fnmatchcase(resource, one) for one in self.resources.split())


CFN_LINT_ACCEPTED: Final = {
    "WS1000": Accepted("X-Ray costs by the call; the log's lines and metrics tell as much"),
    "WS1004": Accepted("it reads no !Sub in names; test_policy.py checks groups and retention"),
    "ES4000": Accepted(
        "a heartbeat that is not delivered is meant to be missed; a weekly report comes next week",
        "HeartbeatRule WeeklyReportRule",
    ),
    "ES6000": Accepted("a dead-letter queue redrives nowhere", "*DeadLetterQueue"),
    "ES7000": Accepted(
        "SNS itself retries e-mail; nobody reads a queue of it", "EmailSubscription"
    ),
}
CHECKOV_ACCEPTED: Final = {
    "CKV_AWS_18": Accepted(
        "only AWS writes there; an access log would want a bucket again", "*Bucket"
    ),
    "CKV_AWS_21": Accepted("old versions of what holds prompts are not to be kept", "*Bucket"),
    "CKV_AWS_115": Accepted("a part of the account's concurrency is not ours to take away"),
    "CKV_AWS_116": Accepted("what is asynchronous has a place for what fails (test_policy.py)"),
    "CKV_AWS_117": Accepted(
        "they talk to AWS and Slack; a network of one's own would guard nothing"
    ),
    "CKV_AWS_119": Accepted("DynamoDB encrypts with its own key; no content", "IncidentsTable"),
    "CKV_AWS_258": Accepted(
        "Slack cannot sign with IAM; the function checks Slack's own signature", "AnswerFunctionUrl"
    ),
    "CKV_AWS_173": Accepted("Lambda encrypts, and no variable is a secret: only where one is kept"),
}


def run(command: list[str]) -> Any:
    """Run a scanner and return what it says in JSON; it says it with various exit codes."""
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.stdout.strip(), done.stderr
    return json.loads(done.stdout)


def unexplained(
    found: dict[str, set[str]], accepted: dict[str, Accepted]
) -> tuple[dict[str, set[str]], set[str]]:
    """Return the findings that nobody explains, and the explanations that nothing needs."""
    left = {
        check: {
            resource
            for resource in resources
            if check not in accepted or not accepted[check].covers(resource)
        }
        for check, resources in found.items()
    }
    return {check: names for check, names in left.items() if names}, set(accepted) - set(found)


@pytest.fixture(scope="module")
def cfn_lint() -> dict[str, set[str]]:
    findings = run(
        [str(CFN_LINT), "--append-rules", "cfn_lint_serverless.rules", "--format", "json",
         "--template", "template.yaml"]
    )  # fmt: skip
    found = defaultdict(set)
    for finding in findings:
        found[finding["Rule"]["Id"]].add(finding["Location"]["Path"][1])
    return found


@pytest.fixture(scope="module")
def checkov() -> dict[str, set[str]]:
    assert CHECKOV.exists(), "run `make setup-dev`"
    report = run(
        [str(CHECKOV), "--framework", "cloudformation", "--skip-download", "--output", "json",
         "--file", "template.yaml"]
    )  # fmt: skip
    assert report["summary"]["passed"] > 0
    assert report["summary"]["parsing_errors"] == 0
    found = defaultdict(set)
    for finding in report["results"]["failed_checks"]:
        found[finding["check_id"]].add(finding["resource"].rpartition(".")[2])
    return found


def test_cfn_lint_with_its_serverless_rules_finds_nothing_unexplained(
    cfn_lint: dict[str, set[str]],
) -> None:
    assert unexplained(cfn_lint, CFN_LINT_ACCEPTED) == ({}, set())


def test_checkov_finds_nothing_unexplained(checkov: dict[str, set[str]]) -> None:
    assert unexplained(checkov, CHECKOV_ACCEPTED) == ({}, set())


def test_a_new_finding_or_an_old_excuse_is_noticed() -> None:
    accepted = {"A": Accepted("", "Known*"), "B": Accepted("")}
    found = {"A": {"Known1", "New"}, "C": {"Other"}}
    assert unexplained(found, accepted) == ({"A": {"New"}, "C": {"Other"}}, {"B"})
