"""Databases, caches, brokers, load balancers and NAT gateways take their time, on the clock or really."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local.cases_errors_network import Net
from tests.local.cases_errors_stores import BROKER, cache, database, refused
from tests.local.cases_interfaces import described
from tests.local.cases_provisioning import new_database
from tests.local.conftest import Account, Program
from tests.local.timing import advance, control, events

NAMED = {"DBInstanceIdentifier": "new"}


def log(account: Any) -> list[str]:
    return [f"{event['subject']}: {event['what']}" for event in events(account)]


def waited(waiter: Any, **named: Any) -> float:
    """The real seconds that a waiter of boto3 takes, with its usual delays."""
    began = time.perf_counter()
    waiter.wait(**named)
    return time.perf_counter() - began


def test_the_log_says_what_came_and_went_and_after_how_long(account: Account) -> None:
    new_database(account)
    advance(account, "6m")
    account.client("rds").delete_db_instance(**NAMED, SkipFinalSnapshot=True)
    advance(account, "5m")
    account.client("mq").create_broker(**BROKER)
    advance(account, "12m")
    assert log(account) == [
        "new: database available after 6 minutes",
        "new: database deleted after 5 minutes",
        f"{BROKER['BrokerName']}: broker running after 12 minutes",
    ]


@pytest.mark.parametrize("steps", [["11m"], ["1m"] * 11])
def test_the_end_is_the_same_in_one_jump_and_in_many(account: Account, steps: list[str]) -> None:
    new_database(account)
    account.client("elasticache").create_cache_cluster(
        CacheClusterId="c", Engine="redis", CacheNodeType="cache.t3.micro", NumCacheNodes=1
    )
    for step in steps:
        advance(account, step)
    assert log(account) == ["c: cache available after 5 minutes", "new: database available after 6 minutes"]


def test_the_waiters_for_databases_cost_no_real_time(account: Account) -> None:
    rds = account.client("rds")
    new_database(account)
    assert waited(rds.get_waiter("db_instance_available"), **NAMED) < 2
    rds.delete_db_instance(**NAMED, SkipFinalSnapshot=True)
    assert waited(rds.get_waiter("db_instance_deleted"), **NAMED) < 2


def test_the_waiters_for_caches_cost_no_real_time(account: Account) -> None:
    elasticache, named = cache(account), {"CacheClusterId": "redis"}
    assert waited(elasticache.get_waiter("cache_cluster_available"), **named) < 2
    elasticache.delete_cache_cluster(**named)
    assert waited(elasticache.get_waiter("cache_cluster_deleted"), **named) < 2


def test_the_waiters_for_networks_cost_no_real_time(account: Account) -> None:
    net = Net(account)
    balancer, (nat, _) = net.balancer(), net.nat()
    assert waited(net.elbv2.get_waiter("load_balancer_available"), LoadBalancerArns=[balancer]) < 2
    assert waited(net.ec2.get_waiter("nat_gateway_available"), NatGatewayIds=[nat]) < 2
    net.ec2.delete_nat_gateway(NatGatewayId=nat)
    assert waited(net.ec2.get_waiter("nat_gateway_deleted"), NatGatewayIds=[nat]) < 2


def test_a_broker_that_is_asked_for_again_is_not_created_anew(account: Account) -> None:
    mq, asked = account.client("mq"), {**BROKER, "CreatorRequestId": "once"}
    first = mq.create_broker(**asked)["BrokerId"]
    assert mq.describe_broker(BrokerId=first)["BrokerState"] == "RUNNING"
    assert mq.create_broker(**asked)["BrokerId"] == first
    assert refused(mq.reboot_broker, BrokerId=first) == "accepted"


def test_a_change_that_waits_for_the_window_begins_nothing(account: Account) -> None:
    rds = database(account)
    changed = rds.modify_db_instance(DBInstanceIdentifier="db", BackupRetentionPeriod=3)["DBInstance"]
    assert changed["DBInstanceStatus"] == "available"


def test_a_replica_goes_without_its_source(account: Account) -> None:
    rds = database(account)
    rds.create_db_instance_read_replica(DBInstanceIdentifier="copy", SourceDBInstanceIdentifier="db")
    rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier="copy")
    rds.delete_db_instance(DBInstanceIdentifier="copy", SkipFinalSnapshot=True)
    rds.get_waiter("db_instance_deleted").wait(DBInstanceIdentifier="copy")
    assert [each["DBInstanceIdentifier"] for each in rds.describe_db_instances()["DBInstances"]] == ["db"]


def test_the_interfaces_of_a_load_balancer_outlive_it_by_a_minute_and_a_half(account: Account) -> None:
    net = Net(account)
    net.elbv2.delete_load_balancer(LoadBalancerArn=net.balancer())
    assert net.delete_group() == "DependencyViolation"
    advance(account, "2m")
    assert net.delete_group() is None


def test_the_interfaces_of_a_load_balancer_are_gone_when_somebody_has_looked_twice(account: Account) -> None:
    net = Net(account)
    net.elbv2.delete_load_balancer(LoadBalancerArn=net.balancer())
    assert [len(described(net, "ELB")) for _ in range(3)] == [2, 2, 0]


def test_an_operation_of_cloud_map_is_pending_until_somebody_asks(account: Account) -> None:
    discovery = account.client("servicediscovery")
    operation = discovery.create_http_namespace(Name="n")["OperationId"]
    assert discovery.get_operation(OperationId=operation)["Operation"]["Status"] == "SUCCESS"
    assert log(account) == []


@pytest.fixture
def hurried(tmp_path: Path) -> Iterator[Account]:
    """An account of a server where provisioning really takes a hundredth of AWS's time."""
    program = Program(tmp_path / "hurried")
    yield Account(program.json("start", "--provisioning", "0.01")["url"], "300000000000")
    program.run("stop")


def test_what_is_provisioned_really_is_seen_on_its_way(hurried: Account) -> None:
    rds = hurried.client("rds")

    def state() -> tuple[str, bool]:
        (shown,) = rds.describe_db_instances(**NAMED)["DBInstances"]
        return shown["DBInstanceStatus"], "Endpoint" in shown

    began = time.perf_counter()
    new_database(hurried)
    assert state() == ("creating", False)
    while state() == ("creating", False):
        time.sleep(0.1)
    assert 3.5 < time.perf_counter() - began < 10
    assert state() == ("available", True)
    rds.delete_db_instance(**NAMED, SkipFinalSnapshot=True)
    assert state() == ("deleting", True)
    advance(hurried, "3s")
    assert refused(rds.describe_db_instances, **NAMED) == "DBInstanceNotFound"


def test_a_broker_that_is_created_really_has_no_endpoint_yet(hurried: Account) -> None:
    mq = hurried.client("mq")
    named = {"BrokerId": mq.create_broker(**BROKER)["BrokerId"]}
    shown = mq.describe_broker(**named)
    assert (shown["BrokerState"], "BrokerInstances" in shown) == ("CREATION_IN_PROGRESS", False)
    advance(hurried, "8s")
    shown = mq.describe_broker(**named)
    assert (shown["BrokerState"], "BrokerInstances" in shown) == ("RUNNING", True)
    assert control(hurried, "GET", "events")["events"][-1]["what"] == "broker running after 7.2 seconds"
