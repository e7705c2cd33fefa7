"""What runs behind the local AWS: processes for tasks, databases and caches, and a proxy for each load balancer."""
