"""ElastiCache: lifecycle, fields, dependencies and charges of cache clusters."""
