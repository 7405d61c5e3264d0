"""What the stack costs a month: list prices, traffic, and the two multiplied line by line."""
