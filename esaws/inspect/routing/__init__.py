"""The rules of Application Load Balancers: trace, analyze and validate them, and replay access logs through them."""
