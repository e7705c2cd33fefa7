"""Deploy and tear down: plans, their order of work, their execution, the inventory, and the proof of a teardown."""
