"""Settings are read once, checked, and say which variable is wrong."""

import pytest

from bedrock_alerts.alerts.incidents.item import policy_of
from bedrock_alerts.errors import SettingsError
from bedrock_alerts.settings import load
from bedrock_alerts.wiring.collector_settings import CollectorSettings
from bedrock_alerts.wiring.notifier_settings import (
    DeliverSettings,
    RouteSettings,
    SlackInteractionsSettings,
)

COLLECT_LOGS = {"METRICS_NAMESPACE": "BedrockAlerts"}
QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/111122223333/deliveries"
HOME = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:"
NOTIFIER = {
    "METRICS_NAMESPACE": "BedrockAlerts",
    "DELIVERIES_QUEUE_URL": QUEUE_URL,
    "INCIDENTS_TABLE_NAME": "bedrock-alerts-incidents",
    "EMAIL_TOPIC_ARN": "arn:aws:sns:eu-west-1:111122223333:email",
    "CHANNELS": "email,slack",
    "HOME_ALARMS_PREFIX": HOME,
}
ROUTE = {
    **NOTIFIER,
    "ALERTS_QUEUE_URL": f"{QUEUE_URL}-alerts",
    "ROUTES_PARAMETER_NAME": "/bedrock-alerts/routes",
}
DELIVER = {**NOTIFIER, "DELIVERIES_DEAD_LETTER_QUEUE_URL": f"{QUEUE_URL}-dlq"}
SETTINGS = CollectorSettings | RouteSettings | DeliverSettings | SlackInteractionsSettings


@pytest.mark.parametrize(
    ("given", "settings"),
    [
        pytest.param(
            COLLECT_LOGS,
            CollectorSettings(
                metrics_namespace="BedrockAlerts",
                event_lines="notable",
                principal_metrics="violations",
                application_metadata_key=None,
            ),
            id="collect-logs has defaults",
        ),
        pytest.param(
            {
                **COLLECT_LOGS,
                "EVENT_LINES": "all",
                "PRINCIPAL_METRICS": "none",
                "APPLICATION_METADATA_KEY": "app",
                "OFFLOADED_BODY_BUCKET_NAME": "example-bodies",
                "PRICE_OVERRIDES": '{"entries":[]}',
            },
            CollectorSettings(
                metrics_namespace="BedrockAlerts",
                event_lines="all",
                principal_metrics="none",
                application_metadata_key="app",
                offloaded_body_bucket_name="example-bodies",
                price_overrides='{"entries":[]}',
            ),
            id="collect-logs reads everything",
        ),
        pytest.param(
            {**ROUTE, "OWN_ALARMS_PREFIX": "", "EVENT_LOG_GROUP_ARN": "", "SLACK_CHANNEL_ID": ""},
            RouteSettings(
                metrics_namespace="BedrockAlerts",
                deliveries_queue_url=QUEUE_URL,
                incidents_table_name="bedrock-alerts-incidents",
                email_topic_arn="arn:aws:sns:eu-west-1:111122223333:email",
                channels=("email", "slack"),
                home_alarms_prefix=HOME,
                alerts_queue_url=f"{QUEUE_URL}-alerts",
                routes_parameter_name="/bedrock-alerts/routes",
                reminder_hours=(1, 4),
                recovery_minutes=10,
                event_log_group_arn=None,
                event_lines="notable",
                dashboard_name=None,
                slack_channel_id="",
                own_alarms_prefix=None,
            ),
            id="an empty variable is an absent one",
        ),
        pytest.param(
            {
                **ROUTE,
                "REMINDER_HOURS": "2,0",
                "RECOVERY_MINUTES": "15",
                "EVENT_LOG_GROUP_ARN": "arn:log",
                "EVENT_LINES": "all",
                "DASHBOARD_NAME": "board",
                "SLACK_CHANNEL_ID": "C0123456789",
                "OWN_ALARMS_PREFIX": f"{HOME}bedrock-alerts.",
            },
            RouteSettings(
                metrics_namespace="BedrockAlerts",
                deliveries_queue_url=QUEUE_URL,
                incidents_table_name="bedrock-alerts-incidents",
                email_topic_arn="arn:aws:sns:eu-west-1:111122223333:email",
                channels=("email", "slack"),
                home_alarms_prefix=HOME,
                alerts_queue_url=f"{QUEUE_URL}-alerts",
                routes_parameter_name="/bedrock-alerts/routes",
                reminder_hours=(2, 0),
                recovery_minutes=15,
                event_log_group_arn="arn:log",
                event_lines="all",
                dashboard_name="board",
                slack_channel_id="C0123456789",
                own_alarms_prefix=f"{HOME}bedrock-alerts.",
            ),
            id="route reads everything",
        ),
        pytest.param(
            {**DELIVER, "SLACK_SECRET_ARN": "", "ALLOW_LOOPBACK_WEBHOOKS": "false"},
            DeliverSettings(
                metrics_namespace="BedrockAlerts",
                deliveries_queue_url=QUEUE_URL,
                incidents_table_name="bedrock-alerts-incidents",
                email_topic_arn="arn:aws:sns:eu-west-1:111122223333:email",
                channels=("email", "slack"),
                home_alarms_prefix=HOME,
                deliveries_dead_letter_queue_url=f"{QUEUE_URL}-dlq",
                slack_secret_arn=None,
                slack_bot_secret_arn=None,
                slack_api_url="https://slack.com/api/",
                slack_buttons=False,
                allow_loopback_webhooks=False,
            ),
            id="deliver has defaults",
        ),
        pytest.param(
            {
                **DELIVER,
                "SLACK_SECRET_ARN": "arn:slack",
                "SLACK_BOT_SECRET_ARN": "arn:bot",
                "SLACK_CHANNEL_ID": "C0123456789",
                "SLACK_API_URL": "https://slack-gov.com/api/",
                "SLACK_BUTTONS": "true",
                "WEBHOOK_SECRET_ARN": "arn:webhook",
                "PAGERDUTY_SECRET_ARN": "arn:pagerduty",
                "TEAMS_WEBHOOK_SECRET_ARN": "arn:teams",
                "AMAZON_Q_TOPIC_ARN": "arn:q",
                "ALLOW_LOOPBACK_WEBHOOKS": "true",
            },
            DeliverSettings(
                metrics_namespace="BedrockAlerts",
                deliveries_queue_url=QUEUE_URL,
                incidents_table_name="bedrock-alerts-incidents",
                email_topic_arn="arn:aws:sns:eu-west-1:111122223333:email",
                channels=("email", "slack"),
                home_alarms_prefix=HOME,
                deliveries_dead_letter_queue_url=f"{QUEUE_URL}-dlq",
                slack_secret_arn="arn:slack",
                slack_bot_secret_arn="arn:bot",
                slack_channel_id="C0123456789",
                slack_api_url="https://slack-gov.com/api/",
                slack_buttons=True,
                webhook_secret_arn="arn:webhook",
                pagerduty_secret_arn="arn:pagerduty",
                teams_webhook_secret_arn="arn:teams",
                amazon_q_topic_arn="arn:q",
                allow_loopback_webhooks=True,
            ),
            id="deliver reads everything",
        ),
        pytest.param(
            {
                "METRICS_NAMESPACE": "BedrockAlerts",
                "ALERTS_QUEUE_URL": f"{QUEUE_URL}-alerts",
                "SLACK_BOT_SECRET_ARN": "arn:bot",
            },
            SlackInteractionsSettings(
                metrics_namespace="BedrockAlerts",
                alerts_queue_url=f"{QUEUE_URL}-alerts",
                slack_bot_secret_arn="arn:bot",
            ),
            id="slack-interactions",
        ),
    ],
)
def test_variables_become_settings(given: dict[str, str], settings: SETTINGS) -> None:
    assert load(type(settings), given) == settings


@pytest.mark.parametrize(
    ("kind", "given", "named"),
    [
        pytest.param(CollectorSettings, {}, "METRICS_NAMESPACE", id="a missing one"),
        pytest.param(CollectorSettings, {"METRICS_NAMESPACE": ""}, "METRICS_NAMESPACE", id="empty"),
        pytest.param(
            CollectorSettings,
            {**COLLECT_LOGS, "EVENT_LINES": "some"},
            "EVENT_LINES",
            id="one that is none of the words",
        ),
        pytest.param(RouteSettings, {**ROUTE, "CHANNELS": ""}, "CHANNELS", id="no channel"),
        pytest.param(
            RouteSettings, {**ROUTE, "CHANNELS": "email,fax"}, "CHANNELS", id="an unknown channel"
        ),
        pytest.param(
            DeliverSettings,
            {**DELIVER, "ALLOW_LOOPBACK_WEBHOOKS": "perhaps"},
            "ALLOW_LOOPBACK_WEBHOOKS",
            id="neither yes nor no",
        ),
        pytest.param(
            RouteSettings,
            {**ROUTE, "HOME_ALARMS_PREFIX": ""},
            "HOME_ALARMS_PREFIX",
            id="no prefix of the account's alarms",
        ),
        pytest.param(
            RouteSettings, {**ROUTE, "REMINDER_HOURS": "1"}, "REMINDER_HOURS", id="one of two"
        ),
        pytest.param(
            RouteSettings, {**ROUTE, "RECOVERY_MINUTES": "0"}, "RECOVERY_MINUTES", id="too few"
        ),
        pytest.param(
            DeliverSettings,
            {**DELIVER, "RECOVERY_MINUTES": "61"},
            "RECOVERY_MINUTES",
            id="too many",
        ),
    ],
)
def test_a_wrong_variable_is_named_together_with_whose_it_is(
    kind: type[SETTINGS], given: dict[str, str], named: str
) -> None:
    with pytest.raises(SettingsError, match=rf"{kind.__name__}: .*{named}"):
        load(kind, given)


def test_the_environment_of_the_process_is_read_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ROUTE.items():
        monkeypatch.setenv(name, value)
    assert load(RouteSettings).channels == ("email", "slack")


def test_the_policy_is_in_seconds() -> None:
    given = {**ROUTE, "REMINDER_HOURS": "2,0", "RECOVERY_MINUTES": "15"}
    settings = load(RouteSettings, given)
    policy = policy_of(settings.reminder_hours, settings.recovery_minutes)
    assert (policy.critical_reminder, policy.warning_reminder, policy.window) == (7200, 0, 900)
