"""CloudWatch Logs: events and their retention, filters, groups that writers create again, and charges."""
