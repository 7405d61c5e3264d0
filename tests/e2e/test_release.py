"""The packaged template of a release deploys from a bucket, without SAM and without a build."""

import base64
import hashlib
import json
import time
from pathlib import Path
from typing import Any, Final

import pytest

from bedrock_alerts_cli import project
from bedrock_alerts_cli import template as cfn
from bedrock_alerts_cli.local_stack.deploy import STACK, describe, makeable
from bedrock_alerts_cli.local_stack.engine import Engine
from bedrock_alerts_cli.maintain.release.packaged_templates import HOSTED, package
from bedrock_alerts_cli.maintain.release.repeatable_archives import zipped_folder
from bedrock_alerts_cli.sample_account import REGION
from tests.support.custom_resources import LOG_GROUP
from tests.support.local_account import Account

pytestmark = [pytest.mark.build, pytest.mark.e2e]

BUCKET: Final = f"example-releases-{REGION}"
PARAMETERS: Final = {
    "AlertEmail": "oncall@example.com",
    "AllowLoopbackWebhooks": "true",
    "Architecture": "x86_64",
    "CodeBucket": "example-releases",
    "CodeBucketHasRegion": "true",
}
SECONDS: Final = 60


@pytest.fixture
def release(built: Path, locally_built: Path, tmp_path: Path) -> Path:
    """Return a folder with the packaged template of a release and its zips.

    The engine runs functions in this machine's Python, so one zip is another: that of the packages
    that are compiled for Lambda's.
    """
    package(built, project.TEMPLATE, tmp_path, project.version())
    (compiled,) = tmp_path.glob("DependenciesLayerX86-*.zip")
    compiled.write_bytes(zipped_folder(locally_built.parent / "DependenciesLayerX86", 10**9))
    return tmp_path


def upload(engine: Engine, folder: Path) -> None:
    s3 = engine.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    for path in folder.iterdir():
        key = f"bedrock-alerts/{project.version()}/{path.name}"
        s3.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())


def create(engine: Engine) -> None:
    cloudformation: Any = engine.client("cloudformation")
    key = f"bedrock-alerts/{project.version()}/{HOSTED}"
    cloudformation.create_stack(
        StackName=STACK,
        TemplateURL=f"{engine.url}/{BUCKET}/{key}",
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value} for name, value in PARAMETERS.items()
        ],
        Capabilities=["CAPABILITY_IAM"],
    )
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        (stack,) = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            break
        time.sleep(0.1)


def test_a_release_deploys_from_a_bucket_without_a_build(account: Account, release: Path) -> None:
    whole = cfn.load(release / HOSTED)
    assert "Transform" not in whole
    smaller, left_out = makeable(whole, PARAMETERS)
    (release / HOSTED).write_text(json.dumps(smaller))
    upload(account.engine, release)

    create(account.engine)
    assert account.reasons() == ""
    stack = describe(account.engine, left_out)

    # Its code is the release's, byte for byte.
    for function in ("CollectLogsFunction", "DeliverFunction", "RouteFunction"):
        (path,) = release.glob(f"{function}-*.zip")
        found = account.engine.client("lambda").get_function(
            FunctionName=stack.resources[function]
        )["Configuration"]
        digest = base64.b64encode(hashlib.sha256(path.read_bytes()).digest()).decode()
        assert found["CodeSha256"] == digest
    # It ran: the function behind the custom resource switched the log on.
    assert account.configuration["cloudWatchConfig"]["logGroupName"] == LOG_GROUP
    account.delete()
