"""The network of the tests: `sitecustomize.py` is on the path of every Python that a test starts."""
