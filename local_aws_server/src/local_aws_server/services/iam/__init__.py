"""IAM: policies in use, and missing users, roles, groups and policies."""
