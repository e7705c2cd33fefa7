"""Simulate the ECS agents of EC2 instances: they register container instances, connect, and disconnect.

An agent connects a minute after its instance runs. An instance joins the cluster that its user data names, if its role
allows that and its network reaches AWS's endpoints. An agent that can't register tries again after each change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

from local_aws_server.backends import Backends, cluster_in_user_data, display_name, sidecar, used_regions
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import record_event
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.clock.transitions import PROVISIONING_SPEED, current_transition, wait_for_transitions
from local_aws_server.hooks import after, before, reconciler
from local_aws_server.services.ec2.instances import running_since
from local_aws_server.services.ec2.internet_access import find_internet_obstacle
from local_aws_server.services.ecs import tasks
from local_aws_server.services.ecs.attributes import add_agent_attributes
from local_aws_server.services.ecs.validation import identified_instance
from local_aws_server.services.iam.permissions import role_allows

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="An instance whose user data names a cluster registers with it a minute after its start, and is "
        "deregistered when it terminates; its tasks stop with it.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/bootstrap_container_instance.html",
        ),
    ),
    Behaviour(
        service="ECS",
        statement="An instance registers only if its role allows ecs:RegisterContainerInstance.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/developerguide/instance_IAM_role.html",),
    ),
    Behaviour(
        service="ECS",
        statement="An instance registers only if it reaches the endpoints of ECS: by a public address and a route to "
        "an internet gateway, by a NAT gateway, or by VPC endpoints, and through the egress rules of its groups.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/networking-outbound.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/vpc-endpoints.html",
        ),
    ),
)

_AGENT_START_SECONDS = 60.0
_AGENT_ENDPOINTS = ("ecs", "ecs-agent", "ecs-telemetry")
_AGENT_PORTS = ["22", "2375", "2376", "51678", "51679"]

CPU_UNITS_PER_VCPU = 1024
USABLE_MEMORY = 0.928
"""The share of the instance type's memory that the agent offers to tasks: 950 of 1024 MiB on a t2.micro."""


# --- agents


def agent_connects_at(instance: Any, container_instance: Any | None = None) -> float | None:
    """Return when the agent of an instance connects, in the past too; None if the instance does not run."""
    running_from = running_since(instance)
    if running_from is None or sidecar(instance).get("failed"):
        return None
    registered_at = sidecar(container_instance).get("reported") if container_instance is not None else None
    if registered_at is not None and registered_at >= running_from:
        return running_from
    return running_from + PROVISIONING_SPEED.duration(_AGENT_START_SECONDS)


def pending_registrations(backends: Backends, cluster: str) -> list[float]:
    """Return the times at which agents on running instances will register with a cluster, in ascending order."""
    registered = {container_instance.ec2_instance_id for _, container_instance in backends.container_instances}
    times = [
        connects_at
        for instance in backends.instances
        if instance.id not in registered and not sidecar(instance).get("deregistered")
        if (connects_at := agent_connects_at(instance)) is not None
        and connects_at > CLOCK.now()
        and cluster_in_user_data(instance) == cluster
        and not find_registration_obstacle(backends, instance, cluster)
    ]
    return sorted(times)


def agents_settled_at(backends: Backends, clusters: Collection[str]) -> float | None:
    """Return when no agent of some clusters will be connecting or terminating any more; None if none is now."""
    registered = {
        container_instance.ec2_instance_id: container_instance
        for cluster, container_instance in backends.container_instances
        if cluster in clusters
    }
    now = CLOCK.now()
    times = []
    for instance in backends.instances:
        container_instance = registered.get(instance.id)
        transition = current_transition(instance)
        if instance.state == "shutting-down":
            times += [transition.ends] if container_instance is not None and transition else []
        elif container_instance is not None or _will_register(backends, instance, clusters):
            if instance.state == "pending" and transition:
                times.append(transition.ends + PROVISIONING_SPEED.duration(_AGENT_START_SECONDS))
            elif (connects_at := agent_connects_at(instance, container_instance)) is not None and connects_at > now:
                times.append(connects_at)
    return max(times, default=None)


def _will_register(backends: Backends, instance: Any, clusters: Collection[str]) -> bool:
    """Return whether an instance will join one of some clusters, as things are."""
    cluster = cluster_in_user_data(instance)
    if cluster is None or cluster not in clusters or sidecar(instance).get("deregistered"):
        return False
    return not find_registration_obstacle(backends, instance, cluster)


def find_registration_obstacle(backends: Backends, instance: Any, cluster: str) -> str:
    """Describe what keeps an agent from registering its instance with a cluster; "" if nothing does."""
    association = backends.backend("ec2").iam_instance_profile_associations.get(instance.id)
    roles = association.iam_instance_profile.roles if association is not None else ()
    if not roles:
        return "its instance has no role"
    arn = f"arn:aws:ecs:{backends.region}:{backends.account}:cluster/{cluster}"
    if not role_allows(roles[0], "ecs:RegisterContainerInstance", arn):
        return f"role {roles[0].name} does not allow ecs:RegisterContainerInstance"
    return find_internet_obstacle(backends, instance.nics[0], _AGENT_ENDPOINTS)


@after("iam", "AttachRolePolicy", "PutRolePolicy", "AddRoleToInstanceProfile", "CreatePolicyVersion", "CreateRole")
@after("iam", "SetDefaultPolicyVersion", "DetachRolePolicy", "DeleteRolePolicy", "UpdateAssumeRolePolicy")
def try_again_after_changes_of_roles(call: Call) -> None:
    """Let the agents of all regions register, and services launch: roles are global, and reconcilers run by region."""
    for region in used_regions(call.account, "ecs"):
        SCHEDULER.reconcile(Backends(call.account, region), "ecs")


@reconciler("autoscaling", "ec2", "ecs", order=20)
def update_container_instances(backends: Backends) -> float | None:
    """Register, connect, disconnect and deregister agents; return when the next one connects."""
    instances = {instance.id: instance for instance in backends.instances if instance.state != "terminated"}
    registered = _update_registered(backends, instances)
    times = [connects_at for connects_at in registered.values() if connects_at is not None]
    times += _register_new(backends, [each for id, each in instances.items() if id not in registered])
    counts = Counter(cluster for cluster, _ in backends.container_instances)
    for name, cluster in backends.ecs_clusters.items():
        cluster.registered_container_instances_count = counts[name]
    return min(times, default=None)


def _update_registered(backends: Backends, instances: dict[str, Any]) -> dict[str, float | None]:
    """Update the registered container instances; return when each one's agent connects, if it is still to."""
    registered: dict[str, float | None] = {}
    for cluster, container_instance in backends.container_instances:
        instance = instances.get(container_instance.ec2_instance_id)
        state = "terminated" if instance is None else instance.state
        if state in ("stopped", "terminated"):
            _stop_tasks(backends, container_instance, state)
        if instance is None:
            arn = container_instance.container_instance_arn
            backends.backend("ecs").deregister_container_instance(cluster, arn, True)
            SCHEDULER.mark_changed(backends, "ecs")
            continue
        connects_at = agent_connects_at(instance, container_instance)
        connected = connects_at is not None and connects_at <= CLOCK.now()
        if connected != container_instance.agent_connected:
            container_instance.agent_connected = connected
            what = f"agent {'connected' if connected else 'lost'}"
            record_event(backends, display_name(backends, instance), what, f"its instance is {state}")
            SCHEDULER.mark_changed(backends, "ecs")
        registered[instance.id] = None if connected else connects_at
    return registered


def _register_new(backends: Backends, instances: list[Any]) -> list[float]:
    """Register the instances whose agent is up with their clusters; return when the agents of the others connect."""
    clusters, later = backends.ecs_clusters, []
    for instance in instances:
        cluster = cluster_in_user_data(instance)
        if cluster not in clusters or clusters[cluster].status != "ACTIVE" or sidecar(instance).get("deregistered"):
            continue
        connects_at = agent_connects_at(instance)
        if connects_at is not None and connects_at > CLOCK.now():
            later.append(connects_at)
        elif connects_at is not None and not _is_kept_from_registering(backends, instance, cluster):
            container_instance = backends.backend("ecs").register_container_instance(cluster, instance.id)
            vcpus, mebibytes = backends.instance_type_size(instance.instance_type)
            container_instance.registered_resources = _resources(vcpus, mebibytes)
            container_instance.remaining_resources = _resources(vcpus, mebibytes)
            add_agent_attributes(container_instance, instance)
            zone = container_instance.attributes["ecs.availability-zone"]
            record_event(backends, display_name(backends, instance), f"agent registered in {zone}")
            SCHEDULER.mark_changed(backends, "ecs")
    return later


def _is_kept_from_registering(backends: Backends, instance: Any, cluster: str) -> bool:
    """Return whether an agent can't register, and record why in the event log once."""
    obstacle = find_registration_obstacle(backends, instance, cluster)
    if obstacle and sidecar(instance).get("obstacle") != obstacle:
        record_event(backends, display_name(backends, instance), "agent can't register", obstacle)
    sidecar(instance)["obstacle"] = obstacle
    return bool(obstacle)


def _stop_tasks(backends: Backends, container_instance: Any, state: str) -> None:
    """Stop the tasks of an instance that is stopped or terminated."""
    reason = f"Host EC2 (instance {container_instance.ec2_instance_id}) {state}."
    for task in backends.ecs_tasks:
        if task.container_instance_arn == container_instance.container_instance_arn:
            tasks.stop_task(backends, task, "TerminationNotice", reason, cause=f"its instance was {state}", kill=True)


def _resources(vcpus: int, mebibytes: int) -> list[dict[str, Any]]:
    """Return the resources of a container instance in boto3's shape."""

    def number(name: str, value: int) -> dict[str, Any]:
        return {"name": name, "type": "INTEGER", "doubleValue": 0.0, "longValue": 0, "integerValue": value}

    def ports(name: str, values: list[str]) -> dict[str, Any]:
        return {**number(name, 0), "type": "STRINGSET", "stringSetValue": list(values)}

    return [
        number("CPU", vcpus * CPU_UNITS_PER_VCPU),
        number("MEMORY", int(mebibytes * USABLE_MEMORY)),
        ports("PORTS", _AGENT_PORTS),
        ports("PORTS_UDP", []),
    ]


# --- calls


@before("ecs", "RegisterContainerInstance")
def wait_for_instance(call: Call) -> None:
    """Wait until the instance runs: its own agent makes this call."""
    id = identified_instance(call)
    wait_for_transitions(call, [instance for instance in call.backends.instances if instance.id == id])


@after("ecs", "RegisterContainerInstance")
def note_registration(call: Call) -> None:
    arn = call.result["containerInstance"]["containerInstanceArn"]
    for _, container_instance in call.backends.container_instances:
        if container_instance.container_instance_arn == arn:
            sidecar(container_instance)["reported"] = CLOCK.now()


@before("ecs", "DeregisterContainerInstance")
def note_deregistered_instance(call: Call) -> None:
    identifier = call.params["containerInstance"].split("/")[-1]
    call.notes["instance"] = next(
        (
            container_instance.ec2_instance_id
            for _, container_instance in call.backends.container_instances
            if container_instance.id == identifier
        ),
        None,
    )


@after("ecs", "DeregisterContainerInstance")
def prevent_new_registration(call: Call) -> None:
    """Keep the instance out of its cluster: an agent registers only once, at its start."""
    for instance in call.backends.instances:
        if instance.id == call.notes["instance"]:
            sidecar(instance)["deregistered"] = True


@after("ecs", "ListContainerInstances", "DescribeContainerInstances", "DescribeClusters")
def wait_for_agents(call: Call) -> None:
    """Let time pass until no agent of the described clusters is connecting or terminating."""
    names = [call.params.get("cluster", "default")]
    if call.operation == "DescribeClusters":
        names = [cluster["clusterName"] for cluster in call.result["clusters"]]
    clusters = {name.split("/")[-1] for name in names}
    if PROVISIONING_SPEED.factor is None and (until := agents_settled_at(call.backends, clusters)) is not None:
        call.wait_until(until, unless=lambda: agents_settled_at(call.backends, clusters) is None)


@after("ecs", "DescribeContainerInstances")
def add_capacity_provider_name(call: Call) -> None:
    """Add the name of the provider whose Auto Scaling group launched the instance."""
    provider_of_group = {
        provider.auto_scaling_group_provider["autoScalingGroupArn"]: provider.name
        for provider in call.backends.backend("ecs").capacity_providers.values()
        if provider.auto_scaling_group_provider
    }
    group_of_instance = {
        state.instance.id: group.arn for group in call.backends.auto_scaling_groups for state in group.instance_states
    }
    for described in call.result.get("containerInstances", []):
        if provider := provider_of_group.get(group_of_instance.get(described["ec2InstanceId"], "")):
            described["capacityProviderName"] = provider
