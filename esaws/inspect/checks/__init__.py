"""Checks of an account: each yields findings with evidence, and fixes that can be applied."""
