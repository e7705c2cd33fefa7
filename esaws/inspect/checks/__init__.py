"""What is wrong with an account, or odd about it: each finding with its evidence, and a fix that can be applied."""
