"""The end of a lease as a tag of each resource, for people and programs that look at the account without esaws.

The lease itself is what esaws reads. The tag is a copy of it, so it changes whenever the lease does. Roles, instance
profiles, budgets and dashboards do not have it, since the tagging API can't change it there. Instances get it from
their Auto Scaling group; their volumes, which go with them, get it when the lease changes.
https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_TagResources.html
"""

from __future__ import annotations

from esaws.aws import pages, tag_dict
from esaws.cloud import DEPLOYMENT_TAG, EXPIRY_TAG, Cloud
from esaws.errors import EsawsError
from esaws.resources.auto_scaling_group import group_tags

_BATCH = 20
"""TagResources and UntagResources take this many ARNs."""
_GONE = "InvalidParameterException"
"""The code for a resource that the tagging API still lists and that does not exist any more."""


def tag_expiry(cloud: Cloud, until: str) -> None:
    """Give every resource of the deployment the tag `esaws:expires`, or remove the tag where `until` is empty.

    Resources that are created later with this cloud get it, too. It takes a call for each hundred resources, and one
    for each twenty whose tag differs. What another emulator does not do is a gap.

    Raises:
        EsawsError: AWS did not change the tag of some resources.
    """
    cloud.expires = until
    try:
        _tag_groups(cloud, until)
        refused = _tag_resources(cloud, until)
    except Exception as error:
        if not (gap := cloud.gap(error)):
            raise
        cloud.gaps[EXPIRY_TAG] = gap
        return
    if refused:
        arn, reason = min(refused.items())
        raise EsawsError(
            f"the tag {EXPIRY_TAG} of {len(refused)} resources differs from the lease, among them {arn}: {reason}; "
            "run the same command again"
        )


def _tag_groups(cloud: Cloud, until: str) -> None:
    """Change the tag of Auto Scaling groups, which the tagging API does not list; instances launched later get it."""
    autoscaling = cloud.client("autoscaling")
    filters = [{"Name": f"tag:{DEPLOYMENT_TAG}", "Values": [cloud.deployment]}]
    for raw in pages(cloud, "autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups", Filters=filters):
        tags, name = tag_dict(raw["Tags"]), raw["AutoScalingGroupName"]
        if tags.get(EXPIRY_TAG, "") == until or tags.get(DEPLOYMENT_TAG) != cloud.deployment:
            continue
        change = autoscaling.create_or_update_tags if until else autoscaling.delete_tags
        change(Tags=group_tags(name, {EXPIRY_TAG: until or tags[EXPIRY_TAG]}))


def _tag_resources(cloud: Cloud, until: str) -> dict[str, str]:
    """Change the tag of all other resources; return why AWS did not, by ARN."""
    tagging = cloud.client("resourcegroupstaggingapi")
    filters = [{"Key": DEPLOYMENT_TAG, "Values": [cloud.deployment]}]
    differing = [
        mapping["ResourceARN"]
        for mapping in pages(
            cloud, "resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList", TagFilters=filters
        )
        if tag_dict(mapping["Tags"]).get(EXPIRY_TAG, "") != until
    ]
    refused = {}
    for start in range(0, len(differing), _BATCH):
        arns = differing[start : start + _BATCH]
        if until:
            response = tagging.tag_resources(ResourceARNList=arns, Tags={EXPIRY_TAG: until})
        else:
            response = tagging.untag_resources(ResourceARNList=arns, TagKeys=[EXPIRY_TAG])
        for arn, failure in response["FailedResourcesMap"].items():
            if failure["ErrorCode"] != _GONE:
                refused[arn] = f"{failure['ErrorCode']}: {failure.get('ErrorMessage', 'no reason given')}"
    return refused
