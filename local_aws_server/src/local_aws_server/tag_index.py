"""Everything that has tags or could have them, of every service: what the tagging API sees and what it changes."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from local_aws_server.backends import Backends, sidecar

_GLOBAL = "us-east-1"
_DEAD = ("deleted", "terminated")


def tagged_resources(world: Backends) -> Iterator[tuple[str, dict[str, str]]]:
    """(ARN, its tags) of all that exists; moto knows of some of it, the rest comes from the services themselves."""
    from moto.core.resource_tagging import iter_taggable_backends

    dead = set(_dead(world))
    for backend in iter_taggable_backends(world.account, world.region):
        for resource in backend.iter_tagged_resources():
            arn = resource.arn.removesuffix(":*")
            if arn not in dead and not arn.startswith("arn:aws:s3:"):
                yield arn, dict(resource.tags)
    for others in (_buckets, _of_ec2, _of_ecs, _of_elbv2, _of_rds, _of_the_rest, _without_a_region):
        yield from others(world)


def _store(world: Backends, service: str) -> Any | None:
    """moto's store of a service, or None as long as nobody has used that service."""
    module = {"cognito-idp": "cognitoidp"}.get(service, service)
    return world.backend(service) if f"moto.{module}.models" in sys.modules else None


def _pairs(tags: Iterable[dict[str, str]] | None) -> dict[str, str]:
    """A service's tags: `Key` and `Value`, or in lower case."""
    return {(tag.get("Key") or tag["key"]): tag.get("Value", tag.get("value", "")) for tag in tags or ()}


def _ec2_arn(world: Backends, kind: str, identity: str) -> str:
    return f"arn:aws:ec2:{world.region}:{world.account}:{kind}/{identity}"


def _dead(world: Backends) -> Iterator[str]:
    if ec2 := _store(world, "ec2"):
        yield from (_ec2_arn(world, "instance", each.id) for each in world.instances if each.state in _DEAD)
        gateways = ec2.nat_gateways.values()
        yield from (_ec2_arn(world, "natgateway", each.id) for each in gateways if each.state in _DEAD)
    if ecs := _store(world, "ecs"):
        yield from (each.arn for each in world.ecs_services if each.status == "INACTIVE")
        yield from (each.arn for each in world.ecs_clusters.values() if each.status == "INACTIVE")
        yield from (each.task_arn for each in world.ecs_tasks if each.last_status == "STOPPED")
        for revisions in ecs.task_definitions.values():
            yield from (each.arn for each in revisions.values() if each.status != "ACTIVE")


def _buckets(world: Backends) -> Iterator[tuple[str, dict[str, str]]]:
    """A bucket has a region, which its ARN does not say."""
    if s3 := _store(world, "s3"):
        for bucket in list(s3.buckets.values()):
            if bucket.region_name == world.region:
                yield bucket.arn, s3.tagger.get_tag_dict_for_resource(bucket.arn)


def _of_ec2(world: Backends) -> Iterator[tuple[str, dict[str, str]]]:
    ec2 = _store(world, "ec2")
    if ec2 is None:
        return
    for kind, ids in (
        ("launch-template", list(ec2.launch_templates)),
        ("elastic-ip", [each.allocation_id for each in ec2.addresses if each.allocation_id]),
        ("vpc-endpoint", [each.id for each in ec2.vpc_end_points.values() if each.state not in _DEAD]),
    ):
        for identity in ids:
            yield _ec2_arn(world, kind, identity), dict(ec2.tags.get(identity, {}))
    for groups in ec2.groups.values():
        for group in groups.values():
            for rule in [*group.ingress_rules, *group.egress_rules]:
                yield _ec2_arn(world, "security-group-rule", rule.id), dict(ec2.tags.get(rule.id, {}))


def _of_ecs(world: Backends) -> Iterator[tuple[str, dict[str, str]]]:
    if ecs := _store(world, "ecs"):
        for provider in ecs.capacity_providers.values():
            if provider.status == "ACTIVE":
                yield provider.capacity_provider_arn, _pairs(provider.tags)


def _of_elbv2(world: Backends) -> Iterator[tuple[str, dict[str, str]]]:
    if elbv2 := _store(world, "elbv2"):
        for balancer in elbv2.load_balancers.values():
            for listener in balancer.listeners.values():
                for each in (listener, *listener.rules.values()):
                    yield each.arn, elbv2.tagging_service.get_tag_dict_for_resource(each.arn)


def _of_rds(world: Backends) -> Iterator[tuple[str, dict[str, str]]]:
    if rds := _store(world, "rds"):
        for each in (*rds.subnet_groups.values(), *rds.db_parameter_groups.values()):
            yield each.arn, _pairs(each.get_tags())


def _of_the_rest(world: Backends) -> Iterator[tuple[str, dict[str, str]]]:
    if mq := _store(world, "mq"):
        for each in (*mq.brokers.values(), *mq.configs.values()):
            yield each.arn, mq.tagger.get_tag_dict_for_resource(each.arn)
    if ecr := _store(world, "ecr"):
        for repository in ecr.repositories.values():
            yield repository.arn, _pairs(ecr.tagger.list_tags_for_resource(repository.arn)["tags"])
    if cloud_map := _store(world, "servicediscovery"):
        for each in (*cloud_map.namespaces.values(), *cloud_map.services.values()):
            yield each.arn, cloud_map.tagger.get_tag_dict_for_resource(each.arn)
    if cognito := _store(world, "cognito-idp"):
        for pool in cognito.user_pools.values():
            yield pool.arn, dict(pool.extended_config.get("UserPoolTags") or {})
    if scaling := _store(world, "applicationautoscaling"):
        for targets in scaling.targets.values():
            for target in targets.values():
                yield target.arn, dict(sidecar(target).get("tags", {}))


def _without_a_region(world: Backends) -> Iterator[tuple[str, dict[str, str]]]:
    iam = _store(world, "iam")
    if iam is None or world.region != _GLOBAL:
        return
    for profile in iam.instance_profiles.values():
        yield profile.arn, _pairs(profile.tags)
    for policy in iam.managed_policies.values():
        if f":{world.account}:" in policy.arn:
            yield policy.arn, _pairs(policy.tags.values())
