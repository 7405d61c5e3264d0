"""A guardrail for one trial, and a call that it blocks."""

from collections.abc import Callable
from typing import Any, Final

from bedrock_alerts_cli.deployed.deployed_stack import said_plainly
from bedrock_alerts_cli.user_errors import CommandError

DEFAULT_MODEL: Final = "amazon.nova-micro-v1:0"
WORD: Final = "bedrockalertstrialword"
_BLOCKED: Final = "guardrail_intervened"
_READY_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 2.0
# The inference profiles of a Region begin with these.
_PROFILES: Final = (("us-gov-", "us-gov."), ("us-", "us."), ("eu-", "eu."), ("ap-", "apac."))


class TrialGuardrail:
    """Makes the guardrail, calls a model with it, and deletes it."""

    def __init__(
        self,
        name: str,
        region: str,
        client: Callable[[str], Any],
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._name = name
        self._region = region
        self._client = client
        self._clock = clock
        self._sleep = sleep
        self._is_begun = False
        self.id = ""
        self.version = ""

    def create(self) -> None:
        """Create the guardrail, and a version of it. Raises CommandError."""
        bedrock = self._client("bedrock")
        with said_plainly("the guardrail"):
            self._is_begun = True
            try:
                made = bedrock.create_guardrail(
                    name=self._name,
                    description="Trial of Bedrock Alerts; may be deleted.",
                    wordPolicyConfig={"wordsConfig": [{"text": WORD}]},
                    blockedInputMessaging="Blocked by the guardrail of a trial.",
                    blockedOutputsMessaging="Blocked by the guardrail of a trial.",
                )
            except bedrock.exceptions.ClientError:
                self._is_begun = False  # AWS said no: there is none
                raise
            self.id = made["guardrailId"]
            self._wait_until_ready()
            version = bedrock.create_guardrail_version(guardrailIdentifier=self.id)
            self.version = version["version"]
            self._wait_until_ready(self.version)

    def _wait_until_ready(self, version: str = "DRAFT") -> None:
        deadline = self._clock() + _READY_SECONDS
        while True:
            found = self._client("bedrock").get_guardrail(
                guardrailIdentifier=self.id, guardrailVersion=version
            )
            if found["status"] == "READY":
                return
            if found["status"] == "FAILED" or self._clock() >= deadline:
                why = "; ".join(found.get("statusReasons", []))
                raise CommandError(
                    f"the guardrail is {found['status']}. {why} Try another Region: --region."
                )
            self._sleep(_POLL_SECONDS)

    def call(self, model: str) -> str:
        """Make a call that is blocked, and return the model that was called.

        A model that a Region has only as a profile is called by its profile. Raises CommandError.
        """
        from botocore.exceptions import ClientError  # noqa: PLC0415 - boto3 is slow to load

        with said_plainly("the guarded call"):
            try:
                answer = self._converse(model)
            except ClientError as error:
                profile = self._profile(model)
                if profile == model or "on-demand throughput" not in str(error):
                    raise
                model = profile
                answer = self._converse(model)
        if answer["stopReason"] != _BLOCKED:
            raise CommandError(
                f"the guardrail did not block the call: {model} ended with {answer['stopReason']}."
                " Try another model: --model."
            )
        return model

    def _profile(self, model: str) -> str:
        for begins, prefix in _PROFILES:
            if self._region.startswith(begins):
                return model if model.startswith(prefix) else prefix + model
        return model

    def _converse(self, model: str) -> Any:
        return self._client("bedrock-runtime").converse(
            modelId=model,
            messages=[{"role": "user", "content": [{"text": f"Say {WORD}."}]}],
            inferenceConfig={"maxTokens": 16},
            guardrailConfig={
                "guardrailIdentifier": self.id,
                "guardrailVersion": self.version,
                "trace": "enabled",
            },
        )

    @property
    def is_made(self) -> bool:
        """Whether there may be something to delete."""
        return self._is_begun

    def delete(self) -> str:
        """Delete the guardrail with its versions, and say so. Raises CommandError."""
        with said_plainly("the guardrail"):
            # A creation whose answer was never read leaves no id.
            found = self.id or self._found_by_name()
            if found:
                self._client("bedrock").delete_guardrail(guardrailIdentifier=found)
                return f"deleted guardrail {found}"
        return "no guardrail was made"

    def _found_by_name(self) -> str:
        pages = self._client("bedrock").get_paginator("list_guardrails").paginate()
        for page in pages:
            for one in page["guardrails"]:
                if one["name"] == self._name:
                    return str(one["id"])
        return ""

    def command_to_delete(self) -> str:
        """Return the command that deletes it."""
        return (
            f"aws bedrock delete-guardrail --guardrail-identifier {self.id or 'ID'}"
            f" --region {self._region}"
        )
