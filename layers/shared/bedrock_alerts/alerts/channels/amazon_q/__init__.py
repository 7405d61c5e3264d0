"""The amazon_q channel: rendering and sending of messages."""
