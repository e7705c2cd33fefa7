"""What a month will cost, said before anything exists: usage, list price, free tier, credits; no account is needed."""
