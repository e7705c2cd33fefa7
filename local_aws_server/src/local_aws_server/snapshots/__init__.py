"""Saving and loading: the state of the local AWS as data in a file, which can be somebody else's and runs nothing."""
