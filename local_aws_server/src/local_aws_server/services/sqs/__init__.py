"""Queues: what Amazon SQS refuses."""
