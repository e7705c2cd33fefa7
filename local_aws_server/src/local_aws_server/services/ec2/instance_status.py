"""An instance that has failed is impaired in its status checks, and runs on.

It fails only when told to: by itself, or with its zone.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-system-instance-status-check.html
"""

from datetime import UTC, datetime
from typing import Any

from local_aws_server.call import Call
from local_aws_server.faults.outages import Failure, failure
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="An instance that has failed is impaired in its status checks, and runs on.",
        documentation=(
            "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-system-instance-status-check.html",
        ),
    ),
)


@after("ec2", "DescribeInstanceStatus")
def checks_fail(call: Call) -> None:
    failed = {each.id: failure(call.backends, each) for each in call.backends.instances}
    for described in call.result.get("InstanceStatuses", []):
        found = failed[described["InstanceId"]]
        if found is not None and described["InstanceState"]["Name"] == "running":
            described["InstanceStatus"] = described["SystemStatus"] = _impaired(found)


def _impaired(found: Failure) -> dict[str, Any]:
    since = datetime.fromtimestamp(found.since, UTC)
    return {
        "Status": "impaired",
        "Details": [{"Name": "reachability", "Status": "failed", "ImpairedSince": since}],
    }
