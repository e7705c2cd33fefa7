"""The resources of all services that have tags or can have them, for the tagging API."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from local_aws_server.backends import Backends, sidecar

_GLOBAL_REGION = "us-east-1"
_DELETED_STATES = ("deleted", "terminated")


def tagged_resources(backends: Backends) -> Iterator[tuple[str, dict[str, str]]]:
    """(ARN, tags) of each existing resource: those that moto lists itself, and those of services that do not."""
    from moto.core.resource_tagging import iter_taggable_backends

    deleted = set(_deleted(backends))
    for backend in iter_taggable_backends(backends.account, backends.region):
        for resource in backend.iter_tagged_resources():
            arn = resource.arn.removesuffix(":*")
            if arn not in deleted and not arn.startswith("arn:aws:s3:"):
                yield arn, dict(resource.tags)
    for resources in (_s3, _ec2, _ecs, _elbv2, _rds, _other_services, _iam):
        yield from resources(backends)


def _store(backends: Backends, service: str) -> Any | None:
    """moto's backend of a service; None while the service is unused."""
    module = {"cognito-idp": "cognitoidp"}.get(service, service)
    return backends.backend(service) if f"moto.{module}.models" in sys.modules else None


def _pairs(tags: Iterable[dict[str, str]] | None) -> dict[str, str]:
    """The tags of a service that writes them as `Key` and `Value`, or in lower case."""
    return {(tag.get("Key") or tag["key"]): tag.get("Value", tag.get("value", "")) for tag in tags or ()}


def _ec2_arn(backends: Backends, kind: str, identity: str) -> str:
    return f"arn:aws:ec2:{backends.region}:{backends.account}:{kind}/{identity}"


def _deleted(backends: Backends) -> Iterator[str]:
    if ec2 := _store(backends, "ec2"):
        yield from (
            _ec2_arn(backends, "instance", each.id) for each in backends.instances if each.state in _DELETED_STATES
        )
        gateways = ec2.nat_gateways.values()
        yield from (_ec2_arn(backends, "natgateway", each.id) for each in gateways if each.state in _DELETED_STATES)
    if ecs := _store(backends, "ecs"):
        yield from (each.arn for each in backends.ecs_services if each.status == "INACTIVE")
        yield from (each.arn for each in backends.ecs_clusters.values() if each.status == "INACTIVE")
        yield from (each.task_arn for each in backends.ecs_tasks if each.last_status == "STOPPED")
        for revisions in ecs.task_definitions.values():
            yield from (each.arn for each in revisions.values() if each.status != "ACTIVE")


def _s3(backends: Backends) -> Iterator[tuple[str, dict[str, str]]]:
    """The buckets of the region, which is not in their ARN."""
    if s3 := _store(backends, "s3"):
        for bucket in list(s3.buckets.values()):
            if bucket.region_name == backends.region:
                yield bucket.arn, s3.tagger.get_tag_dict_for_resource(bucket.arn)


def _ec2(backends: Backends) -> Iterator[tuple[str, dict[str, str]]]:
    ec2 = _store(backends, "ec2")
    if ec2 is None:
        return
    for kind, ids in (
        ("launch-template", list(ec2.launch_templates)),
        ("elastic-ip", [each.allocation_id for each in ec2.addresses if each.allocation_id]),
        ("vpc-endpoint", [each.id for each in ec2.vpc_end_points.values() if each.state not in _DELETED_STATES]),
    ):
        for identity in ids:
            yield _ec2_arn(backends, kind, identity), dict(ec2.tags.get(identity, {}))
    for groups in ec2.groups.values():
        for group in groups.values():
            for rule in [*group.ingress_rules, *group.egress_rules]:
                yield _ec2_arn(backends, "security-group-rule", rule.id), dict(ec2.tags.get(rule.id, {}))


def _ecs(backends: Backends) -> Iterator[tuple[str, dict[str, str]]]:
    if ecs := _store(backends, "ecs"):
        for provider in ecs.capacity_providers.values():
            if provider.status == "ACTIVE":
                yield provider.capacity_provider_arn, _pairs(provider.tags)


def _elbv2(backends: Backends) -> Iterator[tuple[str, dict[str, str]]]:
    if elbv2 := _store(backends, "elbv2"):
        for balancer in elbv2.load_balancers.values():
            for listener in balancer.listeners.values():
                for each in (listener, *listener.rules.values()):
                    yield each.arn, elbv2.tagging_service.get_tag_dict_for_resource(each.arn)


def _rds(backends: Backends) -> Iterator[tuple[str, dict[str, str]]]:
    if rds := _store(backends, "rds"):
        for each in (*rds.subnet_groups.values(), *rds.db_parameter_groups.values()):
            yield each.arn, _pairs(each.get_tags())


def _other_services(backends: Backends) -> Iterator[tuple[str, dict[str, str]]]:
    if mq := _store(backends, "mq"):
        for each in (*mq.brokers.values(), *mq.configs.values()):
            yield each.arn, mq.tagger.get_tag_dict_for_resource(each.arn)
    if ecr := _store(backends, "ecr"):
        for repository in ecr.repositories.values():
            yield repository.arn, _pairs(ecr.tagger.list_tags_for_resource(repository.arn)["tags"])
    if cloud_map := _store(backends, "servicediscovery"):
        for each in (*cloud_map.namespaces.values(), *cloud_map.services.values()):
            yield each.arn, cloud_map.tagger.get_tag_dict_for_resource(each.arn)
    if cognito := _store(backends, "cognito-idp"):
        for pool in cognito.user_pools.values():
            yield pool.arn, dict(pool.extended_config.get("UserPoolTags") or {})
    if scaling := _store(backends, "applicationautoscaling"):
        for targets in scaling.targets.values():
            for target in targets.values():
                yield target.arn, dict(sidecar(target).get("tags", {}))


def _iam(backends: Backends) -> Iterator[tuple[str, dict[str, str]]]:
    iam = _store(backends, "iam")
    if iam is None or backends.region != _GLOBAL_REGION:
        return
    for profile in iam.instance_profiles.values():
        yield profile.arn, _pairs(profile.tags)
    for policy in iam.managed_policies.values():
        if f":{backends.account}:" in policy.arn:
            yield policy.arn, _pairs(policy.tags.values())
