"""Bedrock Alerts: notifies teams of what happens on Amazon Bedrock."""
