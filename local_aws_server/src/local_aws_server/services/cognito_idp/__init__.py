"""Cognito: fields, validation and dependencies of user pools."""
