"""Bedrock Alerts: what happens on Amazon Bedrock, told to the people who own it."""
