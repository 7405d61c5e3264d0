"""The weekly report: reads a week's usage, findings, alarms and models, and sends the summary."""
