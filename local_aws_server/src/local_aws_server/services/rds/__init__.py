"""RDS: lifecycle, validation, backups, dependencies and charges of DB instances, snapshots and groups."""
