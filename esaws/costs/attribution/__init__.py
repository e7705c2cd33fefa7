"""What each decision in an architecture costs: taken away, and the rest priced; together they add up to the whole."""
