"""Sample data for notebooks, the same on every run."""
