"""Values of parameters: as a command line writes them, and for each type one that is wrong."""

from typing import Any

from esaws.runbooks.declaration import Parameter

WRONG: dict[str, Any] = {
    "AccountId": "12345",
    "Bool": "perhaps",
    "Cidr": "everywhere",
    "Count": -1,
    "Currency": "euro",
    "CourseDate": "October",
    "Date": "October",
    "Days": 0,
    "DeploymentName": "Sec-Com",
    "DryRun": "perhaps",
    "Duration": "soon",
    "Endpoint": "the internet",
    "Fingerprint": "yes",
    "GroupName": "web|sg",
    "Header": "curl",
    "HostName": "seccom example.com",
    "Image": "nginx latest",
    "InstanceId": "i-1",
    "InstanceType": "large",
    "IpAddress": "203.0.113.256",
    "LoadBalancerName": "my balancer",
    "LoadBalancerOrService": "my balancer",
    "Name": "-name",
    "Notification": "operator@example.com",
    "ParameterName": "/seccom/password",
    "Path": "\0",
    "Port": 65536,
    "Profile": "huge",
    "Protocol": "icmp",
    "ReferenceService": "frontend",
    "Regime": "paid",
    "Region": "Paris",
    "ServiceName": "client web ui",
    "Since": "\n",
    "TagKey": " owner",
    "TaskCount": 101,
    "Text": "x" * 501,
    "Url": "ftp://seccom/",
    "UrlPath": "sites management",
    "Usd": -1,
    "Zone": "a",
}
"""Type → a value that it does not take."""


def wrong_value(parameter: Parameter) -> Any:
    """Return a value that the type of a parameter does not take."""
    kind = parameter.type.removeprefix("Required[").removesuffix("]") if parameter.is_required else parameter.type
    if kind.startswith("ListOf["):
        return [WRONG[kind.removeprefix("ListOf[").removesuffix("]")]]
    if kind.startswith("OneOf["):
        return "none of these"
    if kind.startswith("Between["):
        return parameter.examples[-1] + 1
    return WRONG[kind]


def as_text(value: Any) -> str:
    """Return a value as the options of `esaws run` write it."""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
