"""Cloud Map: operations that take time, unique names, and dependencies of namespaces and services."""
