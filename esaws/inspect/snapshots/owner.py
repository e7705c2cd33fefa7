"""The account and region of saved answers, as ARNs in them name it."""

from __future__ import annotations

import re
from collections import Counter

from esaws.errors import UsageError
from esaws.inspect.snapshots.files import SavedFolder
from esaws.inspect.snapshots.parents import Answers

_ARN_SOURCES = {
    "elbv2 describe_load_balancers": "LoadBalancerArn",
    "elbv2 describe_target_groups": "TargetGroupArn",
    "ecs describe_clusters": "clusterArn",
    "autoscaling describe_auto_scaling_groups": "AutoScalingGroupARN",
    "rds describe_db_instances": "DBInstanceArn",
    "ecr describe_repositories": "repositoryArn",
    "cloudwatch describe_alarms": "AlarmArn",
}
"""Members with an ARN of the account itself, which has its number and region."""


def find_owner(folder: SavedFolder, answers: Answers, region: str | None) -> tuple[str, str]:
    """The account and its region, as the files name them."""
    places: Counter[tuple[str, str]] = Counter()
    for key, member in _ARN_SOURCES.items():
        for answer in answers[key]:
            for item in answer.items:
                parts = str(item.get(member, "")).split(":")
                if len(parts) > 5:
                    places[parts[4], parts[3]] += 1
    for place, of in zip(range(2), ("accounts", "regions"), strict=True):
        names = sorted({found[place] for found in places} | ({folder.region} - {""} if place else set()))
        if len(names) > 1:
            raise UsageError(f"the files are of several {of}: {', '.join(names)}. Use a folder for each")
    account, found_region = places.most_common(1)[0][0] if places else ("", "")
    for answer in answers["sts get_caller_identity"]:
        account = account or answer.data.get("Account", "")
    for answer in answers["ec2 describe_subnets"]:
        for subnet in answer.items:
            account = account or subnet.get("OwnerId", "")
            found_region = found_region or re.sub(r"[a-z]$", "", subnet.get("AvailabilityZone", ""))
    found_region = found_region or folder.region
    if region and found_region and region != found_region:
        raise UsageError(f"the files are of {found_region}, not of {region}; leave out the region")
    return account or folder.account or "unknown", region or found_region or "unknown"
