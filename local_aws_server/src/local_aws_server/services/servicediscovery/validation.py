"""Names that Cloud Map refuses because they exist."""

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before
from local_aws_server.not_found import last_part

BEHAVIOURS = (
    Behaviour(
        service="Cloud Map",
        statement="The names of HTTP namespaces, and of the services of a namespace, are unique.",
        documentation=(
            "https://docs.aws.amazon.com/cloud-map/latest/api/API_CreateHttpNamespace.html",
            "https://docs.aws.amazon.com/cloud-map/latest/api/API_CreateService.html",
        ),
    ),
)


@before("servicediscovery", "CreateHttpNamespace")
def check_namespace_name_unused(call: Call) -> None:
    for namespace in call.backends.backend("servicediscovery").namespaces.values():
        if namespace.name == call.params["Name"] and namespace.type == "HTTP":
            raise AwsError("NamespaceAlreadyExists", "The namespace that you're trying to create already exists.")


@before("servicediscovery", "CreateService")
def check_service_name_unused(call: Call) -> None:
    namespace = last_part(call.params.get("NamespaceId") or "")
    for service in call.backends.backend("servicediscovery").services.values():
        if namespace and last_part(service.namespace_id or "") == namespace and service.name == call.params["Name"]:
            raise AwsError("ServiceAlreadyExists", "Service already exists.")
