"""Every call that only reads, with every argument that the answers to others give."""

from collections import defaultdict
from collections.abc import Iterator
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

_READS = ("Describe", "List", "Get", "BatchGet", "Lookup", "Search")
_NEVER = {
    ("ec2", "DescribeInstanceTypes"),  # AWS's own too, and long
    ("ec2", "DescribeInstanceTypeOfferings"),
    ("ec2", "DescribeVpcEndpointServices"),  # AWS's own ids, which moto makes up once in each process
    ("ec2", "GetConsoleOutput"),  # what it answers is of the moment
    ("ec2", "GetPasswordData"),
    ("ec2", "DescribeSnapshotTierStatus"),  # of AWS's 1,300 snapshots, as DescribeSnapshots has them
    ("ec2", "DescribeSpotPriceHistory"),
    ("ecr", "GetAuthorizationToken"),
    ("freetier", "GetFreeTierUsage"),
    ("iam", "GetAccountAuthorizationDetails"),  # all of AWS's policies, 28 MB
    ("iam", "GetCredentialReport"),
    ("iam", "GetUser"),  # without a user, one that moto makes up
    ("sts", "GetFederationToken"),
    ("sts", "GetSessionToken"),
}
_MOST = 4
"""So many values of one argument are asked with."""
_BOTH = {
    "clusterArn": "cluster",
    "serviceArns": "services",
    "taskArns": "tasks",
    "containerInstanceArns": "containerInstances",
}


class Questions:
    """Asks an account everything, and remembers what there was to ask with."""

    def __init__(self, account: Any) -> None:
        self._seen: dict[str, dict[str, None]] = defaultdict(dict)
        self.of(account)
        self._asked = self._all({})
        for _ in range(2):  # once more, with the names that the first time gave
            answers = self.ask()
            self._asked = self._all({name.lower(): list(values)[:_MOST] for name, values in self._seen.items()})
            unknown = {question for question, answer in answers.items() if answer == "NotSimulated"}
            self._asked = [each for each in self._asked if f"{each[0]} {each[1]} {each[2]}" not in unknown]

    def of(self, account: Any) -> None:
        """Ask this account from now on."""
        self._clients = {service: account.client(service) for service in SERVICES}

    def ask(self) -> dict[str, Any]:
        """Each call, as text → its answer, or its error's code."""
        return {
            f"{service} {operation} {arguments}": self._answer(service, operation, arguments)
            for service, operation, arguments in self._asked
        }

    def _all(self, known: dict[str, list[str]]) -> list[tuple[str, str, dict[str, Any]]]:
        """The calls that can be asked for with what is known."""
        return [
            (service, operation, arguments)
            for service, client in self._clients.items()
            for operation in client.meta.service_model.operation_names
            if operation.startswith(_READS) and (service, operation) not in _NEVER
            for arguments in _arguments(client.meta.service_model.operation_model(operation).input_shape, known)
        ]

    def _answer(self, service: str, operation: str, arguments: dict[str, Any]) -> Any:
        client = self._clients[service]
        method = next(name for name, called in client.meta.method_to_api_mapping.items() if called == operation)
        try:
            answer = getattr(client, method)(**arguments)
        except ClientError as error:
            return error.response["Error"]["Code"]
        except (ParamValidationError, ResponseParserError) as error:
            return type(error).__name__
        del answer["ResponseMetadata"]
        _settle(answer)
        if "Body" in answer:
            answer["Body"] = answer["Body"].read()
        self._look(answer)
        return answer

    def _look(self, answer: Any, name: str = "") -> None:
        if isinstance(answer, dict):
            for key, value in answer.items():
                self._look(value, _BOTH.get(key, key))
        elif isinstance(answer, list):
            for value in answer:
                self._look(value, name)
        elif isinstance(answer, str) and answer:
            self._seen[name][answer] = None


def _settle(answer: Any) -> None:
    """Leave out what moves with each second, and the order of what moto keeps in sets."""
    if isinstance(answer, dict):
        answer.pop("LatestRestorableTime", None)
        for name, value in answer.items():
            if name == "Groups" and isinstance(value, list):
                value.sort(key=str)
            _settle(value)
    elif isinstance(answer, list):
        for each in answer:
            _settle(each)


def _arguments(shape: Any, known: dict[str, list[str]]) -> Iterator[dict[str, Any]]:
    """The arguments that an operation can be asked with; nothing where it needs one that nobody has seen."""
    if shape is None:
        yield {}
        return
    choices = {}
    for name, member in shape.members.items():
        needed = name in shape.required_members
        if needed or name in ("cluster", "VersionId"):
            found = _values(name, member, known)
            if needed and not found:
                return
            if found and needed | (name == "cluster"):
                choices[name] = found
    for number in range(max(map(len, choices.values()), default=1)):
        yield {name: values[number % len(values)] for name, values in choices.items()}


def _values(name: str, member: Any, known: dict[str, list[str]]) -> list[Any]:
    plain = name.lower()
    names = [
        plain,
        plain.removesuffix("s"),
        plain + "arn",
        plain + "name",
        plain + "id",
        plain.removesuffix("identifier"),
    ]
    values: list[Any] = next((known[each] for each in names if known.get(each)), [])
    if plain == "bucket":
        values = [value for value in known.get("name", []) if value.count("-") > 2]
    if member.type_name == "list":
        return [[value] for value in values] if member.member.type_name == "string" else []
    return values if member.type_name == "string" else []
