"""An AWS account in memory, with the whole stack deployed in it; every answer can be replaced.

The clients are boto3's own, so requests and answers are checked against botocore's service models.
"""

import copy
import functools
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import MethodType
from typing import Any, Final, NamedTuple

import pytest
from botocore.session import Session, get_session
from botocore.validate import ParamValidator
from samtranslator.translator.transform import transform

from bedrock_alerts.invocations.price_list import PRICES_FILE, read_price_list
from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack
from bedrock_alerts_cli.project import TEMPLATE
from bedrock_alerts_cli.template import load
from bedrock_alerts_cli.template.resolver import Resolver
from bedrock_alerts_cli.template.resolver import Stack as Place

ACCOUNT: Final = "111122223333"
REGION: Final = "eu-west-1"
NAME: Final = "bedrock-alerts"
STACK_ID: Final = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{NAME}/0a1b2c3d"
LOG_GROUP: Final = "/aws/bedrock/invocations"
BOT_SECRET: Final = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:bot-AbCdEf"
# A few days after the prices were renewed, so that they are never old here.
_DATED: Final = datetime.fromisoformat(read_price_list(PRICES_FILE.read_bytes()).dated)
NOW: Final = _DATED.replace(hour=12, tzinfo=UTC) + timedelta(days=4)
CREATED: Final = NOW - timedelta(days=3)
MINUTE: Final = 60.0


class Refused(NamedTuple):
    """An error with which AWS answers."""

    code: str
    message: str = "No."


DENIED: Final = Refused("AccessDeniedException", "User is not allowed.")


@functools.cache
def _session() -> Session:
    """Return one session for all: it reads each service's model once."""
    return get_session()


class _NoManagedPolicies:
    def load(self) -> dict[str, str]:
        return {}


@functools.cache
def processed() -> dict[str, Any]:
    """Return the template after the SAM transform, as CloudFormation keeps it."""
    document = copy.deepcopy(dict(load(TEMPLATE)))
    for resource in document["Resources"].values():
        for code in ("CodeUri", "ContentUri"):
            if code in resource.get("Properties", {}):
                resource["Properties"][code] = "s3://example-bucket/artefact.zip"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        found: dict[str, Any] = transform(document, {}, _NoManagedPolicies())
    return found


class AccountInMemory:
    """Answers each operation with what `answers` has for it: a value, an error, or a function.

    `metrics` holds datapoints by namespace, name and dimensions: (minutes ago, value). `asked` is
    what was asked for.
    """

    given: Mapping[str, str] = {"AlertEmail": "oncall@example.com"}

    def __init__(self, **parameters: str) -> None:
        self.parameters = {**self.given, **parameters}
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self.metrics: dict[tuple[str, str, tuple[tuple[str, str], ...]], list[Any]] = {}
        self._clients: dict[str, Any] = {}
        self.template = self._template()
        defaults = {key: str(body.get("Default", "")) for key, body in
                    self.template["Parameters"].items()}  # fmt: skip
        self.all_parameters = {**defaults, **self.parameters}
        self.resources = self._physical_ids()
        self.outputs = self._outputs()
        self.alarms = self._alarms()
        self.answers: dict[str, Any] = self._answers()
        self.secrets: dict[str, Any] = {
            self.all_parameters[name]: "" for name in self.all_parameters if "SecretArn" in name
        }
        self.queues: dict[str, int] = {}
        self._healthy_metrics()

    def _template(self) -> dict[str, Any]:
        return processed()

    # ---- what the checks get -------------------------------------------------------------------

    @property
    def stack(self) -> DeployedStack:
        """The stack as it is opened."""
        return DeployedStack.read(NAME, REGION, self.client)

    def client(self, service: str) -> Any:
        """Return a client that asks this account."""
        if service not in self._clients:
            # Not boto3's: a test may put this account in its place.
            client: Any = _session().create_client(service, region_name=REGION)
            client._make_api_call = MethodType(self._call, client)  # noqa: SLF001 - the one way in
            self._clients[service] = client
        return self._clients[service]

    def _call(self, client: Any, operation: str, arguments: Mapping[str, Any]) -> Any:
        model = client.meta.service_model.operation_model(operation)
        if model.input_shape is not None:
            report = ParamValidator().validate(dict(arguments), model.input_shape)
            assert not report.has_errors(), f"{operation}: {report.generate_report()}"
        self.asked.append((operation, arguments))
        answer = self.answers[operation]
        answer = answer(**arguments) if callable(answer) else answer
        if isinstance(answer, Refused):
            error = {"Error": {"Code": answer.code, "Message": answer.message}}
            raise client.exceptions.from_code(answer.code)(error, operation)
        if isinstance(answer, Exception):
            raise answer
        if model.output_shape is not None:
            report = ParamValidator().validate(answer, model.output_shape)
            assert not report.has_errors(), f"{operation}: {report.generate_report()}"
        return answer

    # ---- the healthy account ---------------------------------------------------------------------

    def _resolver(self, physical_ids: Mapping[str, str]) -> Resolver:
        place = Place(NAME, ACCOUNT, REGION, stack_id=STACK_ID, physical_ids=physical_ids)
        return Resolver(self.template, self.all_parameters, place)

    def _physical_ids(self) -> dict[str, str]:
        resolver = self._resolver({})
        found: dict[str, str] = {}
        for name, body in self.template["Resources"].items():
            condition = body.get("Condition")
            if condition is None or resolver.condition(condition):
                found[name] = str(resolver.value({"Ref": name}))
        return found

    def _outputs(self) -> dict[str, str]:
        resolver = self._resolver(self.resources)
        return {
            name: str(resolver.value(body["Value"]))
            for name, body in self.template["Outputs"].items()
            if "Condition" not in body or resolver.condition(body["Condition"])
        } | {"InvocationLogGroupName": LOG_GROUP}

    def _alarms(self) -> dict[str, dict[str, Any]]:
        """Return the alarms as DescribeAlarms has them."""
        model = self.client("cloudwatch").meta.service_model
        found = {}
        for kind in ("Metric", "Composite"):
            shape = model.shape_for(f"{kind}Alarm")
            type_ = (
                "AWS::CloudWatch::Alarm" if kind == "Metric" else "AWS::CloudWatch::CompositeAlarm"
            )
            for alarm in self._resolver(self.resources).resources(type_):
                given = {**alarm.properties, "AlarmName": alarm.name, "ActionsEnabled": True}
                given |= {"StateValue": "OK", "StateTransitionedTimestamp": CREATED}
                found[alarm.name] = _shaped(given, shape)
        return found

    def _answers(self) -> dict[str, Any]:
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{NAME}-collect-logs"
        return {
            "DescribeStacks": lambda **_: {"Stacks": [self.described()]},
            "ListStackResources": lambda **_: {"StackResourceSummaries": self._summaries()},
            "GetTemplate": lambda **_: {"TemplateBody": json.dumps(self.template)},
            "GetFunctionConfiguration": self._function,
            "DescribeEventBus": lambda **_: {"Policy": self._bus_policy()},
            "DescribeRule": {"State": "ENABLED"},
            "ListTargetsByRule": self._targets,
            "ListEventSourceMappings": {
                "EventSourceMappings": [
                    {
                        "UUID": "0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f",
                        "State": "Enabled",
                        "EventSourceArn": f"arn:aws:sqs:…:{NAME}",
                    }
                ]
            },
            "GetModelInvocationLoggingConfiguration": {
                "loggingConfig": {
                    "cloudWatchConfig": {"logGroupName": LOG_GROUP, "roleArn": "arn:aws:iam::…"},
                    "textDataDeliveryEnabled": True,
                }
            },
            "DescribeLogGroups": {
                "logGroups": [{"logGroupName": LOG_GROUP, "logGroupClass": "STANDARD"}]
            },
            "DescribeSubscriptionFilters": {
                "subscriptionFilters": [
                    {"filterName": "ours", "destinationArn": arn, "filterPattern": ""}
                ]
            },
            "GetPolicy": {
                "Policy": json.dumps(
                    {"Statement": [{"Principal": {"Service": "logs.amazonaws.com"}}]}
                )
            },
            "ListMetrics": self._listed,
            "GetMetricData": self._data,
            "DescribeAlarms": lambda **_: {
                "MetricAlarms": [one for one in self.alarms.values() if "AlarmRule" not in one],
                "CompositeAlarms": [one for one in self.alarms.values() if "AlarmRule" in one],
            },
            "ListSubscriptionsByTopic": lambda **_: {
                "Subscriptions": [
                    {
                        "Protocol": "email",
                        "Endpoint": self.parameters["AlertEmail"],
                        "SubscriptionArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:{NAME}-email:0a1b",
                    }
                ]
            },
            "GetSecretValue": lambda **asked: {"SecretString": self.secrets[asked["SecretId"]]},
            "GetParameter": {"Parameter": {"Value": "{}"}},
            "GetQueueAttributes": self._queue,
            "ListObjectsV2": {},
            "DescribeTable": {
                "Table": {"TableStatus": "ACTIVE", "GlobalSecondaryIndexes": [{"IndexName": "due"}]}
            },
            "Query": {"Items": []},
            "Scan": {"Items": []},
            "GetAccountSettings": {
                "AccountLimit": {
                    "ConcurrentExecutions": 1000,
                    "UnreservedConcurrentExecutions": 900,
                }
            },
            "GetFunctionConcurrency": {},
        }

    def described(self) -> dict[str, Any]:
        """Return the stack as DescribeStacks has it."""
        return {
            "StackId": STACK_ID,
            "StackName": NAME,
            "StackStatus": "CREATE_COMPLETE",
            "CreationTime": CREATED,
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value}
                for key, value in self.all_parameters.items()
            ],
            "Outputs": [
                {"OutputKey": key, "OutputValue": value} for key, value in self.outputs.items()
            ],
        }

    def _summaries(self) -> list[dict[str, Any]]:
        return [
            {
                "LogicalResourceId": name,
                "PhysicalResourceId": physical_id,
                "ResourceType": self.template["Resources"][name]["Type"],
                "LastUpdatedTimestamp": CREATED,
                "ResourceStatus": "CREATE_COMPLETE",
            }
            for name, physical_id in self.resources.items()
        ]

    def _function(self, FunctionName: str) -> dict[str, Any]:  # noqa: N803 - AWS's name
        for one in self._resolver(self.resources).resources("AWS::Lambda::Function"):
            if one.name == FunctionName:
                variables = one.properties["Environment"]["Variables"]
                return {
                    "State": "Active",
                    "Runtime": "python3.13",
                    "Environment": {"Variables": {key: str(v) for key, v in variables.items()}},
                }
        raise AssertionError(f"no function is called {FunctionName}")

    def _targets(self, Rule: str, EventBusName: str = "") -> dict[str, Any]:  # noqa: N803
        for one in self._resolver(self.resources).resources("AWS::Events::Rule"):
            on_bus = one.properties.get("EventBusName", "")
            if (self.resources[one.logical_id], on_bus) == (Rule, EventBusName):
                return {
                    "Targets": [{"Id": "x", "Arn": t["Arn"]} for t in one.properties["Targets"]]
                }
        raise AssertionError(f"no rule is called {Rule}")

    def _bus_policy(self) -> str:
        statements = [
            {**one.properties["Statement"], "Sid": one.properties["StatementId"]}
            for one in self._resolver(self.resources).resources("AWS::Events::EventBusPolicy")
        ]
        return json.dumps({"Version": "2012-10-17", "Statement": statements})

    def _queue(self, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:  # noqa: N803
        first, *others = AttributeNames
        name = QueueUrl.rpartition("/")[2]
        return {"Attributes": {first: str(self.queues.get(name, 0)), **dict.fromkeys(others, "0")}}

    # ---- metrics -----------------------------------------------------------------------------------

    def _healthy_metrics(self) -> None:
        for name in ("RecordsReceived", "Invocations", "GuardedInvocations", "EstimatedCost"):
            self.measure("BedrockAlerts", name, (5, 3.0))
        self.measure("BedrockAlerts", "Heartbeat", (1, 1.0))
        self.measure("BedrockAlerts", "UnpricedInvocations", (5, 0.0))
        self.measure("BedrockAlerts", "UnguardedInvocations", (5, 0.0))
        self.measure("BedrockAlerts", "ContentFilteredCount", (5, 0.0))
        self.measure("AWS/Bedrock", "Invocations", (6, 3.0))
        self.measure("AWS/Bedrock", "Invocations", (6, 3.0), ModelId="example.model")
        self.measure("AWS/Bedrock", "EstimatedTPMQuotaUsage", (6, 900.0), ModelId="example.model")
        self.measure("AWS/Bedrock", "ModelInvocationLogsCloudWatchDeliverySuccess", (6, 3.0))
        function = f"{NAME}-collect-logs"
        self.measure("AWS/Lambda", "Invocations", (5, 3.0), FunctionName=function)

    def measure(
        self, namespace: str, name: str, *points: tuple[float, float], **dimensions: str
    ) -> None:
        """Replace a metric's datapoints: minutes ago, and the value."""
        self.metrics[namespace, name, tuple(sorted(dimensions.items()))] = list(points)

    def forget(self, namespace: str, name: str = "") -> None:
        """Let a metric, or all of a namespace, never have been published."""
        for key in list(self.metrics):
            if key[0] == namespace and name in {"", key[1]}:
                del self.metrics[key]

    def _listed(self, Namespace: str, MetricName: str, Dimensions: Any = ()) -> dict[str, Any]:  # noqa: N803
        wanted = {(one["Name"], one["Value"]) for one in Dimensions}
        return {
            "Metrics": [
                {"Dimensions": [{"Name": key, "Value": value} for key, value in dimensions]}
                for namespace, name, dimensions in self.metrics
                if (namespace, name) == (Namespace, MetricName) and wanted <= set(dimensions)
            ]
        }

    def _data(self, **asked: Any) -> dict[str, Any]:
        return {
            "MetricDataResults": [
                self._result(query, asked) for query in asked["MetricDataQueries"]
            ]
        }

    def _result(self, query: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
        metric, period = query["MetricStat"]["Metric"], query["MetricStat"]["Period"]
        dimensions = tuple(sorted((one["Name"], one["Value"]) for one in metric["Dimensions"]))
        points = self.metrics.get((metric["Namespace"], metric["MetricName"], dimensions), [])
        found: dict[datetime, float] = {}
        for minutes, value in points:
            at = NOW - timedelta(minutes=minutes)
            start = datetime.fromtimestamp(at.timestamp() // period * period, UTC)
            if asked["StartTime"] <= start <= asked["EndTime"]:
                found[start] = found.get(start, 0.0) + value
        return {"Id": query["Id"], "Timestamps": list(found), "Values": list(found.values())}


def _shaped(value: Any, shape: Any) -> Any:
    """Write a value as botocore parses it from AWS, without what its shape does not know."""
    kind = shape.type_name
    if kind == "structure":
        return {
            key: _shaped(item, shape.members[key])
            for key, item in value.items()
            if key in shape.members
        }
    if kind == "list":
        return [_shaped(item, shape.member) for item in value]
    if kind == "boolean":
        return value if isinstance(value, bool) else str(value) == "true"
    casts: dict[str, Callable[[Any], Any]] = {
        "double": float, "integer": int, "long": int, "string": str,
    }  # fmt: skip
    return casts.get(kind, lambda same: same)(value)
