"""CloudWatch Logs: charges, missing log groups, and log groups that writers create again."""
