"""Turning Bedrock's model invocation logging on and off, as custom resources of CloudFormation."""
