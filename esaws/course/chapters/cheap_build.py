"""Chapter 14: the second build. A task is run and registered by hand, and nothing brings it back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esaws import simulation
from esaws.architecture import Architecture
from esaws.cloud import Cloud
from esaws.course.chapters._heal import HEAL
from esaws.course.exercises import Attempt, Chapter, Exercise, Point, Values, Wrong
from esaws.course.probes import answers, failed_requests
from esaws.course.seed import Seed
from esaws.deploy.inventory import inventory
from esaws.deploy.plan import plan_deploy
from esaws.inspect.network.reach import reach
from esaws.reference.seccom import seccom
from esaws.resources._ecs import service_of
from esaws.resources.auto_scaling_group import AutoScalingGroup, describe_group, instances_in_service
from esaws.resources.listener_rule import ListenerRule
from esaws.resources.route import Route
from esaws.resources.route_table_association import RouteTableAssociation
from esaws.resources.security_group import SecurityGroup
from esaws.resources.security_group_rule import SecurityGroupRule
from esaws.resources.target_group import TargetGroup
from esaws.resources.target_registration import TargetRegistration
from esaws.resources.task import Task
from esaws.resources.task_definition import TaskDefinition

_SITES, _WEB, _INTRUSION = "sites-management-api", "client-web-ui", "intrusion-management-api"
_PATHS = {_WEB: "/", _INTRUSION: "/intrusion-management-api/", _SITES: "/sites-management-api/"}
_USUAL_PORT = 8002
_PEER = "ALB-sg"


def cheap_system() -> Architecture:
    """The services of the second build that are behind the load balancer."""
    return seccom("budget", services=(_WEB, _INTRUSION, _SITES))


def three_services() -> Architecture:
    """The second build of three services, without data stores: the Sites API has an instance, but no task."""
    system = cheap_system()
    network = (Route, RouteTableAssociation, SecurityGroupRule, ListenerRule)
    running = [each for each in system.of(Task, TargetRegistration) if _SITES not in each.name]
    return system.just(*network, AutoScalingGroup, TaskDefinition, *running)


def _until_healthy(cloud: Cloud) -> None:
    simulation.advance(cloud, "10m")


# --- run and register by hand


def _register_values(seed: Seed) -> Mapping[str, Any]:
    return {"port": seed.between(9000, 9800)}


def _check_register(attempt: Attempt) -> Iterator[Point]:
    mine, cloud = attempt.mine, attempt.cloud
    instances = instances_in_service(cloud, cloud.aws_name(f"{_SITES}-asg"))
    group = attempt.live("TargetGroup", f"{_SITES}-tg")
    health = (
        cloud.client("elbv2").describe_target_health(TargetGroupArn=group.id)["TargetHealthDescriptions"]
        if group
        else []
    )
    targets = [each["Target"] for each in health if each["TargetHealth"]["State"] != "draining"]
    yield Point(
        f"The target group {_SITES}-tg has the instance with port {mine.port}, and no other target",
        bool(targets) and all(each["Id"] in instances and each["Port"] == mine.port for each in targets),
        f"its ports are {', '.join(str(each['Port']) for each in targets)}" if targets else "it has no target",
        "`aws elbv2 describe-target-health`",
        is_needed=True,
    )
    host_ports = _host_ports(cloud)
    yield Point(
        f"A task without a service listens on host port {mine.port}",
        mine.port in host_ports,
        f"its host ports are {', '.join(map(str, host_ports))}" if host_ports else "no task runs in the cluster",
        "`host_port` of the task definition, and `aws ecs run-task`",
    )
    open_to_all = reach(cloud, "internet", f"service/{_SITES}", mine.port).decision if host_ports else "deny"
    yield Point(
        f"Clients on the internet can't reach port {mine.port} of the instance",
        open_to_all == "deny",
        f"the answer of reach is {open_to_all}",
        "the peer of the rule in SitesManagementAPI-sg: a group, not an address range",
    )
    with attempt.copy() as copy:
        simulation.advance(copy, "5m")
        works = answers(copy, _PATHS[_SITES])
        reason = _state_of_target(copy)
    yield Point(
        f"Five minutes later, {_PATHS[_SITES]} answers",
        works,
        reason,
        "`inspect.why_unhealthy(cloud)`, and the rules of SitesManagementAPI-sg",
    )


def _host_ports(cloud: Cloud) -> list[int]:
    """The host ports of the tasks of the Sites API that no service started."""
    ecs, cluster = cloud.client("ecs"), cloud.aws_name(f"{_SITES}-cluster")
    if not (arns := ecs.list_tasks(cluster=cluster)["taskArns"]):
        return []
    return [
        binding["hostPort"]
        for task in ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"]
        if not service_of(task)
        for container in task["containers"]
        for binding in container.get("networkBindings", ())
    ]


def _state_of_target(cloud: Cloud) -> str:
    group = inventory(cloud).get("TargetGroup", f"{_SITES}-tg")
    if group is None:
        return f"there is no target group {_SITES}-tg"
    health = cloud.client("elbv2").describe_target_health(TargetGroupArn=group.id)["TargetHealthDescriptions"]
    states = [each["TargetHealth"] for each in health]
    words = [f"{state['State']} ({state.get('Description', 'no description')})" for state in states]
    return f"its target is {', '.join(words)}" if words else "it has no target"


def _declare_registration(cloud: Cloud, mine: Values) -> None:
    system = seccom("budget", services=("client-web-ui", "intrusion-management-api", "sites-management-api"))
    name = "sites-management-api"
    recipe = system.get(TaskDefinition, name).replace(host_port=mine.port)
    door = SecurityGroupRule(
        group=system.get(SecurityGroup, "SitesManagementAPI-sg"),
        from_port=mine.port,
        to_port=mine.port,
        peer=system.get(SecurityGroup, "ALB-sg"),
    )
    target = TargetRegistration(
        target_group=system.get(TargetGroup, f"{name}-tg"),
        group=system.get(AutoScalingGroup, f"{name}-asg"),
        port=mine.port,
    )
    changed = system.including(recipe)
    plan_deploy([*changed.just(changed.get(Task, name)), door, target], cloud).apply()


def _call_registration(cloud: Cloud, mine: Values) -> None:
    system = seccom("budget", services=("client-web-ui", "intrusion-management-api", "sites-management-api"))
    recipe = system.get(TaskDefinition, "sites-management-api").replace(host_port=mine.port)
    plan_deploy([recipe], cloud).apply()
    ours = inventory(cloud)
    pair = {"GroupId": ours["SecurityGroup", "ALB-sg"].id}
    cloud.client("ec2").authorize_security_group_ingress(
        GroupId=ours["SecurityGroup", "SitesManagementAPI-sg"].id,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": mine.port, "ToPort": mine.port, "UserIdGroupPairs": [pair]}],
    )
    cluster = cloud.aws_name("sites-management-api-cluster")
    family = cloud.aws_name("sites-management-api")
    cloud.client("ecs").run_task(cluster=cluster, taskDefinition=family, launchType="EC2")
    group = cloud.aws_name("sites-management-api-asg")
    described = cloud.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[group])
    instance = described["AutoScalingGroups"][0]["Instances"][0]["InstanceId"]
    cloud.client("elbv2").register_targets(
        TargetGroupArn=ours["TargetGroup", "sites-management-api-tg"].id,
        Targets=[{"Id": instance, "Port": mine.port}],
    )


def _without_the_rule(cloud: Cloud, mine: Values) -> None:
    system = cheap_system()
    changed = system.including(
        system.get(TaskDefinition, _SITES).replace(host_port=mine.port),
        system.get(TargetRegistration, f"{_SITES}-tg {_SITES}-asg").replace(port=mine.port),
    )
    parts = [each for each in changed.of(Task, TargetRegistration) if _SITES in each.name]
    plan_deploy(changed.just(*parts), cloud).apply()


def _with_the_usual_port(cloud: Cloud, mine: Values) -> None:
    system = cheap_system()
    parts = [each for each in system.of(Task, TargetRegistration) if _SITES in each.name]
    plan_deploy(system.just(*parts), cloud).apply()


REGISTER = Exercise(
    "14-register",
    prompt=(
        "Bring the Sites API into service by hand, as the team did, but on host port **{mine.port}**. Its task "
        "definition needs this host port, its security group a rule for the load balancer, and its cluster a task. "
        "Then register its instance with this port in `sites-management-api-tg`."
    ),
    values=_register_values,
    check=_check_register,
    hints=(
        "Which four things must have the port {mine.port}: who listens, who allows it, and who sends requests there?",
        "`TaskDefinition`, `SecurityGroupRule`, `aws ecs run-task` and `aws elbv2 register-targets`, in this order.",
        "`!aws ecs run-task --cluster … --task-definition … --launch-type EC2`, then "
        "`!aws elbv2 register-targets --target-group-arn … --targets Id=…,Port={mine.port}`",
    ),
    solutions=(_declare_registration, _call_registration),
    wrong=(
        Wrong(_without_the_rule, "the rules of SitesManagementAPI-sg"),
        Wrong(_with_the_usual_port, f"its ports are {_USUAL_PORT}"),
    ),
    notices=(
        f"Task:{_SITES}",
        f"TargetRegistration:{_SITES}-tg {_SITES}-asg",
        f"SecurityGroupRule:SitesManagementAPI-sg ingress tcp {{mine.port}} {_PEER}",
    ),
)


# --- how much is lost in a night


def _night_values(seed: Seed) -> Mapping[str, Any]:
    return {"rps": seed.choice((5, 7, 11)), "hours": seed.choice((2, 3))}


def _check_night(attempt: Attempt) -> Iterator[Point]:
    mine, answer = attempt.mine, attempt.answer
    group = describe_group(attempt.cloud, attempt.cloud.aws_name(f"{_INTRUSION}-asg"))
    yield (
        stands := Point(
            "The Intrusion Management API has an instance",
            bool(group and group["Instances"]),
            "its Auto Scaling group has none",
            'course.begin("14", start_over=True)',
            is_needed=True,
        )
    )
    if not stands.ok or not group:
        return
    with attempt.copy() as copy:
        start = simulation.now(copy)
        simulation.traffic(copy, path=_PATHS[_INTRUSION], requests_per_second=mine.rps)
        simulation.fail(copy, instance=group["Instances"][0]["InstanceId"])
        failed = failed_requests(copy, start, simulation.advance(copy, f"{mine.hours}h"))
    given = isinstance(answer, int | float)
    yield Point(
        f"Your answer is the number of requests that fail in {mine.hours} hours, to 2 percent",
        given and abs(answer - failed) <= 0.02 * failed,
        f"your answer is {answer}; on a copy of the account another number of requests failed"
        if given
        else "there is no number: course.check(…, answer=…)",
        "what starts a task again that no service wants",
        is_needed=True,
    )


def _calculate_night(cloud: Cloud, mine: Values) -> int:
    seconds = mine.hours * 60 * 60
    return int(mine.rps * seconds)


def _try_night(cloud: Cloud, mine: Values) -> int:
    group = cloud.aws_name("intrusion-management-api-asg")
    described = cloud.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[group])
    instance = described["AutoScalingGroups"][0]["Instances"][0]["InstanceId"]
    with simulation.copy(cloud) as night:
        start = simulation.now(night)
        simulation.traffic(night, path="/intrusion-management-api/", requests_per_second=mine.rps)
        simulation.fail(night, instance=instance)
        end = simulation.advance(night, f"{mine.hours}h")
        return int(simulation.requests(night, start, end).failed.sum())


NIGHT = Exercise(
    "14-night",
    prompt=(
        "The instance of the Intrusion Management API fails at night. Its clients send **{mine.rps} requests a "
        "second**, and you come **{mine.hours} hours** later. How many requests have failed? Hand in the number "
        "with `answer=`; calculate it, or try it on a copy."
    ),
    values=_night_values,
    check=_check_night,
    hints=(
        "The group launches a new instance after some minutes. Who starts a task on it, and who registers it?",
        "`simulation.fail(night, instance=…)` inside `with simulation.copy(cloud) as night:`, then "
        "`simulation.requests`.",
        '`simulation.requests(night, start, simulation.advance(night, "{mine.hours}h")).failed.sum()`',
    ),
    solutions=(_calculate_night, _try_night),
    wrong=(
        Wrong(lambda cloud, mine: 0, "your answer is 0"),
        Wrong(lambda cloud, mine: mine.rps * 4 * 60, "what starts a task again"),
    ),
)


CHAPTER = Chapter(
    "14",
    "The cheap build",
    minutes=25,
    start=three_services,
    prepare=_until_healthy,
    exercises=(REGISTER, NIGHT, HEAL),
    predictions=("14-saved", "14-free", "14-instance"),
    moves_clock=True,
)
