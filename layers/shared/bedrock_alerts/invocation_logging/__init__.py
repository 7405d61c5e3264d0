"""Turns Bedrock's model invocation logging on and off, as CloudFormation custom resources."""
