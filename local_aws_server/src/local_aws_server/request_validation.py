"""Refuse a request whose parameters do not fit the service's model, before any hook and before moto.

The model is botocore's: required members, lengths, ranges, enums and patterns. AWS checks them before it looks at
resources, and answers with one form of words in most services: "1 validation error detected: Value null at 'name'
failed to satisfy constraint: Member must not be null".
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CommonErrors.html (ValidationError, MissingParameter)
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from moto.core.utils import get_service_model

from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import HOOKS
from local_aws_server.refusal_words import EC2_NAMES, IAM_WORDS, ec2_refusal
from local_aws_server.request_parsing import MalformedValue

NOT_VALIDATED = frozenset({"s3", "s3control"})
"""Services that have their own forms of refusal, which moto knows."""

_ERROR_CODES = {
    "autoscaling": "ValidationError",
    "cloudformation": "ValidationError",
    "cloudwatch": "ValidationError",
    "elbv2": "ValidationError",
    "elb": "ValidationError",
    "iam": "ValidationError",
    "sts": "ValidationError",
    "secretsmanager": "ValidationException",
    "sns": "ValidationError",
    "rds": "InvalidParameterValue",
    "elasticache": "InvalidParameterValue",
    "sqs": "InvalidParameterValue",
    "ec2": "InvalidParameterValue",
    "ecr": "InvalidParameterException",
    "ecs": "InvalidParameterException",
    "logs": "InvalidParameterException",
    "cognito-idp": "InvalidParameterException",
    "resourcegroupstaggingapi": "InvalidParameterException",
    "pricing": "InvalidParameterException",
}
"""Service → the code of a value that its model does not allow.

An operation without InvalidParameterException has another one of `_MODEL_CODES`, and a service that is not listed the
first of them in its model."""

_USUAL_CODE = "InvalidParameterException"
_MODEL_CODES = ("ValidationException", _USUAL_CODE, "InvalidInput", "BadRequestException")

_MISSING_PARAMETER = frozenset({"rds", "elasticache", "sqs", "ec2"})
"""Services whose error for an absent parameter is MissingParameter."""

_LEFT_TO_THE_SERVICE = frozenset(
    {
        ("account", "AlternateContactType"),  # AccessDeniedException
        ("ec2", "InstanceType"),  # known by what is offered: `services/ec2` refuses the others
        ("ec2", "VolumeType"),  # UnknownVolumeType
        ("ec2", "SpotAllocationStrategy"),  # also in the words of spot fleets: lowestPrice
        ("ec2", "FleetOnDemandAllocationStrategy"),
        ("ec2", "FleetExcessCapacityTerminationPolicy"),
        ("ec2", "VpcTenancy"),  # UnsupportedTenancy
        ("rds", "SourceType"),
        ("sqs", "QueueAttributeName"),  # ReceiveMessage takes those of messages; "Unknown Attribute …" of the others
        ("ssm", "DocumentPermissionType"),  # InvalidPermissionType
        ("ssm", "ResourceTypeForTagging"),  # InvalidResourceType
        ("cloudtrail", "MaxResults"),  # InvalidMaxResultsException
        ("elasticache", "InputAuthenticationType"),  # "Input Authentication type: … is not in the allowed list: …"
    }
)
"""(service, shape) whose values the service refuses in words of its own, or knows better than the model."""

_PATTERNS = {("logs", "MetricNamespace"): r"[^*$]*"}
"""(service, shape) → its pattern, where AWS accepts more than the model says: a namespace with a colon."""

_REQUIRED_BY_HOOKS = frozenset(
    {("ec2", "TerminateInstancesRequest", "InstanceIds"), ("sns", "UnsubscribeInput", "SubscriptionArn")}
)
"""(service, shape, member) of required members whose absence has an error of its own."""

_NOT_SHOWN = {"iam": ("serviceSpecificCredentialId", "status"), "logs": ("logGroupIdentifier",)}
"""Service → how the paths begin whose values, and enums, its messages leave out."""
_ENUM, _PATTERN = "Member must satisfy enum value set", "Member must satisfy regular expression pattern: "

_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that no response in XML can have: https://www.w3.org/TR/xml/#charsets."""
_XML_PROTOCOLS = frozenset({"ec2", "query", "rest-xml"})
_SENDS_MESSAGES = frozenset({"sns", "sqs"})
"""Services whose texts are not only shown again: they have rules of their own for them."""

_ACCOUNT = re.compile(r"\d{12}")
_REGEX_SECONDS = 0.2
_SCALARS = ("string", "integer", "long")


@dataclass(frozen=True)
class Violation:
    """One value that the model does not allow."""

    path: str
    """As AWS writes it: `tags.1.member.key`."""
    value: Any
    constraint: str

    def in_words_of(self, service: str) -> str:
        """The violation as messages of the service write it."""
        value, constraint = " null" if self.value is None else f" '{_as_text(self.value)}'", self.constraint
        if self.value is not None and service in _NOT_SHOWN and self.path.startswith(_NOT_SHOWN[service]):
            value, constraint = "", _ENUM if constraint.startswith(_ENUM) else constraint
        return f"Value{value} at '{self.path}' failed to satisfy constraint: {constraint}"


def validate_request(call: Call) -> None:
    """Raise AwsError if the parameters have wrong types, or do not satisfy the service's model."""
    if call.service == "s3":
        _check_bucket_owner(call)
    if not call.operation or call.service in NOT_VALIDATED:
        return
    try:
        parameters, shape = call.params, call.input_shape
    except MalformedValue as error:
        raise _malformed(call, error) from None
    if shape is None:
        return
    found = list(_structure_violations(call.service, shape, parameters, ""))
    if found:
        raise _refusal(call, found)


def lacks_members(service: str, shape: Any, value: Any) -> bool:
    """Whether a value lacks a member, at any depth, that its shape requires."""
    return any(violation.value is None for violation in _violations(service, shape, value, shape.name))


def _check_bucket_owner(call: Call) -> None:
    """Refuse a call of S3 that expects another owner of its bucket.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
    """
    expected = call.request.headers.get("x-amz-expected-bucket-owner")
    if expected is None:
        return
    if not _ACCOUNT.fullmatch(expected):
        message = f"The value of the expected bucket owner parameter must be an AWS Account ID... [{expected}]"
        raise AwsError("InvalidBucketOwnerAWSAccountID", message, 400)
    if expected != call.account and call.params.get("Bucket") in call.backends.backend("s3").buckets:
        raise AwsError("AccessDenied", "Access Denied", 403)


def _malformed(call: Call, error: MalformedValue) -> AwsError:
    if call.service == "ec2":
        name = _lower_first(error.name)
        return AwsError("InvalidParameterValue", f"Value ({error.value}) for parameter {name} is invalid. {error}")
    if error.name:
        return AwsError("MalformedInput", str(error), 400)
    return AwsError("SerializationException", str(error), 400)


def _refusal(call: Call, found: list[Violation]) -> AwsError:
    first = found[0]
    if first.value is None and call.service in _MISSING_PARAMETER:
        name = first.path[:1].upper() + first.path[1:]
        name = EC2_NAMES.get(first.path, first.path) if call.service == "ec2" else name
        end = "." if call.service == "sqs" else ""
        return AwsError("MissingParameter", f"The request must contain the parameter {name}{end}", 400)
    if call.service == "ec2":
        return ec2_refusal(call.operation, first.path, _as_text(first.value), first.constraint)
    code = _error_code(call)
    if call.service == "ecr":
        message = f"Invalid parameter at '{first.path}' failed to satisfy constraint: '{first.constraint}'"
        return AwsError(code, message, 400)
    if call.service == "iam" and (must := IAM_WORDS.get(first.constraint.removeprefix(_PATTERN))):
        return AwsError(code, f"The specified value for {first.path} is invalid. It must {must}", 400)
    words = "; ".join(each.in_words_of(call.service) for each in found)
    errors = "errors" if len(found) > 1 else "error"
    return AwsError(code, f"{len(found)} validation {errors} detected: {words}", 400)


def _error_code(call: Call) -> str:
    code = _ERROR_CODES.get(call.service)
    if code is None:
        return next((code for code in _MODEL_CODES if code in call.service_error_codes), "ValidationException")
    if code == _USUAL_CODE and code not in call.error_codes:
        return next((code for code in _MODEL_CODES if code in call.error_codes), code)
    return code


def _violations(service: str, shape: Any, value: Any, path: str) -> Iterator[Violation]:
    if value is None:
        yield Violation(path, None, "Member must not be null")
    elif shape.type_name == "structure":
        if not getattr(shape, "is_document_type", False):
            yield from _structure_violations(service, shape, value, path)
    elif shape.type_name == "list":
        yield from _list_violations(service, shape, value, path)
    elif shape.type_name == "map":
        yield from (Violation(path, value, text) for text in _size_constraints(shape, len(value)))
        for side, entries in (("keys", value), ("values", value.values())):
            member = shape.key if side == "keys" else shape.value
            if member.type_name == "structure":
                for key, entry in value.items():
                    yield from _violations(service, member, entry, f"{path}.{key}.member")
            if member.type_name in _SCALARS and any(_constraints(service, member, entry) for entry in entries):
                text = ", ".join(_all_constraints(service, member))
                yield Violation(path, value, f"Map {side} must satisfy constraint: [{text}]")
    else:
        yield from (Violation(path, value, text) for text in _constraints(service, shape, value))


def _structure_violations(service: str, shape: Any, value: Any, path: str) -> Iterator[Violation]:
    for name, member in shape.members.items():
        member_path = f"{path}.{_lower_first(name)}" if path else _lower_first(name)
        if value.get(name) is not None:
            yield from _violations(service, member, value[name], member_path)
        elif (
            (name in shape.required_members or _is_key_of_tag(shape, name))
            and not member.metadata.get("idempotencyToken")
            and (service, shape.name, name) not in _REQUIRED_BY_HOOKS
        ):
            yield Violation(member_path, None, "Member must not be null")


def _is_key_of_tag(shape: Any, name: str) -> bool:
    """Whether a member is a tag's key, which every service needs, although not every model says so."""
    return shape.name == "Tag" and name.lower() == "key"


def _list_violations(service: str, shape: Any, value: Any, path: str) -> Iterator[Violation]:
    yield from (Violation(path, _shown(shape, value), text) for text in _size_constraints(shape, len(value)))
    member = shape.member
    if member.type_name in ("structure", "list", "map"):
        for index, entry in enumerate(value, start=1):
            yield from _violations(service, member, entry, f"{path}.{index}.member")
    elif any(entry is None or _constraints(service, member, entry) for entry in value):
        text = ", ".join(_all_constraints(service, member)) or "Member must not be null"
        yield Violation(path, value, f"Member must satisfy constraint: [{text}]")


def _constraints(service: str, shape: Any, value: Any) -> list[str]:
    """The constraints of a scalar that its value breaks."""
    if (service, shape.name) in _LEFT_TO_THE_SERVICE:
        return []
    if shape.type_name in ("string", "blob") and isinstance(value, str | bytes):
        found = list(_size_constraints(shape, len(value))) if _is_simulated(service) else []
        if isinstance(value, str):
            if _NOT_IN_XML.search(value) and _answers_in_xml(service):
                found.append("Member must not contain control characters")
            if shape.enum and not _is_one_of(service, value, shape.enum):
                found.append(_enum_constraint(shape))
            pattern = _pattern(service, shape)
            if pattern and _is_simulated(service) and not _matches(pattern, value):
                found.append(_pattern_constraint(pattern))
        return found
    if shape.type_name in ("integer", "long", "float", "double"):
        least, most = shape.metadata.get("min"), shape.metadata.get("max")
        found = []
        if least is not None and value < least:
            found.append(f"Member must have value greater than or equal to {least}")
        if most is not None and value > most:
            found.append(f"Member must have value less than or equal to {most}")
        return found
    return []


@lru_cache
def _is_simulated(service: str) -> bool:
    """Whether hooks simulate a service. Others are moto's alone: identifiers that it returns may not fit the model."""
    return any(simulated == service for simulated, _ in HOOKS)


@lru_cache
def _answers_in_xml(service: str) -> bool:
    """Whether a service shows the texts that it is given in XML."""
    metadata = get_service_model(service).metadata
    protocols = {metadata["protocol"], *metadata.get("protocols", ())}
    return service not in _SENDS_MESSAGES and not protocols.isdisjoint(_XML_PROTOCOLS)


def _is_one_of(service: str, value: str, allowed: list[str]) -> bool:
    """Whether a value is in an enum. EC2 takes `interface`, and Amazon MQ takes and shows `RabbitMQ` and `simple`."""
    return value in allowed or (service in ("ec2", "mq") and value.lower() in {each.lower() for each in allowed})


def _all_constraints(service: str, shape: Any) -> list[str]:
    """The constraints of a scalar, as AWS lists them for the members of a list or a map."""
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    what = "length" if shape.type_name in ("string", "blob") else "value"
    texts = [] if most is None else [f"Member must have {what} less than or equal to {most}"]
    texts += [] if least is None else [f"Member must have {what} greater than or equal to {least}"]
    if shape.type_name == "string":
        pattern = _pattern(service, shape)
        texts += [_pattern_constraint(pattern)] if pattern else []
        texts += [_enum_constraint(shape)] if shape.enum and (service, shape.name) not in _LEFT_TO_THE_SERVICE else []
    return texts


def _size_constraints(shape: Any, size: int) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield f"Member must have length greater than or equal to {least}"
    if most is not None and size > most:
        yield f"Member must have length less than or equal to {most}"


def _enum_constraint(shape: Any) -> str:
    values = list(reversed(shape.enum))
    values.sort(key=_place_in_java_set)
    return f"{_ENUM}: [{', '.join(values)}]"


def _place_in_java_set(value: str) -> int:
    """Where AWS's messages have a value among the others: a set of Java's strings, which has 32 places.

    Of two values in one place, the later one of the model is first.
    """
    code = 0
    for character in value:
        code = (31 * code + ord(character)) % 2**32
    return code % 32


def _pattern(service: str, shape: Any) -> str | None:
    return _PATTERNS.get((service, shape.name)) or shape.metadata.get("pattern")


def _pattern_constraint(pattern: str) -> str:
    return _PATTERN + pattern


def _matches(pattern: str, value: str) -> bool:
    compiled = _compile(pattern)
    if compiled is None:
        return True
    try:
        return compiled.fullmatch(value, timeout=_REGEX_SECONDS) is not None
    except TimeoutError:
        return True


@lru_cache(maxsize=4096)
def _compile(pattern: str) -> Any | None:
    """The pattern, which is Java's; None if it has no meaning here."""
    import regex  # not needed before the first pattern

    try:
        return regex.compile(pattern)
    except regex.error:
        return None


def _shown(shape: Any, value: Any) -> str:
    """A list as AWS's messages show it: `[Entry(name=a, tags=null)]`."""
    if value is None:
        return "null"
    if shape.type_name == "list":
        return f"[{', '.join(_shown(shape.member, each) for each in value)}]"
    if shape.type_name == "structure":
        members = (f"{_lower_first(name)}={_shown(each, value.get(name))}" for name, each in shape.members.items())
        return f"{shape.name}({', '.join(members)})"
    return str(value)


def _as_text(value: Any) -> str:
    """A value as AWS's messages show it: lists as `[a, b]`. A control character is escaped."""
    if isinstance(value, list):
        return f"[{', '.join(map(_as_text, value))}]"
    return _NOT_IN_XML.sub(lambda match: ascii(match[0])[1:-1], str(value))


def _lower_first(name: str) -> str:
    return name[:1].lower() + name[1:]
