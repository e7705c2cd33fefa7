"""The not-found errors of Cloud Map."""

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.not_found import NotFoundRule, by_parameter, last_part

BEHAVIOURS = (
    Behaviour(
        service="Cloud Map",
        statement="Operations on a Cloud Map service or namespace that does not exist return its not-found error.",
        documentation=(
            "https://docs.aws.amazon.com/cloud-map/latest/api/API_DeleteService.html",
            "https://docs.aws.amazon.com/cloud-map/latest/api/API_TagResource.html",
        ),
    ),
)


def _services(call: Call) -> set[str]:
    return set(call.backends.backend("servicediscovery").services)


def _namespaces(call: Call) -> set[str]:
    return set(call.backends.backend("servicediscovery").namespaces)


NotFoundRule(
    "servicediscovery", "ServiceNotFound", "{}", _services, by_parameter("Id", "DeleteService"), normalize=last_part
).register()
NotFoundRule(
    "servicediscovery",
    "NamespaceNotFound",
    "{}",
    _namespaces,
    by_parameter("NamespaceId", "CreateService"),
    normalize=last_part,
).register()
NotFoundRule(
    "servicediscovery",
    "ResourceNotFoundException",
    "Resource {} not found.",
    lambda call: _services(call) | _namespaces(call),
    by_parameter("ResourceARN", "ListTagsForResource", "TagResource", "UntagResource"),
    normalize=last_part,
).register()
