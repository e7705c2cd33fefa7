"""Every read-only call of an account, with arguments from the results of other calls."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError
from botocore.parsers import ResponseParserError

SERVICES = (
    "application-autoscaling",
    "autoscaling",
    "budgets",
    "ce",
    "cloudwatch",
    "cognito-idp",
    "ec2",
    "ecr",
    "ecs",
    "elasticache",
    "elbv2",
    "freetier",
    "iam",
    "logs",
    "mq",
    "rds",
    "resourcegroupstaggingapi",
    "s3",
    "servicediscovery",
    "sns",
    "sqs",
    "ssm",
    "sts",
)

_PREFIXES = ("Describe", "List", "Get", "BatchGet", "Lookup", "Search")
_EXCLUDED = {
    ("ec2", "DescribeInstanceTypes"),  # long, and the same in every account
    ("ec2", "DescribeInstanceTypeOfferings"),
    ("ec2", "DescribeVpcEndpointServices"),  # moto invents ids once per process
    ("ec2", "GetConsoleOutput"),  # depends on the time
    ("ec2", "GetPasswordData"),
    ("ec2", "DescribeSnapshotTierStatus"),  # AWS's 1,300 snapshots, as in DescribeSnapshots
    ("ec2", "DescribeSpotPriceHistory"),
    ("ecr", "GetAuthorizationToken"),
    ("freetier", "GetFreeTierUsage"),
    ("iam", "GetAccountAuthorizationDetails"),  # all policies of AWS, 28 MB
    ("iam", "GetCredentialReport"),
    ("iam", "GetUser"),  # moto invents a user if there is none
    ("sts", "GetFederationToken"),
    ("sts", "GetSessionToken"),
}
_MAX_VALUES = 4
"""How many values of one argument are used."""
_ALIASES = {
    "clusterArn": "cluster",
    "serviceArns": "services",
    "taskArns": "tasks",
    "containerInstanceArns": "containerInstances",
}

Request = tuple[str, str, dict[str, Any]]
"""(service, operation, arguments)"""


class ReadCalls:
    """The read-only calls that are possible in an account, and their results."""

    def __init__(
        self,
        account: Any,
        *,
        services: Iterable[str] = SERVICES,
        skip: Iterable[str] = (),
        max_values: int = _MAX_VALUES,
    ) -> None:
        """Make every call once: first those without arguments, then those whose arguments the results contain.

        `skip` has operations that are left out, each as `service Operation`; `max_values` is how many values of one
        argument are used.
        """
        self._values: dict[str, dict[str, None]] = defaultdict(dict)
        self._services, self._skip = tuple(services), frozenset(skip)
        self.connect(account)
        self.results: dict[str, Any] = {}
        """Call as text → its result, or the code of its error."""
        self._requests: dict[str, Request] = {}
        for _ in range(3):
            known = {name.lower(): list(values)[:max_values] for name, values in self._values.items()}
            for request in self._possible(known):
                name = "{} {} {}".format(*request)
                if name not in self.results:
                    self.results[name] = self._call(*request)
                    if self.results[name] != "NotSimulated":
                        self._requests[name] = request

    def connect(self, account: Any) -> None:
        """Make the calls to this account from now on."""
        self._clients = {service: account.client(service) for service in self._services}

    @property
    def not_simulated(self) -> set[str]:
        """The operations that the local AWS does not simulate, each as `service Operation`."""
        return {name.split(" {")[0] for name, result in self.results.items() if result == "NotSimulated"}

    def repeat(self) -> dict[str, Any]:
        """Make every simulated call again: call as text → its result, or the code of its error."""
        return {name: self._call(*request) for name, request in self._requests.items()}

    def _possible(self, known: dict[str, list[str]]) -> Iterator[Request]:
        """The calls that are possible with known values of arguments."""
        for service, client in self._clients.items():
            model = client.meta.service_model
            for operation in model.operation_names:
                if f"{service} {operation}" in self._skip:
                    continue
                if operation.startswith(_PREFIXES) and (service, operation) not in _EXCLUDED:
                    for arguments in _arguments(model.operation_model(operation).input_shape, known):
                        yield service, operation, arguments

    def _call(self, service: str, operation: str, arguments: dict[str, Any]) -> Any:
        client = self._clients[service]
        method = next(name for name, api_name in client.meta.method_to_api_mapping.items() if api_name == operation)
        try:
            result = getattr(client, method)(**arguments)
        except ClientError as error:
            return error.response["Error"]["Code"]
        except (ParamValidationError, ResponseParserError) as error:
            return type(error).__name__
        del result["ResponseMetadata"]
        _normalize(result)
        if "Body" in result:
            result["Body"] = result["Body"].read()
        self._collect_values(result)
        return result

    def _collect_values(self, result: Any, name: str = "") -> None:
        if isinstance(result, dict):
            for key, value in result.items():
                self._collect_values(value, _ALIASES.get(key, key))
        elif isinstance(result, list):
            for value in result:
                self._collect_values(value, name)
        elif isinstance(result, str) and result:
            self._values[name][result] = None


def _normalize(result: Any) -> None:
    """Remove what changes every second, and sort what moto stores in sets."""
    if isinstance(result, dict):
        result.pop("LatestRestorableTime", None)
        for name, value in result.items():
            if name == "Groups" and isinstance(value, list):
                value.sort(key=str)
            _normalize(value)
    elif isinstance(result, list):
        for value in result:
            _normalize(value)


def _arguments(shape: Any, known: dict[str, list[str]]) -> Iterator[dict[str, Any]]:
    """The possible arguments of an operation; none if a required one has no known value."""
    if shape is None:
        yield {}
        return
    choices = {}
    for name, member in shape.members.items():
        is_required = name in shape.required_members
        if is_required or name in ("cluster", "VersionId"):
            values = _values_for(name, member, known)
            if is_required and not values:
                return
            if values and is_required | (name == "cluster"):
                choices[name] = values
    for number in range(max(map(len, choices.values()), default=1)):
        yield {name: values[number % len(values)] for name, values in choices.items()}


def _values_for(name: str, member: Any, known: dict[str, list[str]]) -> list[Any]:
    plain = name.lower()
    names = [
        plain,
        plain.removesuffix("s"),
        plain + "arn",
        plain + "name",
        plain + "id",
        plain.removesuffix("identifier"),
    ]
    values: list[Any] = next((known[candidate] for candidate in names if known.get(candidate)), [])
    if plain == "bucket":
        values = [value for value in known.get("name", []) if value.count("-") > 2]
    if member.type_name == "list":
        return [[value] for value in values] if member.member.type_name == "string" else []
    return values if member.type_name == "string" else []
