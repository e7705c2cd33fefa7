"""What ECS does by itself: agents, tasks, services, deployments."""
