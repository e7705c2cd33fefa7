"""An ECS service keeps how it deploys and places its tasks.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html
"""

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after
from local_aws_server.preserved_fields import PreservedFields
from local_aws_server.services.ecs.deployments import settings

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="An ECS service keeps how it deploys and places its tasks.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html",),
    ),
)

PreservedFields(
    service="ecs",
    changes=("CreateService", "UpdateService"),
    shows={"CreateService": "service", "UpdateService": "service", "DescribeServices": "services"},
    find=lambda call, described: call.backends.service(
        described.get("cluster") or described.get("clusterArn"),
        described.get("serviceName") or described.get("service", ""),
    ),
    fields={
        "deploymentConfiguration": None,
        "healthCheckGracePeriodSeconds": None,
        "capacityProviderStrategy": None,
        "placementStrategy": [],
        "placementConstraints": [],
        "enableECSManagedTags": False,
        "enableExecuteCommand": False,
    },
).install()


@after("ecs", "CreateService", "UpdateService", "DescribeServices")
def what_it_is_by_default(call: Call) -> None:
    shown = call.result.get("services") or [call.result["service"]]
    for service in shown:
        known = call.backends.service(service["clusterArn"], service["serviceName"])
        if known is not None:
            service["deploymentConfiguration"] = settings(known)
        if service.get("capacityProviderStrategy"):
            # AWS shows one or the other
            service.pop("launchType", None)
        if service.get("loadBalancers"):
            service.setdefault("healthCheckGracePeriodSeconds", 0)
