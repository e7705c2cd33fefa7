"""Make a deployment on a local AWS that is like another one, as far as describe calls tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from esaws import simulation
from esaws.architecture import Architecture
from esaws.aws import pages, tag_dict
from esaws.cloud import DEPLOYMENT_TAG, Cloud
from esaws.deploy.change import Change
from esaws.deploy.inventory import inventory
from esaws.deploy.plan import compare, plan_deploy
from esaws.errors import EsawsError
from esaws.leases.park import plan_park
from esaws.leases.parked import is_parked
from esaws.reference.seccom import PROFILES, SERVICES, seccom
from esaws.resource import Index, Resource, drift
from esaws.runbooks.changes import changed_fields

_SIZES = {"AutoScalingGroup": ("desired_capacity", "DesiredCapacity"), "Service": ("desired_count", "desiredCount")}
"""The field of a declaration, and of AWS's description, that a scaler changes."""
_FAILING = "5m"
"""Time on the clock after which a new instance serves, and a failed target is unhealthy."""
_NOT_SERVING = ("unhealthy", "initial", "draining")
"""States of a target behind which ECS replaces failing tasks: at any moment one of them."""
_SETTLE = "15m"
"""Time on the clock after which health checks and scaling have settled."""


@dataclass(frozen=True)
class Replica:
    """A copy of a deployment: the profile it was made from, and what is not alike, a sentence each."""

    profile: str
    unlike: tuple[str, ...]
    instances: Mapping[str, str]
    """The copy of each container instance, by the id of the original."""


def make_replica(original: Cloud, copy: Cloud, profile: str | None = None) -> Replica:
    """Deploy to `copy`, an empty local AWS, what `original` has, and move it to the same state. Only reads `original`.

    Resources are declared as the profile declares them, with the values of fields that differ. Then the sizes of groups
    and services, rules added by hand, parking and failed targets are repeated.

    Args:
        original: the deployment to copy.
        copy: the local AWS.
        profile: the profile of the deployment; by default the one that it differs least from.

    Raises:
        EsawsError: the original can't be listed, or the copy can't be deployed.
    """
    index = inventory(original)
    index.require()
    if not len(index):
        return Replica(profile or "", (), {})
    profile, architecture, changes = _closest(index, original, profile)
    declared = _Declared(index, architecture)
    plan_deploy(Architecture(f"copy of {profile}", declared.existing(changes), whole=architecture), copy).apply()
    unlike = [*declared.unlike, *_repeat_foreign(index, inventory(copy), copy)]
    simulation.advance(copy, _SETTLE)
    _repeat_sizes(index, copy)
    if is_parked(original):
        plan_park(copy).apply()
    simulation.advance(copy, _FAILING)
    instances = _pair_instances(original, copy)
    unlike += _repeat_failures(original, copy, instances)
    unlike += [_sentence(row) for row in changed_fields(inventory(copy), index)]
    return Replica(profile, tuple(dict.fromkeys(unlike)), instances)


def _closest(index: Index, cloud: Cloud, profile: str | None) -> tuple[str, Architecture, list[Change]]:
    """The profile that a deployment differs least from, with its services, and the changes that a deploy would make."""
    services = [name for name in SERVICES if index.get("Cluster", f"{name}-cluster")] or list(SERVICES)
    candidates = []
    for name in (profile,) if profile else PROFILES:
        try:
            architecture = seccom(name, services=services).fitted(cloud)
        except EsawsError:  # such as services that need one that is not there any more
            architecture = seccom(name).fitted(cloud)
        changes = compare(architecture, index, cloud.region, prices=cloud.prices)
        candidates.append(
            (sum(change.action not in ("keep", "foreign") for change in changes), name, architecture, changes)
        )
    _, name, architecture, changes = min(candidates, key=lambda candidate: candidate[:2])
    return name, architecture, changes


class _Declared:
    """Declarations of what exists: those of an architecture, with the values that the existing resources have."""

    def __init__(self, index: Index, architecture: Architecture) -> None:
        self.unlike: list[str] = []
        self._index = index
        self._by_id: dict[str, Resource] = {}
        self._adjusted: dict[tuple[str, str], Resource] = {}
        for resource in architecture.in_order():
            if live := resource.find(index):
                self._by_id[live.id] = resource

    def existing(self, changes: list[Change]) -> list[Resource]:
        """The declaration of each declared resource that exists, as it is; sentences about the others in `unlike`."""
        found = []
        for change in changes:
            if change.resource is None or change.live is None:
                continue
            try:
                found.append(self._adjust(change.resource))
            except (EsawsError, TypeError, ValueError) as error:
                self.unlike.append(f"{change.kind} {change.name} can't be repeated: {error}")
        return found

    def _adjust(self, resource: Resource) -> Resource:
        """The declaration of an existing resource with the values that it has, and so of all that it refers to."""
        if resource.key in self._adjusted:
            return self._adjusted[resource.key]
        live = resource.find(self._index)
        if live is None:
            raise EsawsError(f"{resource} does not exist, and it refers to that")
        present = replace(resource, after=tuple(item for item in resource.after if item.find(self._index)))
        values = {
            name: self._convert(live.fields[name], getattr(resource, name))
            for name in drift(resource, live, self._index)
        }
        if live.kind in _SIZES:
            field, key = _SIZES[live.kind]
            values[field] = live.raw[key]
        self._adjusted[resource.key] = replace(present, **values).with_references(self._adjust)
        return self._adjusted[resource.key]

    def _convert(self, value: Any, declared: Any) -> Any:
        """A value of an existing resource as a declaration has it: resources instead of their ids."""
        if isinstance(value, str):
            return self._by_id.get(value, value)
        if isinstance(value, Mapping):
            return {key: self._convert(item, None) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            items = [
                self._convert(item, None) for item in (sorted(value) if isinstance(value, set | frozenset) else value)
            ]
            return type(declared)(items) if isinstance(declared, list | tuple | set | frozenset) else tuple(items)
        return value


# -- what a declaration does not have --------------------------------------------------------------------------------


def _repeat_foreign(original: Index, copied: Index, copy: Cloud) -> Iterator[str]:
    """Add rules of security groups that were added by hand, and yield a sentence about each other foreign resource."""
    ids = {live.id: other.id for live in original if (other := copied.get(live.kind, live.name)) and not live.foreign}
    ec2 = copy.client("ec2")
    for live in original:
        if not live.foreign:
            continue
        group = ids.get(live.fields.get("group", ""))
        if live.kind != "SecurityGroupRule" or group is None:
            yield f"{live.kind} {live.name}, which is not of this deployment, is only in the original"
            continue
        raw = live.raw
        permission: dict[str, Any] = {name: raw[name] for name in ("IpProtocol", "FromPort", "ToPort") if name in raw}
        described = {"Description": raw["Description"]} if raw.get("Description") else {}
        peer = live.fields["peer"]
        if "CidrIpv4" in raw:
            permission["IpRanges"] = [{"CidrIp": peer, **described}]
        elif "CidrIpv6" in raw:
            permission["Ipv6Ranges"] = [{"CidrIpv6": peer, **described}]
        elif peer in ids:
            permission["UserIdGroupPairs"] = [{"GroupId": ids[peer], **described}]
        else:
            yield f"{live.kind} {live.name} refers to {peer}, which is not in the copy"
            continue
        if raw["IsEgress"]:
            ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[permission])
        else:
            ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])


def _repeat_sizes(original: Index, copy: Cloud) -> None:
    """Set the sizes that a scaler may have changed: instances of groups, tasks of services."""
    copied = inventory(copy)
    for live in original:
        other = copied.get(live.kind, live.name)
        if live.foreign or other is None:
            continue
        if live.kind == "AutoScalingGroup" and live.raw["DesiredCapacity"] != other.raw["DesiredCapacity"]:
            copy.client("autoscaling").set_desired_capacity(
                AutoScalingGroupName=other.raw["AutoScalingGroupName"], DesiredCapacity=live.raw["DesiredCapacity"]
            )
        elif live.kind == "Service" and live.raw["desiredCount"] != other.raw["desiredCount"]:
            copy.client("ecs").update_service(
                cluster=other.fields["cluster"], service=other.id, desiredCount=live.raw["desiredCount"]
            )
        elif live.kind == "DBInstance" and live.state in ("stopped", "stopping") and other.state == "available":
            copy.client("rds").stop_db_instance(DBInstanceIdentifier=other.id)


def _pair_instances(original: Cloud, copy: Cloud) -> dict[str, str]:
    """The copy of each instance: the one of the same group, zone and rank."""
    there, here = _instances(original), _instances(copy)
    return {id: here[place] for place, id in there.items() if place in here}


def _instances(cloud: Cloud) -> dict[tuple[str, str, int], str]:
    """Instance ids by the name of their group, their zone, and their rank in both by launch time."""
    filters = [
        {"Name": f"tag:{DEPLOYMENT_TAG}", "Values": [cloud.deployment]},
        {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]},
    ]
    found: dict[tuple[str, str, int], str] = {}
    reservations = pages(cloud, "ec2", "describe_instances", "Reservations", Filters=filters)
    described = [instance for reservation in reservations for instance in reservation["Instances"]]
    for raw in sorted(described, key=lambda raw: (raw["LaunchTime"], raw["InstanceId"])):
        name, zone = cloud.owned_name(tag_dict(raw["Tags"])) or "", raw["Placement"]["AvailabilityZone"]
        rank = sum(place[:2] == (name, zone) for place in found)
        found[name, zone, rank] = raw["InstanceId"]
    return found


def _repeat_failures(original: Cloud, copy: Cloud, instances: Mapping[str, str]) -> Iterator[str]:
    """Let targets fail that fail in the original only, where the local AWS can; yield a sentence about the others.

    Containers that respond with 5xx get a failing image, unless healthy targets run it, too; an instance whose targets
    do not answer fails as a whole. Other causes, such as a wrong health check, are in the copy already.
    """
    before = _targets(original, "unhealthy")
    alike = {group for group, _ in _targets(copy, *_NOT_SERVING)}
    missing = {(group, id): reason for (group, id), reason in before.items() if group not in alike}
    images = _images(copy)
    healthy = {image for group, image in images.items() if group not in {group for group, _ in before}}
    erring = {images.get(group, "") for (group, _), reason in missing.items() if "[5" in reason} - healthy - {""}
    silent = {instances.get(id, "") for (_, id), reason in missing.items() if "Target.Timeout" in reason} - {""}
    for image in sorted(erring):
        simulation.fail(copy, image=image)
    for id in sorted(silent):
        simulation.fail(copy, instance=id)
    if erring or silent:
        simulation.advance(copy, _FAILING)
        alike = {group for group, _ in _targets(copy, *_NOT_SERVING)}
    for (group, _), reason in missing.items():
        if group not in alike:
            yield f"a target of {group} is unhealthy ({reason}); in the copy all of them serve"


def _targets(cloud: Cloud, *states: str) -> dict[tuple[str, str], str]:
    """The reason of each target in one of these states, by the name of its target group and its id."""
    elbv2, found = cloud.client("elbv2"), {}
    for live in inventory(cloud):
        if live.kind == "TargetGroup":
            described = elbv2.describe_target_health(TargetGroupArn=live.id)["TargetHealthDescriptions"]
            for target in described:
                health = target["TargetHealth"]
                if health["State"] in states:
                    reason = f"{health.get('Reason', '')}: {health.get('Description', '')}"
                    found[live.name, target["Target"]["Id"]] = reason
    return found


def _images(cloud: Cloud) -> dict[str, str]:
    """The image of the service behind each target group, by the group's name."""
    ecs, index = cloud.client("ecs"), inventory(cloud)
    groups = {live.id: live.name for live in index if live.kind == "TargetGroup"}
    images = {}
    for live in index:
        if live.kind == "Service" and live.fields["target_group"] in groups:
            described = ecs.describe_task_definition(taskDefinition=live.fields["task_definition"])
            image = described["taskDefinition"]["containerDefinitions"][0]["image"]
            images[groups[live.fields["target_group"]]] = str(image)
    return images


def _sentence(row: Mapping[str, Any]) -> str:
    """A difference between copy and original in words."""
    if not row["field"]:
        where = "only in the original" if row["after"] else "only in the copy"
        return f"{row['kind']} {row['name']} is {where}"
    return f"{row['kind']} {row['name']}: {row['field']} is {row['after']}; in the copy {row['before']}"
