"""How true the local AWS is to AWS: one table of each service's behaviours, and the documentation that each follows."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from local_aws_server.billing.unmetered import UNMETERED, Unmetered

REAL = "real"
SIMULATED = "simulated"
NOT_SIMULATED = "not simulated"

MEANING = {
    REAL: "kept and described by moto, unmended; nothing happens by itself",
    SIMULATED: "moto's answer is mended, or the behaviour is played, by a rule of this project",
    NOT_SIMULATED: "it does not happen here; what can't be answered at all is HTTP 501, `NotSimulated`",
}

RULES = Path(__file__).with_name("services")

ANYTHING_ELSE = "anything else"

SERVICES = {
    "autoscaling": "EC2 Auto Scaling",
    "billing": "Billing",
    "budgets": "AWS Budgets",
    "ce": "Cost Explorer",
    "cloud": "Cloud Map",
    "cloudwatch": "CloudWatch",
    "cognito": "Cognito",
    "ec2": "EC2 and VPC",
    "ecr": "ECR",
    "ecs": "ECS",
    "elasticache": "ElastiCache",
    "elbv2": "Elastic Load Balancing",
    "exports": "Data Exports",
    "freetier": "Free Tier",
    "iam": "IAM",
    "logs": "CloudWatch Logs",
    "mq": "Amazon MQ",
    "pages": ANYTHING_ELSE,
    "pricing": "Price List",
    "rds": "RDS",
    "s3": "S3",
    "scaling": "Application Auto Scaling",
    "servicediscovery": "Cloud Map",
    "ssm": "Systems Manager",
    "sts": "STS",
    "tagging": "Tags",
    "tags": "Tags",
}
"""The first word of a rule's file name → the service that it is about."""

_AWS = "https://docs.aws.amazon.com"


@dataclass(frozen=True, order=True)
class Row:
    """One behaviour of one service, how true it is here, and AWS's page about it."""

    service: str
    fidelity: str
    behaviour: str
    documentation: str


EXPLICIT = [
    # --- what moto answers by itself
    Row(
        "EC2 and VPC",
        REAL,
        "Networks, subnets, route tables, gateways, addresses, security groups, volumes and launch templates are kept.",
        f"{_AWS}/AWSEC2/latest/APIReference/Welcome.html",
    ),
    Row(
        "Elastic Load Balancing",
        REAL,
        "Load balancers, target groups and listeners are kept, with their attributes.",
        f"{_AWS}/elasticloadbalancing/latest/APIReference/Welcome.html",
    ),
    Row(
        "ECS",
        REAL,
        "Clusters, capacity providers and task definitions are kept.",
        f"{_AWS}/AmazonECS/latest/APIReference/Welcome.html",
    ),
    Row(
        "ECR",
        REAL,
        "Repositories, their policies and their images' manifests are kept.",
        f"{_AWS}/AmazonECR/latest/APIReference/Welcome.html",
    ),
    Row("IAM", REAL, "Users, roles, profiles and policies are kept.", f"{_AWS}/IAM/latest/APIReference/welcome.html"),
    Row("S3", REAL, "Buckets, objects and versions are kept.", f"{_AWS}/AmazonS3/latest/API/Welcome.html"),
    Row(
        "RDS",
        REAL,
        "DB instances, their subnet and parameter groups and snapshots are kept.",
        f"{_AWS}/AmazonRDS/latest/APIReference/Welcome.html",
    ),
    Row(
        "Amazon MQ",
        REAL,
        "Brokers and their users are kept.",
        f"{_AWS}/amazon-mq/latest/api-reference/welcome.html",
    ),
    Row(
        "Cognito",
        REAL,
        "User pools, clients, domains and users are kept.",
        f"{_AWS}/cognito-user-identity-pools/latest/APIReference/Welcome.html",
    ),
    Row(
        "CloudWatch",
        REAL,
        "Alarms, dashboards and the metrics that are put are kept.",
        f"{_AWS}/AmazonCloudWatch/latest/APIReference/Welcome.html",
    ),
    Row(
        "CloudWatch Logs",
        REAL,
        "Log groups, streams and the events that are put are kept.",
        f"{_AWS}/AmazonCloudWatchLogs/latest/APIReference/Welcome.html",
    ),
    Row("Cloud Map", REAL, "Namespaces and services are kept.", f"{_AWS}/cloud-map/latest/api/Welcome.html"),
    Row(
        ANYTHING_ELSE,
        REAL,
        "Operations and services that moto has, and no rule touches, pass through.",
        "https://docs.getmoto.org/en/latest/docs/services/index.html",
    ),
    # --- what the server itself does
    Row(
        "STS",
        SIMULATED,
        "Each account stands alone; an access key or an assumed role acts in its own account.",
        f"{_AWS}/STS/latest/APIReference/API_AssumeRole.html",
    ),
    Row(
        "time",
        SIMULATED,
        "One clock for all accounts, which runs on with real time and can be moved forward; whoever looks at something "
        "on its way makes the time pass until it is there.",
        f"{_AWS}/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html",
    ),
    # --- what does not happen here
    Row(
        "Elastic Load Balancing",
        NOT_SIMULATED,
        "A server that an instance runs without an ECS task: nothing listens there, so its target is unhealthy.",
        f"{_AWS}/elasticloadbalancing/latest/application/target-group-health-checks.html",
    ),
    Row(
        "Elastic Load Balancing",
        NOT_SIMULATED,
        "Traffic on the wire: requests are rates, and nothing answers on a load balancer's name.",
        f"{_AWS}/elasticloadbalancing/latest/application/introduction.html",
    ),
    Row(
        "IAM",
        NOT_SIMULATED,
        "Enforcement: every caller may do everything.",
        f"{_AWS}/IAM/latest/UserGuide/reference_policies_evaluation-logic.html",
    ),
    Row(
        "RDS",
        NOT_SIMULATED,
        "A database behind the endpoint; the same holds for caches and brokers.",
        f"{_AWS}/AmazonRDS/latest/UserGuide/Welcome.html",
    ),
    Row(
        "ECS",
        NOT_SIMULATED,
        "UpdateInProgressException: a cluster's capacity providers are changed at once.",
        f"{_AWS}/AmazonECS/latest/APIReference/API_PutClusterCapacityProviders.html",
    ),
    Row(
        "ECS",
        NOT_SIMULATED,
        "ClusterContainsCapacityProviderException: no capacity provider belongs to one cluster alone.",
        f"{_AWS}/AmazonECS/latest/APIReference/API_DeleteCluster.html",
    ),
    Row(
        "ECS",
        NOT_SIMULATED,
        "Targets: a service puts none back that somebody deregisters.",
        f"{_AWS}/AmazonECS/latest/developerguide/service-load-balancing.html",
    ),
    Row(
        "CloudWatch",
        NOT_SIMULATED,
        "Composite alarms, which are deleted before the alarms that they are made of.",
        f"{_AWS}/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html",
    ),
    Row(
        "AWS Budgets",
        NOT_SIMULATED,
        "Budget actions.",
        f"{_AWS}/cost-management/latest/userguide/budgets-controls.html",
    ),
    Row(
        ANYTHING_ELSE,
        NOT_SIMULATED,
        "Operations and services that moto has not: HTTP 501, `NotSimulated`, naming the call.",
        "https://docs.getmoto.org/en/latest/docs/services/index.html",
    ),
    Row(
        ANYTHING_ELSE,
        NOT_SIMULATED,
        "Refusals that neither moto nor a rule knows: the call is accepted.",
        f"{_AWS}/AWSEC2/latest/APIReference/errors-overview.html",
    ),
]


def rule_row(path: Path) -> Row:
    """The row of one rule: its docstring's first line and the first link in it; the rule is not imported."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    link = re.search(r"https://\S+", docstring)
    word = path.stem.split("_")[0]
    return Row(SERVICES.get(word, word), SIMULATED, docstring.split("\n")[0], link[0] if link else "")


def unmetered_row(each: Unmetered) -> Row:
    """The row of what costs nothing here."""
    behaviour = f"Not on the bill: {each.what.rstrip('.')}; {each.why}."
    return Row(each.service, NOT_SIMULATED, behaviour, f"{_AWS}/awsaccountbilling/latest/aboutv2/billing-what-is.html")


def rule_files() -> list[Path]:
    """Every rule of the local AWS."""
    return [path for path in sorted(RULES.glob("*.py")) if path.stem != "__init__"]


def table() -> list[Row]:
    """All rows, by service; of each service first what is real, then what is simulated, then what is not."""
    levels = list(MEANING)
    rows = [*EXPLICIT, *map(rule_row, rule_files()), *map(unmetered_row, UNMETERED)]
    return sorted(
        rows,
        key=lambda row: (row.service == ANYTHING_ELSE, row.service.lower(), levels.index(row.fidelity), row.behaviour),
    )


def markdown() -> str:
    """The table as docs/fidelity.md."""
    lines = [
        "# What the local AWS simulates",
        "",
        "Written by `esaws local fidelity --markdown > docs/fidelity.md`, from `local_aws_server/src/local_aws_server/fidelity.py` and from the",
        "first line and the link of each rule in `local_aws_server/src/local_aws_server/services/`.",
        "",
        *(f"- **{level}**: {meaning}." for level, meaning in MEANING.items()),
        "",
        "| service | behaviour | here | documentation |",
        "|---|---|---|---|",
    ]
    for row in table():
        page = row.documentation.rsplit("/", 1)[-1].split("#")[0].removesuffix(".html")
        behaviour = row.behaviour.replace("|", "\\|")
        lines.append(f"| {row.service} | {behaviour} | {row.fidelity} | [{page}]({row.documentation}) |")
    return "\n".join(lines) + "\n"
