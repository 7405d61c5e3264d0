"""Flow 2, alert: normalise, enrich, route, then render and send, one delivery per channel."""
