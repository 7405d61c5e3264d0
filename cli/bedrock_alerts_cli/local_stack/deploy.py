"""Builds with `sam build` and deploys the real template with `sam deploy`, to the engine."""

import contextlib
import fcntl
import functools
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from bedrock_alerts_cli import template as cfn
from bedrock_alerts_cli.local_stack.engine import Engine
from bedrock_alerts_cli.local_stack.prerequisites import ENGINE_PYTHON
from bedrock_alerts_cli.project import sources, work_folder
from bedrock_alerts_cli.sam import find_sam
from bedrock_alerts_cli.sample_account import REGION
from bedrock_alerts_cli.template import stack as project_stack
from bedrock_alerts_cli.user_errors import CommandError

STACK: Final = "bedrock-alerts"
_WORK: Final = work_folder() / ".local-stack"
_ARTEFACTS: Final = "bedrock-alerts-artefacts"
_PRINT_KNOWN_TYPES: Final = (
    "from ministack.services.cloudformation.provisioners import _RESOURCE_HANDLERS as known;"
    "print(*known)"
)
# Types that the SAM transform replaces before the engine sees them.
_SAM_TYPES: Final = ("AWS::Serverless::Function", "AWS::Serverless::LayerVersion")
_BUILD_SECONDS: Final = 600
_DEPLOY_SECONDS: Final = 300
_EMPTY: Final = '""'  # SAM does not take a value of no characters


class Stack(NamedTuple):
    """A deployed stack: physical ids by logical id, outputs, and types that the engine lacks."""

    resources: Mapping[str, str]
    outputs: Mapping[str, str]
    left_out: Mapping[str, str]


@contextlib.contextmanager
def build_folder() -> Iterator[None]:
    """Lock the build folder: a second demo waits until this one has deployed."""
    _WORK.mkdir(exist_ok=True, parents=True)
    with (_WORK / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build(engine: Engine) -> Path:
    """Build the template for this machine's Python and return the built template's path.

    The engine runs functions in its own Python, whatever the template says, so the layers get the
    wheels for that. Separate folders keep such a build from being deployed to AWS.
    """
    tag = subprocess.run(
        [str(ENGINE_PYTHON), "-c", "import sys; print(sys.implementation.cache_tag)"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    # SAM stores what it has built next to its build folder: two builds must not share that.
    work = _WORK / tag
    out = work / "build"
    environment = {**engine.environment(), "LAYER_TARGET": "host", "PYTHON": str(ENGINE_PYTHON)}
    run_sam(
        "build",
        "--template-file", str(sources() / "template.yaml"),
        "--build-dir", str(out),
        "--cache-dir", str(work / "cache"),
        "--cached", "--parallel",
        environment=environment,
        seconds=_BUILD_SECONDS,
    )  # fmt: skip
    return out / "template.yaml"


def deploy(engine: Engine, built: Path, parameters: Mapping[str, str]) -> Stack:
    """Deploy the built template with `sam deploy`, without what the engine cannot create."""
    smaller, left_out = makeable(cfn.load(built), parameters)
    # JSON: `sam deploy` reads it several times, and YAML of this size slowly.
    built = built.with_name("template.local.json")
    built.write_text(json.dumps(smaller))
    s3 = engine.client("s3")
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):  # by an earlier deployment
        s3.create_bucket(
            Bucket=_ARTEFACTS, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
    run_sam(
        "deploy",
        "--template-file", str(built),
        "--stack-name", STACK,
        "--region", REGION,
        "--s3-bucket", _ARTEFACTS,
        "--capabilities", "CAPABILITY_IAM",
        "--no-confirm-changeset",
        "--no-progressbar",
        "--config-env", "local",
        "--parameter-overrides", *(f"{key}={value or _EMPTY}" for key, value in parameters.items()),
        environment=engine.environment(),
        seconds=_DEPLOY_SECONDS,
    )  # fmt: skip
    return describe(engine, left_out)


def makeable(
    template: Mapping[str, Any], parameters: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a template without what the engine cannot create, and what that is.

    That is every unknown resource type, and alarms over metric math. Conditions are resolved here,
    because the engine does not resolve lists in them.
    """
    unknown = cfn.types(template) - _known_types()
    smaller, left_out = cfn.without_types(template, unknown, cfn.math_alarms(template))
    whole = project_stack.Stack(template, parameters)
    settled = {name: whole.holds(name) for name in template["Conditions"]}
    return cfn.with_settled(smaller, settled), left_out


def describe(engine: Engine, left_out: Mapping[str, str]) -> Stack:
    """Read back what was deployed."""
    cloudformation = engine.client("cloudformation")
    resources: list[dict[str, Any]] = cloudformation.describe_stack_resources(StackName=STACK)[
        "StackResources"
    ]
    stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
    return Stack(
        resources={
            item["LogicalResourceId"]: item["PhysicalResourceId"]
            for item in resources
            if item.get("PhysicalResourceId")
        },
        outputs={item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])},
        left_out=left_out,
    )


@functools.cache
def _known_types() -> frozenset[str]:
    """Return the resource types that the engine can create.

    It has no call for that, and fails a whole deployment on the first unknown type; its version is
    pinned, so its own table can be read.
    """
    done = subprocess.run(
        [str(ENGINE_PYTHON), "-c", _PRINT_KNOWN_TYPES], check=False, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise CommandError(f"the engine's table of resource types cannot be read:\n{done.stderr}")
    return frozenset({*done.stdout.split(), *_SAM_TYPES})


def run_sam(command: str, *arguments: str, environment: Mapping[str, str], seconds: int) -> None:
    """Run `sam` in the project's folder. Raises CommandError with the end of its output."""
    try:
        done = subprocess.run(
            [find_sam(), command, *arguments],
            cwd=work_folder(),
            env=dict(environment),
            check=False,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"`sam {command}` did not finish within {seconds} s") from error
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-40:])
        raise CommandError(f"`sam {command}` failed:\n{tail}")
