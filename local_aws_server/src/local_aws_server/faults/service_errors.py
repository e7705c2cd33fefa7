"""The errors with which each service throttles, fails, is unavailable, or refuses a call.

A call is refused because the session has expired, for want of a permission, or because a quota is used up.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonErrors.html and the same page of every other service.
"""

from __future__ import annotations

from local_aws_server.errors import AwsError

Error = tuple[str, int]
"""(code, HTTP status)"""

_BY_PROTOCOL: dict[str, dict[str, Error]] = {
    "throttle": {
        "query": ("Throttling", 400),
        "json": ("ThrottlingException", 400),
        "rest": ("ThrottlingException", 429),
    },
    "internal-error": dict.fromkeys(("query", "json", "rest"), ("InternalFailure", 500)),
    "unavailable": dict.fromkeys(("query", "json", "rest"), ("ServiceUnavailable", 503)),
    "expired-token": {
        "query": ("ExpiredToken", 403),
        "json": ("ExpiredTokenException", 400),
        "rest": ("ExpiredTokenException", 403),
    },
    "access-denied": {
        "query": ("AccessDenied", 403),
        "json": ("AccessDeniedException", 400),
        "rest": ("AccessDeniedException", 403),
    },
    "quota-exceeded": {
        "query": ("LimitExceeded", 400),
        "json": ("LimitExceededException", 400),
        "rest": ("LimitExceededException", 400),
    },
}

_BY_SERVICE: dict[str, dict[str, Error]] = {
    "throttle": {
        "ec2": ("RequestLimitExceeded", 503),
        "s3": ("SlowDown", 503),
        "cloudwatch": ("Throttling", 400),
        "cognito-idp": ("TooManyRequestsException", 400),
        "lambda": ("TooManyRequestsException", 429),
        "mq": ("TooManyRequestsException", 429),
        "resourcegroupstaggingapi": ("ThrottledException", 400),
        "route53": ("Throttling", 400),
        "sqs": ("RequestThrottled", 403),
    },
    "internal-error": {
        "ec2": ("InternalError", 500),
        "s3": ("InternalError", 500),
        "application-autoscaling": ("InternalServiceException", 500),
        "budgets": ("InternalErrorException", 500),
        "cloudwatch": ("InternalServiceError", 500),
        "cognito-idp": ("InternalErrorException", 500),
        "dynamodb": ("InternalServerError", 500),
        "ecr": ("ServerException", 500),
        "ecs": ("ServerException", 500),
        "events": ("InternalException", 500),
        "iam": ("ServiceFailure", 500),
        "lambda": ("ServiceException", 500),
        "mq": ("InternalServerErrorException", 500),
        "resourcegroupstaggingapi": ("InternalServiceException", 500),
        "secretsmanager": ("InternalServiceError", 500),
        "ssm": ("InternalServerError", 500),
    },
    "unavailable": {
        "ec2": ("Unavailable", 503),
        "logs": ("ServiceUnavailableException", 503),
    },
    "expired-token": {
        "ec2": ("RequestExpired", 400),
        "s3": ("ExpiredToken", 400),
        "cloudwatch": ("ExpiredToken", 403),
    },
    "access-denied": {
        "ec2": ("UnauthorizedOperation", 403),
        "cloudwatch": ("AccessDenied", 403),
    },
    "quota-exceeded": {
        "iam": ("LimitExceeded", 409),
        "mq": ("ForbiddenException", 403),
        "s3": ("TooManyBuckets", 400),
    },
}

_QUOTAS: dict[str, Error] = {
    "AllocateAddress": ("AddressLimitExceeded", 400),
    "AuthorizeSecurityGroupEgress": ("RulesPerSecurityGroupLimitExceeded", 400),
    "AuthorizeSecurityGroupIngress": ("RulesPerSecurityGroupLimitExceeded", 400),
    "CreateBudget": ("CreationLimitExceededException", 400),
    "CreateCacheCluster": ("ClusterQuotaForCustomerExceeded", 400),
    "CreateCacheSubnetGroup": ("CacheSubnetGroupQuotaExceeded", 400),
    "CreateDBInstance": ("InstanceQuotaExceeded", 400),
    "CreateDBSubnetGroup": ("DBSubnetGroupQuotaExceeded", 400),
    "CreateInternetGateway": ("InternetGatewayLimitExceeded", 400),
    "CreateListener": ("TooManyListeners", 400),
    "CreateLoadBalancer": ("TooManyLoadBalancers", 400),
    "CreateNatGateway": ("NatGatewayLimitExceeded", 400),
    "CreateNetworkInterface": ("NetworkInterfaceLimitExceeded", 400),
    "CreateRoute": ("RouteLimitExceeded", 400),
    "CreateRouteTable": ("RouteTableLimitExceeded", 400),
    "CreateRule": ("TooManyRules", 400),
    "CreateSecurityGroup": ("SecurityGroupLimitExceeded", 400),
    "CreateSubnet": ("SubnetLimitExceeded", 400),
    "CreateTargetGroup": ("TooManyTargetGroups", 400),
    "CreateVolume": ("VolumeLimitExceeded", 400),
    "CreateVpc": ("VpcLimitExceeded", 400),
    "PutParameter": ("ParameterLimitExceeded", 400),
    "RegisterTargets": ("TooManyTargets", 400),
    "RunInstances": ("VcpuLimitExceeded", 400),
}
"""Operation → the error when its quota is used up, where it is not the one of its service."""

_CREATES = ("Allocate", "Authorize", "Create", "Put", "Register", "Run")
"""How the operations begin that a quota may refuse."""

_MESSAGES = {
    "throttle": "Rate exceeded",
    "internal-error": "An internal error has occurred",
    "unavailable": "The request has failed due to a temporary failure of the server.",
    "expired-token": "The security token included in the request is expired",
    "access-denied": "You are not authorized to perform this operation.",
    "quota-exceeded": "The quota of this account is used up.",
    "RequestLimitExceeded": "Request limit exceeded.",
    "SlowDown": "Please reduce your request rate.",
    "RequestExpired": "Request has expired.",
}
"""Kind of error, or code where AWS's message differs → message."""

KINDS = tuple(_BY_PROTOCOL)


def can_strike(kind: str, operation: str) -> bool:
    """Whether a call can end with an error of this kind: a quota refuses only what makes something."""
    return kind != "quota-exceeded" or operation.startswith(_CREATES)


def service_error(kind: str, service: str, operation: str) -> AwsError:
    """The error of a kind in a service's own words; `service` is boto3's name."""
    of_operation = _QUOTAS.get(operation) if kind == "quota-exceeded" else None
    code, status = of_operation or _BY_SERVICE[kind].get(service) or _BY_PROTOCOL[kind][_protocol(service)]
    return AwsError(code, _MESSAGES.get(code) or _MESSAGES[kind], status)


def _protocol(service: str) -> str:
    from moto.core.utils import get_service_model

    protocol = str(get_service_model(service).metadata["protocol"])
    if protocol in ("query", "ec2", "rest-xml"):
        return "query"
    return "rest" if protocol.startswith("rest-") else "json"
