"""Snapshots by owner: moto returns those of Amazon's images to everyone."""

from __future__ import annotations

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.hooks import after

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="DescribeSnapshots returns the snapshots of the named owners only.",
        documentation=("https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSnapshots.html",),
    ),
)


@after("ec2", "DescribeSnapshots")
def keep_owned_snapshots(call: Call) -> None:
    if owners := {call.account if owner == "self" else owner for owner in call.params.get("OwnerIds", ())}:
        snapshots = call.result["Snapshots"]
        call.result["Snapshots"] = [raw for raw in snapshots if raw["OwnerId"] in owners]
