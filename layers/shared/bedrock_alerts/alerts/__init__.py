"""Flow 2, alert: normalise, learn, settle, plan, then render and send to each channel."""
