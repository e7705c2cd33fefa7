"""Real requests to load balancers, and the comparison of what answers with what a trace says."""
