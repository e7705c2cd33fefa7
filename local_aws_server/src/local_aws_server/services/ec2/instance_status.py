"""Status checks of instances with an injected failure."""

from datetime import UTC, datetime
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.faults.outages import Failure, instance_failure
from local_aws_server.hooks import after

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="The status checks of a failed instance are impaired, and it keeps running.",
        documentation=(
            "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-system-instance-status-check.html",
        ),
    ),
)


@after("ec2", "DescribeInstanceStatus")
def show_failed_checks(call: Call) -> None:
    failures = {instance.id: instance_failure(call.backends, instance) for instance in call.backends.instances}
    for description in call.result.get("InstanceStatuses", []):
        failure = failures[description["InstanceId"]]
        if failure is not None and description["InstanceState"]["Name"] == "running":
            description["InstanceStatus"] = description["SystemStatus"] = _impaired(failure)


def _impaired(failure: Failure) -> dict[str, Any]:
    since = datetime.fromtimestamp(failure.since, UTC)
    return {
        "Status": "impaired",
        "Details": [{"Name": "reachability", "Status": "failed", "ImpairedSince": since}],
    }
