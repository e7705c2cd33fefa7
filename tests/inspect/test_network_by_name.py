"""Reachability by name, on a deployment in the local AWS and on variations of its snapshot."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from esaws.cloud import Cloud
from esaws.deploy.plan import plan_deploy
from esaws.errors import UsageError
from esaws.inspect.account import Account, snapshot
from esaws.inspect.network.endpoint_catalog import KEYS, EndpointCatalog
from esaws.inspect.network.matrix import compare_matrices, matrix
from esaws.inspect.network.reach import ReachResult, reach
from esaws.reference.seccom import seccom
from tests.inspect.test_account import deny
from tests.shell import Shell

Raw = dict[str, Any]


@pytest.fixture(scope="module")
def small(new_cloud: Callable[..., Cloud]) -> Account:
    """The profile `budget`: tasks without services."""
    cloud = new_cloud()
    services = ["cameras-api", "client-web-ui", "sites-management-api"]
    plan_deploy(seccom("budget", services=services), cloud).apply()
    return snapshot(cloud, *KEYS)


def changed(account: Account, key: str, change: Callable[[Raw], Raw | None]) -> Account:
    """Return the account with each description of a key changed, or removed where the change returns None."""
    rows = [new for raw in account[key] if (new := change(raw)) is not None]
    return replace(account, descriptions={**account.descriptions, key: rows})


def group_of(account: Account, name: str) -> str:
    return next(str(raw["GroupId"]) for raw in account["SecurityGroups"] if raw["GroupName"] == f"seccom-{name}")


def subnets_of(account: Account) -> list[str]:
    """Return the subnets of the deployment, in zones a and b."""
    return [subnet["SubnetIdentifier"] for subnet in account["CacheSubnetGroups"][0]["Subnets"]]


def without(account: Account, key: str) -> Account:
    others = {other: rows for other, rows in account.descriptions.items() if other != key}
    return replace(account, descriptions=others, missing={**account.missing, key: f"{key} was denied"})


# The reference system


@pytest.mark.parametrize(
    ("source", "destination", "port", "decision"),
    [
        ("internet", "alb/alb", 80, "allow"),
        ("internet", "alb/alb", 443, "deny"),
        ("internet", "cache/redis", 6379, "deny"),
        ("internet", "db/database", 5432, "deny"),
        ("internet", "service/hdm", 22, "allow"),
        ("internet", "service/sites-management-api", 8002, "deny"),
        ("203.0.113.0/24", "service/cameras-api", 8003, "allow"),
        ("alb/alb", "service/sites-management-api", 8002, "allow"),
        ("alb/seccom-alb", "service/seccom-client-web-ui", 4201, "allow"),
        ("alb/alb", "service/manager-web-ui", 4202, "allow"),
        ("service/cameras-api", "service/sites-management-api", 80, "allow"),
        ("service/cameras-api", "service/sites-management-api", 8002, "deny"),
        ("service/sites-management-api", "db/database", 5432, "allow"),
        ("service/hdm", "db/database", 5432, "deny"),
        ("service/hdm", "cache/redis", 6379, "allow"),
        ("service/intrusion-management-api", "broker/broker", 5671, "allow"),
        ("db/database", "internet", 443, "deny"),
        ("cache/redis", "internet", 443, "deny"),
    ],
)
def test_decisions_between_endpoints(account: Account, source: str, destination: str, port: int, decision: str) -> None:
    result = reach(account, source, destination, port)
    assert result.decision == decision, result


@pytest.mark.parametrize("port", [80, 8002])
def test_a_standalone_task_has_the_name_of_its_family(small: Account, port: int) -> None:
    result = reach(small, "service/cameras-api", "service/sites-management-api", port)
    assert result.decision == ("allow" if port == 80 else "deny")


def test_a_denial_names_the_endpoints_and_the_missing_rule(account: Account) -> None:
    result = reach(account, "service/cameras-api", "service/sites-management-api", 8002)
    assert str(result) == (
        "deny\n"
        "  ingress of service/sites-management-api: no rule of seccom-SitesManagementAPI-sg or seccom-ec2-rds-1"
        " allows tcp 8002 from service/cameras-api\n"
        "  to fix it, allow tcp 8002 from seccom-CamerasAPI-sg into seccom-SitesManagementAPI-sg"
    )
    group = group_of(account, "SitesManagementAPI-sg")
    command = f"aws ec2 authorize-security-group-ingress --group-id {group} --ip-permissions '["
    assert result.fix[0].cli().startswith(command)


def test_an_allow_between_services_contains_no_ids(account: Account) -> None:
    result = reach(account, "service/hdm", "service/sites-management-api", 80)
    assert not any(id in str(result) for id in ("sg-", "eni-", "acl-", "igw-", "rtb-")) and result.decision == "allow"


def test_an_open_port_without_a_listener_is_noted(account: Account) -> None:
    result = reach(account, "service/cameras-api", "service/sites-management-api", 80)
    assert result.because[-1] == (
        "service/sites-management-api is not known to listen on tcp 80: it listens on tcp 8002"
    )
    assert "listens" not in str(reach(account, "alb/alb", "service/sites-management-api", 8002))


def test_a_load_balancer_denies_a_port_without_a_listener(account: Account) -> None:
    result = reach(account, "internet", "alb/alb", 443)
    assert result == ReachResult("deny", ("alb/alb has no listener for tcp 443: it listens on tcp 80",))


def test_icmp_is_an_echo_request_by_default(account: Account) -> None:
    result = reach(account, "internet", "service/hdm", protocol="icmp")
    assert result.fix[0].permission["FromPort"] == 8
    assert reach(account, "internet", "service/hdm", 13, "icmp").fix[0].permission["FromPort"] == 13
    assert reach(account, "internet", "service/hdm", -1, "icmp").decision == "deny"


# Instances and interfaces


def test_an_instance_is_reached_at_its_primary_interface(account: Account) -> None:
    interface = next(raw for raw in account["NetworkInterfaces"] if "InstanceId" in raw.get("Attachment", {}))
    instance = interface["Attachment"]["InstanceId"]
    for name in (instance, interface["NetworkInterfaceId"]):
        assert reach(account, "internet", name, 22).decision == "allow"
    assert reach(account, interface["PrivateIpAddress"], "cache/redis", 6379).decision == "allow"


def test_a_stopped_instance_denies(account: Account) -> None:
    stopped = changed(account, "Instances", lambda raw: {**raw, "State": {"Name": "stopped"}})
    result = reach(stopped, "internet", "service/hdm", 22)
    assert result == ReachResult("deny", ("the instance of service/hdm is not running",))


def test_only_running_instances_of_a_service_count(account: Account) -> None:
    first = account["Instances"][0]["InstanceId"]
    half = changed(
        account, "Instances", lambda raw: {**raw, "State": {"Name": "stopped"}} if raw["InstanceId"] == first else raw
    )
    assert reach(half, "internet", "service/cameras-api", 22).decision == "allow"
    assert reach(half, "internet", first, 22).decision == "deny"


# Services without running tasks, and tasks with their own interfaces


def test_a_service_without_tasks_has_the_instances_of_its_cluster(account: Account) -> None:
    idle = changed(account, "tasks", lambda raw: None)
    result = reach(idle, "internet", "service/cameras-api", 8003)
    assert result.decision == "allow"
    assert (
        "service/cameras-api: it has no running task; the answer is about the instances of its cluster"
        in result.because
    )


def test_an_idle_cluster_has_its_own_name(small: Account) -> None:
    idle = changed(small, "tasks", lambda raw: None)
    assert reach(idle, "internet", "service/cameras-api", 8003).decision == "allow"


def test_a_service_without_instances_has_no_interface(account: Account) -> None:
    empty = changed(changed(account, "tasks", lambda raw: None), "containerInstances", lambda raw: None)
    result = reach(empty, "internet", "service/cameras-api", 8003)
    assert result == ReachResult("deny", ("service/cameras-api has no network interface, because nothing of it runs",))


def awsvpc(account: Account) -> Account:
    """Return the account with a cameras API that has its own network interface, with Redis's group."""
    redis = next(raw for raw in account["NetworkInterfaces"] if raw["Description"].startswith("ElastiCache"))
    details = [{"name": "networkInterfaceId", "value": redis["NetworkInterfaceId"]}]
    own = {"attachments": [{"type": "ElasticNetworkInterface", "status": "ATTACHED", "details": details}]}
    bare = changed(account, "tasks", lambda raw: {**raw, **own, "containers": []} if "cameras" in raw["group"] else raw)
    return changed(
        bare, "taskDefinitions", lambda raw: raw | {"networkMode": "awsvpc"} if "cameras" in raw["family"] else raw
    )


def test_a_task_with_its_own_interface_is_reached_there(account: Account) -> None:
    own = awsvpc(account)
    assert reach(own, "service/hdm", "service/cameras-api", 6379).decision == "allow"
    assert reach(own, "service/hdm", "service/cameras-api", 8003).decision == "deny"


def test_an_awsvpc_service_without_tasks_is_evaluated_in_its_subnets(account: Account) -> None:
    placement = {"subnets": subnets_of(account), "securityGroups": [group_of(account, "ALB-sg")]}
    network = {"awsvpcConfiguration": placement | {"assignPublicIp": "DISABLED"}}
    idle = changed(account, "tasks", lambda raw: None)
    idle = changed(
        idle,
        "services",
        lambda raw: raw | {"networkConfiguration": network} if "cameras" in raw["serviceName"] else raw,
    )
    result = reach(idle, "service/cameras-api", "service/sites-management-api", 8002)
    assert result.decision == "allow", result
    assert "service/cameras-api: it has no running task; the answer is about where one would run" in result.because


# Stores and load balancers


@pytest.mark.parametrize(
    ("name", "hidden", "port"),
    [("db/database", "RDS", 5432), ("cache/redis", "ElastiCache", 6379), ("alb/alb", "ELB", 80)],
)
def test_groups_and_subnets_decide_where_the_interface_is_not_visible(
    account: Account, name: str, hidden: str, port: int
) -> None:
    blind = changed(account, "NetworkInterfaces", lambda raw: None if raw["Description"].startswith(hidden) else raw)
    assert reach(blind, "service/sites-management-api", name, port).decision == "allow"
    assert reach(blind, "service/sites-management-api", name, port + 1).decision == "deny"
    result = reach(blind, "internet", name, port)
    assert result.decision == ("unknown" if name == "alb/alb" else "deny"), result


def test_a_rule_for_a_part_of_the_subnets_makes_an_invisible_endpoint_unknown(account: Account) -> None:
    blind = changed(account, "NetworkInterfaces", lambda raw: None if raw["Description"].startswith("RDS") else raw)
    part = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [{"CidrIp": "172.31.0.0/24"}]}
    rules = {
        "seccom-HumanDetectionModule-sg": {"IpPermissionsEgress": [part]},
        "seccom-rds-ec2-1": {"IpPermissions": [part | {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]},
    }
    narrow = changed(blind, "SecurityGroups", lambda raw: raw | rules.get(raw["GroupName"], {}))
    result = reach(narrow, "service/hdm", "db/database", 5432)
    assert result.decision == "unknown"
    assert (
        result.because[0]
        == "from service/hdm in eu-west-3a, service/hdm in eu-west-3b to db/database in seccom-public-3a passes"
    )


def test_a_replication_group_and_its_member_both_have_names(account: Account) -> None:
    grouped = changed(account, "CacheClusters", lambda raw: raw | {"ReplicationGroupId": "sessions"})
    for name in ("cache/sessions", "cache/redis"):
        assert reach(grouped, "service/hdm", name, 6379).decision == "allow"
    assert "cache/redis" not in set(matrix(grouped).to_frame().destination)


def test_a_public_broker_without_groups_is_open_to_the_internet(account: Account) -> None:
    result = reach(account, "internet", "broker/broker", 5671)
    assert result.decision == "allow"
    assert (
        result.because[0]
        == "broker/broker has no security group, so nothing in the network denies traffic from internet"
    )
    assert "not known to listen" in reach(account, "203.0.113.7", "broker/broker", 22).because[-1]


def test_a_private_broker_is_in_its_subnets(account: Account) -> None:
    placement = {"SecurityGroups": [group_of(account, "Redis-sg")], "SubnetIds": subnets_of(account)}
    inside = changed(account, "Brokers", lambda raw: raw | placement | {"PubliclyAccessible": False})
    assert reach(inside, "service/hdm", "broker/broker", 5671).decision == "allow"
    assert reach(inside, "internet", "broker/broker", 5671).decision == "deny"


def test_a_load_balancer_sends_nothing_to_a_zone_that_is_not_enabled(account: Account) -> None:
    in_a = changed(account, "LoadBalancers", lambda raw: raw | {"AvailabilityZones": raw["AvailabilityZones"][:1]})
    result = reach(in_a, "alb/alb", "service/sites-management-api", 8002)
    assert result.decision == "unknown"
    assert "alb/alb sends nothing to eu-west-3b, which is not enabled for it" in result.because
    in_b = next(raw for raw in account["Instances"] if raw["Placement"]["AvailabilityZone"] == "eu-west-3b")
    assert reach(in_a, "alb/alb", in_b["InstanceId"], 22).decision == "deny"
    assert reach(account, "alb/alb", in_b["InstanceId"], 22).decision == "allow"


# Missing data and invalid questions


@pytest.mark.parametrize(
    ("service", "operation", "action"),
    [
        ("ec2", "DescribeNetworkInterfaces", "ec2:DescribeNetworkInterfaces"),
        ("ec2", "DescribeSecurityGroups", "ec2:DescribeSecurityGroups"),
        ("ec2", "DescribeNetworkAcls", "ec2:DescribeNetworkAcls"),
        ("ec2", "DescribeRouteTables", "ec2:DescribeRouteTables"),
        ("ecs", "ListTasks", "ecs:ListTasks"),
        ("elbv2", "DescribeLoadBalancers", "elasticloadbalancing:DescribeLoadBalancers"),
    ],
)
def test_a_denied_call_gives_unknown_with_the_missing_permission(
    new_cloud: Callable[..., Cloud], deployed: Cloud, service: str, operation: str, action: str
) -> None:
    cloud = new_cloud(account=deployed.account)
    deny(cloud, service, operation)
    result = reach(snapshot(cloud, *KEYS), "alb/alb", "service/cameras-api", 8003)
    assert result.decision == "unknown"
    assert any(action in reason for reason in result.because), result


def test_unknown_listeners_or_instances_make_an_allow_unknown(account: Account) -> None:
    blind = without(without(account, "Listeners"), "Instances")
    instance = account["Instances"][0]["InstanceId"]
    for question in (("internet", "alb/alb", 80), ("internet", instance, 22)):
        assert reach(account, *question).decision == "allow"
        result = reach(blind, *question)
        assert result.decision == "unknown" and "denied" in result.because[0]
    assert reach(blind, "internet", "service/hdm", 22).decision == "allow", "its tasks run, so its instances do"
    frame = matrix(blind).to_frame().set_index(["source", "destination", "port"]).decision
    assert frame["internet", "alb/alb", 80] == "unknown" and frame["internet", "service/hdm", 22] == "allow"


def test_missing_data_that_does_not_matter_changes_nothing(account: Account) -> None:
    result = reach(without(account, "NetworkAcls"), "internet", "service/sites-management-api", 8002)
    assert result.decision == "deny"
    assert reach(without(account, "Listeners"), "service/hdm", "cache/redis", 6379).decision == "allow"


@pytest.mark.parametrize(
    "name", ["service/nobody", "alb/nobody", "nobody", "i-nobody", "eni-nobody", "10.0.0.0/40", ""]
)
def test_an_unknown_endpoint_is_refused_with_the_known_names(account: Account, name: str) -> None:
    with pytest.raises(UsageError) as error:
        reach(account, "internet", name, 80)
    if not name.startswith(("i-", "eni-")):
        assert "service/cameras-api, service/client-web-ui" in str(error.value)


def test_an_ambiguous_name_is_refused(account: Account) -> None:
    (redis,) = account["CacheClusters"]
    both = [redis, redis | {"CacheClusterId": "other-redis"}]
    twins = replace(account, descriptions={**account.descriptions, "CacheClusters": both})
    with pytest.raises(UsageError, match="cache/redis: several match, cache/other-redis and cache/seccom-redis"):
        reach(twins, "service/hdm", "cache/redis", 6379)


def test_a_service_in_two_clusters_has_the_cluster_in_its_name(account: Account) -> None:
    first, second = (raw["clusterArn"] for raw in account["clusters"][:2])
    service = next(raw for raw in account["services"] if raw["clusterArn"] == first)
    moved = [*account["services"], service | {"clusterArn": second}]
    names = {
        endpoint.name
        for endpoint in EndpointCatalog.of(
            replace(account, descriptions={**account.descriptions, "services": moved})
        ).endpoints
    }
    clusters = [raw["clusterName"] for raw in account["clusters"][:2]]
    assert {f"{cluster}/{service['serviceName']}" for cluster in clusters} <= names


def test_without_a_deployment_tag_names_keep_their_prefix(account: Account) -> None:
    untagged = account
    for key in ("SecurityGroups", "Vpcs"):
        untagged = changed(untagged, key, lambda raw: raw | {"Tags": []})
    catalog = EndpointCatalog.of(untagged)
    assert {catalog.title(endpoint) for endpoint in catalog.endpoints if endpoint.kind == "cache"} == {
        "cache/seccom-redis"
    }


# The matrix


def test_the_matrix_agrees_with_reach(account: Account) -> None:
    frame = matrix(account).to_frame()
    assert [*frame.columns] == ["source", "destination", "port", "protocol", "decision"]
    assert len(frame) > 150
    for row in frame.sample(80, random_state=0).itertuples():
        result = reach(account, str(row.source), str(row.destination), row.port, row.protocol)
        assert row.decision == result.decision, (row, result)


def test_the_matrix_has_listening_and_opened_ports(account: Account) -> None:
    frame = matrix(account).to_frame()
    ports = frame.groupby("destination", observed=True).port.unique().map(sorted).to_dict()
    assert ports["service/sites-management-api"] == [22, 80, 8002]
    assert ports["alb/alb"] == [80] and ports["db/database"] == [5432]
    assert ports["cache/redis"] == [22, 5671, 6379] and ports["broker/broker"] == [443, 5671]


def test_the_pivot_has_a_row_for_each_destination_and_port(account: Account) -> None:
    wide = matrix(account).pivot()
    assert wide.loc[("service/sites-management-api", "tcp 8002"), "alb/alb"] == "allow"
    assert wide.loc[("service/sites-management-api", "tcp 8002"), "service/cameras-api"] == ""
    assert [*wide.columns][:2] == ["internet", "service/cameras-api"]


def test_the_matrix_is_drawn_with_the_internet_in_a_colour_of_its_own(account: Account) -> None:
    frame = matrix(account).to_frame()
    allowed = frame[frame.decision == "allow"]
    chart = matrix(account).draw()
    of_the_internet = int((allowed.source == "internet").sum())
    assert chart.title == f"Who reaches whom: {len(allowed)} connections, {of_the_internet} of them from the internet"
    (image,) = chart.figure.axes[0].images
    colours = {tuple(round(float(part), 2) for part in colour) for row in image.get_array() for colour in row}
    assert len(colours) == 4, "from the internet, from inside, denied, and no question"
    assert chart._repr_svg_() == matrix(account).draw()._repr_svg_()


def test_the_matrix_by_port_lists_the_sources(account: Account) -> None:
    (row,) = [row for row in matrix(account).by_port() if row["destination"] == "db/database"]
    assert row == {
        "destination": "db/database",
        "port": "tcp 5432",
        "reached from": "service/sites-management-api",
        "unknown": "",
    }


def test_comparing_matrices_shows_what_a_rule_opens(account: Account) -> None:
    before = matrix(account)
    port_range = {"IpProtocol": "tcp", "FromPort": 8002, "ToPort": 8002}
    pair = {"UserIdGroupPairs": [{"GroupId": group_of(account, "CamerasAPI-sg")}]}
    fixed = changed(
        account,
        "SecurityGroups",
        lambda raw: (
            raw | {"IpPermissions": [*raw["IpPermissions"], port_range | pair]}
            if raw["GroupName"] == "seccom-SitesManagementAPI-sg"
            else raw
        ),
    )
    (row,) = compare_matrices(before, matrix(fixed)).to_dict("records")
    endpoints = {"source": "service/cameras-api", "destination": "service/sites-management-api"}
    assert row == endpoints | {"port": 8002, "protocol": "tcp", "before": "deny", "after": "allow"}
    closed = changed(fixed, "SecurityGroups", lambda raw: raw | {"IpPermissions": []})
    differences = compare_matrices(before, matrix(closed))
    assert set(differences[differences.port == 22].after) == {""} and compare_matrices(before, before).empty


def test_the_matrix_of_an_empty_account_is_empty(cloud: Cloud) -> None:
    empty = matrix(snapshot(cloud, *KEYS))
    frame = empty.to_frame()
    assert frame.empty and [*frame.columns] == ["source", "destination", "port", "protocol", "decision"]
    assert empty.pivot().empty and empty.by_port() == []


def test_the_matrix_has_the_reason_for_an_unknown_kind(account: Account) -> None:
    missing = matrix(without(account, "DBInstances")).missing
    assert [*missing] == ["db"] and "denied" in missing["db"]


# The command line


def test_the_commands_reach_and_matrix(deployed: Cloud, tmp_path: Path) -> None:
    esaws = Shell(deployed, tmp_path)
    question = ("service/cameras-api", "service/sites-management-api", "8002")
    output = esaws("reach", *question)
    assert output.startswith("deny\n") and "aws ec2 authorize-security-group-ingress --group-id sg-" in output
    answer = esaws.json("reach", *question)
    assert [*answer] == ["decision", "because", "fix"] and answer["decision"] == "deny"
    rows = esaws.json("matrix")
    assert {"source", "destination", "port", "protocol", "decision"} == set(rows[0])
