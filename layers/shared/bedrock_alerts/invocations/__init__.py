"""Flow 1, collect: decode, parse, extract, aggregate, publish."""
