"""Stacks, whose resources moto creates: they behave as those of other calls."""
