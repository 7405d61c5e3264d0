"""The IAM permissions that a deployment needs, made from the template's resource types."""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

from bedrock_alerts_cli.project import TEMPLATE
from bedrock_alerts_cli.template import load, types
from bedrock_alerts_cli.template.stack import NAME

_HERE: Final = "${{Region}}:${{Account}}"
# What making, changing and deleting a resource of a type needs, and on what; {stack} is its name.
_NEEDS: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "AWS::Athena::NamedQuery": (
        ("athena:CreateNamedQuery", "athena:DeleteNamedQuery", "athena:GetNamedQuery",
         "athena:ListNamedQueries", "athena:UpdateNamedQuery"),
        "arn:${{Partition}}:athena:{here}:workgroup/{stack}"),
    "AWS::Athena::WorkGroup": (
        ("athena:CreateWorkGroup", "athena:DeleteWorkGroup", "athena:GetWorkGroup",
         "athena:TagResource", "athena:UntagResource", "athena:UpdateWorkGroup"),
        "arn:${{Partition}}:athena:{here}:workgroup/{stack}"),
    "AWS::Budgets::Budget": (
        ("budgets:ModifyBudget", "budgets:ViewBudget"),
        "arn:${{Partition}}:budgets::${{Account}}:budget/{stack}.*"),
    "AWS::CloudWatch::Alarm": (
        ("cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm",
         "cloudwatch:TagResource", "cloudwatch:UntagResource", "cloudwatch:ListTagsForResource"),
        "arn:${{Partition}}:cloudwatch:{here}:alarm:{stack}.*"),
    "AWS::CloudWatch::AnomalyDetector": (
        ("cloudwatch:DeleteAnomalyDetector", "cloudwatch:DescribeAnomalyDetectors",
         "cloudwatch:PutAnomalyDetector"), "*"),
    "AWS::CloudWatch::CompositeAlarm": (
        ("cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:PutCompositeAlarm"),
        "*"),
    "AWS::CloudWatch::Dashboard": (
        ("cloudwatch:DeleteDashboards", "cloudwatch:GetDashboard", "cloudwatch:PutDashboard"),
        "arn:${{Partition}}:cloudwatch::${{Account}}:dashboard/{stack}-*"),
    "AWS::DynamoDB::Table": (
        ("dynamodb:CreateTable", "dynamodb:DeleteTable", "dynamodb:DescribeContinuousBackups",
         "dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive", "dynamodb:TagResource",
         "dynamodb:UntagResource", "dynamodb:ListTagsOfResource",
         "dynamodb:UpdateContinuousBackups", "dynamodb:UpdateTable", "dynamodb:UpdateTimeToLive"),
        "arn:${{Partition}}:dynamodb:{here}:table/{stack}-*"),
    "AWS::Events::EventBus": (
        ("events:CreateEventBus", "events:DeleteEventBus", "events:DescribeEventBus",
         "events:ListTagsForResource", "events:TagResource", "events:UntagResource",
         "events:UpdateEventBus"),
        "arn:${{Partition}}:events:{here}:event-bus/{stack}-*"),
    "AWS::Events::EventBusPolicy": (
        ("events:DescribeEventBus", "events:PutPermission", "events:RemovePermission"),
        "arn:${{Partition}}:events:{here}:event-bus/{stack}-*"),
    "AWS::Events::Rule": (
        ("events:DeleteRule", "events:DescribeRule", "events:ListTargetsByRule",
         "events:PutRule", "events:PutTargets", "events:RemoveTargets", "events:TagResource",
         "events:UntagResource"),
        "arn:${{Partition}}:events:{here}:rule/{stack}-*"),
    "AWS::Glue::Database": (
        ("glue:CreateDatabase", "glue:DeleteDatabase", "glue:GetDatabase", "glue:UpdateDatabase"),
        "*"),
    "AWS::Glue::Table": (
        ("glue:CreateTable", "glue:DeleteTable", "glue:GetTable", "glue:UpdateTable"), "*"),
    "AWS::IAM::Policy": (
        ("iam:DeleteRolePolicy", "iam:GetRolePolicy", "iam:PutRolePolicy"),
        "arn:${{Partition}}:iam::${{Account}}:role/{stack}-*"),
    "AWS::IAM::Role": (
        ("iam:CreateRole", "iam:DeleteRole", "iam:DeleteRolePolicy",
         "iam:DeleteRolePermissionsBoundary", "iam:GetRole", "iam:GetRolePolicy", "iam:PassRole",
         "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy", "iam:TagRole", "iam:UntagRole",
         "iam:UpdateAssumeRolePolicy"),
        "arn:${{Partition}}:iam::${{Account}}:role/{stack}-*"),
    "AWS::Lambda::EventInvokeConfig": (
        ("lambda:DeleteFunctionEventInvokeConfig", "lambda:GetFunctionEventInvokeConfig",
         "lambda:PutFunctionEventInvokeConfig", "lambda:UpdateFunctionEventInvokeConfig"),
        "arn:${{Partition}}:lambda:{here}:function:{stack}-*"),
    "AWS::Lambda::Permission": (
        ("lambda:AddPermission", "lambda:GetPolicy", "lambda:RemovePermission"),
        "arn:${{Partition}}:lambda:{here}:function:{stack}-*"),
    "AWS::Lambda::Url": (
        ("lambda:CreateFunctionUrlConfig", "lambda:DeleteFunctionUrlConfig",
         "lambda:GetFunctionUrlConfig", "lambda:UpdateFunctionUrlConfig"),
        "arn:${{Partition}}:lambda:{here}:function:{stack}-*"),
    "AWS::Logs::LogGroup": (
        ("logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:DeleteLogGroup",
         "logs:DescribeLogGroups", "logs:DisassociateKmsKey", "logs:ListTagsForResource",
         "logs:PutRetentionPolicy", "logs:TagResource", "logs:UntagResource"),
        "arn:${{Partition}}:logs:{here}:log-group:/aws/lambda/{stack}-*"),
    "AWS::Logs::QueryDefinition": (
        ("logs:DeleteQueryDefinition", "logs:DescribeQueryDefinitions", "logs:PutQueryDefinition"),
        "*"),
    "AWS::Logs::SubscriptionFilter": (
        ("logs:DeleteSubscriptionFilter", "logs:DescribeSubscriptionFilters",
         "logs:PutSubscriptionFilter"),
        "arn:${{Partition}}:logs:{here}:log-group:*"),
    "AWS::S3::Bucket": (
        ("s3:CreateBucket", "s3:DeleteBucket", "s3:GetBucketPolicy",
         "s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration",
         "s3:PutBucketOwnershipControls",
         "s3:PutBucketPublicAccessBlock", "s3:PutBucketTagging", "s3:PutEncryptionConfiguration",
         "s3:PutLifecycleConfiguration"),
        "arn:${{Partition}}:s3:::{stack}-*"),
    "AWS::S3::BucketPolicy": (
        ("s3:DeleteBucketPolicy", "s3:GetBucketPolicy", "s3:PutBucketPolicy"),
        "arn:${{Partition}}:s3:::{stack}-*"),
    "AWS::SNS::Subscription": (
        ("sns:GetSubscriptionAttributes", "sns:SetSubscriptionAttributes", "sns:Subscribe",
         "sns:Unsubscribe"),
        "arn:${{Partition}}:sns:{here}:{stack}-*"),
    "AWS::SNS::Topic": (
        ("sns:CreateTopic", "sns:DeleteTopic", "sns:GetTopicAttributes",
         "sns:ListSubscriptionsByTopic", "sns:ListTagsForResource", "sns:SetTopicAttributes",
         "sns:TagResource", "sns:UntagResource"),
        "arn:${{Partition}}:sns:{here}:{stack}-*"),
    "AWS::SNS::TopicPolicy": (
        ("sns:GetTopicAttributes", "sns:SetTopicAttributes"),
        "arn:${{Partition}}:sns:{here}:{stack}-*"),
    "AWS::SQS::Queue": (
        ("sqs:CreateQueue", "sqs:DeleteQueue", "sqs:GetQueueAttributes", "sqs:GetQueueUrl",
         "sqs:ListQueueTags", "sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue"),
        "arn:${{Partition}}:sqs:{here}:{stack}-*"),
    "AWS::SQS::QueuePolicy": (
        ("sqs:GetQueueAttributes", "sqs:SetQueueAttributes"),
        "arn:${{Partition}}:sqs:{here}:{stack}-*"),
    "AWS::Serverless::Function": (
        ("lambda:CreateFunction", "lambda:DeleteFunction", "lambda:DeleteFunctionConcurrency",
         "lambda:GetFunction", "lambda:GetFunctionConfiguration", "lambda:InvokeFunction",
         "lambda:ListTags", "lambda:PutFunctionConcurrency", "lambda:TagResource",
         "lambda:UntagResource", "lambda:UpdateFunctionCode",
         "lambda:UpdateFunctionConfiguration"),
        "arn:${{Partition}}:lambda:{here}:function:{stack}-*"),
    "AWS::Serverless::LayerVersion": (
        ("lambda:DeleteLayerVersion", "lambda:GetLayerVersion", "lambda:PublishLayerVersion"),
        "arn:${{Partition}}:lambda:{here}:layer:*"),
}  # fmt: skip
# What `sam deploy` itself does, whatever the template holds.
_SAM: Final = (
    (("cloudformation:CreateChangeSet", "cloudformation:DeleteChangeSet",
      "cloudformation:DeleteStack", "cloudformation:DescribeChangeSet",
      "cloudformation:DescribeStackEvents", "cloudformation:DescribeStackResources",
      "cloudformation:DescribeStacks", "cloudformation:ExecuteChangeSet",
      "cloudformation:GetTemplate", "cloudformation:GetTemplateSummary"),
     "arn:${{Partition}}:cloudformation:{here}:stack/{stack}/*"),
    (("cloudformation:CreateChangeSet",),
     "arn:${{Partition}}:cloudformation:${{Region}}:aws:transform/Serverless-2016-10-31"),
    # An event source mapping has no name that is known before.
    (("lambda:CreateEventSourceMapping", "lambda:DeleteEventSourceMapping",
      "lambda:GetEventSourceMapping", "lambda:ListTags", "lambda:TagResource",
      "lambda:UntagResource", "lambda:UpdateEventSourceMapping"),
     "arn:${{Partition}}:lambda:{here}:event-source-mapping:*"),
    # For a table, and what else is encrypted with KmsKeyArn.
    (("kms:CreateGrant", "kms:DescribeKey"), "arn:${{Partition}}:kms:{here}:key/${{KeyId}}"),
    (("s3:CreateBucket", "s3:GetBucketLocation", "s3:GetBucketPolicy", "s3:GetObject",
      "s3:ListBucket", "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock",
      "s3:PutBucketTagging", "s3:PutBucketVersioning", "s3:PutEncryptionConfiguration",
      "s3:PutObject"),
     "arn:${{Partition}}:s3:::aws-sam-cli-managed-default-*"),
    (("cloudformation:CreateChangeSet", "cloudformation:DescribeChangeSet",
      "cloudformation:DescribeStacks", "cloudformation:ExecuteChangeSet"),
     "arn:${{Partition}}:cloudformation:{here}:stack/aws-sam-cli-managed-default/*"),
    (("bedrock:GetModelInvocationLoggingConfiguration", "sts:GetCallerIdentity"), "*"),
)  # fmt: skip


def policy(template: Mapping[str, Any], stack: str = NAME) -> dict[str, Any]:
    """Return the policy for who deploys and deletes `stack`.

    `${Partition}` (aws, aws-us-gov, aws-cn), `${Region}`, `${Account}` and `${KeyId}` (of
    KmsKeyArn) stand for yours. Raises KeyError at a type that is not known here.
    """
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": sid, "Effect": "Allow", "Action": sorted(actions), "Resource": resource}
            for sid, actions, resource in _statements(template, stack)
        ],
    }


def _statements(template: Mapping[str, Any], stack: str) -> Iterator[tuple[str, set[str], str]]:
    merged: dict[str, tuple[str, set[str]]] = {}
    needs = [("Sam", *one) for one in _SAM]
    needs += [(name, *_NEEDS[name]) for name in sorted(types(dict(template)))]
    for name, actions, pattern in needs:
        resource = pattern.replace("{here}", _HERE).format(
            # Names of buckets are in lower case.
            stack=stack.lower() if ":s3:::" in pattern else stack
        )
        sid, found = merged.setdefault(
            resource, (name.removeprefix("AWS").replace("::", ""), set())
        )
        found.update(actions)
    names: dict[str, int] = {}
    for resource, (sid, actions) in merged.items():
        names[sid] = names.get(sid, 0) + 1
        yield (f"{sid}{names[sid]}" if names[sid] > 1 else sid), actions, resource


def main() -> int:
    """Print the policy; an argument is the stack's name."""
    stack = sys.argv[1] if len(sys.argv) > 1 else NAME
    print(json.dumps(policy(load(TEMPLATE), stack), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
