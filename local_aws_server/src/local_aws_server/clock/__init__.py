"""Simulated time: the clock, the scheduler that runs reconcilers, resources in transition, and the event log."""
