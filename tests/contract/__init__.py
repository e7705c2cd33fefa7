"""The contract of every resource kind, and the cases to test it with."""
