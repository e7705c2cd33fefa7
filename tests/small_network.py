"""A small architecture for tests without AWS, and the resources that exist after it was deployed."""

from typing import Any

from esaws.resource import Live, Ref, Resource
from esaws.resources import VPC, SecurityGroup, SecurityGroupRule, Subnet

VPC_ = VPC(name="vpc", cidr="172.31.0.0/16")
SUBNET = Subnet(name="public-3a", vpc=VPC_, cidr="172.31.0.0/20", zone="a")
GROUP = SecurityGroup(name="web-sg", vpc=VPC_, description="Web")
RULE = SecurityGroupRule(group=GROUP, from_port=80, to_port=80, peer="0.0.0.0/0")


def live_of(resource: Resource, **fields: Any) -> Live:
    """Return the existing resource of a declaration; its id is `id-NAME`. `fields` differ from the declared ones."""
    declared = {name: _ids(value) for name, value in resource.desired().items()}
    parents = frozenset(Ref(needed.kind, f"id-{needed.name}") for needed in resource.dependencies)
    return Live(resource.kind, resource.name, f"id-{resource.name}", parents=parents, fields=declared | fields)


def lives_of(*resources: Resource, **fields: dict[str, Any]) -> list[Live]:
    """Return the existing resources of declarations; `fields` are the differing ones by kind."""
    return [live_of(resource, **fields.get(resource.kind, {})) for resource in resources]


def _ids(value: Any) -> Any:
    """Return a declared value with `id-NAME` instead of each resource."""
    if isinstance(value, tuple | frozenset):
        return type(value)(map(_ids, value))
    return f"id-{value.name}" if isinstance(value, Resource) else value
