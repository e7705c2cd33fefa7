"""Injected faults: failing API calls, missing capacity, and outages of instances, zones and tasks."""
