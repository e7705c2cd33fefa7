"""GetResources shows every tagged thing that exists, of every service, and none of the dead.

Auto Scaling groups and IAM's users and roles are not shown, by AWS neither; what has no region is shown in us-east-1.
https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/supported-services.html
"""

import base64
import binascii
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from esaws.local.call import Call
from esaws.local.seam import AwsError, instead
from esaws.local.world import World, remembered

_GLOBAL = "us-east-1"
_DEAD = ("deleted", "terminated")


@instead("resourcegroupstaggingapi", "GetResources")
def get_resources(call: Call) -> dict[str, Any]:
    asked = call.params
    found = sorted(_matching(call.world, asked).items())
    if arns := asked.get("ResourceARNList"):
        for other in ("ResourceTypeFilters", "TagFilters", "ResourcesPerPage", "TagsPerPage", "PaginationToken"):
            if asked.get(other):
                raise _invalid(f"ResourceARNList and {other} can't be specified in the same request")
        return {"PaginationToken": "", "ResourceTagMappingList": _shown(each for each in found if each[0] in arns)}
    after = _arn_in(asked.get("PaginationToken") or "")
    page, more = _page([each for each in found if each[0] > after], _limits(asked))
    token = base64.urlsafe_b64encode(page[-1][0].encode()).decode() if more else ""
    return {"PaginationToken": token, "ResourceTagMappingList": _shown(page)}


def _matching(world: World, asked: dict[str, Any]) -> dict[str, dict[str, str]]:
    filters = [(each["Key"], each.get("Values") or []) for each in asked.get("TagFilters") or []]
    types = asked.get("ResourceTypeFilters") or []
    return {
        arn: tags
        for arn, tags in _tagged(world)
        if tags
        and all(key in tags and (not values or tags[key] in values) for key, values in filters)
        and (not types or any(_is_of(arn, kind) for kind in types))
    }


def _is_of(arn: str, kind: str) -> bool:
    """Whether `service` or `service:type` are the words in the ARN; a bucket's ARN has none for its type."""
    service, _, wanted = kind.partition(":")
    _, _, own, _, _, resource = arn.split(":", 5)
    if own != service:
        return False
    resource = f"{'bucket/' if own == 's3' else ''}{resource}/".replace(":", "/")
    return not wanted or resource.startswith(f"{wanted}/")


def _limits(asked: dict[str, Any]) -> tuple[int, int]:
    """(resources, tags) that one page holds."""
    resources, tags = asked.get("ResourcesPerPage"), asked.get("TagsPerPage")
    if resources is not None and not 1 <= resources <= 100:
        raise _invalid("ResourcesPerPage must be between 1 and 100")
    if tags is not None and not 100 <= tags <= 500:
        raise _invalid("TagsPerPage must be between 100 and 500")
    return resources or (100 if tags else 50), tags or sys.maxsize


def _page(
    left: list[tuple[str, dict[str, str]]], limits: tuple[int, int]
) -> tuple[list[tuple[str, dict[str, str]]], bool]:
    page, counted = [], 0
    for arn, tags in left[: limits[0]]:
        counted += len(tags)
        if counted > limits[1]:
            break
        page.append((arn, tags))
    return page, len(page) < len(left)


def _arn_in(token: str) -> str:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise _invalid("The PaginationToken is not valid") from None


def _shown(page: Iterable[tuple[str, dict[str, str]]]) -> list[dict[str, Any]]:
    return [
        {"ResourceARN": arn, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
        for arn, tags in page
    ]


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)


# --- what there is: moto knows of some of it, the rest comes from the services themselves


def _tagged(world: World) -> Iterator[tuple[str, dict[str, str]]]:
    from moto.core.resource_tagging import iter_taggable_backends

    dead = set(_dead(world))
    for backend in iter_taggable_backends(world.account, world.region):
        for resource in backend.iter_tagged_resources():
            arn = resource.arn.removesuffix(":*")
            if arn not in dead and not arn.startswith("arn:aws:s3:"):
                yield arn, dict(resource.tags)
    for others in (_buckets, _of_ec2, _of_ecs, _of_elbv2, _of_rds, _of_the_rest, _without_a_region):
        yield from others(world)


def _store(world: World, service: str) -> Any | None:
    """moto's store of a service, or None as long as nobody has used that service."""
    module = {"cognito-idp": "cognitoidp"}.get(service, service)
    return world.backend(service) if f"moto.{module}.models" in sys.modules else None


def _pairs(tags: Iterable[dict[str, str]] | None) -> dict[str, str]:
    """A service's tags: `Key` and `Value`, or in lower case."""
    return {(tag.get("Key") or tag["key"]): tag.get("Value", tag.get("value", "")) for tag in tags or ()}


def _ec2_arn(world: World, kind: str, identity: str) -> str:
    return f"arn:aws:ec2:{world.region}:{world.account}:{kind}/{identity}"


def _dead(world: World) -> Iterator[str]:
    if ec2 := _store(world, "ec2"):
        yield from (_ec2_arn(world, "instance", each.id) for each in world.instances if each.state in _DEAD)
        gateways = ec2.nat_gateways.values()
        yield from (_ec2_arn(world, "natgateway", each.id) for each in gateways if each.state in _DEAD)
    if ecs := _store(world, "ecs"):
        yield from (each.arn for each in world.services if each.status == "INACTIVE")
        yield from (each.arn for each in world.clusters.values() if each.status == "INACTIVE")
        yield from (each.task_arn for each in world.tasks if each.last_status == "STOPPED")
        for revisions in ecs.task_definitions.values():
            yield from (each.arn for each in revisions.values() if each.status != "ACTIVE")


def _buckets(world: World) -> Iterator[tuple[str, dict[str, str]]]:
    """A bucket has a region, which its ARN does not say."""
    if s3 := _store(world, "s3"):
        for bucket in list(s3.buckets.values()):
            if bucket.region_name == world.region:
                yield bucket.arn, s3.tagger.get_tag_dict_for_resource(bucket.arn)


def _of_ec2(world: World) -> Iterator[tuple[str, dict[str, str]]]:
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


def _of_ecs(world: World) -> Iterator[tuple[str, dict[str, str]]]:
    if ecs := _store(world, "ecs"):
        for provider in ecs.capacity_providers.values():
            if provider.status == "ACTIVE":
                yield provider.capacity_provider_arn, _pairs(provider.tags)


def _of_elbv2(world: World) -> Iterator[tuple[str, dict[str, str]]]:
    if elbv2 := _store(world, "elbv2"):
        for balancer in elbv2.load_balancers.values():
            for listener in balancer.listeners.values():
                for each in (listener, *listener.rules.values()):
                    yield each.arn, elbv2.tagging_service.get_tag_dict_for_resource(each.arn)


def _of_rds(world: World) -> Iterator[tuple[str, dict[str, str]]]:
    if rds := _store(world, "rds"):
        for each in (*rds.subnet_groups.values(), *rds.db_parameter_groups.values()):
            yield each.arn, _pairs(each.get_tags())


def _of_the_rest(world: World) -> Iterator[tuple[str, dict[str, str]]]:
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
                yield target.arn, dict(remembered(target).get("tags", {}))


def _without_a_region(world: World) -> Iterator[tuple[str, dict[str, str]]]:
    iam = _store(world, "iam")
    if iam is None or world.region != _GLOBAL:
        return
    for profile in iam.instance_profiles.values():
        yield profile.arn, _pairs(profile.tags)
    for policy in iam.managed_policies.values():
        if f":{world.account}:" in policy.arn:
            yield policy.arn, _pairs(policy.tags.values())
