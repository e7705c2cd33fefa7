"""Snapshots of accounts as folders: one JSON file for the answer of each describe call, as the AWS CLI prints it."""
