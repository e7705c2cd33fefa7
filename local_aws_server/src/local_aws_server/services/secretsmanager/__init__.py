"""Secrets Manager: names, deletion after the recovery window, and rotation."""
