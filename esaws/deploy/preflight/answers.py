"""What the account answers to the questions of a plan. A question without an answer keeps the reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from esaws.aws import CALL_ERRORS, error_code, pages
from esaws.cloud import Cloud
from esaws.deploy.preflight.needs import Needs
from esaws.errors import describe_error

US_EAST_1 = "us-east-1"
"""The region of the Free Tier and Price List APIs: https://docs.aws.amazon.com/general/latest/gr/billing.html"""

VCPU_QUOTA = ("ec2", "L-1216C47A")
FARGATE_QUOTA = ("fargate", "L-3032A538")
VPC_QUOTA = ("vpc", "L-F678F1CE")
GATEWAY_QUOTA = ("vpc", "L-A4707A72")

_TASKS_AT_ONCE = 100
_NO_PLAN = ("ResourceNotFoundException", "ValidationException")


@dataclass(frozen=True)
class Unanswered:
    """A question that AWS did not answer, and why."""

    reason: str


@dataclass
class Answers:
    """Question → what AWS answered, or Unanswered. Tests write it as JSON of describe calls.

    Questions: `aliases` (AccountAliases; on AWS alone), `plan` (GetAccountPlanState; None without a plan), `zones`
    (AvailabilityZones), `types` (InstanceTypes), `offerings` (InstanceTypeOfferings by zone), `instances` (those that
    run), `fargate` (the tasks that run there), `vpcs`, `gateways`, `quotas.<code>` (Value), `database.<name>`
    (OrderableDBInstanceOptions), `cache.<name>` (PriceList), `broker.<name>` (BrokerInstanceOptions), `principal` (an
    ARN) and `simulation` (EvaluationResults).
    """

    values: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, question: str) -> Any:
        return self.values.get(question, Unanswered("it was not asked"))

    def ask(self, question: str, call: Callable[..., Any], *arguments: Any) -> None:
        """Keep what `call(*arguments)` returns as the answer to a question, or why there is none."""
        try:
            self.values[question] = call(*arguments)
        except CALL_ERRORS as error:
            self.values[question] = Unanswered(describe_error(error))


def fetch(needs: Needs, cloud: Cloud) -> Answers:
    """Ask the account of `cloud` what a plan needs to know. All calls are free and read-only."""
    answers = Answers()
    if needs.is_aws and needs.permissions:
        answers.ask("aliases", _list, cloud, "iam", "list_account_aliases", "AccountAliases")
    if needs.may_cost:
        answers.ask("plan", _plan, cloud)
    if needs.zones:
        answers.ask("zones", _zones, cloud)
    if needs.fleets:
        answers.ask("instances", _running_instances, cloud)
        running = answers["instances"]
        others = set() if isinstance(running, Unanswered) else {instance["InstanceType"] for instance in running}
        answers.ask("types", _instance_types, cloud, sorted({*needs.instance_types, *others}))
        answers.ask("offerings", _offerings, cloud, needs.instance_types)
        answers.ask(f"quotas.{VCPU_QUOTA[1]}", _quota, cloud, *VCPU_QUOTA)
    if needs.fargate_vcpus:
        answers.ask("fargate", _running_on_fargate, cloud)
        answers.ask(f"quotas.{FARGATE_QUOTA[1]}", _quota, cloud, *FARGATE_QUOTA)
    if needs.vpcs or needs.brokers:
        answers.ask("vpcs", _list, cloud, "ec2", "describe_vpcs", "Vpcs")
    if needs.vpcs:
        answers.ask(f"quotas.{VPC_QUOTA[1]}", _quota, cloud, *VPC_QUOTA)
    if needs.gateways:
        answers.ask("gateways", _list, cloud, "ec2", "describe_internet_gateways", "InternetGateways")
        answers.ask(f"quotas.{GATEWAY_QUOTA[1]}", _quota, cloud, *GATEWAY_QUOTA)
    for database in needs.databases:
        answers.ask(f"database.{database.name}", _database_options, cloud, database.engine, database.instance_class)
    for cache in needs.caches:
        answers.ask(f"cache.{cache.name}", _priced_nodes, cloud, cache.node_type)
    for broker in needs.brokers:
        answers.ask(f"broker.{broker.name}", _broker_options, cloud, broker.instance_type)
    if needs.permissions:
        answers.ask("principal", _principal, cloud)
        principal = answers["principal"]
        if isinstance(principal, str) and not principal.endswith(":root"):
            answers.ask("simulation", _simulate, cloud, principal, needs.permissions)
    return answers


def _list(cloud: Cloud, service: str, operation: str, result: str, **parameters: Any) -> list[Any]:
    return list(pages(cloud, service, operation, result, **parameters))


def _running_instances(cloud: Cloud) -> list[dict[str, Any]]:
    states = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    reservations = pages(cloud, "ec2", "describe_instances", "Reservations", Filters=states)
    return [instance for reservation in reservations for instance in reservation["Instances"]]


def _running_on_fargate(cloud: Cloud) -> list[dict[str, Any]]:
    """The tasks on Fargate of all clusters: their clusterArn and cpu."""
    ecs, found = cloud.client("ecs"), []
    for cluster in pages(cloud, "ecs", "list_clusters", "clusterArns"):
        arns = list(pages(cloud, "ecs", "list_tasks", "taskArns", cluster=cluster, launchType="FARGATE"))
        for start in range(0, len(arns), _TASKS_AT_ONCE):
            found += ecs.describe_tasks(cluster=cluster, tasks=arns[start : start + _TASKS_AT_ONCE])["tasks"]
    return found


def _instance_types(cloud: Cloud, names: Sequence[str]) -> list[dict[str, Any]]:
    """The types of these names that the region has. A filter, because EC2 refuses to describe one that it has not."""
    filters = [{"Name": "instance-type", "Values": list(names)}]
    return _list(cloud, "ec2", "describe_instance_types", "InstanceTypes", Filters=filters)


def _offerings(cloud: Cloud, names: Sequence[str]) -> list[dict[str, Any]]:
    operation, filters = "describe_instance_type_offerings", [{"Name": "instance-type", "Values": list(names)}]
    return _list(cloud, "ec2", operation, "InstanceTypeOfferings", LocationType="availability-zone", Filters=filters)


def _database_options(cloud: Cloud, engine: str, instance_class: str) -> list[dict[str, Any]]:
    operation, terms = "describe_orderable_db_instance_options", {"Engine": engine, "DBInstanceClass": instance_class}
    return _list(cloud, "rds", operation, "OrderableDBInstanceOptions", **terms)


def _plan(cloud: Cloud) -> dict[str, Any] | None:
    """The state of the account's plan; None for an account opened before there were plans."""
    try:
        state: dict[str, Any] = cloud.in_region(US_EAST_1).client("freetier").get_account_plan_state()
    except ClientError as error:
        if error_code(error) in _NO_PLAN:
            return None
        raise
    return state


def _zones(cloud: Cloud) -> list[dict[str, Any]]:
    filters = [{"Name": "zone-type", "Values": ["availability-zone"]}]
    described = cloud.client("ec2").describe_availability_zones(Filters=filters)
    return list(described["AvailabilityZones"])


def _quota(cloud: Cloud, service: str, code: str) -> float:
    """The applied value; AWS's default where an account has none of its own."""
    client = cloud.client("service-quotas")
    try:
        response = client.get_service_quota(ServiceCode=service, QuotaCode=code)
    except ClientError as error:
        if error_code(error) != "NoSuchResourceException":
            raise
        response = client.get_aws_default_service_quota(ServiceCode=service, QuotaCode=code)
    return float(response["Quota"]["Value"])


def _priced_nodes(cloud: Cloud, node_type: str) -> list[str]:
    """The products of a node type in the price list of the region. ElastiCache itself lists no node types."""
    terms = {"instanceType": node_type, "regionCode": cloud.region}
    filters = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in terms.items()]
    client = cloud.in_region(US_EAST_1).client("pricing")
    response = client.get_products(ServiceCode="AmazonElastiCache", Filters=filters, MaxResults=1)
    return list(response["PriceList"])


def _broker_options(cloud: Cloud, instance_type: str) -> list[dict[str, Any]]:
    options = cloud.client("mq").describe_broker_instance_options(EngineType="RABBITMQ", HostInstanceType=instance_type)
    return list(options["BrokerInstanceOptions"])


def _principal(cloud: Cloud) -> str:
    """The ARN whose policies decide: of the user, or of the role that a session has assumed."""
    arn = str(cloud.client("sts").get_caller_identity()["Arn"])
    kind, _, rest = arn.partition(":")[2].split(":")[4].partition("/")
    if kind == "assumed-role":
        # The ARN of a session leaves out the path of its role.
        return str(cloud.client("iam").get_role(RoleName=rest.partition("/")[0])["Role"]["Arn"])
    return arn.replace(":sts:", ":iam:")


def _simulate(cloud: Cloud, principal: str, actions: tuple[str, ...]) -> list[dict[str, Any]]:
    context = {"ContextKeyName": "aws:RequestedRegion", "ContextKeyValues": [cloud.region], "ContextKeyType": "string"}
    return _list(
        cloud,
        "iam",
        "simulate_principal_policy",
        "EvaluationResults",
        PolicySourceArn=principal,
        ActionNames=list(actions),
        ContextEntries=[context],
    )
