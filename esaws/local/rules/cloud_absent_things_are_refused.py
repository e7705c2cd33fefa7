"""A service or namespace of Cloud Map that does not exist is refused wherever it is named.

https://docs.aws.amazon.com/cloud-map/latest/api/API_DeleteService.html
https://docs.aws.amazon.com/cloud-map/latest/api/API_TagResource.html
"""

from esaws.local.absent import Absent, by, last_part
from esaws.local.call import Call


def _services(call: Call) -> set[str]:
    return set(call.world.backend("servicediscovery").services)


def _namespaces(call: Call) -> set[str]:
    return set(call.world.backend("servicediscovery").namespaces)


Absent("servicediscovery", "ServiceNotFound", "{}", _services, by("Id", "DeleteService"), shortened=last_part).install()
Absent(
    "servicediscovery", "NamespaceNotFound", "{}", _namespaces, by("NamespaceId", "CreateService"), shortened=last_part
).install()
Absent(
    "servicediscovery",
    "ResourceNotFoundException",
    "Resource {} not found.",
    lambda call: _services(call) | _namespaces(call),
    by("ResourceARN", "ListTagsForResource", "TagResource", "UntagResource"),
    shortened=last_part,
).install()
