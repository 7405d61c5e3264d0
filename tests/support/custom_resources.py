"""Sample CloudFormation requests, and a function's time in fast motion."""

from typing import Any, Final

from bedrock_alerts.invocation_logging.retry import Patience

STACK_ID: Final = (
    "arn:aws:cloudformation:eu-west-1:111122223333:stack/bedrock-alerts/"
    "0a1b2c3d-0000-4000-8000-000000000001"
)
RESOURCE_ID: Final = "ModelInvocationLogging-0a1b2c3d-0000-4000-8000-000000000001"
LOG_GROUP: Final = "/aws/bedrock/invocations"
OUR_ROLE: Final = "arn:aws:iam::111122223333:role/bedrock-alerts-InvocationLoggingRole-EXAMPLE"
THEIR_ROLE: Final = "arn:aws:iam::111122223333:role/their-logging"
MEMORY: Final = "/bedrock-alerts/bedrock-alerts/model-invocation-logging"
COLLECTOR: Final = "arn:aws:lambda:eu-west-1:111122223333:function:bedrock-alerts-collect-logs"
URL: Final = "https://cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com/x"


def ours(**changes: Any) -> dict[str, Any]:
    """Return the configuration that `logging_request` asks for."""
    return {
        "cloudWatchConfig": {"logGroupName": LOG_GROUP, "roleArn": OUR_ROLE},
        "textDataDeliveryEnabled": True,
        "imageDataDeliveryEnabled": False,
        "embeddingDataDeliveryEnabled": False,
        "videoDataDeliveryEnabled": False,
        "audioDataDeliveryEnabled": False,
        **changes,
    }


def known_forms(configuration: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return it as it is, and as an old botocore sends it: without the switch for audio, if off."""
    older = {
        key: value
        for key, value in configuration.items()
        if key != "audioDataDeliveryEnabled" or value
    }
    return configuration, older


def theirs(**changes: Any) -> dict[str, Any]:
    """Return a configuration that someone else has set."""
    return {
        "cloudWatchConfig": {"logGroupName": "/their/log", "roleArn": THEIR_ROLE},
        "textDataDeliveryEnabled": True,
        **changes,
    }


TO_S3: Final = {"s3Config": {"bucketName": "their-archive"}, "textDataDeliveryEnabled": True}


def logging_request(kind: str = "Create", /, **properties: Any) -> dict[str, Any]:
    """Return a request about the logging; `properties` change what is asked for."""
    return request(
        kind,
        "ModelInvocationLogging",
        "Custom::ModelInvocationLogging",
        {
            "RoleArn": OUR_ROLE,
            "LogGroupName": LOG_GROUP,
            "Modalities": "text",
            "LargeDataBucketName": "",
            "Adopt": "false",
            "AdoptedRoleArn": "",
            "MemoryName": MEMORY,
            **properties,
        },
    )


def check_request(kind: str = "Create", /, **properties: Any) -> dict[str, Any]:
    """Return a request about the log group; `properties` change what is asked for."""
    return request(
        kind,
        "InvocationLogGroupCheck",
        "Custom::InvocationLogGroupCheck",
        {"LogGroupName": LOG_GROUP, "DestinationArn": COLLECTOR, **properties},
    )


def request(
    kind: str, logical_id: str, resource_type: str, properties: dict[str, Any]
) -> dict[str, Any]:
    """Return a request."""
    known = {"PhysicalResourceId": f"{logical_id}-{STACK_ID.rsplit('/', 1)[1]}"}
    properties = {"ServiceToken": "arn:aws:lambda:…", "ServiceTimeout": "600", **properties}
    return {
        "RequestType": kind,
        "ServiceToken": "arn:aws:lambda:…",
        "ResponseURL": URL,
        "StackId": STACK_ID,
        "RequestId": "00000000-0000-4000-8000-00000000000a",
        "LogicalResourceId": logical_id,
        "ResourceType": resource_type,
        "ResourceProperties": properties,
        **({} if kind == "Create" else known),
        **({"OldResourceProperties": properties} if kind == "Update" else {}),
    }


class Countdown:
    """The time that a function has left. Sleeping takes its time, and calls take `a_call` each."""

    def __init__(self, seconds: float = 120.0, a_call: float = 0.1) -> None:
        self.seconds = seconds
        self._a_call = a_call

    def left(self) -> float:
        """Return the seconds that are left."""
        self.seconds -= self._a_call
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds -= seconds

    def patience(self) -> Patience:
        """Return the retries that use this time."""
        return Patience(self.left, self.sleep)
