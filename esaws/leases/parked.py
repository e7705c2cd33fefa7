"""The tag of what is parked, and whether a deployment is."""

from esaws.aws import tag_dict
from esaws.cloud import DEPLOYMENT_TAG, Cloud

PARKED_TAG = "esaws:parked"
"""Its value is the state from before, which `resume` restores."""


def is_parked(cloud: Cloud) -> bool:
    """Whether an Auto Scaling group of the deployment is parked; one describe call."""
    groups = cloud.client("autoscaling").get_paginator("describe_auto_scaling_groups")
    filters = [
        {"Name": f"tag:{DEPLOYMENT_TAG}", "Values": [cloud.deployment]},
        {"Name": "tag-key", "Values": [PARKED_TAG]},
    ]
    described = (group for page in groups.paginate(Filters=filters) for group in page["AutoScalingGroups"])
    return any(PARKED_TAG in tag_dict(group["Tags"]) for group in described)  # an emulator may ignore the filters
