"""A local replacement for Slack and a mailbox, with a page that shows what arrived."""
