"""What AWS would be told, checked without AWS."""

import json
import re
import typing
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from bedrock_alerts.adapters import incidents_table
from bedrock_alerts.alerts.alert import ChannelKind
from bedrock_alerts.alerts.events import Heartbeat
from bedrock_alerts.alerts.normalise import normalise
from bedrock_alerts.invocations.price_list import read_overrides
from bedrock_alerts.limits import LAMBDA_ENVIRONMENT_BYTES
from bedrock_alerts.wiring.collector_settings import (
    CollectorSettings,
)
from bedrock_alerts.wiring.logging_settings import ConfigureLoggingSettings
from bedrock_alerts.wiring.notifier_settings import (
    DeliverSettings,
    RouteSettings,
    SlackInteractionsSettings,
)
from bedrock_alerts.wiring.weekly_settings import WeeklyReportSettings
from bedrock_alerts_cli import template as cfn
from bedrock_alerts_cli.local_stack.event_patterns import matches_pattern
from bedrock_alerts_cli.template.stack import Stack
from tests.support.resources import Resources, as_list, of_type, statements, target

ROOT = Path(__file__).resolve().parents[2]

# Which settings each function reads.
SETTINGS: dict[str, type[msgspec.Struct]] = {
    "CollectLogsFunction": CollectorSettings,
    "CollectObjectsFunction": CollectorSettings,
    "CollectStreamFunction": CollectorSettings,
    "ConfigureLoggingFunction": ConfigureLoggingSettings,
    "RouteFunction": RouteSettings,
    "DeliverFunction": DeliverSettings,
    "AnswerFunction": SlackInteractionsSettings,
    "WeeklyReportFunction": WeeklyReportSettings,
}


def test_every_function_is_known_to_these_tests(resources: Resources) -> None:
    assert set(of_type(resources, "AWS::Lambda::Function")) == set(SETTINGS)


@pytest.mark.parametrize("function", SETTINGS)
def test_a_function_gets_exactly_the_variables_its_settings_name(
    resources: Resources, function: str
) -> None:
    given = resources[function]["Properties"]["Environment"]["Variables"]
    wanted = {field.encode_name for field in msgspec.structs.fields(SETTINGS[function])}
    assert set(given) == wanted


@pytest.mark.parametrize("function", SETTINGS)
def test_a_function_runs_on_lambdas_python_and_logs_to_a_group_of_its_own(
    resources: Resources, function: str
) -> None:
    properties = resources[function]["Properties"]
    assert properties["Runtime"] == "python3.13"
    assert properties["Architectures"] == [{"Ref": "Architecture"}]
    group = resources[target(properties["LoggingConfig"]["LogGroup"])]["Properties"]
    condition, without, named = properties["FunctionName"]["Fn::If"]
    assert (condition, without) == ("IsOfStackSet", {"Ref": "AWS::NoValue"})
    assert group["LogGroupName"]["Fn::Sub"] == "/aws/lambda/" + named["Fn::Sub"]


def test_a_stack_set_can_deploy_it_for_all_that_its_stacks_names_are_long(
    template: dict[str, Any],
) -> None:
    """Lambda takes 64 characters, SQS 80; CloudFormation makes up and shortens other names."""
    name = "StackSet-a-set-of-19-chars-x-6f1d0c52-1111-4000-8000-0000000000a1"
    functions = Stack(template, {}, name).resources("AWS::Serverless::Function")
    assert functions
    assert not any("FunctionName" in function for function in functions.values())
    at_home = Stack(template, {}).resources("AWS::Serverless::Function")
    assert at_home["RouteFunction"]["FunctionName"] == "bedrock-alerts-route"
    for queue in Stack(template, {}, name).resources("AWS::SQS::Queue").values():
        assert len(queue["QueueName"]) <= 80


def test_the_default_architecture_is_arm64_and_x86_64_is_a_parameter_away(
    template: dict[str, Any],
) -> None:
    architecture = template["Parameters"]["Architecture"]
    assert architecture["Default"] == "arm64"
    assert architecture["AllowedValues"] == ["arm64", "x86_64"]
    assert template["Globals"]["Function"]["Layers"][1]["Fn::If"] == [
        "IsArm64",
        {"Ref": "DependenciesLayerArm64"},
        {"Ref": "DependenciesLayerX86"},
    ]


def test_the_sends_of_a_batch_fit_the_functions_timeout(resources: Resources) -> None:
    (mapping,) = (
        mapping
        for mapping in of_type(resources, "AWS::Lambda::EventSourceMapping").values()
        if target(mapping["FunctionName"]) == "DeliverFunction"
    )
    seconds_a_call = 10  # adapters/exchange.py, and the time-outs of sns.py and sqs.py
    # A send, one more with a renewed secret, the fallback e-mail, parking; a nap for its turn.
    seconds = 4 * seconds_a_call + 3
    timeout = resources["DeliverFunction"]["Properties"]["Timeout"]
    assert mapping["BatchSize"] * seconds < timeout


def test_a_batch_that_fails_is_kept_whole_in_a_bucket(resources: Resources) -> None:
    invoke = resources["CollectLogsFailures"]["Properties"]
    assert target(invoke["FunctionName"]) == "CollectLogsFunction"
    assert invoke["MaximumRetryAttempts"] == 2
    bucket = target(invoke["DestinationConfig"]["OnFailure"]["Destination"])
    assert resources[bucket]["Type"] == "AWS::S3::Bucket"
    assert all(resources[bucket]["Properties"]["PublicAccessBlockConfiguration"].values())
    granted = [
        s
        for name, s in statements(resources)
        if s["Action"] == "s3:PutObject" and name != "WeeklyReportRole"
    ]
    assert {target(statement["Resource"]) for statement in granted} == {bucket}


OVERVIEWS: Final = {
    "none": (False, False),
    "dashboard": (True, False),
    "weekly-report": (False, True),
    "dashboard,weekly-report": (True, True),
}


@pytest.mark.parametrize("overviews", OVERVIEWS)
def test_dashboard_and_weekly_report_are_each_on_or_off(
    template: dict[str, Any], overviews: str
) -> None:
    parameter = template["Parameters"]["Overviews"]
    assert parameter["AllowedValues"] == list(OVERVIEWS)
    assert parameter["Default"] == "dashboard"
    stack = Stack(cfn.load(ROOT / "template.yaml"), {"Overviews": overviews})
    has_dashboard = bool(stack.resources("AWS::CloudWatch::Dashboard"))
    reports = [
        one
        for one in stack.resources("AWS::Events::Rule").values()
        if one.get("ScheduleExpression", "").startswith("cron")
    ]
    assert (has_dashboard, bool(reports)) == OVERVIEWS[overviews]
    for rule in reports:
        assert rule["ScheduleExpression"] == "cron(0 7 ? * MON *)"


def test_a_report_that_failed_on_one_channel_is_not_sent_twice_to_the_others(
    resources: Resources,
) -> None:
    invoke = resources["WeeklyReportFailures"]["Properties"]
    assert target(invoke["FunctionName"]) == "WeeklyReportFunction"
    assert invoke["MaximumRetryAttempts"] == 0
    # Objects in the other bucket raise an alarm about batches.
    assert target(invoke["DestinationConfig"]["OnFailure"]["Destination"]) == "ReportsBucket"


@pytest.mark.parametrize("overviews", OVERVIEWS)
def test_errors_of_the_weekly_report_raise_an_alarm(overviews: str) -> None:
    parameters = {"Overviews": overviews, "AlarmSet": "all"}
    stack = Stack(cfn.load(ROOT / "template.yaml"), parameters)
    (alarm,) = (
        one
        for one in stack.resources("AWS::CloudWatch::Alarm").values()
        if one["AlarmName"].endswith(".NotifierErrors")
    )
    watched = [
        dimension["Value"].rpartition("-")[2]
        for metric in alarm["Metrics"]
        for dimension in metric.get("MetricStat", {}).get("Metric", {}).get("Dimensions", [])
    ]
    is_on = OVERVIEWS[overviews][1]
    assert ("report" in watched) is is_on
    assert ("weekly_errors" in alarm["Metrics"][0]["Expression"]) is is_on


def test_the_subscription_waits_until_failed_batches_would_be_kept(
    template: dict[str, Any],
) -> None:
    subscription = template["Resources"]["InvocationLogSubscription"]
    assert set(subscription["DependsOn"]) == {"CollectLogsPermission", "CollectLogsFailures"}


def test_only_the_invocation_log_is_subscribed_and_everything_of_it(resources: Resources) -> None:
    (subscription,) = of_type(resources, "AWS::Logs::SubscriptionFilter").values()
    assert subscription["FilterPattern"] == ""
    found = {"Fn::GetAtt": ["InvocationLogGroupCheck", "LogGroupName"]}
    assert subscription["LogGroupName"] == found
    permission = resources["CollectLogsPermission"]["Properties"]
    assert permission["SourceAccount"] == {"Ref": "AWS::AccountId"}
    assert (
        "log-group:${InvocationLogGroupCheck.LogGroupName}:*" in permission["SourceArn"]["Fn::Sub"]
    )


BODIES = "arn:${AWS::Partition}:s3:::${OffloadedBodyBucketName}/*/data/*"
BODIES_OF_EITHER = [
    BODIES.replace("OffloadedBodyBucketName", "Bucket"),
    {
        "Bucket": {
            "Fn::If": [
                "CreatesOffloadedBodyBucket",
                {"Ref": "OffloadedBodyBucket"},
                {"Ref": "OffloadedBodyBucketName"},
            ]
        }
    },
]


@pytest.mark.parametrize(
    ("role", "bodies"),
    [
        ("CollectLogsRole", BODIES_OF_EITHER),
        ("CollectObjectsRole", BODIES),
        ("CollectStreamRole", BODIES),
    ],
)
def test_bodies_may_be_read_in_one_bucket_and_only_if_there_is_one(
    resources: Resources, role: str, bodies: Any
) -> None:
    (policy,) = resources[role]["Properties"]["Policies"]
    (choice,) = (
        statement["Fn::If"]
        for statement in policy["PolicyDocument"]["Statement"]
        if "Fn::If" in statement and statement["Fn::If"][0] == "ReadsOffloadedBodies"
    )
    _, granted, otherwise = choice
    assert otherwise == {"Ref": "AWS::NoValue"}
    assert granted["Action"] == "s3:GetObject"
    assert granted["Resource"]["Fn::Sub"] == bodies


@pytest.mark.parametrize("role", ["CollectLogsRole", "CollectObjectsRole", "CollectStreamRole"])
@pytest.mark.parametrize(
    ("overrides", "resources_read"),
    [
        ("", None),
        ('{"entries":[]}', None),
        (
            "s3://example-prices/a/prices.json",
            [
                "arn:aws:s3:::example-prices/a/prices.json",
                "arn:aws:s3:::example-prices/a/prices.json.previous",
            ],
        ),
    ],
)
def test_prices_may_be_read_where_they_are(
    template: dict[str, Any], role: str, overrides: str, resources_read: list[str] | None
) -> None:
    parameters = {"PriceOverrides": overrides}
    made = Stack(template, parameters).value(template["Resources"][role]["Properties"])
    granted = [
        statement["Resource"]
        for statement in made["Policies"][0]["PolicyDocument"]["Statement"]
        if statement["Sid"] == "ReadPrices"
    ]
    assert granted == ([] if resources_read is None else [resources_read])


@pytest.mark.parametrize(
    ("parameter", "value", "allowed"),
    [
        ("OffloadedBodyBucketName", "", True),
        ("OffloadedBodyBucketName", "example-bodies.of.mine", True),
        ("OffloadedBodyBucketName", "*", False),
        ("OffloadedBodyBucketName", "two,buckets", False),
        ("OffloadedBodyBucketName", "bucket/prefix", False),
        ("PriceOverrides", "", True),
        ("PriceOverrides", '{"entries":[{"model":"a","rates":{"input":250000}}]}', True),
        ("PriceOverrides", '{\n  "entries": []\n}\n', True),
        ("PriceOverrides", "s3://example-prices/bedrock/prices.json", True),
        ("PriceOverrides", "s3://example-prices", False),
        ("PriceOverrides", "s3://example-prices/*", False),
        ("PriceOverrides", "entries", False),
        ("PriceOverrides", '{"é":1}', False),
        ("TokenQuota", "", True),
        ("TokenQuota", "eu.anthropic.claude-haiku-4-5-20251001-v1:0=2000000", True),
        ("TokenQuota", "eu.anthropic.claude-haiku-4-5-20251001-v1:0", False),
        ("TokenQuota", "two models=5", False),
        ("HistoryLocation", "", True),
        ("HistoryLocation", "s3://example-logs/", True),
        ("HistoryLocation", "s3://example-logs/bedrock/logs/", True),
        ("HistoryLocation", "s3://example-logs", False),
        ("HistoryLocation", "example-logs/", False),
        ("ReminderHours", "1,4", True),
        ("ReminderHours", "0,0", True),
        ("ReminderHours", "1", False),
        ("SlackBotSecretArn", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:bot", False),
        (
            "SlackBotSecretArn",
            "arn:aws:secretsmanager:eu-west-1:111122223333:secret:bot-AbCdEf",
            True,
        ),
    ],
)
def test_a_parameter_takes_what_it_should_and_nothing_else(
    template: dict[str, Any], parameter: str, value: str, *, allowed: bool
) -> None:
    pattern = template["Parameters"][parameter]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, value)) is allowed


def test_the_example_in_a_description_is_one_that_works(template: dict[str, Any]) -> None:
    description = template["Parameters"]["PriceOverrides"]["Description"]
    example = description[description.index("{") : description.rindex("}") + 1]
    assert read_overrides(example.encode())


@pytest.mark.parametrize("function", SETTINGS)
def test_the_longest_variables_fit_what_lambda_gives_a_function(
    template: dict[str, Any], resources: Resources, function: str
) -> None:
    variables = resources[function]["Properties"]["Environment"]["Variables"]
    most = {"PriceOverrides": 3000, "MetricsNamespace": 255, "ApplicationMetadataKey": 256}
    for name, parameter in template["Parameters"].items():
        if "AllowedValues" in parameter:
            most[name] = max(len(str(value)) for value in parameter["AllowedValues"])
    assert template["Parameters"]["PriceOverrides"]["MaxLength"] == most["PriceOverrides"]
    longest = 256  # ARNs, URLs, a log group of a stack with a long name
    size = sum(
        len(name) + max((most.get(other, 63) for other in cfn.references(value)), default=longest)
        if isinstance(value, dict) and ("Ref" in value or "Fn::If" in value)
        else len(name) + longest
        for name, value in variables.items()
    )
    assert size <= LAMBDA_ENVIRONMENT_BYTES


def test_the_email_topic_takes_messages_of_this_stacks_alarms_and_of_its_budget_only(
    resources: Resources,
) -> None:
    (policy,) = (
        policy
        for policy in of_type(resources, "AWS::SNS::TopicPolicy").values()
        if target(policy["Topics"][0]) == "EmailTopic"
    )
    alarms, budget = (
        statement.get("Fn::If", [None, statement])[1]
        for statement in policy["PolicyDocument"]["Statement"]
    )
    assert alarms["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    arn = alarms["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Sub"]
    assert arn.endswith(":alarm:${AWS::StackName}.*")
    assert budget["Principal"] == {"Service": "budgets.amazonaws.com"}
    for statement in (alarms, budget):
        assert statement["Action"] == "sns:Publish"
        account = statement["Condition"]["StringEquals"]["aws:SourceAccount"]
        assert account == {"Ref": "AWS::AccountId"}


@pytest.mark.parametrize(
    ("rule", "queue", "dead_letters", "policy"),
    [
        ("StateChangeRule", "AlertsQueue", "AlertsDeadLetterQueue", "AlertsQueuePolicy"),
        ("TamperLoggingRule", "AlertsQueue", "AlertsDeadLetterQueue", "AlertsQueuePolicy"),
        ("TamperGuardrailRule", "AlertsQueue", "AlertsDeadLetterQueue", "AlertsQueuePolicy"),
        ("LogObjectRule", "ObjectsQueue", "ObjectsDeadLetterQueue", "ObjectsQueuePolicy"),
    ],
)
def test_events_are_retried_for_a_day_and_then_parked(
    resources: Resources, rule: str, queue: str, dead_letters: str, policy: str
) -> None:
    (destination,) = resources[rule]["Properties"]["Targets"]
    assert target(destination["Arn"]) == queue
    assert destination["RetryPolicy"] == {
        "MaximumRetryAttempts": 185,
        "MaximumEventAgeInSeconds": 86400,
    }
    parked = destination["DeadLetterConfig"]["Arn"]
    assert target(parked) == dead_letters
    # EventBridge puts what it could not deliver there itself, so it has to be allowed to.
    (statement,) = (
        statement
        for statement in resources[policy]["Properties"]["PolicyDocument"]["Statement"]
        if statement["Principal"] == {"Service": "events.amazonaws.com"}
    )
    assert parked in statement["Resource"]
    sources = as_list(statement["Condition"]["ArnEquals"]["aws:SourceArn"])
    assert rule in {target(source) for source in sources}


def test_one_bad_record_cannot_block_its_shard(resources: Resources) -> None:
    (mapping,) = (
        mapping
        for mapping in of_type(resources, "AWS::Lambda::EventSourceMapping").values()
        if target(mapping["FunctionName"]) == "CollectStreamFunction"
    )
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["MaximumRetryAttempts"] == 5
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    parked = target(mapping["DestinationConfig"]["OnFailure"]["Destination"])
    assert resources[parked]["Type"] == "AWS::S3::Bucket"


@pytest.mark.parametrize(
    ("resource", "condition"),
    [
        ("CollectLogsFunction", "ReadsLogGroup"),
        ("InvocationLogSubscription", "ReadsLogGroup"),
        ("CollectObjectsFunction", "ReadsBucket"),
        ("LogObjectRule", "ReadsBucket"),
        ("CollectStreamFunction", "ReadsStream"),
    ],
)
def test_the_log_is_read_from_one_source_only(
    template: dict[str, Any], resource: str, condition: str
) -> None:
    assert template["Resources"][resource]["Condition"] == condition
    (either, or_other) = template["Conditions"]["ReadsLogGroup"]["Fn::Not"][0]["Fn::Or"]
    assert (either, or_other) == ({"Condition": "ReadsBucket"}, {"Condition": "ReadsStream"})
    assert "LogIsReadOnce" in template["Rules"]


@pytest.mark.parametrize(
    ("change", "matches"),
    [
        pytest.param(
            {"detail": {"alarmName": "bedrock-alerts-dev.ContentFiltered"}},
            False,
            id="an alarm of a stack whose name begins with ours",
        ),
        pytest.param({}, True, id="an alarm of this stack"),
        pytest.param(
            {"detail-type": "CloudWatch Alarm Contributor State Change"},
            True,
            id="one of the callers that an alarm of this stack tells apart",
        ),
        pytest.param({"source": "aws.monitoring"}, False, id="the best-effort copy of an event"),
        pytest.param({"detail-type": "Something New"}, False, id="another kind of event"),
        pytest.param(
            {"detail-type": "CloudWatch Alarm Contributor State Change"}, True, id="a contributor"
        ),
        pytest.param(
            {"detail-type": "CloudWatch Alarm Configuration Change"}, True, id="a changed alarm"
        ),
        pytest.param({"detail": {"alarmName": "theirs"}}, False, id="an alarm of somebody else"),
    ],
)
def test_the_rule_takes_the_sample_event_and_no_others(
    change: dict[str, Any], *, matches: bool
) -> None:
    sample = json.loads((ROOT / "events/route/alarm.json").read_text())
    event = {**json.loads(sample["Records"][0]["body"]), **change}
    pattern = Stack.read().resources("AWS::Events::Rule")["StateChangeRule"]["EventPattern"]
    assert matches_pattern(pattern, event) is matches


def test_the_rule_takes_an_event_that_does_not_name_the_alarms_arn() -> None:
    sample = json.loads((ROOT / "events/route/alarm.json").read_text())
    event = json.loads(sample["Records"][0]["body"])
    del event["resources"]
    stack = Stack.read(parameters={"AlertEmail": "oncall@example.com"})
    pattern = stack.resources("AWS::Events::Rule")["StateChangeRule"]["EventPattern"]
    assert matches_pattern(pattern, event)


EMAIL_TOPIC = "arn:aws:sns:eu-west-1:111122223333:bedrock-alerts-email"


@pytest.mark.parametrize("name", ["PipelineErrors", "NotifierHeartbeat"])
@pytest.mark.parametrize("address", ["oncall@example.com", ""])
def test_alarms_about_the_tool_itself_are_told_by_email_or_else_by_the_notifier(
    name: str, address: str
) -> None:
    stack = Stack.read(parameters={"AlertEmail": address})
    pattern = stack.resources("AWS::Events::Rule")["StateChangeRule"]["EventPattern"]
    event = {
        "source": "aws.cloudwatch",
        "detail-type": "CloudWatch Alarm State Change",
        "resources": [
            f"arn:aws:cloudwatch:eu-west-1:111122223333:alarm:bedrock-alerts.{name}",
        ],
        "detail": {"alarmName": f"bedrock-alerts.{name}"},
    }
    assert matches_pattern(pattern, event)
    route = stack.resources("AWS::Serverless::Function")["RouteFunction"]
    prefix = route["Environment"]["Variables"]["OWN_ALARMS_PREFIX"]
    # Where CloudWatch emails it, route leaves it out: see tests/unit/alerts/test_pipeline.py.
    arn = f"arn:aws:cloudwatch:eu-west-1:111122223333:alarm:bedrock-alerts.{name}"
    assert arn.startswith(prefix or "none") is (address != "")
    alarm = stack.resources("AWS::CloudWatch::Alarm")[f"{name}Alarm"]
    assert alarm["AlarmActions"] == alarm["OKActions"] == [EMAIL_TOPIC]


def test_every_channel_the_router_is_told_of_exists(resources: Resources) -> None:
    variables = resources["RouteFunction"]["Properties"]["Environment"]["Variables"]
    separator, (always, *others) = variables["CHANNELS"]["Fn::Join"]
    assert (separator, always) == ("", "email")
    channels = {}
    for choice in others:
        condition, given, otherwise = choice["Fn::If"]
        assert otherwise == ""
        channels[given.removeprefix(",")] = condition
    assert channels == {
        "slack": "HasSlack",
        "webhook": "HasWebhook",
        "pagerduty": "HasPagerDuty",
        "teams": "HasTeams",
        "amazon_q": "HasAmazonQ",
    }
    assert {always, *channels} == set(typing.get_args(ChannelKind))


def test_views_are_parked_in_the_queue_that_the_deliveries_queue_redrives_to(
    resources: Resources,
) -> None:
    variables = resources["DeliverFunction"]["Properties"]["Environment"]["Variables"]
    queue = resources["DeliveriesQueue"]["Properties"]
    parked = variables["DELIVERIES_DEAD_LETTER_QUEUE_URL"]
    assert target(parked) == target(queue["RedrivePolicy"]["deadLetterTargetArn"])


@pytest.mark.parametrize(
    ("parameter", "condition", "action"),
    [
        ("SlackWebhookSecretArn", "HasSlackWebhook", "secretsmanager:GetSecretValue"),
        ("SlackBotSecretArn", "HasSlackBot", "secretsmanager:GetSecretValue"),
        ("WebhookSecretArn", "HasWebhook", "secretsmanager:GetSecretValue"),
        ("PagerDutySecretArn", "HasPagerDuty", "secretsmanager:GetSecretValue"),
        ("TeamsWebhookSecretArn", "HasTeams", "secretsmanager:GetSecretValue"),
        ("AmazonQTopicArn", "HasAmazonQ", "sns:Publish"),
    ],
)
def test_a_channel_is_granted_only_where_the_stack_has_it(
    template: dict[str, Any], resources: Resources, parameter: str, condition: str, action: str
) -> None:
    (policy,) = resources["DeliverRole"]["Properties"]["Policies"]
    choices = [
        statement["Fn::If"]
        for statement in policy["PolicyDocument"]["Statement"]
        if "Fn::If" in statement
    ]
    (granted,) = (
        (condition, statement["Action"])
        for condition, statement, _ in choices
        if statement["Resource"] == {"Ref": parameter} and condition != "HasKey"
    )
    assert granted == (condition, action)
    assert template["Conditions"][condition] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]
    }
    (assertion,) = template["Rules"]["SomeoneIsNotified"]["Assertions"]
    assert {"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]} in assertion["Assert"]["Fn::Or"]


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://slack.com/api/", True),
        ("https://slack-gov.com/api/", True),
        ("http://127.0.0.1:8700/api/", True),
        ("http://localhost:8700/api/", True),
        ("http://slack.com/api/", False),
        ("https://slack.com.example.com/api/", False),
        ("https://slackxcom/api/", False),
        ("https://example.com/api/", False),
        ("https://slack.com/api/ ", False),
    ],
)
def test_the_bot_finds_slack_nowhere_else(
    template: dict[str, Any], url: str, *, allowed: bool
) -> None:
    pattern = template["Parameters"]["SlackApiUrl"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, url)) is allowed


def test_every_parameter_is_described_grouped_and_used(template: dict[str, Any]) -> None:
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [name for group in groups for name in group["Parameters"]]
    assert sorted(grouped) == sorted(template["Parameters"])
    used = set(
        cfn.references([template[part] for part in ("Globals", "Resources", "Conditions", "Rules")])
    )
    for name, parameter in template["Parameters"].items():
        assert parameter["Description"].strip()
        assert "Default" in parameter, f"{name} has no safe default"
        assert name in used, f"{name} changes nothing"


def test_the_template_stays_within_cloudformations_limits(
    template: dict[str, Any], resources: Resources
) -> None:
    assert len(template["Parameters"]) <= 46  # more than people can read
    assert len(resources) <= 500
    assert (ROOT / "template.yaml").stat().st_size <= 1_000_000


def test_a_message_of_others_cannot_pass_for_a_note_of_ours(resources: Resources) -> None:
    subscription = resources["InboxSubscription"]["Properties"]
    assert subscription["RawMessageDelivery"] is False
    assert target(subscription["Endpoint"]) == "AlertsQueue"
    assert target(subscription["RedrivePolicy"]["deadLetterTargetArn"]) == "AlertsDeadLetterQueue"


def test_what_is_due_is_looked_for_every_minute(resources: Resources) -> None:
    heartbeat = resources["HeartbeatRule"]["Properties"]
    assert heartbeat["ScheduleExpression"] == "rate(1 minute)"
    (destination,) = heartbeat["Targets"]
    assert target(destination["Arn"]) == "AlertsQueue"
    (event,) = normalise(destination["Input"])
    assert isinstance(event, Heartbeat)


def test_the_index_is_the_one_that_the_sweep_asks(resources: Resources) -> None:
    table = resources["IncidentsTable"]["Properties"]
    (index,) = table["GlobalSecondaryIndexes"]
    assert index["IndexName"] == incidents_table.INDEX
    keys = [(key["AttributeName"], key["KeyType"]) for key in index["KeySchema"]]
    assert keys == [("shard", "HASH"), ("due", "RANGE")]
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}
    kinds = {one["AttributeName"]: one["AttributeType"] for one in table["AttributeDefinitions"]}
    assert (kinds["shard"], kinds["due"]) == ("S", "N")


@pytest.mark.parametrize(
    ("role", "granted"),
    [
        (
            "RouteRole",
            {
                ("IncidentsTable", ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Scan")),
                ("${IncidentsTable.Arn}/index/due", ("dynamodb:Query",)),
            },
        ),
        ("DeliverRole", {("IncidentsTable", ("dynamodb:GetItem", "dynamodb:PutItem"))}),
    ],
)
def test_the_notifier_may_do_with_its_table_what_it_does_and_no_more(
    resources: Resources, role: str, granted: set[tuple[str, tuple[str, ...]]]
) -> None:
    found = set()
    for name, statement in statements(resources):
        actions = tuple(as_list(statement["Action"]))
        if name == role and actions[0].startswith("dynamodb:"):
            resource = statement["Resource"]
            found.add((resource["Fn::Sub"] if "Fn::Sub" in resource else target(resource), actions))
    assert found == granted


def test_deliver_is_renewed_before_route_writes_what_only_the_new_one_reads(
    template: dict[str, Any],
) -> None:
    assert template["Resources"]["RouteFunction"]["DependsOn"] == "DeliverFunction"


def test_the_buttons_function_keeps_its_name_and_so_its_url(template: dict[str, Any]) -> None:
    # Slack's app has the address: a resource of another logical id or name gets another one.
    function = template["Resources"]["AnswerFunction"]["Properties"]
    assert function["FunctionName"]["Fn::If"][2] == {"Fn::Sub": "${AWS::StackName}-answer"}
    assert function["CodeUri"] == "functions/slack_interactions"
    url = template["Resources"]["AnswerFunctionUrl"]["Properties"]
    assert url["TargetFunctionArn"] == {"Ref": "AnswerFunction"}


def test_what_is_remembered_is_forgotten_some_day(resources: Resources) -> None:
    table = resources["IncidentsTable"]["Properties"]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}


@pytest.mark.parametrize(
    ("function", "parameter", "setting"),
    [
        (RouteSettings, "ReminderHours", "reminder_hours"),
        (RouteSettings, "RecoveryMinutes", "recovery_minutes"),
        (RouteSettings, "EventLines", "event_lines"),
        (CollectorSettings, "PrincipalMetrics", "principal_metrics"),
    ],
)
def test_a_parameter_has_the_default_that_the_code_has(
    template: dict[str, Any], function: type[msgspec.Struct], parameter: str, setting: str
) -> None:
    (field,) = (field for field in msgspec.structs.fields(function) if field.name == setting)
    default = field.default
    text = ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
    assert str(template["Parameters"][parameter]["Default"]) == text


def test_route_names_the_dashboard_and_does_not_depend_on_it(resources: Resources) -> None:
    route = resources["RouteFunction"]
    name = route["Properties"]["Environment"]["Variables"]["DASHBOARD_NAME"]["Fn::If"]
    dashboard = resources["Dashboard"]["Properties"]["DashboardName"]
    assert name == ["HasDashboard", dashboard, ""]
    assert "Dashboard" not in set(cfn.references(route))
