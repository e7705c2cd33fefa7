"""Topics: what they deliver to their subscribers."""
