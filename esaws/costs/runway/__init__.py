"""When credits and free tier of an account end, what the first paid month costs, and what to switch off first."""
