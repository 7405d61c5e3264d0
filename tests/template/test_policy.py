"""What may never be otherwise, whatever is added to the template."""

import json
from typing import Any, Final

import pytest

from bedrock_alerts_cli import template as cfn
from tests.support.resources import Resources, as_list, of_type, statements, statements_of, target

LOGS: Final = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}"
# The only places where a resource is named with a wildcard, and why.
WILDCARDS: Final = {
    # Which log group Bedrock logs to is not known before it is asked; both only look.
    "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:*": {
        "logs:DescribeLogGroups",
        "logs:DescribeSubscriptionFilters",
    },
    # Objects get their names from Lambda.
    "${FailedBatchesBucket.Arn}/*": {"s3:PutObject"},
    # Pages are named by their day, failed runs by Lambda.
    "${ReportsBucket.Arn}/*": {"s3:PutObject"},
    # The stack's alarms: all of their names begin with that of the stack.
    "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:${AWS::StackName}.*": {
        "cloudwatch:DescribeAlarmHistory"
    },
    # Bedrock puts bodies into folders by account, day and hour; only below data/.
    "arn:${AWS::Partition}:s3:::${OffloadedBodyBucketName}/*/data/*": {"s3:GetObject"},
    "arn:${AWS::Partition}:s3:::${Bucket}/*/data/*": {"s3:GetObject"},
    "${OffloadedBodyBucket.Arn}/AWSLogs/${AWS::AccountId}/BedrockModelInvocationLogs/*": {
        "s3:PutObject"
    },
    # Applications' profiles are made at any time, and a call names the one it went through.
    "arn:${AWS::Partition}:bedrock:${AWS::Region}:${AWS::AccountId}:application-inference-profile/*": {
        "bedrock:GetInferenceProfile",
        "bedrock:ListTagsForResource",
    },
    # What AWS lets nobody narrow down: an account has one logging configuration in a Region, without
    # a name; a picture of a metric, metric data, a running query, an account's alias and the list
    # of models take no resource; and
    # composite alarms are described to those only who may describe all.
    '"*"': {
        "cloudwatch:DescribeAlarms",
        "cloudwatch:DescribeAlarmContributors",
        "bedrock:ListFoundationModels",
        "cloudwatch:GetMetricData",
        "cloudwatch:GetMetricWidgetImage",
        "iam:ListAccountAliases",
        "logs:GetQueryResults",
        "logs:StopQuery",
        "bedrock:GetModelInvocationLoggingConfiguration",
        "bedrock:PutModelInvocationLoggingConfiguration",
        "bedrock:DeleteModelInvocationLoggingConfiguration",
    },
    # That is how the ARN of a log group ends.
    f"{LOGS}:log-group:${{InvocationLogGroupName}}:*": {
        "logs:CreateLogGroup",
        "logs:PutRetentionPolicy",
    },
    f"{LOGS}:log-group:${{Log}}:*": {"logs:StartQuery"},
    # Bedrock puts log objects into folders by account, day and hour.
    "arn:${AWS::Partition}:s3:::${InvocationLogBucketName}/*": {"s3:GetObject"},
}
RESOURCE_POLICIES: Final = (
    "AWS::SQS::QueuePolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::S3::BucketPolicy",
    "AWS::Logs::ResourcePolicy",
)
SYNCHRONOUS: Final = frozenset({"apigateway.amazonaws.com", "secretsmanager.amazonaws.com", "*"})
# The functions that everybody may call, and why.
PUBLIC: Final = {"AnswerFunction": "Slack has no AWS identity; what it did not sign is refused"}


def granted(resources: Resources) -> list[tuple[str, dict[str, Any]]]:
    """Return every statement that allows something, of roles and of resource policies."""
    found = list(statements(resources))
    for kind in RESOURCE_POLICIES:
        for name, policy in of_type(resources, kind).items():
            found += [(name, statement) for statement in statements_of(policy)]
    return [(name, statement) for name, statement in found if statement["Effect"] == "Allow"]


def test_nobody_may_do_everything_with_something(resources: Resources) -> None:
    found = granted(resources)
    assert len(found) > len(of_type(resources, "AWS::IAM::Role"))
    for name, statement in found:
        assert "NotAction" not in statement
        for action in as_list(statement["Action"]):
            assert "*" not in action, f"{name} allows {action}"


def test_a_resource_is_named_with_a_wildcard_only_where_it_is_written_down(
    resources: Resources,
) -> None:
    used = set()
    for name, statement in granted(resources):
        assert "NotResource" not in statement
        for resource in as_list(statement["Resource"]):
            text = resource["Fn::Sub"] if "Fn::Sub" in resource else json.dumps(resource)
            text = text[0] if isinstance(text, list) else text
            if "*" in text:
                allowed = WILDCARDS.get(text, set())
                actions = set(as_list(statement["Action"]))
                assert actions <= allowed, f"{name} allows {actions} on {text}"
                used.add(text)
    assert used == set(WILDCARDS), "a wildcard nobody uses is still written down"


def test_what_is_denied_is_denied_to_all(resources: Resources) -> None:
    buckets = of_type(resources, "AWS::S3::Bucket")
    policies = of_type(resources, "AWS::S3::BucketPolicy").values()
    assert {target(policy["Bucket"]) for policy in policies} == set(buckets)
    for policy in policies:
        (statement,) = (one for one in statements_of(policy) if one["Effect"] == "Deny")
        assert statement["Principal"] == "*"
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize("kind", ["AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"])
def test_every_topic_and_queue_takes_from_one_service_of_accounts_that_are_named(
    resources: Resources, kind: str
) -> None:
    policies = of_type(resources, kind)
    assert policies
    for name, policy in policies.items():
        for statement in statements_of(policy):
            (service,) = statement["Principal"].values()
            assert service.endswith(".amazonaws.com"), f"{name} lets {service} in"
            ((key, account),) = statement["Condition"]["StringEquals"].items()
            # Only the inbox is for others, and only for those that somebody has named.
            named = [("aws:SourceAccount", {"Ref": "AWS::AccountId"})]
            if name == "InboxPolicy":
                others = {"Ref": "InboxAccounts"}
                named += [("aws:SourceAccount", others), ("aws:SourceOrgID", others)]
            assert (key, account) in named
            (source,) = (
                statement["Condition"][operator]["aws:SourceArn"]
                for operator in ("ArnEquals", "ArnLike")
                if operator in statement["Condition"]
            )
            assert as_list(source)


def test_queues_take_from_rules_and_topics_of_this_template(resources: Resources) -> None:
    sources = {
        "events.amazonaws.com": "AWS::Events::Rule",
        "sns.amazonaws.com": "AWS::SNS::Topic",
    }
    for policy in of_type(resources, "AWS::SQS::QueuePolicy").values():
        for statement in statements_of(policy):
            kind = sources[statement["Principal"]["Service"]]
            for source in as_list(statement["Condition"]["ArnEquals"]["aws:SourceArn"]):
                assert resources[target(source)]["Type"] == kind


def test_functions_may_be_called_by_services_for_this_account_only(resources: Resources) -> None:
    for name, permission in of_type(resources, "AWS::Lambda::Permission").items():
        if permission["Principal"] == "*":
            continue
        assert permission["Principal"].endswith(".amazonaws.com"), name
        assert permission.get("SourceAccount") == {"Ref": "AWS::AccountId"}, name
        assert "SourceArn" in permission, name


def test_everybody_may_call_what_checks_signatures_through_its_url_and_nothing_else(
    resources: Resources,
) -> None:
    found = set()
    for name, permission in of_type(resources, "AWS::Lambda::Permission").items():
        if permission["Principal"] == "*":
            found.add(target(permission["FunctionName"]))
            through_url = permission.get("FunctionUrlAuthType") == "NONE"
            assert through_url or permission.get("InvokedViaFunctionUrl") is True, name
    assert found == set(PUBLIC)


def test_every_asynchronous_function_has_a_place_for_what_fails(resources: Resources) -> None:
    kept = {
        target(invoke["FunctionName"])
        for invoke in of_type(resources, "AWS::Lambda::EventInvokeConfig").values()
        if "OnFailure" in invoke["DestinationConfig"]
    }
    called = {
        target(permission["FunctionName"])
        for permission in of_type(resources, "AWS::Lambda::Permission").values()
        if permission["Principal"] not in SYNCHRONOUS
    }
    assert called
    for name in called:
        function = resources[name]["Properties"]
        assert name in kept or "DeadLetterConfig" in function, f"{name} loses what fails"


def test_every_function_is_called_by_something(resources: Resources) -> None:
    callers: list[Any] = [
        *of_type(resources, "AWS::Lambda::Permission").values(),
        *of_type(resources, "AWS::Lambda::EventSourceMapping").values(),
    ]
    called = {target(caller["FunctionName"]) for caller in callers} | {
        target(resource["Properties"]["ServiceToken"])
        for resource in resources.values()
        if "ServiceToken" in resource.get("Properties", {})
    }
    assert set(of_type(resources, "AWS::Lambda::Function")) == called


def test_a_stream_keeps_what_fails_elsewhere(resources: Resources) -> None:
    for mapping in of_type(resources, "AWS::Lambda::EventSourceMapping").values():
        if "StartingPosition" in mapping:
            assert "OnFailure" in mapping["DestinationConfig"]


def test_every_queue_is_encrypted_and_redrives_to_a_queue_that_keeps_for_two_weeks(
    resources: Resources,
) -> None:
    queues = of_type(resources, "AWS::SQS::Queue")
    assert queues
    parked = {
        target(queue["RedrivePolicy"]["deadLetterTargetArn"])
        for queue in queues.values()
        if "RedrivePolicy" in queue
    }
    for name, queue in queues.items():
        assert queue.get("SqsManagedSseEnabled") is True or "KmsMasterKeyId" in queue, name
        assert ("RedrivePolicy" in queue) is (name not in parked), f"{name} redrives nowhere"
    for name in parked:
        assert queues[name]["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_every_dead_letter_queue_has_an_alarm(resources: Resources) -> None:
    watched = {
        target(alarm["Dimensions"][0]["Value"])
        for alarm in of_type(resources, "AWS::CloudWatch::Alarm").values()
        if alarm.get("MetricName") == "ApproximateNumberOfMessagesVisible"
    }
    queues = of_type(resources, "AWS::SQS::Queue")
    assert watched == {name for name, queue in queues.items() if "RedrivePolicy" not in queue}


def test_a_queue_hides_a_message_six_times_as_long_as_its_function_may_run(
    resources: Resources,
) -> None:
    mappings = of_type(resources, "AWS::Lambda::EventSourceMapping")
    of_queues = [m for m in mappings.values() if "StartingPosition" not in m]
    assert of_queues
    for mapping in of_queues:
        queue = resources[target(mapping["EventSourceArn"])]["Properties"]
        function = resources[target(mapping["FunctionName"])]["Properties"]
        assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_every_log_group_forgets_some_day_and_every_function_has_one(resources: Resources) -> None:
    groups = of_type(resources, "AWS::Logs::LogGroup")
    for name, group in groups.items():
        assert "RetentionInDays" in group, f"{name} keeps for ever"
    for function in of_type(resources, "AWS::Lambda::Function").values():
        assert target(function["LoggingConfig"]["LogGroup"]) in groups


def test_none_of_our_own_logs_is_subscribed(resources: Resources) -> None:
    """A collector that reads what it writes would grow without end."""
    own = {
        target(function["LoggingConfig"]["LogGroup"])
        for function in of_type(resources, "AWS::Lambda::Function").values()
    }
    subscriptions = of_type(resources, "AWS::Logs::SubscriptionFilter")
    assert subscriptions
    for subscription in subscriptions.values():
        assert own.isdisjoint(cfn.references(subscription["LogGroupName"]))
        assert "/aws/lambda" not in json.dumps(subscription["LogGroupName"])
    # A policy of the account would take them in without naming them.
    assert of_type(resources, "AWS::Logs::AccountPolicy") == {}


def test_every_topic_with_a_policy_is_one_of_ours(resources: Resources) -> None:
    topics = set(of_type(resources, "AWS::SNS::Topic"))
    policies = of_type(resources, "AWS::SNS::TopicPolicy").values()
    assert {target(topic) for policy in policies for topic in policy["Topics"]} == topics
