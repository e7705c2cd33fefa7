"""The reference system on Fargate, deployed on a local AWS."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from esaws import draw, simulation
from esaws.cloud import DEPLOYMENT_TAG, Cloud
from esaws.costs import credit_runway, forecast
from esaws.costs.cost_explorer import spending
from esaws.deploy.inventory import inventory
from esaws.deploy.leftovers import leftovers
from esaws.deploy.plan import Plan, plan_deploy, plan_teardown
from esaws.errors import DeployRefused, NotDeployed, UsageError
from esaws.inspect import Account, findings, health, reach, snapshot, trace
from esaws.leases.estimate import estimate_spend
from esaws.leases.park import plan_park, plan_resume, remaining_costs
from esaws.leases.parked import is_parked
from esaws.operations.drain_zone import plan_drain_zone
from esaws.operations.replace_instance import instances
from esaws.reference.seccom import FARGATE_CPU, FARGATE_INBOUND, FARGATE_MEMORY, SERVICES, seccom
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.capacity_provider import CapacityProvider
from esaws.resources.launch_template import LaunchTemplate
from esaws.resources.scalable_target import ScalableTarget
from esaws.resources.scaling_policy import ScalingPolicy
from esaws.resources.security_group_rule import SecurityGroupRule
from esaws.resources.service import Service
from esaws.resources.target_group import TargetGroup
from esaws.resources.task_definition import TaskDefinition

BALANCED = [service for service in SERVICES.values() if service.target_group]


def actions(plan: Plan) -> Counter[str]:
    return Counter(change.action for change in plan)


# -- declared ----------------------------------------------------------------------------------------------------


def test_it_declares_services_on_fargate_and_no_instances() -> None:
    declared = seccom("fargate")
    assert not declared.of(AutoScalingGroup, LaunchTemplate, CapacityProvider)
    assert {service.name for service in declared.of(Service)} == SERVICES.keys()
    for service in declared.of(Service):
        assert (service.launch_type, service.desired_count, service.public_address) == ("FARGATE", 1, True)
        assert {subnet.zone for subnet in service.subnets} == {"a", "b"}
        assert len(service.security_groups) == 1, "each service has a security group of its own"
    for definition in declared.of(TaskDefinition):
        assert (definition.launch_type, definition.network_mode) == ("FARGATE", "awsvpc")
        assert (definition.cpu, definition.memory) == (FARGATE_CPU, FARGATE_MEMORY)
        assert definition.execution_role
    assert {group.target_type for group in declared.of(TargetGroup)} == {"ip"}


def test_the_load_balancer_reaches_the_port_of_a_task_and_no_other() -> None:
    rules = {
        (rule.group.name, rule.from_port, rule.to_port)
        for rule in seccom("fargate").of(SecurityGroupRule)
        if getattr(rule.peer, "name", "") == "ALB-sg"
    }
    assert rules == {(service.group, service.container_port, service.container_port) for service in BALANCED}


def test_an_instance_type_is_refused() -> None:
    with pytest.raises(UsageError, match="profile fargate has no instances of type"):
        seccom("fargate", instance_type="t3.micro")


@pytest.mark.parametrize("services", [("client-web-ui",), ("hdm",), ("client-web-ui", "sites-management-api")])
def test_a_service_is_left_out_with_its_stores_and_groups(services: tuple[str, ...]) -> None:
    small = seccom("fargate", services=services)
    assert {service.name for service in small.of(Service)} == set(services)
    assert len(small) < len(seccom("fargate"))


def test_a_month_of_it_costs_its_tasks_and_their_addresses_instead_of_instances_and_disks() -> None:
    fargate, budget = forecast(seccom("fargate")), forecast(seccom("budget"))
    task = 730 * (Decimal("0.25") * Decimal("0.0486") + Decimal("0.5") * Decimal("0.0053"))
    instance = 730 * Decimal("0.0132") + 30 * Decimal("0.116")
    assert fargate.total_usd - budget.total_usd == 6 * (task - instance)
    assert round(fargate.total_usd, 2) == Decimal("170.05")
    assert not fargate.verified, "Fargate's price in Paris is not verified"


def test_nights_off_stop_the_tasks_and_their_addresses() -> None:
    one = seccom("fargate", services=("client-web-ui",))
    whole, half = forecast(one), forecast(one, hours_a_day=12)
    stopped = [line for line in whole.lines if line.operation == "FargateTask"]
    assert len(stopped) == 3
    assert whole.total_usd - half.total_usd == sum(line.usd or 0 for line in stopped) / 2


# -- deployed ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def deployed(new_cloud: Callable[..., Cloud]) -> Cloud:
    cloud = new_cloud()
    plan_deploy(seccom("fargate"), cloud).apply()
    return cloud


@pytest.fixture(scope="module")
def account(deployed: Cloud) -> Account:
    return snapshot(deployed)


def addresses(cloud: Cloud) -> dict[str, dict[str, Any]]:
    """The interface of the task of each service."""
    ecs, found = cloud.client("ecs"), {}
    for name in SERVICES:
        cluster = cloud.aws_name(f"{name}-cluster")
        (arn,) = ecs.list_tasks(cluster=cluster)["taskArns"]
        (task,) = ecs.describe_tasks(cluster=cluster, tasks=[arn])["tasks"]
        details = {each["name"]: each["value"] for each in task["attachments"][0]["details"]}
        id = details["networkInterfaceId"]
        (found[name],) = cloud.client("ec2").describe_network_interfaces(NetworkInterfaceIds=[id])["NetworkInterfaces"]
    return found


def test_a_second_deploy_keeps_everything_and_calls_nothing(deployed: Cloud) -> None:
    plan = plan_deploy(seccom("fargate"), deployed)
    assert actions(plan) == {"keep": len(seccom("fargate"))}
    before = len(deployed.calls)
    plan.apply()
    assert not [call for call in deployed.calls[before:] if call.changes]


def test_each_task_has_an_interface_of_its_own_with_its_group_and_a_public_address(deployed: Cloud) -> None:
    for name, interface in addresses(deployed).items():
        assert [group["GroupName"] for group in interface["Groups"]] == [f"seccom-{SERVICES[name].group}"]
        assert interface["Association"]["PublicIp"]
    assert deployed.client("ec2").describe_instances()["Reservations"] == []


def test_every_target_is_a_healthy_address_of_a_task(deployed: Cloud, account: Account) -> None:
    tasks = {name: interface["PrivateIpAddress"] for name, interface in addresses(deployed).items()}
    found = {(target.id, target.port): target.state for target in health(account)}
    assert found == {(tasks[service.name], service.container_port): "healthy" for service in BALANCED}


@pytest.mark.parametrize("service", BALANCED, ids=lambda service: service.name)
def test_a_request_is_traced_to_the_task_by_its_address(deployed: Cloud, account: Account, service: Any) -> None:
    (target,) = trace(account, f"http://seccom{service.path}/", alb="seccom-alb").targets
    assert target.id == addresses(deployed)[service.name]["PrivateIpAddress"]
    assert (target.target_type, target.reached) == ("ip", "allow")
    assert (target.task, target.container_port) == (f"service seccom-{service.name}", service.container_port)


@pytest.mark.parametrize(
    ("source", "target", "port", "decision"),
    [
        ("alb/alb", "service/sites-management-api", 8000, "allow"),
        ("internet", "service/sites-management-api", 8000, "deny"),
        ("internet", "service/sites-management-api", 22, "deny"),
        ("internet", "service/manager-web-ui", 80, "allow"),
        ("service/hdm", "service/sites-management-api", 8000, "allow"),
        ("service/client-web-ui", "service/sites-management-api", 8000, "deny"),
        ("service/intrusion-management-api", "service/cameras-api", 8000, "allow"),
        ("service/sites-management-api", "db/database", 5432, "allow"),
        ("service/hdm", "db/database", 5432, "deny"),
        ("service/hdm", "cache/redis", 6379, "allow"),
        ("service/hdm", "internet", 5671, "allow"),
    ],
)
def test_who_reaches_whom(account: Account, source: str, target: str, port: int, decision: str) -> None:
    assert reach(account, source, target, port).decision == decision


def test_it_has_none_of_the_flaws_of_the_security_groups(account: Account) -> None:
    codes = {(finding.code, finding.resource) for finding in findings(account)}
    assert {code for code, _ in codes} & {"OPEN_SSH", "WRONG_PORT", "UNUSED_RULE"} == set()
    assert [resource for code, resource in codes if code == "OPEN_SERVICE_PORT"] == ["seccom-ManagerWeb-sg"]
    assert not any(22 in ports for _, ports, _ in FARGATE_INBOUND)


def test_the_account_is_drawn_with_what_groups_let_in_and_the_health_ports_and_price_of_tasks(account: Account) -> None:
    scene = draw(account).scene
    edges = {(edge.source[1], edge.target[1], edge.label) for edge in scene.edges}
    assert edges >= {
        ("sites-management-api-cluster", "database", "5432"),
        ("hdm-cluster", "redis", "6379"),
        ("cameras-api-cluster", "sites-management-api-cluster", "8000"),
        ("alb", "client-web-ui-cluster", "default"),
        ("igw", "manager-web-ui-cluster", "80"),
    }
    notes = {fleet.key[1]: [note for _, note in fleet.notes] for fleet in scene.fleets}
    assert notes == {
        "cameras-api-cluster": ["14.45 USD/mo ~"],
        "client-web-ui-cluster": ["1 of 1 healthy · 14.45 USD/mo ~"],
        "hdm-cluster": ["14.45 USD/mo ~"],
        "intrusion-management-api-cluster": ["1 of 1 healthy · 14.45 USD/mo ~"],
        "manager-web-ui-cluster": ["open: 80 · 14.45 USD/mo ~"],
        "sites-management-api-cluster": ["1 of 1 healthy · 14.45 USD/mo ~"],
    }


# -- operated ----------------------------------------------------------------------------------------------------

ONE = ("client-web-ui",)


def test_it_is_parked_and_resumed(cloud: Cloud) -> None:
    plan_deploy(seccom("fargate", services=ONE), cloud).apply()
    plan_park(cloud).apply()
    assert cloud.client("ecs").list_tasks(cluster="seccom-client-web-ui-cluster")["taskArns"] == []
    assert plan_park(cloud).steps == ()
    plan_resume(cloud).apply()
    plan = plan_deploy(seccom("fargate", services=ONE), cloud)
    simulation.advance(cloud, "10m")
    assert actions(plan).keys() == {"keep"} and [target.state for target in health(snapshot(cloud))] == ["healthy"]


def test_parked_tasks_cost_nothing_and_running_ones_are_listed(cloud: Cloud) -> None:
    plan_deploy(seccom("fargate", services=ONE), cloud).apply()
    costs = remaining_costs(cloud).set_index("kind")
    assert costs.loc["Fargate task", "name"] == "client-web-ui"
    month = forecast(seccom("fargate", services=ONE))
    of_the_task = sum(float(line.usd or 0) for line in month.lines if line.operation == "FargateTask")
    assert costs.loc["Fargate task", "usd_per_day"] == pytest.approx(of_the_task * 24 / 730)
    assert not is_parked(cloud)
    plan_park(cloud).apply()
    assert is_parked(cloud) and "Fargate task" not in set(remaining_costs(cloud).kind)


def test_a_lease_counts_the_tasks_from_the_creation_of_their_service(cloud: Cloud) -> None:
    plan_deploy(seccom("fargate", services=ONE), cloud).apply()
    began = simulation.cloud_time(cloud)
    simulation.advance(cloud, "10h")
    (task,) = cloud.client("ecs").list_tasks(cluster="seccom-client-web-ui-cluster")["taskArns"]
    cloud.client("ecs").stop_task(cluster="seccom-client-web-ui-cluster", task=task)
    simulation.advance(cloud, "10h")
    now = simulation.cloud_time(cloud)
    hour = float(forecast(seccom("fargate", services=ONE), gb_stored=0).total_usd) / 730
    spent = estimate_spend(cloud, began, now)
    assert spent.usd_per_hour == pytest.approx(hour)
    assert spent.usd == pytest.approx(hour * (now - began).total_seconds() / 3600, rel=0.01)


def test_the_bill_says_whose_a_task_is(cloud: Cloud) -> None:
    plan_deploy(seccom("fargate", services=ONE), cloud).apply()
    first = simulation.cloud_time(cloud).date()
    simulation.advance(cloud, "1d")
    today = simulation.cloud_time(cloud).date()  # its charges grow between two requests
    tagged = {"Tags": {"Key": DEPLOYMENT_TAG, "Values": [cloud.deployment]}}
    whole, ours = (spending(cloud, first, today, by="USAGE_TYPE", filter=share).to_frame() for share in (None, tagged))
    tasks = ours[ours.usage_type.str.contains("Fargate")]
    assert set(tasks.usage_type) == {"EUW3-Fargate-vCPU-Hours:perCPU", "EUW3-Fargate-GB-Hours"}
    of_all = whole[whole.usage_type.isin(tasks.usage_type)]
    assert tasks.to_dict("records") == of_all.to_dict("records"), "no task is without its tag"


def test_a_lost_task_is_replaced_and_gets_another_address(cloud: Cloud) -> None:
    plan_deploy(seccom("fargate", services=ONE), cloud).apply()
    ecs, cluster = cloud.client("ecs"), "seccom-client-web-ui-cluster"
    simulation.advance(cloud, "10m")
    (task,) = ecs.list_tasks(cluster=cluster)["taskArns"]
    (before,) = [target.id for target in health(snapshot(cloud))]
    ecs.stop_task(cluster=cluster, task=task)
    simulation.advance(cloud, "15m")
    (after,) = health(snapshot(cloud))
    assert after.state == "healthy" and after.id != before


def test_a_service_without_instances_scales(cloud: Cloud) -> None:
    (service,) = seccom("fargate", services=ONE).of(Service)
    target = ScalableTarget(service=service, minimum=2, maximum=4)
    plan_deploy(seccom("fargate", services=ONE).including(ScalingPolicy(target=target)), cloud).apply()
    simulation.advance(cloud, "20m")
    assert [target.state for target in health(snapshot(cloud))] == ["healthy", "healthy"]


@pytest.mark.parametrize(
    "act",
    [lambda cloud: plan_drain_zone(cloud, f"{cloud.region}a"), instances],
    ids=["drain a zone", "replace an instance"],
)
def test_what_needs_instances_says_that_aws_looks_after_them(deployed: Cloud, act: Callable[[Cloud], Any]) -> None:
    with pytest.raises(NotDeployed, match="its tasks run on Fargate, whose instances AWS drains and replaces itself"):
        act(deployed)


@pytest.mark.parametrize("kind", ["Fargate service", "load balancer"])
def test_the_credit_runway_says_how_to_end_what_costs(deployed: Cloud, kind: str) -> None:
    assert kind in {thing.kind for thing in credit_runway(deployed).switch_off}


def test_it_replaces_the_small_build_and_is_replaced_by_it(cloud: Cloud) -> None:
    plan_deploy(seccom("budget", services=ONE), cloud).apply()
    for profile in ("fargate", "budget"):
        plan_deploy(seccom(profile, services=ONE), cloud, prune=True).apply()
        assert actions(plan_deploy(seccom(profile, services=ONE), cloud)).keys() == {"keep"}


def test_it_does_not_replace_services_on_instances_in_place(cloud: Cloud) -> None:
    plan_deploy(seccom("ha", services=ONE), cloud).apply()
    plan = plan_deploy(seccom("fargate", services=ONE), cloud, prune=True)
    (differing,) = [change for change in plan if change.action == "differs"]
    assert (differing.kind, differing.name) == ("Service", "client-web-ui")
    with pytest.raises(DeployRefused, match="launch_type"):
        plan.apply()


def test_a_teardown_leaves_nothing(cloud: Cloud) -> None:
    plan_deploy(seccom("fargate"), cloud).apply()
    plan_teardown(cloud).apply(yes=True)
    assert len(inventory(cloud)) == 0 and list(leftovers(cloud)) == []
