"""A stack that is deployed: what it is made of, how it is, and what can be done to it."""
