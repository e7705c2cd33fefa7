"""The formats of bills: which columns identify each, and how its rows map to the canonical table."""
