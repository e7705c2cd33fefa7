"""The contract that every kind of resource keeps, and the cases that it is held to."""
