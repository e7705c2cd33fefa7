"""Service Quotas: the values that hold, and increases."""
