"""The causes that a diagnosis can name: those of all labs, and others that produce similar symptoms."""

from esaws.errors import UsageError

CAUSES: dict[str, str] = {
    # routing
    "rule-order": "a listener rule with a lower priority number takes the requests of another one",
    "rule-pattern": "the path pattern of a listener rule does not match the requests that it is for",
    "rule-condition": "a listener rule has a condition that the users' requests do not meet",
    "rule-target-group": "a listener rule forwards to the target group of another service",
    "default-action": "the default action of the listener is not what requests without a rule need",
    "weights": "a forward action sends a share of the requests to another target group",
    "health-check-path": "the health check requests a path that the service does not serve",
    "health-check-codes": "the health check expects a status that the service does not answer",
    "health-check-port": "the health check uses a port on which the service does not listen",
    "not-registered": "what serves the requests is not registered in the target group",
    # network
    "default-route": "the route table has no usable route to the internet",
    "route-table-association": "a subnet uses another route table than it should",
    "inbound-rule": "the security group of the destination does not let the caller in",
    "outbound-rule": "the security group of the caller does not let the requests out",
    "load-balancer-group": "the load balancer has the wrong security groups",
    "instance-group": "instances have the wrong security groups",
    "network-acl-in": "a network ACL denies the requests on their way in",
    "network-acl-out": "a network ACL denies the answers on their way out",
    "zone-not-enabled": "the load balancer has no subnet in the zone of a target",
    "no-public-address": "instances in a public subnet have no public address",
    # containers
    "image-missing": "the image that the task definition names does not exist",
    "task-memory": "a task needs more memory than an instance has left",
    "task-cpu": "a task needs more CPU units than an instance has left",
    "environment": "an environment variable of the container is wrong",
    "host-port": "the tasks listen on a host port that their callers do not use",
    "container-exit": "the container exits by itself",
    "deployment-limits": "the deployment configuration leaves no task that may be stopped or started",
    "desired-count": "the service should run no task or too few",
    # capacity
    "draining-instance": "a container instance is draining and takes no tasks",
    "user-data": "new instances join another cluster",
    "instance-role": "the role of the instances does not allow the ECS agent to register them",
    "group-size": "the Auto Scaling group may not run enough instances",
    "scaling-limits": "the maximum of the scalable target keeps the service from growing",
    "scaling-suspended": "scaling is suspended",
    "scaling-metric": "the scaling policy follows a metric that does not change with the load",
    # money
    "unused-nat-gateway": "a NAT gateway runs that no subnet uses",
    "unused-address": "an Elastic IP address is allocated and not used",
    "unused-volume": "volumes exist that no instance uses",
    "forgotten-group": "an Auto Scaling group outside of the system keeps instances running",
    "instance-type": "instances are of a larger type than declared",
    "database-size": "the database is larger than declared, or runs twice",
    "scaling-minimum": "a minimum keeps more running than the load needs",
    # data
    "database-group": "the database has the wrong security groups",
    "database-stopped": "the database does not run",
    "password": "the password in SSM is not the one of the database or broker",
    "cache-group": "the cache has the wrong security groups",
    "bucket-policy": "the bucket refuses the requests of the service",
}
"""Key → what it says. Every family adds its own."""


def require_cause(cause: str) -> str:
    """Return the key of a cause. Raises UsageError, with all keys, for another one."""
    if cause not in CAUSES:
        raise UsageError(f"no cause {cause!r}. Choose one of:\n{causes_as_text()}")
    return cause


def causes_as_text() -> str:
    """Return all causes, one a line."""
    width = max(map(len, CAUSES))
    return "\n".join(f"  {key:<{width}}  {text}" for key, text in CAUSES.items())
