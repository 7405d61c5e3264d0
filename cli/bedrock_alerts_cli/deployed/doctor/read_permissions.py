"""Which IAM action each call of `doctor` needs; docs/operate.md has the same as a policy."""

from collections.abc import Mapping
from typing import Final

POLICY_PAGE: Final = "docs/operate.md"

ACTIONS: Final[Mapping[str, str]] = {
    "DescribeStacks": "cloudformation:DescribeStacks",
    "GetTemplate": "cloudformation:GetTemplate",
    "ListStackResources": "cloudformation:ListStackResources",
    "GetModelInvocationLoggingConfiguration": "bedrock:GetModelInvocationLoggingConfiguration",
    "DescribeLogGroups": "logs:DescribeLogGroups",
    "DescribeSubscriptionFilters": "logs:DescribeSubscriptionFilters",
    "DescribeAlarms": "cloudwatch:DescribeAlarms",
    "GetMetricData": "cloudwatch:GetMetricData",
    "ListMetrics": "cloudwatch:ListMetrics",
    "GetAccountSettings": "lambda:GetAccountSettings",
    "GetFunctionConcurrency": "lambda:GetFunctionConcurrency",
    "GetFunctionConfiguration": "lambda:GetFunctionConfiguration",
    "GetPolicy": "lambda:GetPolicy",
    "ListEventSourceMappings": "lambda:ListEventSourceMappings",
    "DescribeEventBus": "events:DescribeEventBus",
    "DescribeRule": "events:DescribeRule",
    "ListTargetsByRule": "events:ListTargetsByRule",
    "ListSubscriptionsByTopic": "sns:ListSubscriptionsByTopic",
    "GetParameter": "ssm:GetParameter",
    "GetSecretValue": "secretsmanager:GetSecretValue",
    "GetQueueAttributes": "sqs:GetQueueAttributes",
    "GetObject": "s3:GetObject",
    "ListObjectsV2": "s3:ListBucket",
    "DescribeTable": "dynamodb:DescribeTable",
    "Query": "dynamodb:Query",
    "Scan": "dynamodb:Scan",
}
