"""Time: the clock, the moments at which things happen, what is on its way, and what has happened."""
