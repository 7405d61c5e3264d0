"""Commands that create a deleted part of the stack again, as the template has it."""

import json
import shlex
from collections.abc import Mapping
from typing import Any, Final

from bedrock_alerts_cli.deployed.deployed_stack import DeployedStack
from bedrock_alerts_cli.deployed.doctor.as_deployed import template_of

_NOT_ATTRIBUTES: Final = frozenset({"QueueName", "TopicName", "Subscription", "Tags"})


def queue_again(stack: DeployedStack, logical_id: str) -> str:
    """Return the command that creates a queue, with its policy."""
    url = stack.resource(logical_id)
    attributes = _attributes(stack, "AWS::SQS::Queue", logical_id)
    attributes |= _policy(stack, "AWS::SQS::QueuePolicy", "Queues", url)
    return _created(stack, "sqs create-queue --queue-name", url.rpartition("/")[2], attributes)


def topic_again(stack: DeployedStack, logical_id: str) -> str:
    """Return the command that creates a topic, with its policy and without subscriptions."""
    arn = stack.resource(logical_id)
    attributes = _attributes(stack, "AWS::SNS::Topic", logical_id)
    attributes |= _policy(stack, "AWS::SNS::TopicPolicy", "Topics", arn)
    return _created(stack, "sns create-topic --name", arn.rpartition(":")[2], attributes)


def rule_again(stack: DeployedStack, name: str, properties: Mapping[str, Any]) -> str:
    """Return the commands that create a rule with its targets."""
    bus = properties.get("EventBusName", "")
    on_bus = f" --event-bus-name {bus}" if bus else ""
    put = f"events put-rule --name {name}{on_bus}"
    if "EventPattern" in properties:
        put += f" --event-pattern {_json(properties['EventPattern'])}"
    if "ScheduleExpression" in properties:
        put += f" --schedule-expression {shlex.quote(properties['ScheduleExpression'])}"
    targets = f"events put-targets --rule {name}{on_bus} --targets {_json(properties['Targets'])}"
    return f"{stack.aws(put)}\n{stack.aws(targets)}"


def log_group_again(stack: DeployedStack, name: str) -> str:
    """Return the commands that create the log group of the calls: kept and encrypted as before."""
    key = stack.parameters.get("KmsKeyArn", "")
    create = f"logs create-log-group --log-group-name {name}" + (f" --kms-key-id {key}" * bool(key))
    days = stack.parameters.get("LogRetentionDays", "")
    keep = f"logs put-retention-policy --log-group-name {name} --retention-in-days {days}"
    return "\n".join([stack.aws(create), *([stack.aws(keep)] if days else [])])


def bucket_again(stack: DeployedStack, logical_id: str) -> str:
    """Return the commands that create a bucket: private, encrypted, and emptied as before."""
    name = stack.resource(logical_id)
    body = _properties(stack, "AWS::S3::Bucket", logical_id)
    create = f"s3api create-bucket --bucket {name}"
    if stack.region != "us-east-1":
        create += f" --create-bucket-configuration LocationConstraint={stack.region}"
    blocks = body["PublicAccessBlockConfiguration"]
    # The API writes these in its own way.
    (encryption,) = body["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    default = dict(encryption["ServerSideEncryptionByDefault"])
    rule = {"ApplyServerSideEncryptionByDefault": default}
    if encryption.get("BucketKeyEnabled") is not None:
        rule["BucketKeyEnabled"] = encryption["BucketKeyEnabled"]
    expiry = [
        {
            "ID": one["Id"],
            "Status": one["Status"],
            "Filter": {"Prefix": ""},
            "Expiration": {"Days": int(one["ExpirationInDays"])},
        }
        for one in body["LifecycleConfiguration"]["Rules"]
    ]
    options = {
        "put-public-access-block --public-access-block-configuration": blocks,
        "put-bucket-encryption --server-side-encryption-configuration": {"Rules": [rule]},
        "put-bucket-lifecycle-configuration --lifecycle-configuration": {"Rules": expiry},
    }
    commands = [create, *(f"s3api {on} {_json(to)} --bucket {name}" for on, to in options.items())]
    policy = _policy(stack, "AWS::S3::BucketPolicy", "Bucket", name)
    if policy:
        document = shlex.quote(policy["Policy"])
        commands.append(f"s3api put-bucket-policy --bucket {name} --policy {document}")
    return "\n".join(map(stack.aws, commands))


def _created(stack: DeployedStack, how: str, name: str, attributes: Mapping[str, str]) -> str:
    return stack.aws(f"{how} {name} --attributes {_json(attributes)}")


def _properties(stack: DeployedStack, kind: str, logical_id: str) -> Mapping[str, Any]:
    found = template_of(stack).resources(kind)
    return next(one.properties for one in found if one.logical_id == logical_id)


def _attributes(stack: DeployedStack, kind: str, logical_id: str) -> dict[str, str]:
    """Return the attributes of a queue or topic as the API takes them: all are texts."""
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in _properties(stack, kind, logical_id).items()
        if name not in _NOT_ATTRIBUTES
    }


def _policy(stack: DeployedStack, kind: str, key: str, of: str) -> dict[str, str]:
    """Return the policy of a queue, topic or bucket as an attribute; empty if it has none."""
    for one in template_of(stack).resources(kind):
        named = one.properties.get(key)
        if named == of or (isinstance(named, list) and of in named):
            return {"Policy": json.dumps(one.properties["PolicyDocument"])}
    return {}


def _json(value: Any) -> str:
    return shlex.quote(json.dumps(value, separators=(",", ":")))
