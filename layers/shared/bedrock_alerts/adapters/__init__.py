"""The only modules that talk to AWS, to Slack or to standard output."""
