"""The built functions under Lambda's runtime interface, each answering its sample event.

The emulator and `awslambdaric` are AWS's own; AWS's services are moto, Slack is our receiver.
"""

import contextlib
import gzip
import json
import platform
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.request import Request, urlopen

import boto3
import pytest
from moto.server import ThreadedMotoServer

from bedrock_alerts.alerts.button_presses import buttons
from bedrock_alerts.alerts.events import incident_id
from bedrock_alerts_cli import template as cfn
from bedrock_alerts_cli.emulated import runtime_emulator
from bedrock_alerts_cli.fake_slack.server import Receiver
from bedrock_alerts_cli.samples.function_events import BUCKET
from tests.support.collected import by_reason, counted
from tests.support.events import pressed, signed_request
from tests.support.loopback import Hook
from tests.support.route_stack import ARN, ELSEWHERE, change, create_table

pytestmark = pytest.mark.build

ROOT: Final = Path(__file__).resolve().parents[2]
EVENTS: Final = ROOT / "events"
LAMBDA_PYTHON: Final = ROOT / ".venv-runtime" / "bin" / "python"
REGION: Final = "eu-west-1"
SIGNING_SECRET: Final = "invented0signing0secret"


class World(NamedTuple):
    """What the functions find outside: a bucket, queues, a topic, a secret, Slack."""

    environment: dict[str, str]
    s3: Any
    sqs: Any
    alerts_url: str
    deliveries_url: str
    mailbox_url: str
    bot_secret_arn: str
    receiver: Receiver


@pytest.fixture(scope="module")
def world(runtime: tuple[Path, list[Path]]) -> Iterator[World]:
    """Make one for each runtime: what one of them has told, the other would not tell again."""
    assert runtime[0].exists()
    with contextlib.ExitStack() as stop:
        receiver = stop.enter_context(Receiver())
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        stop.callback(server.stop)
        _, port = server.get_host_and_port()
        urlopen(Request(f"http://127.0.0.1:{port}/moto-api/reset", method="POST")).close()
        access = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
        }
        patch = stop.enter_context(pytest.MonkeyPatch.context())
        for name, value in access.items():
            patch.setenv(name, value)
        s3, sqs, sns = boto3.client("s3"), boto3.client("sqs"), boto3.client("sns")
        where: Any = {"LocationConstraint": REGION}
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
        secret = boto3.client("secretsmanager").create_secret(
            Name="slack", SecretString=receiver.webhook_url
        )
        deliveries = sqs.create_queue(QueueName="deliveries")["QueueUrl"]
        parked = sqs.create_queue(QueueName="deliveries-dlq")["QueueUrl"]
        mailbox = sqs.create_queue(QueueName="mailbox")["QueueUrl"]
        topic = sns.create_topic(Name="email")["TopicArn"]
        arn = sqs.get_queue_attributes(QueueUrl=mailbox, AttributeNames=["QueueArn"])
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["Attributes"]["QueueArn"])
        alerts = sqs.create_queue(QueueName="alerts")["QueueUrl"]
        bot = {"token": "xoxb-invented", "signing_secret": SIGNING_SECRET}
        bot_secret = boto3.client("secretsmanager").create_secret(
            Name="bot", SecretString=json.dumps(bot)
        )
        boto3.client("ssm").put_parameter(Name="/bedrock-alerts/routes", Type="String", Value="{}")
        functions = {
            "ALERTS_QUEUE_URL": alerts,
            "HOME_ALARMS_PREFIX": ELSEWHERE,
            "ROUTES_PARAMETER_NAME": "/bedrock-alerts/routes",
            "METRICS_NAMESPACE": "BedrockAlerts",
            "DELIVERIES_QUEUE_URL": deliveries,
            "CHANNELS": "email,slack",
            "DELIVERIES_DEAD_LETTER_QUEUE_URL": parked,
            "INCIDENTS_TABLE_NAME": create_table(),
            "EMAIL_TOPIC_ARN": topic,
            "SLACK_SECRET_ARN": secret["ARN"],
            "ALLOW_LOOPBACK_WEBHOOKS": "true",
        }
        yield World(
            {**access, **functions},
            s3,
            sqs,
            alerts,
            deliveries,
            mailbox,
            bot_secret["ARN"],
            receiver,
        )


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("lambda", id="the x86_64 build on Lambda's Python"),
        pytest.param("host", id="the package on this Python"),
    ],
)
def runtime(request: pytest.FixtureRequest, built: Path) -> tuple[Path, list[Path]]:
    """Return a Python with Lambda's runtime in it, and the layers that fit it."""
    if platform.machine() != "x86_64" or not sys.platform.startswith("linux"):
        pytest.skip("the runtime interface emulator is run on x86_64 Linux only")
    shared = built / "SharedLayer" / "python"
    if request.param == "host":
        # This Python has awslambdaric, boto3 and the dependencies installed.
        return Path(sys.executable), [shared]
    if not LAMBDA_PYTHON.exists():
        pytest.skip("there is no python3.13 on this machine: the x86_64 build cannot be run here")
    return LAMBDA_PYTHON, [shared, built / "DependenciesLayerX86" / "python"]


@pytest.fixture(autouse=True)
def _nothing_is_remembered(world: World) -> None:
    """Empty the table: what one runtime has told, the next one would not tell again."""
    dynamodb = boto3.client("dynamodb", endpoint_url=world.environment["AWS_ENDPOINT_URL"])
    table = world.environment["INCIDENTS_TABLE_NAME"]
    for item in dynamodb.scan(TableName=table)["Items"]:
        dynamodb.delete_item(TableName=table, Key={"pk": item["pk"], "sk": item["sk"]})


def invoke(
    function: str,
    event: dict[str, Any],
    *,
    built: Path,
    runtime: tuple[Path, list[Path]],
    world: World,
    **variables: str,
) -> tuple[Any, str]:
    """Invoke a built function once; return its answer and everything it wrote."""
    python, layers = runtime
    return runtime_emulator.invoke(
        built / function,
        event,
        python=python,
        layers=layers,
        environment={"AWS_LAMBDA_FUNCTION_NAME": function, **world.environment, **variables},
    )


def sample(path: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / path).read_text())
    return event


def received(world: World, url: str) -> list[str]:
    messages = world.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    for message in messages:
        world.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return [message["Body"] for message in messages]


def test_collect_logs_answers_its_samples(
    built: Path, runtime: tuple[Path, list[Path]], world: World
) -> None:
    answer, output = invoke(
        "CollectLogsFunction",
        sample("collect_logs/unreadable_lines.json"),
        built=built,
        runtime=runtime,
        world=world,
    )
    assert answer["received"] == 4
    assert answer["rejected"] == 1
    assert answer["processed"] + answer["skipped"] == 3
    lines = [json.loads(line) for line in output.splitlines() if '"_aws"' in line]
    (total,) = (line for line in lines if "RecordsReceived" in line and "Reason" not in line)
    assert total["RecordsReceived"] == 4


def metrics(output: str) -> str:
    return "\n".join(line for line in output.splitlines() if '"_aws"' in line)


def test_collect_objects_answers_its_samples(
    built: Path, runtime: tuple[Path, list[Path]], world: World
) -> None:
    event = sample("collect_objects/object_created.json")
    key = json.loads(event["Records"][0]["body"])["detail"]["object"]["key"]
    content = (EVENTS / "collect_logs/traffic.ndjson").read_bytes()
    world.s3.put_object(Bucket=BUCKET, Key=key, Body=gzip.compress(content))
    answer, output = invoke(
        "CollectObjectsFunction", event, built=built, runtime=runtime, world=world
    )
    assert answer == {"batchItemFailures": []}
    assert counted(metrics(output))["RecordsReceived"] == 12
    assert "object_gone" not in by_reason(metrics(output))


def test_collect_stream_answers_its_samples(
    built: Path, runtime: tuple[Path, list[Path]], world: World
) -> None:
    event = sample("collect_stream/broken_record.json")
    answer, output = invoke(
        "CollectStreamFunction", event, built=built, runtime=runtime, world=world
    )
    number = event["Records"][1]["kinesis"]["sequenceNumber"]
    assert answer == {"batchItemFailures": [{"itemIdentifier": number}]}
    assert counted(metrics(output))["RecordsReceived"] == 6


def test_route_answers_its_samples(
    built: Path, runtime: tuple[Path, list[Path]], world: World
) -> None:
    answer, _ = invoke(
        "RouteFunction", sample("route/alarm.json"), built=built, runtime=runtime, world=world
    )
    assert answer == {"batchItemFailures": []}
    pokes = [json.loads(body) for body in received(world, world.deliveries_url)]
    assert sorted(poke["channel"] for poke in pokes) == ["email", "slack"]


def test_the_weekly_report_gets_as_far_as_its_first_query(
    built: Path, runtime: tuple[Path, list[Path]], world: World
) -> None:
    log = f"arn:aws:logs:{REGION}:111122223333:log-group:/aws/lambda/bedrock-alerts-collect-logs"
    answer, _ = invoke(
        "WeeklyReportFunction",
        {},
        built=built,
        runtime=runtime,
        world=world,
        STACK_ALARMS_PREFIX=f"arn:aws:cloudwatch:{REGION}:111122223333:alarm:bedrock-alerts.",
        EVENT_LOG_GROUP_ARN=log,
        REPORTS_BUCKET_NAME=BUCKET,
    )
    # moto has no query of log groups by their ARN; tests/functions/test_weekly_report.py goes on.
    assert answer["errorType"] == "ClientError"
    assert "StartQuery" in answer["errorMessage"]
    assert received(world, world.mailbox_url) == []


@pytest.mark.parametrize("channel", ["email", "slack"])
def test_deliver_answers_its_samples(
    built: Path, runtime: tuple[Path, list[Path]], world: World, channel: str
) -> None:
    before = len(world.receiver.messages())
    now = (time.time() - 1_795_420_800) / 60
    alarm = change("ALARM", now, name="bedrock-alerts.ContentFiltered")
    body = json.loads(sample(f"deliver/{channel}.json")["Records"][0]["body"])
    assert body["alarm"] == incident_id(f"{ARN}bedrock-alerts.ContentFiltered")
    event = {"Records": [{**sample("route/alarm.json")["Records"][0], "body": json.dumps(alarm)}]}
    invoke("RouteFunction", event, built=built, runtime=runtime, world=world)
    received(world, world.deliveries_url)
    answer, output = invoke(
        "DeliverFunction",
        sample(f"deliver/{channel}.json"),
        built=built,
        runtime=runtime,
        world=world,
    )
    assert answer == {"batchItemFailures": []}
    assert world.receiver.webhook_url not in output
    emails = [json.loads(body)["Subject"] for body in received(world, world.mailbox_url)]
    messages = [message.payload["text"] for message in world.receiver.messages()[before:]]
    (shown,) = emails + messages
    assert "Calls blocked by a guardrail" in shown
    assert bool(emails) is (channel == "email")


def test_slack_interactions_keeps_what_was_pressed(
    built: Path, runtime: tuple[Path, list[Path]], world: World
) -> None:
    value = buttons(incident_id(f"{ARN}chat-blocks"), 1)[0].value
    event = signed_request(pressed(value), SIGNING_SECRET)
    (function,) = (
        name
        for name, resource in cfn.load(ROOT / "template.yaml")["Resources"].items()
        if resource.get("Properties", {}).get("CodeUri") == "functions/slack_interactions"
    )
    answer, _ = invoke(
        function,
        event,
        built=built,
        runtime=runtime,
        world=world,
        SLACK_BOT_SECRET_ARN=world.bot_secret_arn,
    )
    assert answer == {"statusCode": 200}
    (kept,) = received(world, world.alerts_url)
    assert json.loads(kept)["bedrock_alerts"]["answer"]["kind"] == "acknowledge"


def test_configure_logging_answers_its_sample(
    built: Path, runtime: tuple[Path, list[Path]], world: World
) -> None:
    with Hook() as cloudformation:
        event = {**sample("configure_logging/create.json"), "ResponseURL": cloudformation.url}
        for kind in ("Create", "Delete"):
            answer, _ = invoke(
                "ConfigureLoggingFunction",
                {**event, "RequestType": kind},
                built=built,
                runtime=runtime,
                world=world,
            )
            assert answer is None
    statuses = [answer["Data"]["Status"] for answer in cloudformation.received]
    assert statuses == [
        "Bedrock logs text to log group /aws/bedrock/invocations.",
        "Logging has been turned off, as it was before.",
    ]
