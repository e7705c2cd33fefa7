"""Owner and expiry as tags: each resource that can have them does, and the expiry changes with the lease."""

from typing import Any

import pytest

from esaws import simulation
from esaws.aws import pages, tag_dict
from esaws.cloud import DEPLOYMENT_TAG, EXPIRY_TAG, OWNER_TAG, Cloud
from esaws.deploy.leftovers import leftovers
from esaws.deploy.plan import plan_deploy, plan_teardown
from esaws.errors import EsawsError
from esaws.leases.lease import grant, plan_end, plan_lease
from esaws.reference.seccom import seccom

ONE_SERVICE = ("client-web-ui",)


def tags_of_all(cloud: Cloud) -> dict[str, dict[str, str]]:
    """ARN → tags of everything that the deployment has, as tools of others see it; groups by another API."""
    filters = [{"Key": DEPLOYMENT_TAG, "Values": [cloud.deployment]}]
    mappings = pages(cloud, "resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList", TagFilters=filters)
    groups = pages(cloud, "autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups")
    return {mapping["ResourceARN"]: tag_dict(mapping["Tags"]) for mapping in mappings} | {
        raw["AutoScalingGroupARN"]: tag_dict(raw["Tags"]) for raw in groups
    }


def expiries(cloud: Cloud) -> set[str | None]:
    without = (":budget/", ":instance-profile/", ":volume/")  # a volume goes with its instance, which has the tag
    return {
        tags.get(EXPIRY_TAG) for arn, tags in tags_of_all(cloud).items() if not any(kind in arn for kind in without)
    }


def end_of(cloud: Cloud, hours: int) -> str:
    """Grant a lease that ends after so many hours; return its end."""
    status = grant(cloud, until=f"{hours}h", at_most_usd=500)
    return status.to_dict()["until"]


@pytest.mark.parametrize("profile", ["ha", "fargate"])
def test_everything_carries_the_owner_and_the_end_of_the_lease(new_cloud: Any, profile: str) -> None:
    cloud = new_cloud()
    cloud._owner = "Ana Lopes"
    until = end_of(cloud, 8)
    plan_deploy(seccom(profile, warn_at_usd=20, warn_email="ana@example.com"), cloud).apply()
    tags = tags_of_all(cloud)
    assert len(tags) > 60
    assert {each.get(OWNER_TAG) for each in tags.values()} == {"Ana Lopes"}
    assert expiries(cloud) == {until}
    assert {
        plan.action for plan in plan_deploy(seccom(profile, warn_at_usd=20, warn_email="ana@example.com"), cloud)
    } == {"keep"}


def test_the_tag_follows_an_extended_lease_and_goes_with_it(new_cloud: Any) -> None:
    cloud = new_cloud()
    plan_deploy(seccom("ha", services=ONE_SERVICE), cloud).apply()
    assert expiries(cloud) == {None}
    for hours in (8, 30):
        until = end_of(cloud, hours)
        assert expiries(cloud) == {until}
    plan_end(cloud).apply()
    assert expiries(cloud) == {None}


def test_an_instance_that_is_launched_later_has_the_end_of_that_time(new_cloud: Any) -> None:
    cloud = new_cloud()
    end_of(cloud, 8)
    plan_deploy(seccom("ha", services=ONE_SERVICE), cloud).apply()
    until, before = end_of(cloud, 30), {*instances(cloud)}
    cloud.client("ec2").terminate_instances(InstanceIds=sorted(before))
    simulation.advance(cloud, "30m")
    new = {id: tags for id, tags in instances(cloud).items() if id not in before}
    assert new and {tags[EXPIRY_TAG] for tags in new.values()} == {until}


def instances(cloud: Cloud) -> dict[str, dict[str, str]]:
    """Id → tags of the instances that exist."""
    states = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    reservations = pages(cloud, "ec2", "describe_instances", "Reservations", Filters=states)
    return {raw["InstanceId"]: tag_dict(raw["Tags"]) for each in reservations for raw in each["Instances"]}


def test_a_deploy_by_another_process_reads_the_end_from_the_lease(new_cloud: Any) -> None:
    cloud = new_cloud()
    until = end_of(cloud, 8)
    other = Cloud.at(cloud.endpoint)
    plan_deploy(seccom("ha", services=ONE_SERVICE), other).apply()
    assert expiries(cloud) == {until}


def test_another_deployment_keeps_its_tags(new_cloud: Any) -> None:
    cloud = new_cloud()
    other = Cloud.at(cloud.endpoint, deployment="other")
    plan_deploy(seccom("ha", services=ONE_SERVICE), other).apply()
    before = tags_of_all(other)
    end_of(cloud, 8)
    assert tags_of_all(other) == before


def test_a_resource_whose_tag_was_not_changed_is_an_error_and_the_next_run_completes_it(
    new_cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = new_cloud()
    plan_deploy(seccom("ha", services=ONE_SERVICE), cloud).apply()
    tagging = cloud.client("resourcegroupstaggingapi")
    refused = {"StatusCode": 403, "ErrorCode": "AccessDeniedException", "ErrorMessage": "no ec2:CreateTags"}
    with monkeypatch.context() as patched:
        patched.setattr(
            tagging,
            "tag_resources",
            lambda ResourceARNList, Tags: {"FailedResourcesMap": dict.fromkeys(ResourceARNList, refused)},
        )
        with pytest.raises(EsawsError, match=r"tag esaws:expires of \d+ resources differs .* no ec2:CreateTags"):
            plan_lease(cloud, until="8h").apply()
    until = end_of(cloud, 9)
    assert expiries(cloud) == {until}


def test_a_teardown_with_a_lease_leaves_nothing(new_cloud: Any) -> None:
    cloud = new_cloud()
    end_of(cloud, 8)
    plan_deploy(seccom("ha", services=ONE_SERVICE), cloud).apply()
    plan_teardown(cloud).apply()
    assert not leftovers(cloud)
