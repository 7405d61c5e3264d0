"""Every limit of an outside service, named once, with a link to its documentation."""

from typing import Final

# --- CloudWatch Logs subscriptions and Lambda -------------------------------------------------
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
# A batch is at most 1 MB as Lambda receives it. It can inflate to far more, so the result is
# capped: log events and PutLogEvents batches are at most 1 MB, so a genuine batch stays far below
# this.
MAX_BATCH_BASE64_BYTES: Final = 8 * 1024 * 1024
MAX_BATCH_INFLATED_BYTES: Final = 32 * 1024 * 1024
MAX_RECORD_BYTES: Final = 16 * 1024 * 1024
# An object of the invocation log holds a few minutes of calls; a far larger one is not genuine.
MAX_OBJECT_INFLATED_BYTES: Final = 4 * 1024 * 1024 * 1024
# A body in S3 is one model response, read whole; these limits are far above the longest.
MAX_BODY_BYTES: Final = 8 * 1024 * 1024
MAX_BODY_INFLATED_BYTES: Final = 32 * 1024 * 1024

# --- Lambda -------------------------------------------------------------------------------------
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LAMBDA_ENVIRONMENT_BYTES: Final = 4096  # all variables of a function together

# --- CloudWatch metrics (embedded metric format and PutMetricData) ------------------------------
# "Specification: Embedded metric format" in the CloudWatch user guide
EMF_METRICS_PER_LINE: Final = 100
EMF_VALUES_PER_METRIC: Final = 100
# The specification's text still says 256 KB although a log event may be 1 MB: keep to the smaller.
EMF_LINE_BYTES: Final = 256 * 1024
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
METRIC_MAX_AGE_SECONDS: Final = 14 * 24 * 3600
METRIC_MAX_AHEAD_SECONDS: Final = 2 * 3600

# --- Alarms -------------------------------------------------------------------------------------
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricAlarm.html
ALARM_NAME_CHARS: Final = 255
ALARM_DESCRIPTION_CHARS: Final = 1024
ALARM_REASON_CHARS: Final = 1023
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
ALARM_RULE_CHARS: Final = 10_240
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
# All periods of an alarm together are at most seven days, so one period is no longer either.
ALARM_PERIOD_SECONDS: Final = 7 * 24 * 3600

# --- Amazon SQS ---------------------------------------------------------------------------------
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
SQS_BATCH_MESSAGES: Final = 10
# SQS now allows larger messages, but older queues and other accounts' tools may not.
SQS_MESSAGE_BYTES: Final = 256 * 1024

# --- Amazon SNS email ----------------------------------------------------------------------------
# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
SNS_SUBJECT_CHARS: Final = 99  # "less than 100 characters", ASCII, no line breaks
SNS_MESSAGE_BYTES: Final = 256 * 1024

# --- Slack --------------------------------------------------------------------------------------
# https://docs.slack.dev/reference/block-kit/blocks
SLACK_SECTION_CHARS: Final = 3000
SLACK_FIELD_CHARS: Final = 2000
SLACK_FIELDS: Final = 10
# Not documented: users measured `msg_blocks_too_long` from 13,172 characters over all blocks on.
SLACK_BLOCKS_CHARS: Final = 12_000
SLACK_BUTTON_TEXT_CHARS: Final = 75
SLACK_BUTTONS: Final = 25
SLACK_URL_CHARS: Final = 3000
SLACK_TEXT_CHARS: Final = 4000

# --- PagerDuty ------------------------------------------------------------------------------------
# https://developer.pagerduty.com/docs/send-alert-event
PAGERDUTY_SUMMARY_CHARS: Final = 1024

# --- Microsoft Teams ------------------------------------------------------------------------------
# https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
# "The message size limit is 28 KB", and a workflow makes a request a fifth larger.
TEAMS_CARD_BYTES: Final = 20_000

# --- CloudFormation custom resources ------------------------------------------------------------
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
CUSTOM_RESOURCE_ANSWER_BYTES: Final = 4096
# https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
SSM_PARAMETER_BYTES: Final = 4096  # a standard parameter
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
SUBSCRIPTIONS_PER_LOG_GROUP: Final = 2
