"""Cloud Map deletes no service with instances and no namespace with services, and takes each name once.

https://docs.aws.amazon.com/cloud-map/latest/api/API_DeleteService.html
https://docs.aws.amazon.com/cloud-map/latest/api/API_DeleteNamespace.html
https://docs.aws.amazon.com/cloud-map/latest/api/API_CreateHttpNamespace.html
https://docs.aws.amazon.com/cloud-map/latest/api/API_CreateService.html
"""

from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="Cloud Map",
        statement="Cloud Map deletes no service with instances and no namespace with services, and takes each "
        "name once.",
        documentation=(
            "https://docs.aws.amazon.com/cloud-map/latest/api/API_DeleteService.html",
            "https://docs.aws.amazon.com/cloud-map/latest/api/API_DeleteNamespace.html",
            "https://docs.aws.amazon.com/cloud-map/latest/api/API_CreateHttpNamespace.html",
            "https://docs.aws.amazon.com/cloud-map/latest/api/API_CreateService.html",
        ),
    ),
)


def _named(arn_or_id: str) -> str:
    return arn_or_id.split("/")[-1]


@before("servicediscovery", "DeleteService")
def service_is_empty(call: Call) -> None:
    service = call.backends.backend("servicediscovery").services.get(_named(call.params["Id"]))
    if service is not None and service.instances:
        raise AwsError(
            "ResourceInUse", "Service contains registered instances; delete the instances before deleting the service"
        )


@before("servicediscovery", "DeleteNamespace")
def namespace_is_empty(call: Call) -> None:
    wanted = _named(call.params["Id"])
    services = call.backends.backend("servicediscovery").services.values()
    if any(_named(service.namespace_id or "") == wanted for service in services):
        raise AwsError("ResourceInUse", "Namespace has associated services and can't be deleted")


@before("servicediscovery", "CreateHttpNamespace")
def namespace_is_new(call: Call) -> None:
    for namespace in call.backends.backend("servicediscovery").namespaces.values():
        if namespace.name == call.params["Name"] and namespace.type == "HTTP":
            raise AwsError("NamespaceAlreadyExists", "The namespace that you're trying to create already exists.")


@before("servicediscovery", "CreateService")
def service_is_new(call: Call) -> None:
    wanted = _named(call.params.get("NamespaceId") or "")
    for service in call.backends.backend("servicediscovery").services.values():
        if wanted and _named(service.namespace_id or "") == wanted and service.name == call.params["Name"]:
            raise AwsError("ServiceAlreadyExists", "Service already exists.")
