"""RDS: lifecycle, validation, dependencies and charges of DB instances, snapshots and groups."""
