"""The template with the code that it needs, so that a deployment needs no build.

There are two templates for the same zips. `template.yaml` is for `sam deploy`, `sam package` and
`aws cloudformation package`, which upload the zips beside it. `template-hosted.json` has no SAM
transform: CloudFormation alone deploys it, from a bucket that holds the zips.
"""

import copy
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bedrock_alerts_cli import template as cfn
from bedrock_alerts_cli.maintain.release.repeatable_archives import zipped_folder
from bedrock_alerts_cli.user_errors import CommandError

TEMPLATE: Final = "template.yaml"
HOSTED: Final = "template-hosted.json"
_CODE: Final = ("CodeUri", "ContentUri")
_HASH: Final = 12
# Of every file in a zip, so that the zip changes only with its content: 1 January 2000.
_TIME: Final = 946_684_800
_PLACEHOLDER: Final = "bucket"
# CloudFormation's limit for a template in a bucket.
_MAX_BYTES: Final = 1_000_000
_BUILT_BY: Final = re.compile(r"^ +Metadata: \{ BuildMethod: .*\}\n", re.MULTILINE)
_GROUP: Final = "Where the release is"
_PER_REGION: Final = "CodeBucketHasRegion"
_PARAMETERS: Final = {
    "CodeBucket": {
        "Type": "String",
        "Description": (
            "The S3 bucket with the zips of the release. It must be in this Region: Lambda takes"
            " code from no other."
        ),
        "AllowedPattern": r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        "ConstraintDescription": "must be the name of a bucket",
    },
    _PER_REGION: {
        "Type": "String",
        "Description": (
            "true: the bucket's name is CodeBucket, a hyphen and this Region, as in"
            " example-eu-west-1. For a release with one bucket in each Region."
        ),
        "Default": "false",
        "AllowedValues": ["true", "false"],
    },
}


def package(built: Path, source: Path, out: Path, version: str) -> None:
    """Write both templates and the zips into `out`.

    `built` is the folder of `sam build`, `source` the template that was built. Raises CommandError
    if a template cannot be hosted.
    """
    template = cfn.load(source)
    zips = {}
    for name in _with_code(template):
        data = zipped_folder(built / name, _TIME)
        # By its content: what has not changed keeps its name, and is not deployed again.
        zips[name] = f"{name}-{hashlib.sha256(data).hexdigest()[:_HASH]}.zip"
        (out / zips[name]).write_bytes(data)
    (out / TEMPLATE).write_text(_beside(source, zips), encoding="utf-8")
    hosted = json.dumps(_hosted(template, zips, version), indent=1) + "\n"
    if len(hosted.encode()) > _MAX_BYTES:
        raise CommandError(f"{HOSTED} has over {_MAX_BYTES} bytes, which CloudFormation refuses")
    (out / HOSTED).write_text(hosted, encoding="utf-8")


def _with_code(template: Mapping[str, Any]) -> Iterator[str]:
    for name, resource in template["Resources"].items():
        if any(code in resource.get("Properties", {}) for code in _CODE):
            yield name


def _beside(source: Path, zips: Mapping[str, str]) -> str:
    """Return the template's text, comments and all, with the zips instead of the sources.

    Raises CommandError where a resource is written in another way than it was.
    """
    text = _BUILT_BY.sub("", source.read_text(encoding="utf-8"))
    for name, file in zips.items():
        text = re.sub(
            rf"(^  {name}:\n(?:(?:    .*)?\n)*?      (?:CodeUri|ContentUri): ).*$",
            rf"\g<1>{file}",
            text,
            flags=re.MULTILINE,
        )
    resources = cfn.parse(text)["Resources"]
    for name, file in zips.items():
        properties = resources[name]["Properties"]
        if file not in (properties.get(code) for code in _CODE) or "Metadata" in resources[name]:
            raise CommandError(f"{source.name}: the code of {name} could not be replaced")
    return text


def _hosted(template: Mapping[str, Any], zips: Mapping[str, str], version: str) -> dict[str, Any]:
    """Return the template as the SAM transform makes it, with its code in a bucket."""
    # Only the packages of the AWS SAM CLI bring it, and only maintainers need it.
    from samtranslator.translator.transform import transform  # noqa: PLC0415

    document = copy.deepcopy(dict(template))
    for name, file in zips.items():
        properties = document["Resources"][name]["Properties"]
        (code,) = (code for code in _CODE if code in properties)
        properties[code] = f"s3://{_PLACEHOLDER}/{file}"
        document["Resources"][name].pop("Metadata", None)
    with _some_region():
        made: dict[str, Any] = transform(document, {}, _NoManagedPolicies())
    made["Resources"] = _in_bucket(made["Resources"])
    prefix = {
        "Type": "String",
        "Description": "What the keys of the zips begin with in that bucket",
        "Default": f"bedrock-alerts/{version}/",
        "AllowedPattern": "^(?:.*/)?$",
        "ConstraintDescription": "must be empty or end with /",
    }
    added = {**_PARAMETERS, "CodePrefix": prefix}
    made["Parameters"] = {**added, **made["Parameters"]}
    made["Conditions"][_PER_REGION] = {"Fn::Equals": [{"Ref": _PER_REGION}, "true"]}
    interface = made["Metadata"]["AWS::CloudFormation::Interface"]
    group = {"Label": {"default": _GROUP}, "Parameters": list(added)}
    interface["ParameterGroups"] = [group, *interface["ParameterGroups"]]
    return made


def _in_bucket(node: Any) -> Any:
    """Replace the bucket and the prefix by the parameters."""
    if isinstance(node, list):
        return [_in_bucket(item) for item in node]
    if not isinstance(node, dict):
        return node
    if node.get("S3Bucket") == _PLACEHOLDER:
        with_region = {"Fn::Sub": "${CodeBucket}-${AWS::Region}"}
        return {
            "S3Bucket": {"Fn::If": [_PER_REGION, with_region, {"Ref": "CodeBucket"}]},
            "S3Key": {"Fn::Sub": f"${{CodePrefix}}{node['S3Key']}"},
        }
    return {key: _in_bucket(value) for key, value in node.items()}


class _NoManagedPolicies:
    """Replaces the list of AWS's managed policies: no role of the template has one."""

    def load(self) -> dict[str, str]:
        return {}


@contextmanager
def _some_region() -> Iterator[None]:
    """Set a Region for the transform, which asks for one. It comes out the same for every one."""
    before = os.environ.get("AWS_DEFAULT_REGION")
    os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["AWS_DEFAULT_REGION"]
        else:
            os.environ["AWS_DEFAULT_REGION"] = before
