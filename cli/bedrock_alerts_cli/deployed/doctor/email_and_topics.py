"""The topics: is the email's subscription confirmed, and is Amazon Q's topic there."""

from collections.abc import Iterator
from typing import Any, Final

from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack
from bedrock_alerts_cli.deployed.doctor.finding import (
    Check,
    Clock,
    Finding,
    count,
    ok,
    wrong,
)
from bedrock_alerts_cli.deployed.doctor.made_again import topic_again


def email(stack: DeployedStack, _clock: Clock) -> Iterator[Finding]:
    """Look whether someone receives the emails."""
    check = "email"
    topic = stack.resource("EmailTopic")
    address = stack.parameters.get("AlertEmail", "")
    client: Any = stack.client("sns")
    try:
        pages = client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
        found = [one for page in pages for one in page.get("Subscriptions", [])]
    except client.exceptions.NotFoundException:
        fix = f"Create it again, and run doctor once more:\n{topic_again(stack, 'EmailTopic')}"
        yield wrong(check, f"topic {topic} is not there: no email is sent", fix)
        return
    emails = [one for one in found if one.get("Protocol", "").startswith("email")]
    confirmed = [one for one in emails if one.get("SubscriptionArn", "").startswith("arn:")]
    others = [one for one in confirmed if one.get("Endpoint") != address]
    beside = f", and {count(len(others), 'other address', 'other addresses')}" if others else ""
    if not address:
        says = f"{count(len(confirmed), 'address', 'addresses')} confirmed, no AlertEmail"
        yield ok(check, says)
        return
    fix = stack.aws(
        f"sns subscribe --topic-arn {topic} --protocol email --notification-endpoint {address}",
    )
    if any(one.get("Endpoint") == address for one in confirmed):
        yield ok(check, f"{address} has confirmed{beside}")
    elif any(one.get("Endpoint") == address for one in emails):
        says = f"{address} has not confirmed its subscription: it receives nothing{beside}"
        again = f"Open the email from AWS Notifications, and confirm. To have it sent again:\n{fix}"
        yield wrong(check, says, again)
    else:
        says = f"{address} is not subscribed to {topic.rpartition(':')[2]}{beside}"
        yield wrong(check, says, f"Subscribe it, and confirm the email:\n{fix}")


def amazon_q(stack: DeployedStack, _clock: Clock) -> Iterator[Finding]:
    """Look whether Amazon Q Developer is subscribed to its topic."""
    topic = stack.parameters.get("AmazonQTopicArn")
    if not topic:
        return
    check = "Amazon Q topic"
    client: Any = stack.client("sns")
    try:
        pages = client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
        found = [
            one
            for page in pages
            for one in page.get("Subscriptions", [])
            if "chatbot" in one.get("Endpoint", "")
        ]
    except client.exceptions.NotFoundException:
        says = f"topic {topic} is not there"
        yield wrong(check, says, "Deploy with AmazonQTopicArn of a topic that is.")
        return
    if found:
        yield ok(check, "Amazon Q Developer is subscribed")
    else:
        fix = "In the console of Amazon Q Developer, add the topic to a configured channel."
        yield wrong(check, "Amazon Q Developer is not subscribed to it", fix)


CHECKS: Final = (Check("email", email), Check("Amazon Q topic", amazon_q))
