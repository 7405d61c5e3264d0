"""The product's own route and deliver, played in memory on a simulated clock."""
