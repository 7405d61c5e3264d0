"""An account on the local stack, with nothing in it but what a test puts there."""

import time
from pathlib import Path
from typing import Any, NamedTuple

from bedrock_alerts_cli.local_stack.deploy import STACK, Stack, deploy
from bedrock_alerts_cli.local_stack.engine import Engine


class Account(NamedTuple):
    """An account with nothing in it, and the template built for it."""

    engine: Engine
    built: Path

    def deploy(self, **parameters: str) -> Stack:
        """Create or update the stack."""
        base = {"AlertEmail": "oncall@example.com", "AllowLoopbackWebhooks": "true"}
        return deploy(self.engine, self.built, {**base, **parameters})

    def reasons(self) -> str:
        """Return why resources of the stack failed, the first of them first."""
        events = self.engine.client("cloudformation").describe_stack_events(StackName=STACK)
        failed = [one for one in events["StackEvents"] if one["ResourceStatus"].endswith("_FAILED")]
        return "\n".join(one.get("ResourceStatusReason", "") for one in reversed(failed))

    def delete(self) -> None:
        """Delete the stack, whatever became of it."""
        cloudformation = self.engine.client("cloudformation")
        cloudformation.delete_stack(StackName=STACK)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                (stack,) = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
            except cloudformation.exceptions.ClientError:
                return
            status = stack["StackStatus"]
            assert status == "DELETE_COMPLETE" or "FAILED" not in status, self.reasons()
            time.sleep(0.1)
        raise AssertionError("the stack is still there")

    @property
    def configuration(self) -> Any:
        """What Bedrock's logging is set to."""
        bedrock = self.engine.client("bedrock")
        return bedrock.get_model_invocation_logging_configuration().get("loggingConfig")

    def configure(self, configuration: dict[str, Any]) -> None:
        """Set Bedrock's logging as someone else."""
        bedrock = self.engine.client("bedrock")
        bedrock.put_model_invocation_logging_configuration(loggingConfig=configuration)

    def log_groups(self) -> list[str]:
        """Name the log groups."""
        found = self.engine.client("logs").describe_log_groups()["logGroups"]
        return [group["logGroupName"] for group in found]

    def remembered(self) -> list[Any]:
        """List the stored states of the previous logging."""
        parameters: list[Any] = self.engine.client("ssm").describe_parameters()["Parameters"]
        return [one for one in parameters if one["Name"].endswith("/model-invocation-logging")]
