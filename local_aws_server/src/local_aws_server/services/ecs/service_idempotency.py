"""A service is created once in its cluster, for a container of its task definition and a load balancer that is there.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html
"""

from collections.abc import Iterator
from typing import Any

from local_aws_server.backends import Backends, remembered
from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import AwsError, after, before

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="A service is created once in its cluster, for a container of its task definition and a load "
        "balancer that is there.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html",),
    ),
)


@before("ecs", "CreateService")
def only_one_of_its_name(call: Call) -> None:
    """The same client token gives the first answer again."""
    service = call.backends.service(call.params.get("cluster"), call.params["serviceName"])
    if service is None or service.status == "INACTIVE":
        return
    if service.status == "DRAINING":
        raise _invalid("Unable to Start a service that is still Draining.")
    token = call.params.get("clientToken")
    if not token or token != remembered(service).get("client_token"):
        raise _invalid("Creation of service was not idempotent.")
    call.result = {"service": service}


@after("ecs", "CreateService")
def its_token_is_kept(call: Call) -> None:
    service = call.backends.service(call.params.get("cluster"), call.params["serviceName"])
    remembered(service)["client_token"] = call.params.get("clientToken")


@before("ecs", "UpdateService")
def what_is_deleted_does_not_change(call: Call) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html"""
    service = call.backends.service(call.params.get("cluster"), call.params["service"])
    if service is not None and service.status != "ACTIVE":
        raise AwsError("ServiceNotActiveException", "Service was not ACTIVE.")


@before("ecs", "CreateService", "UpdateService")
def its_load_balancers_are_there(call: Call) -> None:
    wanted = call.params.get("loadBalancers")
    named = call.params.get("taskDefinition") or _used_now(call)
    if call.answered or not wanted or not named:
        return
    definition = call.backends.backend("ecs").describe_task_definition(named)
    ports_of = {
        container["name"]: {mapping["containerPort"] for mapping in container.get("portMappings") or ()}
        for container in definition.container_definitions
    }
    forwarded = set(_forwarded(call.backends))
    for balancer in wanted:
        name, port, group = (balancer.get(key) for key in ("containerName", "containerPort", "targetGroupArn"))
        if name not in ports_of:
            raise _invalid(f"The container {name} does not exist in the task definition.")
        if port not in ports_of[name]:
            raise _invalid(f"The container {name} did not have a container port {port} defined.")
        if group and group not in forwarded:
            raise _invalid(f"The target group with targetGroupArn {group} does not have an associated load balancer.")


@before("ecs", "CreateService", "UpdateService")
def it_says_where_its_interfaces_are(call: Call) -> None:
    """A task with an interface of its own needs a subnet for it."""
    named = call.params.get("taskDefinition")
    if call.answered or not named or call.params.get("networkConfiguration"):
        return
    service = call.backends.service(call.params.get("cluster"), call.params.get("service", ""))
    definition = call.backends.backend("ecs").describe_task_definition(named)
    if definition.network_mode == "awsvpc" and not (service is not None and service.network_configuration):
        raise _invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.")


def _used_now(call: Call) -> Any:
    service = call.backends.service(call.params.get("cluster"), call.params.get("service", ""))
    return service and service.task_definition


def _forwarded(world: Backends) -> Iterator[str]:
    """The target groups that a rule of some load balancer forwards to."""
    for load_balancer in list(world.backend("elbv2").load_balancers.values()):
        for listener in load_balancer.listeners.values():
            for rule in listener.rules.values():
                for action in rule.actions:
                    groups = action.data.get("ForwardConfig", {}).get("TargetGroups", [])
                    yield from (
                        group["TargetGroupArn"] for group in [action.data, *groups] if "TargetGroupArn" in group
                    )


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)
