"""Where bills come from: local files, buckets, Cost Explorer and database tables."""
