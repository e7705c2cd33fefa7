"""Every action on a deployment, disturbed at every call to AWS: `python -m tests.resilience`, or `make resilience`."""
