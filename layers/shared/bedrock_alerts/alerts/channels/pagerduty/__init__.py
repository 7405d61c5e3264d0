"""pagerduty: what a message looks like, and how it is sent."""
