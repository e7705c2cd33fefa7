"""Count every charge once: which exports replace which, and which rows are duplicates."""
