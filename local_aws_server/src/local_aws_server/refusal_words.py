"""The words of EC2 and IAM for parameters that do not fit the model."""

from __future__ import annotations

import re

from local_aws_server.errors import AwsError

EC2_NAMES = {"resources": "resourceIdSet"}
"""Parameter of EC2 → its name in the error for an absent one, where it differs."""

_EC2_WORDS = (
    (
        r"spotFleetRequestConfig\.tagSpecifications\..*resourceType",
        "The value for `ResourceType` must be `spot-fleet-request`, but got `{}` instead.",
    ),
    (r"attribute", "Value ({}) for parameter attribute is invalid. Unknown attribute."),
)
"""(pattern of a path, the words for a value there that is not in the enum)."""
_RESOURCE_TYPE = re.compile(r"(.*\.)?tagSpecifications\..*resourceType")

_INVALID_PARAMETER = frozenset(
    {
        "AuthorizeSecurityGroupEgress",
        "AuthorizeSecurityGroupIngress",
        "CreateNetworkInterface",
        "CreateSubnet",
        "CreateVpc",
    }
)
"""Operations of EC2 that refuse a type to tag with InvalidParameter; the others have InvalidParameterValue."""

_OF_PATHS = "contain only alphanumeric characters and/or / characters."
IAM_WORDS = {
    r"[\w+=,.@-]+": "contain only alphanumeric characters and/or the following: +=,.@_-",
    r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)": f"begin and end with / and {_OF_PATHS}",
    r"\u002F[\u0021-\u007F]*": f"begin with the / character and {_OF_PATHS}",
}
"""Pattern of names and paths → what IAM says that they must do."""


def taggable_type_refusal(operation: str, kind: str) -> AwsError:
    """EC2's error for a resource type that an operation does not tag."""
    code = "InvalidParameter" if operation in _INVALID_PARAMETER else "InvalidParameterValue"
    return AwsError(code, f"'{kind}' is not a valid taggable resource type for this operation.")


def ec2_refusal(operation: str, path: str, value: str, constraint: str) -> AwsError:
    """EC2's error for a value that breaks a constraint."""
    words = next((words for pattern, words in _EC2_WORDS if re.fullmatch(pattern, path)), None)
    if words is None and _RESOURCE_TYPE.fullmatch(path):
        return taggable_type_refusal(operation, value)
    message = words.format(value) if words else f"Value ({value}) for parameter {path} is invalid. {constraint}."
    return AwsError("InvalidParameterValue", message)
