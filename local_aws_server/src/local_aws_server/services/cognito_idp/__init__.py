"""Cognito: fields, validation and dependencies of user pools, and how their users sign up and in."""
