"""Simulate ECS: clusters, container instances, tasks, services with their deployments, and capacity providers.

Rules about one request are in `validation`, `dependencies`, `not_found`, `fields`, `run_task`, `services`,
`task_definitions` and `capacity_providers`. The simulation itself is in `scheduler` (services), `tasks` (one task's
life), `placement`, `deployments`, `managed_scaling` and `containers`.
"""
