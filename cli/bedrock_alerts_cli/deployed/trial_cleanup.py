"""Deletes what the stack of a trial made, also what outlives the stack."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple

from bedrock_alerts_cli.deployed.deployed_stack import said_plainly
from bedrock_alerts_cli.deployed.doctor.finding import count
from bedrock_alerts_cli.user_errors import CommandError

SAM_STACK: Final = "aws-sam-cli-managed-default"
DEFAULT_LOG: Final = "/aws/bedrock/invocations"
_BUCKET: Final = "AWS::S3::Bucket"
_MAX_KEYS: Final = 1000
# A stack is deleted in some minutes: twenty are the most that is waited for.
_WAITER: Final = {"Delay": 10, "MaxAttempts": 120}


class Deletion(NamedTuple):
    """One deletion: what `do` returns is said; `command` does it by hand where `do` fails."""

    what: str
    do: Callable[[], str]
    command: str


class TrialStack:
    """The stack of a trial, by name: it may be there, half made, or not at all.

    Call `look_before` before it is deployed: a log group that was there is never deleted.
    """

    def __init__(self, name: str, region: str, client: Callable[[str], Any]) -> None:
        self.name = name
        self._region = region
        self._client = client
        self._log_group = ""
        self._buckets: list[str] = []
        self.is_begun = False

    def look_before(self) -> None:
        """Note whether the trial will make the log group of Bedrock's invocation log."""
        with said_plainly("the invocation log"):
            logging = self._client("bedrock").get_model_invocation_logging_configuration()
            has_logging = bool(logging.get("loggingConfig"))
            if not has_logging and DEFAULT_LOG not in self._groups(DEFAULT_LOG):
                self._log_group = DEFAULT_LOG

    def deletions(self) -> Iterator[Deletion]:
        """Yield each deletion, in the order in which they are done."""
        at = f"--region {self._region}"
        try:
            self._buckets = self._found_buckets()
        except CommandError as error:
            yield Deletion("buckets", partial(_raise, error), f"aws s3 ls {at} | grep {self.name}")
        yield Deletion(
            f"stack {self.name}",
            self._delete_stack,
            f"aws cloudformation delete-stack --stack-name {self.name} {at} && aws cloudformation"
            f" wait stack-delete-complete --stack-name {self.name} {at}",
        )
        for bucket in self._buckets:
            yield Deletion(
                f"bucket {bucket}",
                partial(self._delete_bucket, bucket),
                f"aws s3 rb s3://{bucket} --force {at}",
            )
        yield Deletion(
            f"log groups /aws/lambda/{self.name}-*",
            self._delete_groups,
            f"aws logs describe-log-groups --log-group-name-prefix /aws/lambda/{self.name}- {at}"
            " --query 'logGroups[].logGroupName' --output text | xargs -n 1 aws logs"
            f" delete-log-group {at} --log-group-name",
        )
        if self._log_group:
            yield Deletion(
                f"log group {self._log_group}",
                self._delete_invocation_log,
                f"aws logs delete-log-group --log-group-name {self._log_group} {at}",
            )
        yield Deletion(
            "the built functions in SAM's bucket",
            self._delete_artefacts,
            f"aws s3 rm s3://BUCKET-OF-{SAM_STACK}/{self.name}/ --recursive {at}",
        )

    def _found_buckets(self) -> list[str]:
        with said_plainly(f"stack {self.name}"):
            if not self._is_there(self.name):
                return []
            pages = self._client("cloudformation").get_paginator("list_stack_resources")
            return [
                one["PhysicalResourceId"]
                for page in pages.paginate(StackName=self.name)
                for one in page["StackResourceSummaries"]
                if one["ResourceType"] == _BUCKET and one.get("PhysicalResourceId")
            ]

    def _is_there(self, name: str) -> Any:
        """Return the description of a stack, None where there is none."""
        cloudformation = self._client("cloudformation")
        try:
            (found,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
        except cloudformation.exceptions.ClientError as error:
            if "does not exist" not in str(error):
                raise
            return None
        return found

    def _delete_stack(self) -> str:
        from botocore.exceptions import WaiterError  # noqa: PLC0415 - boto3 is slow to load

        if not self._is_there(self.name):
            return f"there is no stack {self.name}"
        cloudformation = self._client("cloudformation")
        cloudformation.delete_stack(StackName=self.name)
        waiter = cloudformation.get_waiter("stack_delete_complete")
        try:
            waiter.wait(StackName=self.name, WaiterConfig=_WAITER)
        except WaiterError as error:
            raise CommandError(self._why_it_stays()) from error
        return f"deleted stack {self.name}"

    def _why_it_stays(self) -> str:
        """Name the resources that CloudFormation could not delete, with the next step."""
        found = self._is_there(self.name)
        if not found or found["StackStatus"] != "DELETE_FAILED":
            return "CloudFormation still deletes it: look again in some minutes"
        pages = self._client("cloudformation").get_paginator("list_stack_resources")
        stay = [
            f"{one['LogicalResourceId']} ({one.get('ResourceStatusReason') or 'no reason given'})"
            for page in pages.paginate(StackName=self.name)
            for one in page["StackResourceSummaries"]
            if one["ResourceStatus"] == "DELETE_FAILED"
        ]
        return (
            f"CloudFormation could not delete {', '.join(stay) or 'it'}: remove what prevents it,"
            " then delete the stack again"
        )

    def _delete_bucket(self, bucket: str) -> str:
        s3 = self._client("s3")
        try:
            self._empty(bucket, "")
            s3.delete_bucket(Bucket=bucket)
        except s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchBucket":
                raise
        return f"deleted bucket {bucket}"

    def _empty(self, bucket: str, prefix: str) -> int:
        """Delete the objects of a bucket under a prefix, in all versions. Return how many."""
        s3, deleted = self._client("s3"), 0
        pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            found = [
                {"Key": one["Key"], "VersionId": one["VersionId"]}
                for one in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
            ]
            for start in range(0, len(found), _MAX_KEYS):
                some = found[start : start + _MAX_KEYS]
                answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": some, "Quiet": True})
                for error in answer.get("Errors", []):
                    raise CommandError(f"S3 refused to delete an object: {error.get('Code')}")
                deleted += len(some)
        return deleted

    def _groups(self, prefix: str) -> list[str]:
        pages = self._client("logs").get_paginator("describe_log_groups")
        return [
            one["logGroupName"]
            for page in pages.paginate(logGroupNamePrefix=prefix)
            for one in page["logGroups"]
            if one["logGroupName"].startswith(prefix)
        ]

    def _delete_groups(self) -> str:
        groups = self._groups(f"/aws/lambda/{self.name}-")
        for group in groups:
            self._client("logs").delete_log_group(logGroupName=group)
        if not groups:
            return "no log group of a function outlived the stack"
        return f"deleted {count(len(groups), 'log group')} of functions that outlived the stack"

    def _delete_invocation_log(self) -> str:
        group = self._log_group
        logging = self._client("bedrock").get_model_invocation_logging_configuration()
        config = logging.get("loggingConfig", {}).get("cloudWatchConfig", {})
        if config.get("logGroupName") == group:
            raise CommandError(
                f"Bedrock still writes to {group}: first run"
                " aws bedrock delete-model-invocation-logging-configuration"
                f" --region {self._region}"
            )
        if group not in self._groups(group):
            return f"there is no log group {group}"
        self._client("logs").delete_log_group(logGroupName=group)
        return f"deleted log group {group}, which the trial had made"

    def _delete_artefacts(self) -> str:
        found = self._is_there(SAM_STACK)
        outputs = {one["OutputKey"]: one["OutputValue"] for one in (found or {}).get("Outputs", [])}
        bucket = outputs.get("SourceBucket", "")
        if not bucket:
            return "SAM has no bucket here"
        deleted = self._empty(bucket, f"{self.name}/")
        objects = count(deleted, "object")
        return f"deleted {objects} in SAM's bucket; stack {SAM_STACK}, SAM's own, stays"


def _raise(error: CommandError) -> str:
    raise error
