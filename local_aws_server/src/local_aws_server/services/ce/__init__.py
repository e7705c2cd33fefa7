"""Cost Explorer: sums, dimension values, tags and forecasts, computed from the bill of the account."""
