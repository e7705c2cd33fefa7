"""What instances and interfaces do by themselves."""
