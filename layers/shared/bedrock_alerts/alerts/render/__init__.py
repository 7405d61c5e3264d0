"""The last step before sending: an alert in the format of one channel. Pure, one module each."""
