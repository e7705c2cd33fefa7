"""Status, security audit and unused resources: of answers as JSON, and of a deployment."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.inspect.account import Account
from esaws.inspect.account_status import status
from esaws.inspect.activity import activity
from esaws.inspect.security import security_audit
from esaws.inspect.unused import orphaned_snapshots, priced, unused_by_activity, unused_by_description, unused_resources
from esaws.inspect.who_reaches import who_reaches_what
from esaws.pricelist import bundled

Raw = dict[str, Any]
LB = "arn:aws:elasticloadbalancing:eu-west-3:1:loadbalancer/app/web/1"
CASE = json.loads((Path(__file__).parent / "cases" / "nlb.json").read_text())


def account(**keys: Any) -> Account:
    return Account("1", "eu-west-3", keys)


# -- status

SERVICE = {"serviceName": "web", "status": "ACTIVE", "desiredCount": 2, "runningCount": 2}
GROUP = {"AutoScalingGroupName": "web", "DesiredCapacity": 1, "Instances": []}
IN_SERVICE = {"LifecycleState": "InService", "HealthStatus": "Healthy"}
BALANCER = {"LoadBalancerName": "web", "LoadBalancerArn": LB, "State": {"Code": "active"}}
OF_BALANCER = {"TargetGroups": [{"TargetGroupArn": "tg", "LoadBalancerArns": [LB]}]}

STATUSES: dict[str, tuple[Raw, str]] = {
    "a service that runs all its tasks": ({"services": [SERVICE]}, "ok"),
    "a service short of tasks": ({"services": [{**SERVICE, "runningCount": 1}]}, "bad"),
    "a service whose tasks start": ({"services": [{**SERVICE, "runningCount": 1, "pendingCount": 1}]}, "changing"),
    "a service scaled to 0": ({"services": [{**SERVICE, "desiredCount": 0, "runningCount": 0}]}, "off"),
    "a failed deployment": ({"services": [{**SERVICE, "deployments": [{"rolloutState": "FAILED"}]}]}, "bad"),
    "a deleted service": ({"services": [{**SERVICE, "status": "INACTIVE", "runningCount": 0}]}, "ok"),
    "a group with its instance": ({"AutoScalingGroups": [{**GROUP, "Instances": [IN_SERVICE]}]}, "ok"),
    "a group without its instance": ({"AutoScalingGroups": [GROUP]}, "bad"),
    "a group at 0": ({"AutoScalingGroups": [{**GROUP, "DesiredCapacity": 0}]}, "off"),
    "a stopped database": ({"DBInstances": [{"DBInstanceIdentifier": "d", "DBInstanceStatus": "stopped"}]}, "off"),
    "a broken database": ({"DBInstances": [{"DBInstanceIdentifier": "d", "DBInstanceStatus": "storage-full"}]}, "bad"),
    "a cache being made": ({"CacheClusters": [{"CacheClusterId": "c", "CacheClusterStatus": "creating"}]}, "changing"),
    "a running broker": ({"Brokers": [{"BrokerName": "b", "BrokerState": "RUNNING"}]}, "ok"),
    "an instance alone": ({"Instances": [{"InstanceId": "i", "State": {"Name": "running"}}]}, "ok"),
    "a stopped instance alone": ({"Instances": [{"InstanceId": "i", "State": {"Name": "stopped"}}]}, "off"),
    "an alarm": ({"MetricAlarms": [{"AlarmName": "a", "StateValue": "ALARM"}]}, "bad"),
    "an alarm of scaling": ({"MetricAlarms": [{"AlarmName": "TargetTracking-a", "StateValue": "ALARM"}]}, "ok"),
    "no described targets": ({"LoadBalancers": [BALANCER]}, "unknown"),
    "an unhealthy target": (
        {**OF_BALANCER, "LoadBalancers": [BALANCER], "TargetHealth": [
            {"TargetGroupArn": "tg", "TargetHealth": {"State": state}} for state in ("healthy", "unhealthy")]},
        "bad",
    ),
    "a target out of use": (
        {**OF_BALANCER, "LoadBalancers": [BALANCER], "TargetHealth": [
            {"TargetGroupArn": "tg", "TargetHealth": {"State": state}} for state in ("healthy", "unused")]},
        "bad",
    ),
    "a load balancer without targets": ({**OF_BALANCER, "LoadBalancers": [BALANCER], "TargetHealth": []}, "off"),
}  # fmt: skip


@pytest.mark.parametrize("what", STATUSES)
def test_the_verdict_of(what: str) -> None:
    keys, verdict = STATUSES[what]
    assert status(account(**keys)).verdict == verdict


def test_what_was_not_described_is_unknown_and_the_worst_comes_first() -> None:
    found = status(
        Account("1", "eu-west-3", {"services": [SERVICE, {**SERVICE, "runningCount": 1}]}, {"Brokers": "denied"})
    )
    assert [line.verdict for line in found] == ["bad", "unknown", "ok"]
    assert found.title == "bad: 1 bad, 1 unknown, 1 ok"
    assert status(account()).title.startswith("there is nothing in this region")


# -- what costs and is not used

WEEK_AGO = datetime(2026, 3, 1, tzinfo=UTC)
UNUSED: dict[str, tuple[Raw, list[tuple[str, str]]]] = {
    "a free address": ({"Addresses": [{"PublicIp": "198.51.100.7", "AllocationId": "e-1"}]}, [("idle address", "yes")]),
    "an address in use": ({"Addresses": [{"PublicIp": "198.51.100.7", "AssociationId": "a"}]}, []),
    "a free volume": ({"Volumes": [{"VolumeId": "v", "State": "available", "Size": 8}]}, [("volume", "yes")]),
    "a volume in use": ({"Volumes": [{"VolumeId": "v", "State": "in-use", "Size": 8, "Attachments": [{}]}]}, []),
    "a stopped instance": (
        {"Instances": [{"InstanceId": "i", "State": {"Name": "stopped"}}]},
        [("instance", "perhaps")],
    ),
    "no listener": ({"LoadBalancers": [BALANCER], "Listeners": []}, [("load balancer", "yes")]),
    "no described listener": ({"LoadBalancers": [BALANCER]}, []),
    "no target": (
        {**OF_BALANCER, "LoadBalancers": [BALANCER], "Listeners": [{"LoadBalancerArn": LB}], "TargetHealth": []},
        [("load balancer", "yes")],
    ),
    "a gateway without a route": (
        {"NatGateways": [{"NatGatewayId": "n", "State": "available"}], "RouteTables": []},
        [("NAT gateway", "yes")],
    ),
    "a gateway with a route": (
        {"NatGateways": [{"NatGatewayId": "n", "State": "available"}],
         "RouteTables": [{"Routes": [{"NatGatewayId": "n"}]}]},
        [],
    ),
    "a gateway whose routes are unknown": ({"NatGateways": [{"NatGatewayId": "n", "State": "available"}]}, []),
}  # fmt: skip


@pytest.mark.parametrize("what", UNUSED)
def test_what_its_description_says_of(what: str) -> None:
    keys, expected = UNUSED[what]
    assert [(item.kind, item.sure) for item in unused_by_description(account(**keys))] == expected


def test_use_counts_only_where_there_is_data_and_not_for_instances_that_a_group_manages() -> None:
    instances = [{"InstanceId": id, "State": {"Name": "running"}} for id in ("i-1", "i-2", "i-3")]
    groups = [{"Instances": [{"InstanceId": "i-3"}]}]
    databases = [{"DBInstanceIdentifier": name} for name in ("idle", "used", "unknown")]
    known = account(Instances=instances, AutoScalingGroups=groups, DBInstances=databases)
    use = {("instance", "i-1"): 1.5, ("instance", "i-2"): 40.0, ("instance", "i-3"): 0.1}
    use |= {("database", "idle"): 0.0, ("database", "used"): 3.0, ("database", "unknown"): None}
    assert [item.id for item in unused_by_activity(known, use, 7)] == ["idle", "i-1"]


def test_snapshots_of_volumes_that_exist_are_kept_and_unknown_volumes_say_nothing() -> None:
    snapshots = [{"SnapshotId": "s-1", "VolumeId": "v-1"}, {"SnapshotId": "s-2", "VolumeId": "v-2", "VolumeSize": 8}]
    known = account(Volumes=[{"VolumeId": "v-1"}], DBInstances=[])
    database = {"DBSnapshotIdentifier": "d", "DBInstanceIdentifier": "gone", "AllocatedStorage": 20}
    assert [item.id for item in orphaned_snapshots(known, snapshots, [database])] == ["s-2", "d"]
    assert not [*orphaned_snapshots(account(), snapshots, [database])]


def test_an_unknown_price_is_no_price_of_0() -> None:
    address = {"PublicIp": "198.51.100.7", "AllocationId": "e-1"}
    known = account(Addresses=[address], Volumes=[], Instances=[])
    (item,) = priced(unused_by_description(known), known, bundled())
    assert float(item.usd_month or 0) == pytest.approx(0.005 * 730)
    elsewhere = Account("1", "xx-none-9", known.descriptions)
    assert [item.usd_month for item in priced(unused_by_description(elsewhere), elsewhere, bundled())] == [None]


# -- security


def public(**changes: Any) -> Account:
    raw = copy.deepcopy(CASE)
    empty = ("clusters", "services", "tasks", "taskDefinitions", "containerInstances", "DBInstances", "CacheClusters")
    empty += ("CacheSubnetGroups", "Brokers", "PrefixLists", "Rules")
    return Account("1", "us-east-2", {**{key: [] for key in empty}, **raw, **changes})


def test_instances_without_a_token_are_found_together_and_those_with_one_are_not() -> None:
    def codes(tokens: str, endpoint: str = "enabled") -> list[str]:
        raw = copy.deepcopy(CASE["Instances"])
        for item in raw:
            item["MetadataOptions"] = {"HttpTokens": tokens, "HttpEndpoint": endpoint}
        return [item.code for item in security_audit(public(Instances=raw)).findings if item.code.startswith("META")]

    assert codes("optional") == ["METADATA_WITHOUT_TOKEN"]
    assert codes("required") == codes("optional", "disabled") == []


def test_an_audit_without_interfaces_says_what_it_did_not_look_at() -> None:
    raw = public().descriptions
    hidden = Account(
        "1", "us-east-2", {k: v for k, v in raw.items() if k != "NetworkInterfaces"}, {"NetworkInterfaces": "denied"}
    )
    audit = security_audit(hidden)
    assert audit.exposed == () and any("NetworkInterfaces" in gap for gap in audit.not_looked_at)
    assert "things were not looked at" in audit.verdict


# -- on a deployment


@pytest.fixture(scope="module")
def system(load_system: Callable[[str], Cloud]) -> Cloud:
    cloud = load_system("two-services")
    simulation.advance(cloud, "25h")
    return cloud


def test_a_deployment_is_looked_at_as_a_whole(system: Cloud) -> None:
    found = status(system)
    assert found.verdict == "ok" and found.cost is not None
    assert {"load balancer", "service", "Auto Scaling group", "broker"} == {line.what for line in found}

    audit = security_audit(system)
    assert {"OPEN_ADMIN_PORT", "PUBLIC_WITHOUT_TLS", "PUBLIC_STORE"} <= {item.code for item in audit.findings}
    assert ("alb/alb", 80, "allow", False) in [(x.destination, x.port, x.decision, x.encrypted) for x in audit.exposed]
    assert not audit.not_looked_at, audit.not_looked_at
    assert audit.at_least("high") == audit.of_severity("critical") + audit.of_severity("high")


def test_a_port_that_only_a_range_opens_has_its_sources_too(system: Cloud) -> None:
    ec2 = system.client("ec2")
    groups = {raw["GroupName"]: raw["GroupId"] for raw in ec2.describe_security_groups()["SecurityGroups"]}
    permission = {"IpProtocol": "tcp", "FromPort": 9000, "ToPort": 9100, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=groups["seccom-ClientWeb-sg"], IpPermissions=[permission])
    found = who_reaches_what(system, "service/client-web-ui", 9050)
    assert {"internet", "service/intrusion-management-api", "alb/alb"} <= {*found.to_frame().source}
    assert who_reaches_what(system, "service/client-web-ui", 8999).to_frame().empty
    assert found.verdict.startswith("who reaches service/client-web-ui on tcp 9050? ") and found._repr_html_()
    exact = who_reaches_what(system, "service/client-web-ui", 9050, start="internet")
    assert exact.answer is not None and exact.answer.decision == "allow"
    ec2.revoke_security_group_ingress(GroupId=groups["seccom-ClientWeb-sg"], IpPermissions=[permission])


def test_what_is_not_used_is_found_with_its_price(system: Cloud) -> None:
    ec2 = system.client("ec2")
    ec2.allocate_address(Domain="vpc")
    zone = ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
    volume = ec2.create_volume(AvailabilityZone=zone, Size=100, VolumeType="gp2")["VolumeId"]
    ec2.create_snapshot(VolumeId=ec2.create_volume(AvailabilityZone=zone, Size=9)["VolumeId"])
    ec2.delete_volume(VolumeId=next(raw["VolumeId"] for raw in ec2.describe_volumes()["Volumes"] if raw["Size"] == 9))
    found = unused_resources(system, days=1)
    kinds = {item.kind: item for item in found}
    assert {"idle address", "volume", "load balancer", "snapshot"} == {*kinds}, found
    assert kinds["volume"].id == volume and kinds["load balancer"].sure == "perhaps"
    assert kinds["snapshot"].usd_month is None and "1 of them without a known price" in found.verdict
    assert found.usd_month == sum(item.usd_month for item in found if item.usd_month)
    assert json.dumps(found.to_dict()) and found._repr_html_() and not found.not_looked_at


def test_load_balancers_of_other_types_are_looked_at_or_named(system: Cloud) -> None:
    elb, ec2 = system.client("elb"), system.client("ec2")
    own = [{"Name": "tag:esaws:deployment", "Values": [system.deployment]}]
    public = [raw for raw in ec2.describe_subnets(Filters=own)["Subnets"] if raw["MapPublicIpOnLaunch"]]
    listeners = [{"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": 80}]
    elb.create_load_balancer(LoadBalancerName="old", Listeners=listeners, Subnets=[public[0]["SubnetId"]])
    elbv2 = system.client("elbv2")
    nlb = elbv2.create_load_balancer(Name="nlb", Type="network", Subnets=[public[0]["SubnetId"]])["LoadBalancers"][0]
    group = elbv2.create_target_group(Name="tcp", Protocol="TCP", Port=9000, VpcId=nlb["VpcId"])["TargetGroups"][0]
    forward = [{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}]
    elbv2.create_listener(LoadBalancerArn=nlb["LoadBalancerArn"], Protocol="TCP", Port=9000, DefaultActions=forward)
    elbv2.get_waiter("load_balancer_available").wait(LoadBalancerArns=[nlb["LoadBalancerArn"]])

    audit = security_audit(system)
    assert ("nlb/nlb", 9000, "allow") in [(item.destination, item.port, item.decision) for item in audit.exposed]
    assert "the Classic Load Balancer old, which listens on 80" in str(audit.not_looked_at)
    assert {("classic load balancer", "old", "off"), ("load balancer", "nlb", "off")} <= {
        (line.what, line.name, line.verdict) for line in status(system)
    }
    unused = {(item.kind, item.name): item.why for item in unused_resources(system)}
    assert unused["classic load balancer", "old"] == "it has no instance"
    assert unused["load balancer", "nlb"] == "none of its target groups has a target"
    elb.delete_load_balancer(LoadBalancerName="old")
    elbv2.delete_load_balancer(LoadBalancerArn=nlb["LoadBalancerArn"])


def test_what_is_younger_than_the_days_is_not_judged_by_its_use(system: Cloud) -> None:
    assert "load balancer" not in {item.kind for item in unused_resources(system, days=2)}


def test_a_load_balancer_without_data_had_no_request_and_a_database_without_data_is_unknown(system: Cloud) -> None:
    now = simulation.now(system)
    old = now - timedelta(days=30)
    balancer = {**BALANCER, "CreatedTime": old}
    database = {"DBInstanceIdentifier": "nothing", "InstanceCreateTime": old}
    use = activity(system, account(LoadBalancers=[balancer], DBInstances=[database]), now, 7)
    assert use == {("load balancer", LB): 0.0, ("database", "nothing"): None}
