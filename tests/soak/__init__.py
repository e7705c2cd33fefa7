"""Rounds of the life of a deployment, one after the other for hours: `python -m tests.soak`, or `make soak`."""
