"""Logs in every form that people have: opened, split into blocks, and read as lines."""
