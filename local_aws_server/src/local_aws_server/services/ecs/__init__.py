"""Simulate ECS: clusters, container instances, tasks, services with their deployments, and capacity providers.

Rules about one request are in `validation`, `limits`, `launch_settings`, `task_definitions`, `constraints`,
`dependencies`, `not_found`, `capacity_providers` and `not_simulated`; members of descriptions in `fields`, `members`,
`attributes` and `required_attributes`.

The simulation itself: `tasks` is one task's life, with its `task_containers`, `health_checks`, `preconditions`,
`images` and `task_interfaces`. `task_launcher` places tasks, with `placement`, `resources` and `query_language`.
`scheduler` runs services, with `deployments` and `deployment_alarms`; `task_sets` those of external controllers;
`managed_scaling` scales groups of instances.
"""
