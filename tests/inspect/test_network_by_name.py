"""Ends by name, on a deployment in the local AWS and on what is made of its answers."""

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
def deployed(new_cloud: Callable[..., Cloud]) -> Cloud:
    cloud = new_cloud()
    plan_deploy(seccom("ha"), cloud).apply()
    return cloud


@pytest.fixture(scope="module")
def account(deployed: Cloud) -> Account:
    return snapshot(deployed, *KEYS)


@pytest.fixture(scope="module")
def small(new_cloud: Callable[..., Cloud]) -> Account:
    """The budget build: tasks without services."""
    cloud = new_cloud()
    few = ["cameras-api", "client-web-ui", "sites-management-api"]
    plan_deploy(seccom("budget", services=few), cloud).apply()
    return snapshot(cloud, *KEYS)


def changed(account: Account, key: str, change: Callable[[Raw], Raw | None]) -> Account:
    """The account with each answer of a key changed, or left out."""
    answers = [new for raw in account[key] if (new := change(raw)) is not None]
    return replace(account, answers={**account.answers, key: answers})


def group_of(account: Account, name: str) -> str:
    return next(str(raw["GroupId"]) for raw in account["SecurityGroups"] if raw["GroupName"] == f"seccom-{name}")


def subnets_of(account: Account) -> list[str]:
    """Those of the deployment, in zones a and b."""
    return [each["SubnetIdentifier"] for each in account["CacheSubnetGroups"][0]["Subnets"]]


def without(account: Account, key: str) -> Account:
    left = {other: answer for other, answer in account.answers.items() if other != key}
    return replace(account, answers=left, missing={**account.missing, key: f"{key} was denied"})


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
def test_who_reaches_whom(account: Account, source: str, destination: str, port: int, decision: str) -> None:
    said = reach(account, source, destination, port)
    assert said.decision == decision, said


@pytest.mark.parametrize("port", [80, 8002])
def test_a_task_without_a_service_goes_by_the_name_of_its_family(small: Account, port: int) -> None:
    said = reach(small, "service/cameras-api", "service/sites-management-api", port)
    assert said.decision == ("allow" if port == 80 else "deny")


def test_a_denial_is_told_by_names_and_mended_by_one_rule(account: Account) -> None:
    said = reach(account, "service/cameras-api", "service/sites-management-api", 8002)
    assert repr(said) == (
        "deny\n"
        "  ingress of service/sites-management-api: no rule of seccom-SitesManagementAPI-sg or seccom-ec2-rds-1"
        " allows tcp 8002 from service/cameras-api\n"
        "  to fix it, allow tcp 8002 from seccom-CamerasAPI-sg into seccom-SitesManagementAPI-sg"
    )
    mended = group_of(account, "SitesManagementAPI-sg")
    line = f"aws ec2 authorize-security-group-ingress --group-id {mended} --ip-permissions '["
    assert said.fix[0].cli().startswith(line)


def test_no_id_is_in_what_an_allow_says_between_two_services(account: Account) -> None:
    said = reach(account, "service/hdm", "service/sites-management-api", 80)
    assert not any(id in repr(said) for id in ("sg-", "eni-", "acl-", "igw-", "rtb-")) and said.decision == "allow"


def test_a_port_that_is_open_and_that_nothing_listens_on_is_remarked(account: Account) -> None:
    said = reach(account, "service/cameras-api", "service/sites-management-api", 80)
    assert said.because[-1] == (
        "nothing of service/sites-management-api listens on tcp 80, as far as is known: it listens on tcp 8002"
    )
    assert "listens" not in repr(reach(account, "alb/alb", "service/sites-management-api", 8002))


def test_a_load_balancer_answers_only_where_it_has_a_listener(account: Account) -> None:
    said = reach(account, "internet", "alb/alb", 443)
    assert said == ReachResult("deny", ("alb/alb has no listener for tcp 443: it listens on tcp 80",))


def test_icmp_is_an_echo_request_unless_a_type_is_said(account: Account) -> None:
    said = reach(account, "internet", "service/hdm", protocol="icmp")
    assert said.fix[0].permission["FromPort"] == 8
    assert reach(account, "internet", "service/hdm", 13, "icmp").fix[0].permission["FromPort"] == 13
    assert reach(account, "internet", "service/hdm", -1, "icmp").decision == "deny"


# Instances and interfaces


def test_an_instance_goes_by_its_primary_interface(account: Account) -> None:
    interface = next(raw for raw in account["NetworkInterfaces"] if "InstanceId" in raw.get("Attachment", {}))
    instance = interface["Attachment"]["InstanceId"]
    for end in (instance, interface["NetworkInterfaceId"]):
        assert reach(account, "internet", end, 22).decision == "allow"
    assert reach(account, interface["PrivateIpAddress"], "cache/redis", 6379).decision == "allow"


def test_an_instance_that_is_stopped_answers_nobody(account: Account) -> None:
    stopped = changed(account, "Instances", lambda raw: {**raw, "State": {"Name": "stopped"}})
    said = reach(stopped, "internet", "service/hdm", 22)
    assert said == ReachResult("deny", ("the instance of service/hdm does not run",))


def test_of_several_instances_only_those_that_run_count(account: Account) -> None:
    first = account["Instances"][0]["InstanceId"]
    half = changed(
        account, "Instances", lambda raw: {**raw, "State": {"Name": "stopped"}} if raw["InstanceId"] == first else raw
    )
    assert reach(half, "internet", "service/cameras-api", 22).decision == "allow"
    assert reach(half, "internet", first, 22).decision == "deny"


# Where no task runs, and where tasks have interfaces of their own


def test_where_no_task_runs_the_instances_of_the_cluster_stand_for_it(account: Account) -> None:
    idle = changed(account, "tasks", lambda raw: None)
    said = reach(idle, "internet", "service/cameras-api", 8003)
    assert said.decision == "allow"
    assert "service/cameras-api: no task of it runs: this is about the instances of its cluster" in said.because


def test_a_cluster_that_runs_nothing_goes_by_its_own_name(small: Account) -> None:
    idle = changed(small, "tasks", lambda raw: None)
    assert reach(idle, "internet", "service/cameras-api", 8003).decision == "allow"


def test_a_service_without_instances_is_nobody(account: Account) -> None:
    empty = changed(changed(account, "tasks", lambda raw: None), "containerInstances", lambda raw: None)
    said = reach(empty, "internet", "service/cameras-api", 8003)
    assert said == ReachResult("deny", ("service/cameras-api has no network interface: nothing of it runs",))


def awsvpc(account: Account) -> Account:
    """The cameras API with a network interface of its own, that carries Redis's group."""
    redis = next(raw for raw in account["NetworkInterfaces"] if raw["Description"].startswith("ElastiCache"))
    details = [{"name": "networkInterfaceId", "value": redis["NetworkInterfaceId"]}]
    own = {"attachments": [{"type": "ElasticNetworkInterface", "status": "ATTACHED", "details": details}]}
    bare = changed(account, "tasks", lambda raw: {**raw, **own, "containers": []} if "cameras" in raw["group"] else raw)
    return changed(
        bare, "taskDefinitions", lambda raw: raw | {"networkMode": "awsvpc"} if "cameras" in raw["family"] else raw
    )


def test_a_task_with_its_own_interface_goes_by_that(account: Account) -> None:
    own = awsvpc(account)
    assert reach(own, "service/hdm", "service/cameras-api", 6379).decision == "allow"
    assert reach(own, "service/hdm", "service/cameras-api", 8003).decision == "deny"


def test_a_service_of_awsvpc_without_tasks_stands_where_one_would_be(account: Account) -> None:
    where = {"subnets": subnets_of(account), "securityGroups": [group_of(account, "ALB-sg")]}
    network = {"awsvpcConfiguration": where | {"assignPublicIp": "DISABLED"}}
    idle = changed(account, "tasks", lambda raw: None)
    idle = changed(
        idle,
        "services",
        lambda raw: raw | {"networkConfiguration": network} if "cameras" in raw["serviceName"] else raw,
    )
    said = reach(idle, "service/cameras-api", "service/sites-management-api", 8002)
    assert said.decision == "allow", said
    assert "service/cameras-api: no task of it runs: this is about where one would be" in said.because


# Stores and load balancers


@pytest.mark.parametrize(
    ("end", "hidden", "port"),
    [("db/database", "RDS", 5432), ("cache/redis", "ElastiCache", 6379), ("alb/alb", "ELB", 80)],
)
def test_where_its_interface_is_not_visible_its_groups_and_subnets_decide(
    account: Account, end: str, hidden: str, port: int
) -> None:
    blind = changed(account, "NetworkInterfaces", lambda raw: None if raw["Description"].startswith(hidden) else raw)
    assert reach(blind, "service/sites-management-api", end, port).decision == "allow"
    assert reach(blind, "service/sites-management-api", end, port + 1).decision == "deny"
    said = reach(blind, "internet", end, port)
    assert said.decision == ("unknown" if end == "alb/alb" else "deny"), said


def test_where_a_part_of_its_subnets_is_named_apart_it_is_unknown_whether_it_stands_there(account: Account) -> None:
    blind = changed(account, "NetworkInterfaces", lambda raw: None if raw["Description"].startswith("RDS") else raw)
    part = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [{"CidrIp": "172.31.0.0/24"}]}
    rules = {
        "seccom-HumanDetectionModule-sg": {"IpPermissionsEgress": [part]},
        "seccom-rds-ec2-1": {"IpPermissions": [part | {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]},
    }
    narrow = changed(blind, "SecurityGroups", lambda raw: raw | rules.get(raw["GroupName"], {}))
    said = reach(narrow, "service/hdm", "db/database", 5432)
    assert said.decision == "unknown"
    assert (
        said.because[0]
        == "from service/hdm in eu-west-3a, service/hdm in eu-west-3b to db/database in seccom-public-3a passes"
    )


def test_a_member_of_a_replication_group_and_the_group_both_have_names(account: Account) -> None:
    grouped = changed(account, "CacheClusters", lambda raw: raw | {"ReplicationGroupId": "sessions"})
    for end in ("cache/sessions", "cache/redis"):
        assert reach(grouped, "service/hdm", end, 6379).decision == "allow"
    assert "cache/redis" not in set(matrix(grouped).to_frame().destination)


def test_a_private_broker_stands_in_its_subnets(account: Account) -> None:
    stands = {"SecurityGroups": [group_of(account, "Redis-sg")], "SubnetIds": subnets_of(account)}
    inside = changed(account, "Brokers", lambda raw: raw | stands | {"PubliclyAccessible": False})
    assert reach(inside, "service/hdm", "broker/broker", 5671).decision == "allow"
    assert reach(inside, "internet", "broker/broker", 5671).decision == "deny"


def test_a_load_balancer_sends_nothing_to_a_zone_that_is_not_enabled(account: Account) -> None:
    in_a = changed(account, "LoadBalancers", lambda raw: raw | {"AvailabilityZones": raw["AvailabilityZones"][:1]})
    said = reach(in_a, "alb/alb", "service/sites-management-api", 8002)
    assert said.decision == "unknown"
    assert "alb/alb sends nothing to eu-west-3b, which is not enabled for it" in said.because
    in_b = next(raw for raw in account["Instances"] if raw["Placement"]["AvailabilityZone"] == "eu-west-3b")
    assert reach(in_a, "alb/alb", in_b["InstanceId"], 22).decision == "deny"
    assert reach(account, "alb/alb", in_b["InstanceId"], 22).decision == "allow"


# What is not known, and what can't be asked


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
def test_a_denied_call_makes_it_unknown_and_names_the_permission(
    new_cloud: Callable[..., Cloud], deployed: Cloud, service: str, operation: str, action: str
) -> None:
    cloud = new_cloud(account=deployed.account)
    deny(cloud, service, operation)
    said = reach(snapshot(cloud, *KEYS), "alb/alb", "service/cameras-api", 8003)
    assert said.decision == "unknown"
    assert any(action in reason for reason in said.because), said


def test_where_it_is_not_known_what_listens_or_runs_an_allow_is_unknown(account: Account) -> None:
    blind = without(without(account, "Listeners"), "Instances")
    instance = account["Instances"][0]["InstanceId"]
    for way in (("internet", "alb/alb", 80), ("internet", instance, 22)):
        assert reach(account, *way).decision == "allow"
        said = reach(blind, *way)
        assert said.decision == "unknown" and "denied" in said.because[0]
    assert reach(blind, "internet", "service/hdm", 22).decision == "allow", "its tasks run, so its instances do"
    frame = matrix(blind).to_frame().set_index(["source", "destination", "port"]).decision
    assert frame["internet", "alb/alb", 80] == "unknown" and frame["internet", "service/hdm", 22] == "allow"


def test_what_is_sure_without_a_denied_answer_stays_sure(account: Account) -> None:
    said = reach(without(account, "NetworkAcls"), "internet", "service/sites-management-api", 8002)
    assert said.decision == "deny"
    assert reach(without(account, "Listeners"), "service/hdm", "cache/redis", 6379).decision == "allow"


@pytest.mark.parametrize("end", ["service/nobody", "alb/nobody", "nobody", "i-nobody", "eni-nobody", "10.0.0.0/40", ""])
def test_an_end_that_is_not_there_is_a_usage_error_that_says_what_is(account: Account, end: str) -> None:
    with pytest.raises(UsageError) as error:
        reach(account, "internet", end, 80)
    if not end.startswith(("i-", "eni-")):
        assert "service/cameras-api, service/client-web-ui" in str(error.value)


def test_a_name_that_stands_for_two_is_asked_back(account: Account) -> None:
    (redis,) = account["CacheClusters"]
    both = [redis, redis | {"CacheClusterId": "other-redis"}]
    twins = replace(account, answers={**account.answers, "CacheClusters": both})
    with pytest.raises(UsageError, match="cache/redis may be cache/other-redis and cache/seccom-redis"):
        reach(twins, "service/hdm", "cache/redis", 6379)


def test_a_service_that_runs_in_two_clusters_is_told_by_both(account: Account) -> None:
    first, second = (raw["clusterArn"] for raw in account["clusters"][:2])
    service = next(raw for raw in account["services"] if raw["clusterArn"] == first)
    moved = [*account["services"], service | {"clusterArn": second}]
    names = {
        place.name
        for place in EndpointCatalog.of(replace(account, answers={**account.answers, "services": moved})).endpoints
    }
    clusters = [raw["clusterName"] for raw in account["clusters"][:2]]
    assert {f"{cluster}/{service['serviceName']}" for cluster in clusters} <= names


def test_without_a_deployment_names_are_told_as_they_are(account: Account) -> None:
    untagged = account
    for key in ("SecurityGroups", "Vpcs"):
        untagged = changed(untagged, key, lambda raw: raw | {"Tags": []})
    places = EndpointCatalog.of(untagged)
    assert {places.title(place) for place in places.endpoints if place.kind == "cache"} == {"cache/seccom-redis"}


# All at once


def test_the_matrix_says_what_reach_between_says(account: Account) -> None:
    frame = matrix(account).to_frame()
    assert [*frame.columns] == ["source", "destination", "port", "protocol", "decision"]
    assert len(frame) > 150
    for row in frame.sample(80, random_state=0).itertuples():
        said = reach(account, str(row.source), str(row.destination), row.port, row.protocol)
        assert row.decision == said.decision, (row, said)


def test_the_matrix_asks_about_ports_that_are_listened_on_or_opened(account: Account) -> None:
    frame = matrix(account).to_frame()
    ports = frame.groupby("destination", observed=True).port.unique().map(sorted).to_dict()
    assert ports["service/sites-management-api"] == [22, 80, 8002]
    assert ports["alb/alb"] == [80] and ports["db/database"] == [5432]
    assert ports["cache/redis"] == [22, 5671, 6379] and ports["broker/broker"] == [443, 5671]


def test_the_readable_matrix_has_a_row_for_each_destination_and_port_and_no_ids(account: Account) -> None:
    wide = matrix(account).pivot()
    assert wide.loc[("service/sites-management-api", "tcp 8002"), "alb/alb"] == "allow"
    assert wide.loc[("service/sites-management-api", "tcp 8002"), "service/cameras-api"] == ""
    assert [*wide.columns][:2] == ["internet", "service/cameras-api"]


def test_the_matrix_in_lines_names_who_reaches_a_port(account: Account) -> None:
    (line,) = [line for line in matrix(account).by_port() if line["destination"] == "db/database"]
    assert line == {
        "destination": "db/database",
        "port": "tcp 5432",
        "reached from": "service/sites-management-api",
        "unknown": "",
    }


def test_two_matrices_differ_by_what_a_rule_opened(account: Account) -> None:
    before = matrix(account)
    opened = {"IpProtocol": "tcp", "FromPort": 8002, "ToPort": 8002}
    pair = {"UserIdGroupPairs": [{"GroupId": group_of(account, "CamerasAPI-sg")}]}
    mended = changed(
        account,
        "SecurityGroups",
        lambda raw: (
            raw | {"IpPermissions": [*raw["IpPermissions"], opened | pair]}
            if raw["GroupName"] == "seccom-SitesManagementAPI-sg"
            else raw
        ),
    )
    (row,) = compare_matrices(before, matrix(mended)).to_dict("records")
    way = {"source": "service/cameras-api", "destination": "service/sites-management-api"}
    assert row == way | {"port": 8002, "protocol": "tcp", "before": "deny", "after": "allow"}
    closed = changed(mended, "SecurityGroups", lambda raw: raw | {"IpPermissions": []})
    gone = compare_matrices(before, matrix(closed))
    assert set(gone[gone.port == 22].after) == {""} and compare_matrices(before, before).empty


def test_a_matrix_of_an_account_without_places_is_empty(cloud: Cloud) -> None:
    empty = matrix(snapshot(cloud, *KEYS))
    frame = empty.to_frame()
    assert frame.empty and [*frame.columns] == ["source", "destination", "port", "protocol", "decision"]
    assert empty.pivot().empty and empty.by_port() == []


def test_a_matrix_says_which_kind_is_not_known(account: Account) -> None:
    missing = matrix(without(account, "DBInstances")).missing
    assert [*missing] == ["db"] and "denied" in missing["db"]


# The command line


def test_the_commands_say_it_in_words_and_in_json(deployed: Cloud, tmp_path: Path) -> None:
    esaws = Shell(deployed, tmp_path)
    way = ("service/cameras-api", "service/sites-management-api", "8002")
    told = esaws("reach", *way)
    assert told.startswith("deny\n") and "aws ec2 authorize-security-group-ingress --group-id sg-" in told
    answer = esaws.json("reach", *way)
    assert [*answer] == ["decision", "because", "fix"] and answer["decision"] == "deny"
    rows = esaws.json("matrix")
    assert {"source", "destination", "port", "protocol", "decision"} == set(rows[0])
