"""Queues: what SQS refuses, and how long a receiver waits."""
