"""Saving and loading: the state of the server as plain data in a file.

A file may come from anyone, so loading never runs code: `class_allowlist` is the security boundary.
"""
