"""Simulate Elastic Load Balancing: target health, request routing and traffic, and the rules about requests.

`health_probe` decides what one health check meets, `targets` when a target's state changes, `routing` which target
group gets a request, and `traffic` how many requests come in. `network_path` and `routing` repeat rules that
`esaws.inspect` implements, too: see their docstrings.
"""
