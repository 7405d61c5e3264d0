"""The template, as written and as CloudFormation gets it after the SAM transform."""

import copy
from pathlib import Path
from typing import Any

import pytest
from samtranslator.translator.transform import transform

from bedrock_alerts_cli import template as cfn

ROOT = Path(__file__).resolve().parents[2]


class NoManagedPolicies:
    """Stands in for the list of AWS's managed policies: no role of ours has one."""

    def load(self) -> dict[str, str]:
        return {}


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    """Return the template as it is written."""
    return dict(cfn.load(ROOT / "template.yaml"))


@pytest.fixture(scope="session")
def resources() -> dict[str, dict[str, Any]]:
    """Return the resources that CloudFormation gets."""
    document = copy.deepcopy(dict(cfn.load(ROOT / "template.yaml")))
    for resource in document["Resources"].values():
        for code in ("CodeUri", "ContentUri"):
            if code in resource.get("Properties", {}):
                resource["Properties"][code] = "s3://example-bucket/artefact.zip"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        found: dict[str, dict[str, Any]] = transform(document, {}, NoManagedPolicies())["Resources"]
    return found
