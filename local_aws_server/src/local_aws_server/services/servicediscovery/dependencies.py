"""Services and namespaces that Cloud Map refuses to delete."""

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before
from local_aws_server.not_found import last_part

BEHAVIOURS = (
    Behaviour(
        service="Cloud Map",
        statement="A service with instances and a namespace with services cannot be deleted.",
        documentation=(
            "https://docs.aws.amazon.com/cloud-map/latest/api/API_DeleteService.html",
            "https://docs.aws.amazon.com/cloud-map/latest/api/API_DeleteNamespace.html",
        ),
    ),
)


@before("servicediscovery", "DeleteService")
def check_service_empty(call: Call) -> None:
    service = call.backends.backend("servicediscovery").services.get(last_part(call.params["Id"]))
    if service is not None and service.instances:
        raise AwsError(
            "ResourceInUse", "Service contains registered instances; delete the instances before deleting the service"
        )


@before("servicediscovery", "DeleteNamespace")
def check_namespace_empty(call: Call) -> None:
    namespace = last_part(call.params["Id"])
    services = call.backends.backend("servicediscovery").services.values()
    if any(last_part(service.namespace_id or "") == namespace for service in services):
        raise AwsError("ResourceInUse", "Namespace has associated services and can't be deleted")
