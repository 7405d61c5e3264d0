"""Whether someone gets the emails of a stack: SNS accepts a message without any recipient."""

from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack

_MAX_PAGES = 10


def unconfirmed(stack: DeployedStack) -> str:
    """Say what keeps emails from arriving, empty where nothing does or it cannot be known."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    topic, sns = stack.outputs.get("EmailTopicArn", ""), stack.client("sns")
    if not topic:
        return ""
    found: list[str] = []
    more: dict[str, str] = {}
    try:
        for _ in range(_MAX_PAGES):
            answer = sns.list_subscriptions_by_topic(TopicArn=topic, **more)
            found += [
                one["SubscriptionArn"]
                for one in answer.get("Subscriptions", [])
                if one.get("Protocol", "").startswith("email")
            ]
            if not answer.get("NextToken"):
                break
            more = {"NextToken": answer["NextToken"]}
    except (BotoCoreError, ClientError):
        return ""
    if any(arn.startswith("arn:") for arn in found):
        return ""
    if not found:
        return "SNS took it, but the email topic has no recipient"
    return "SNS took it, but no recipient has confirmed the subscription: ask them to"
