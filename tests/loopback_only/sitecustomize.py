"""Python imports this at its start if its folder is in PYTHONPATH: the network guard, for each process of a test."""

import network_guard

network_guard.install()
