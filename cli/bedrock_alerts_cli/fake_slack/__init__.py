"""A local stand-in for Slack and for a mailbox, with a page that shows what arrived."""
