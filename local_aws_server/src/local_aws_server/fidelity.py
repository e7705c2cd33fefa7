"""The table of simulated behaviours: those that modules declare, those of moto, and what is not simulated."""

from __future__ import annotations

from local_aws_server.behaviours import ANYTHING_ELSE, LEVELS, NOT_SIMULATED, REAL, Behaviour
from local_aws_server.billing.unmetered import UNMETERED, Unmetered
from local_aws_server.hooks import import_hook_modules

EXPLICIT = (
    # Answered by moto itself.
    Behaviour(
        service="EC2 and VPC",
        fidelity=REAL,
        statement="Networks, subnets, route tables, gateways, addresses, security groups, volumes and launch "
        "templates are stored.",
        documentation=("https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Welcome.html",),
    ),
    Behaviour(
        service="Elastic Load Balancing",
        fidelity=REAL,
        statement="Load balancers, target groups and listeners are stored, with their attributes.",
        documentation=("https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/Welcome.html",),
    ),
    Behaviour(
        service="ECS",
        fidelity=REAL,
        statement="Clusters, capacity providers and task definitions are stored.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/APIReference/Welcome.html",),
    ),
    Behaviour(
        service="ECR",
        fidelity=REAL,
        statement="Repositories, their policies and the manifests of their images are stored.",
        documentation=("https://docs.aws.amazon.com/AmazonECR/latest/APIReference/Welcome.html",),
    ),
    Behaviour(
        service="IAM",
        fidelity=REAL,
        statement="Users, roles, profiles and policies are stored.",
        documentation=("https://docs.aws.amazon.com/IAM/latest/APIReference/welcome.html",),
    ),
    Behaviour(
        service="S3",
        fidelity=REAL,
        statement="Buckets, objects and versions are stored.",
        documentation=("https://docs.aws.amazon.com/AmazonS3/latest/API/Welcome.html",),
    ),
    Behaviour(
        service="RDS",
        fidelity=REAL,
        statement="DB instances, their subnet and parameter groups and snapshots are stored.",
        documentation=("https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/Welcome.html",),
    ),
    Behaviour(
        service="Amazon MQ",
        fidelity=REAL,
        statement="Brokers and their users are stored.",
        documentation=("https://docs.aws.amazon.com/amazon-mq/latest/api-reference/welcome.html",),
    ),
    Behaviour(
        service="Cognito",
        fidelity=REAL,
        statement="User pools, clients, domains and users are stored.",
        documentation=("https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/Welcome.html",),
    ),
    Behaviour(
        service="CloudWatch",
        fidelity=REAL,
        statement="Alarms, dashboards and metrics from PutMetricData are stored.",
        documentation=("https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/Welcome.html",),
    ),
    Behaviour(
        service="CloudWatch Logs",
        fidelity=REAL,
        statement="Log groups, streams and events from PutLogEvents are stored.",
        documentation=("https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/Welcome.html",),
    ),
    Behaviour(
        service="Cloud Map",
        fidelity=REAL,
        statement="Namespaces and services are stored.",
        documentation=("https://docs.aws.amazon.com/cloud-map/latest/api/Welcome.html",),
    ),
    Behaviour(
        service=ANYTHING_ELSE,
        fidelity=REAL,
        statement="Operations and services of moto that no module here changes pass through.",
        documentation=("https://docs.getmoto.org/en/latest/docs/services/index.html",),
    ),
    # Done by the server itself.
    Behaviour(
        service="STS",
        statement="Accounts are isolated; an access key or an assumed role acts in its own account.",
        documentation=("https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html",),
    ),
    Behaviour(
        service="time",
        statement="One clock for all accounts runs with real time and can be advanced; a describe call of a "
        "resource in transition advances it to the end of the transition.",
        documentation=("https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html",),
    ),
    # Not simulated.
    Behaviour(
        service="Elastic Load Balancing",
        fidelity=NOT_SIMULATED,
        statement="Servers on instances without an ECS task: nothing listens there, so such targets are unhealthy.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html",
        ),
    ),
    Behaviour(
        service="Elastic Load Balancing",
        fidelity=NOT_SIMULATED,
        statement="Network traffic, unless `esaws local start --run` carries it: requests are rates, and nothing "
        "responds on the DNS name of a load balancer.",
        documentation=("https://docs.aws.amazon.com/elasticloadbalancing/latest/application/introduction.html",),
    ),
    Behaviour(
        service="Elastic Load Balancing",
        fidelity=NOT_SIMULATED,
        statement="Health checks of Classic Load Balancers: every instance is in service.",
        documentation=("https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/elb-healthchecks.html",),
    ),
    Behaviour(
        service="IAM",
        fidelity=NOT_SIMULATED,
        statement="Enforcement of policies: every caller may do everything.",
        documentation=("https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html",),
    ),
    Behaviour(
        service="RDS",
        fidelity=NOT_SIMULATED,
        statement="Databases behind the endpoints, unless `esaws local start --run` runs them; the same holds for "
        "caches. Brokers never run.",
        documentation=("https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Welcome.html",),
    ),
    Behaviour(
        service="S3",
        fidelity=NOT_SIMULATED,
        statement="CORS: the rules of a bucket are stored, and the requests of web pages are refused by every service, "
        "so that no page in a browser can read or change the local AWS.",
        documentation=("https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html",),
    ),
    Behaviour(
        service="ECS",
        fidelity=NOT_SIMULATED,
        statement="UpdateInProgressException: changes to the capacity providers of a cluster are immediate.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutClusterCapacityProviders.html",
        ),
    ),
    Behaviour(
        service="ECS",
        fidelity=NOT_SIMULATED,
        statement="ClusterContainsCapacityProviderException: capacity providers do not belong to one cluster.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCluster.html",),
    ),
    Behaviour(
        service="ECS",
        fidelity=NOT_SIMULATED,
        statement="Targets: a service does not register a target again that a user deregisters.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-load-balancing.html",),
    ),
    Behaviour(
        service="AWS Budgets",
        fidelity=NOT_SIMULATED,
        statement="Budget actions.",
        documentation=("https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-controls.html",),
    ),
    Behaviour(
        service=ANYTHING_ELSE,
        fidelity=NOT_SIMULATED,
        statement="Operations and services that moto lacks: HTTP 501, `NotSimulated`, with the name of the call.",
        documentation=("https://docs.getmoto.org/en/latest/docs/services/index.html",),
    ),
    Behaviour(
        service=ANYTHING_ELSE,
        fidelity=NOT_SIMULATED,
        statement="Errors that neither moto nor a module here raises: the call is accepted.",
        documentation=("https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html",),
    ),
)
"""Behaviours of moto and of the server as a whole, and what is not simulated."""


def declared() -> list[Behaviour]:
    """The behaviours that the modules of `services` and `billing` declare."""
    return [behaviour for module in import_hook_modules() for behaviour in getattr(module, "BEHAVIOURS", ())]


def table() -> list[Behaviour]:
    """All behaviours, sorted by service, then by level of fidelity: real, simulated, not simulated."""
    levels = list(LEVELS)
    return sorted(
        [*EXPLICIT, *declared(), *map(_not_on_the_bill, UNMETERED)],
        key=lambda row: (row.service == ANYTHING_ELSE, row.service.lower(), levels.index(row.fidelity), row.statement),
    )


def text() -> str:
    """The table as aligned text for a terminal: service, level of fidelity, statement."""
    rows = table()
    service, level = max(len(row.service) for row in rows), max(len(row.fidelity) for row in rows)
    return "\n".join(f"{row.service:{service}}  {row.fidelity:{level}}  {row.statement}" for row in rows)


def markdown() -> str:
    """The table as the page docs/fidelity.md."""
    lines = [
        "# What the local AWS simulates",
        "",
        "Generated by `esaws local fidelity --markdown > docs/fidelity.md` from the `BEHAVIOURS` that the modules of",
        "`local_aws_server.services` and `local_aws_server.billing` declare.",
        "",
        *(f"- **{level}**: {meaning}." for level, meaning in LEVELS.items()),
        "",
        "| service | behaviour | fidelity | documentation |",
        "|---|---|---|---|",
    ]
    for row in table():
        url = row.documentation[0]
        page = url.rstrip("/").rsplit("/", 1)[-1].split("#")[0].removesuffix(".html")
        statement = row.statement.replace("|", "\\|")
        lines.append(f"| {row.service} | {statement} | {row.fidelity} | [{page}]({url}) |")
    return "\n".join(lines) + "\n"


def _not_on_the_bill(item: Unmetered) -> Behaviour:
    return Behaviour(
        service=item.service,
        fidelity=NOT_SIMULATED,
        statement=f"Not on the bill: {item.item.rstrip('.')}; {item.reason}.",
        documentation=("https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/billing-what-is.html",),
    )
