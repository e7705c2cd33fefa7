"""The bill: what runs is metered, hours of it are rated, and every view of a bill reads the same charges."""
