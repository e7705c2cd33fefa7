"""Simulate CloudWatch: metrics of simulated resources and of users, metric math, alarms.

`measurements` computes what resources measure now, from the traffic that `request_flow` distributes to containers.
`metrics` stores it as changes over time (`step_series`) and computes statistics on request.
"""
