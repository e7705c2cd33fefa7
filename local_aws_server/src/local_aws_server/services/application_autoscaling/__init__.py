"""Scaling policies, of Application Auto Scaling and of Auto Scaling groups."""
