"""The tag of what is parked, and whether a deployment is."""

from esaws.aws import tag_dict
from esaws.cloud import DEPLOYMENT_TAG, Cloud
from esaws.resources.service import Service

PARKED_TAG = "esaws:parked"
"""Its value is the state from before, which `resume` restores."""


def is_parked(cloud: Cloud) -> bool:
    """Whether the deployment is parked; one describe call if it has Auto Scaling groups.

    Without any, as on Fargate, its services are listed.
    """
    pages = cloud.client("autoscaling").get_paginator("describe_auto_scaling_groups")
    filters = [{"Name": f"tag:{DEPLOYMENT_TAG}", "Values": [cloud.deployment]}]
    described = (group for page in pages.paginate(Filters=filters) for group in page["AutoScalingGroups"])
    groups = [tag_dict(group["Tags"]) for group in described]
    ours = [tags for tags in groups if tags.get(DEPLOYMENT_TAG) == cloud.deployment]  # an emulator may not filter
    if ours:
        return any(PARKED_TAG in tags for tags in ours)
    services = (live.raw.get("tags") for live in Service.list(cloud) if not live.foreign)
    return any(PARKED_TAG in tag_dict(tags, "key", "value") for tags in services)
