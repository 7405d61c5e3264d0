"""amazon_q: what a message looks like, and how it is sent."""
