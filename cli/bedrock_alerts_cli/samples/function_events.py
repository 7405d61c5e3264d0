"""Writes the sample events under `events/`, made by the code that reads them.

`make events` renews them with the present time. They serve `sam local invoke`, the tests and the
README alike. Each batch of the invocation log is there twice: readable as `.ndjson`, and packed
into the event that CloudWatch Logs sends.
"""

import base64
import gzip
import json
import random
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote_plus

import msgspec

from bedrock_alerts.alerts.events import incident_id
from bedrock_alerts.alerts.ports import Poke
from bedrock_alerts.metrics import DEFAULT_NAMESPACE
from bedrock_alerts_cli.local_stack import sample_traffic as traffic
from bedrock_alerts_cli.project import ROOT
from bedrock_alerts_cli.sample_account import ACCOUNT, REGION
from bedrock_alerts_cli.samples.alarm_events import alarm_bodies
from bedrock_alerts_cli.simulator import Datapoint, read_alarms, simulate

EVENTS: Final = ROOT / "events"
_LOG_GROUP: Final = "/aws/bedrock/invocations"
BUCKET: Final = "example-invocation-logs"
_STREAM: Final = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/bedrock-alerts"
_QUEUE: Final = f"arn:aws:sqs:{REGION}:{ACCOUNT}:bedrock-alerts"
_PROBE: Final = "CWL CONTROL MESSAGE: Checking health of destination"
_SEED: Final = 11
_SCENE: Final = traffic.Scene("sample", blocked=2, throttled=1)
_RECORDS: Final = 12
_ALARM: Final = "bedrock-alerts.ContentFiltered"


def sample_events(now: datetime) -> dict[str, str]:
    """Return the text of every sample by its path below `events/`."""
    minute = now.replace(second=0, microsecond=0) - timedelta(minutes=5)
    chance = random.Random(_SEED)  # noqa: S311 - repeatable, not secret
    records = traffic.minute_of_traffic(_SCENE, minute, chance)
    # Keep what is special about the minute, and fill up with ordinary calls.
    special = [item for item in records if "errorCode" in item[1] or _is_blocked(item[1])]
    ordinary = [item for item in records if item not in special][: _RECORDS - len(special)]
    lines = [json.dumps(record) for _, record in sorted(special + ordinary, key=lambda i: i[0])]
    alarm, resolved = _alarm_and_recovery(minute)
    unknown = {
        "version": "0",
        "id": "00000000-0000-4000-8000-000000000001",
        "detail-type": "Something New",
        "source": "aws.example",
        "account": ACCOUNT,
        "region": REGION,
        "time": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "resources": [],
        "detail": {"text": "this text is not shown"},
    }
    at = int(minute.timestamp() * 1000)
    email, slack = (
        msgspec.json.encode(
            Poke(alarm=incident_id(alarm["resources"][0]), channel=channel)
        ).decode()
        for channel in ("email", "slack")
    )
    files: dict[str, Any] = {
        "collect_logs/traffic.json": awslogs_event(lines, at),
        "collect_logs/unreadable_lines.json": awslogs_event(
            [lines[0], "{ this is not JSON", '{"schemaType":"SomethingElse"}', lines[-1]], at
        ),
        "collect_logs/control_message.json": awslogs_event([_PROBE], at, "CONTROL_MESSAGE"),
        **_of_objects(minute),
        **_of_a_stream(lines, at),
        "configure_logging/create.json": _of_cloudformation(),
        "route/alarm.json": sqs_event("alerts", [json.dumps(alarm)]),
        "route/resolved.json": sqs_event("alerts", [json.dumps(resolved)]),
        "route/unknown.json": sqs_event("alerts", [json.dumps(unknown), "no JSON at all"]),
        **{
            f"route/{name}.json": sqs_event("alerts", [body])
            for name, body in alarm_bodies(now).items()
        },
        "deliver/email.json": sqs_event("deliveries", [email]),
        "deliver/slack.json": sqs_event("deliveries", [slack]),
    }
    texts = {path: json.dumps(event, indent=2) + "\n" for path, event in files.items()}
    return {"collect_logs/traffic.ndjson": "\n".join(lines) + "\n", **texts}


def _alarm_and_recovery(minute: datetime) -> list[dict[str, Any]]:
    """Let the stack's alarm see four blocked calls in a minute, and none around it.

    Half an hour before, so that the end has come as well.
    """
    minute -= timedelta(minutes=30)
    alarms = read_alarms(ROOT / "template.yaml", {"AlarmSet": "all"})
    start = minute - timedelta(minutes=10)
    points = [
        Datapoint(
            namespace=DEFAULT_NAMESPACE,
            metric="ContentFilteredCount",
            minute=int((start + timedelta(minutes=passed)).timestamp()),
            values=(4.0 if passed == 10 else 0.0,),  # noqa: PLR2004 - the minute itself
        )
        for passed in range(45)
    ]
    timeline = simulate(alarms, points, start, start + timedelta(minutes=45))
    return [change.event(ACCOUNT, REGION) for change in timeline.of(_ALARM)[1:]]


def _of_objects(minute: datetime) -> dict[str, Any]:
    key = log_key(minute)
    test = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET}
    return {
        f"collect_objects/{name}.json": sqs_event("objects", [json.dumps(body)])
        for name, body in {
            "object_created": object_created(key, minute),
            # A prefix that has to be encoded.
            "notification": s3_notification([f"all teams/env=prod/{key}"], minute),
            "test_event": {**test, "Time": f"{minute:%Y-%m-%dT%H:%M:%S.000Z}"},
        }.items()
    }


def _of_a_stream(lines: list[str], at: int) -> dict[str, Any]:
    half = len(lines) // 2
    # Different times give the events of each batch different ids.
    probe = log_batch([_PROBE], at - 1, "CONTROL_MESSAGE")
    return {
        "collect_stream/control_message.json": kinesis_event([probe, log_batch(lines, at)]),
        "collect_stream/broken_record.json": kinesis_event(
            [log_batch(lines[:half], at), b"this is no gzip", log_batch(lines[half:], at + 1)]
        ),
    }


def _of_cloudformation() -> dict[str, Any]:
    stack = "bedrock-alerts/00000000-0000-4000-8000-000000000003"
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:bedrock-alerts-configure-logging"
    return {
        "RequestType": "Create",
        "ServiceToken": function,
        # Signed and good for some hours; this one never was.
        "ResponseURL": f"https://cloudformation-custom-resource-response-{REGION}.example.com/x",
        "StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{stack}",
        "RequestId": "00000000-0000-4000-8000-000000000004",
        "LogicalResourceId": "ModelInvocationLogging",
        "ResourceType": "Custom::ModelInvocationLogging",
        "ResourceProperties": {
            "ServiceToken": function,
            "ServiceTimeout": "600",
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/bedrock-alerts-InvocationLoggingRole-EXAMPLE",
            "LogGroupName": _LOG_GROUP,
            "Modalities": "text",
            "LargeDataBucketName": "",
            "Adopt": "false",
            "AdoptedRoleArn": "",
            "MemoryName": "/bedrock-alerts/bedrock-alerts/model-invocation-logging",
        },
    }


def awslogs_event(
    lines: list[str], timestamp: int, message_type: str = "DATA_MESSAGE"
) -> dict[str, Any]:
    """Pack log lines into the event of a subscription; `timestamp` is in ms since 1970."""
    packed = log_batch(lines, timestamp, message_type)
    return {"awslogs": {"data": base64.b64encode(packed).decode()}}


def log_batch(lines: list[str], timestamp: int, message_type: str = "DATA_MESSAGE") -> bytes:
    """Pack log lines as CloudWatch Logs hands them to any destination."""
    batch = {
        "messageType": message_type,
        "owner": ACCOUNT,
        "logGroup": _LOG_GROUP,
        "logStream": "aws/bedrock/modelinvocations",
        "subscriptionFilters": ["bedrock-alerts"],
        "logEvents": [
            {"id": f"{timestamp:020d}{number:036d}", "timestamp": timestamp, "message": line}
            for number, line in enumerate(lines)
        ],
    }
    return gzip.compress(json.dumps(batch).encode(), mtime=0)


def kinesis_event(records: list[bytes]) -> dict[str, Any]:
    """Wrap the data of records into the event of a Kinesis event source mapping."""
    return {
        "Records": [
            {
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": f"invented-{number}",
                    "sequenceNumber": f"{number:056d}",
                    "data": base64.b64encode(data).decode(),
                    "approximateArrivalTimestamp": 1795420800.0,
                },
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": f"shardId-000000000000:{number:056d}",
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": f"arn:aws:iam::{ACCOUNT}:role/bedrock-alerts-collect-stream",
                "awsRegion": REGION,
                "eventSourceARN": _STREAM,
            }
            for number, data in enumerate(records, 1)
        ]
    }


def log_key(moment: datetime) -> str:
    """Return the key that Bedrock would give to a log object of this time."""
    folder = f"AWSLogs/{ACCOUNT}/BedrockModelInvocationLogs/{REGION}/{moment:%Y/%m/%d/%H}"
    return f"{folder}/{moment:%Y%m%dT%H%M%S}000Z_0123456789abcdef.json.gz"


def object_created(key: str, moment: datetime, size: int = 2048) -> dict[str, Any]:
    """Build the EventBridge event about a new object."""
    return {
        "version": "0",
        "id": "00000000-0000-4000-8000-000000000002",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": ACCOUNT,
        "time": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        "region": REGION,
        "resources": [f"arn:aws:s3:::{BUCKET}"],
        "detail": {
            "version": "0",
            "bucket": {"name": BUCKET},
            "object": {
                "key": key,
                "size": size,
                "etag": "0123456789abcdef0123456789abcdef",
                "sequencer": "0123456789ABCDEF01",
            },
            "request-id": "INVENTED00000000",
            "requester": "bedrock.amazonaws.com",
            "source-ip-address": "203.0.113.7",
            "reason": "PutObject",
        },
    }


def s3_notification(keys: list[str], moment: datetime, size: int = 2048) -> dict[str, Any]:
    """Build S3's own notification about new objects, which encodes keys as in a URL."""
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": REGION,
                "eventTime": f"{moment:%Y-%m-%dT%H:%M:%S.000Z}",
                "eventName": "ObjectCreated:Put",
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "configurationId": "invented",
                    "bucket": {"name": BUCKET, "arn": f"arn:aws:s3:::{BUCKET}"},
                    "object": {"key": quote_plus(key, safe="/"), "size": size},
                },
            }
            for key in keys
        ]
    }


def sqs_event(queue: str, bodies: list[str]) -> dict[str, Any]:
    """Wrap message bodies into the event of an SQS event source mapping."""
    return {
        "Records": [
            {
                "messageId": f"00000000-0000-4000-8000-{number:012d}",
                "receiptHandle": f"invented-{number}",
                "body": body,
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": "1795420800000",
                    "SenderId": "AIDAEXAMPLE",
                    "ApproximateFirstReceiveTimestamp": "1795420800001",
                },
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": f"{_QUEUE}-{queue}",
                "awsRegion": REGION,
            }
            for number, body in enumerate(bodies)
        ]
    }


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write the samples below `folder`."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _is_blocked(record: Mapping[str, Any]) -> bool:
    body = record.get("output", {}).get("outputBodyJson")
    return isinstance(body, dict) and body.get("stopReason") == "guardrail_intervened"


def main() -> int:
    """Renew all samples with the present time."""
    files = sample_events(datetime.now(UTC))
    write(EVENTS, files)
    print(f"{len(files)} files written below events/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
