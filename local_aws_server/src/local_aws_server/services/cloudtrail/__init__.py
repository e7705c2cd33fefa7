"""CloudTrail's event history: who made which changing call."""
