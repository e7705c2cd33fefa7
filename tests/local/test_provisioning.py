"""Provisioning of databases, caches, brokers, load balancers and NAT gateways, in simulated and in real time."""

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

NEW_DATABASE = {"DBInstanceIdentifier": "new"}


def log(account: Any) -> list[str]:
    return [f"{event['subject']}: {event['what']}" for event in events(account)]


def wait_seconds(waiter: Any, **parameters: Any) -> float:
    """The real seconds that a waiter of boto3 takes, with its default delays."""
    began = time.perf_counter()
    waiter.wait(**parameters)
    return time.perf_counter() - began


def test_the_event_log_has_each_end_of_provisioning_with_its_duration(account: Account) -> None:
    new_database(account)
    advance(account, "6m")
    account.client("rds").delete_db_instance(**NEW_DATABASE, SkipFinalSnapshot=True)
    advance(account, "5m")
    account.client("mq").create_broker(**BROKER)
    advance(account, "12m")
    assert log(account) == [
        "new: database available after 6 minutes",
        "new: database deleted after 5 minutes",
        f"{BROKER['BrokerName']}: broker running after 12 minutes",
    ]


@pytest.mark.parametrize("steps", [["11m"], ["1m"] * 11])
def test_the_result_is_the_same_in_one_jump_and_in_many(account: Account, steps: list[str]) -> None:
    new_database(account)
    account.client("elasticache").create_cache_cluster(
        CacheClusterId="c", Engine="redis", CacheNodeType="cache.t3.micro", NumCacheNodes=1
    )
    for step in steps:
        advance(account, step)
    assert log(account) == ["c: cache available after 5 minutes", "new: database available after 6 minutes"]


def test_waiters_for_databases_take_no_real_time(account: Account) -> None:
    rds = account.client("rds")
    new_database(account)
    assert wait_seconds(rds.get_waiter("db_instance_available"), **NEW_DATABASE) < 2
    rds.delete_db_instance(**NEW_DATABASE, SkipFinalSnapshot=True)
    assert wait_seconds(rds.get_waiter("db_instance_deleted"), **NEW_DATABASE) < 2


def test_waiters_for_caches_take_no_real_time(account: Account) -> None:
    elasticache, named = cache(account), {"CacheClusterId": "redis"}
    assert wait_seconds(elasticache.get_waiter("cache_cluster_available"), **named) < 2
    elasticache.delete_cache_cluster(**named)
    assert wait_seconds(elasticache.get_waiter("cache_cluster_deleted"), **named) < 2


def test_waiters_for_networks_take_no_real_time(account: Account) -> None:
    net = Net(account)
    balancer, (nat, _) = net.balancer(), net.nat()
    assert wait_seconds(net.elbv2.get_waiter("load_balancer_available"), LoadBalancerArns=[balancer]) < 2
    assert wait_seconds(net.ec2.get_waiter("nat_gateway_available"), NatGatewayIds=[nat]) < 2
    net.ec2.delete_nat_gateway(NatGatewayId=nat)
    assert wait_seconds(net.ec2.get_waiter("nat_gateway_deleted"), NatGatewayIds=[nat]) < 2


def test_a_repeated_request_creates_no_second_broker(account: Account) -> None:
    mq, parameters = account.client("mq"), {**BROKER, "CreatorRequestId": "once"}
    first = mq.create_broker(**parameters)["BrokerId"]
    assert mq.describe_broker(BrokerId=first)["BrokerState"] == "RUNNING"
    assert mq.create_broker(**parameters)["BrokerId"] == first
    assert refused(mq.reboot_broker, BrokerId=first) == "accepted"


def test_a_change_in_the_maintenance_window_does_not_start_at_once(account: Account) -> None:
    rds = database(account)
    changed = rds.modify_db_instance(DBInstanceIdentifier="db", BackupRetentionPeriod=3)["DBInstance"]
    assert changed["DBInstanceStatus"] == "available"


def test_a_replica_can_be_deleted_without_its_source(account: Account) -> None:
    rds = database(account)
    rds.create_db_instance_read_replica(DBInstanceIdentifier="copy", SourceDBInstanceIdentifier="db")
    rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier="copy")
    rds.delete_db_instance(DBInstanceIdentifier="copy", SkipFinalSnapshot=True)
    rds.get_waiter("db_instance_deleted").wait(DBInstanceIdentifier="copy")
    assert [database["DBInstanceIdentifier"] for database in rds.describe_db_instances()["DBInstances"]] == ["db"]


def test_interfaces_outlive_their_load_balancer_by_90_seconds(account: Account) -> None:
    net = Net(account)
    net.elbv2.delete_load_balancer(LoadBalancerArn=net.balancer())
    assert net.delete_group() == "DependencyViolation"
    advance(account, "2m")
    assert net.delete_group() is None


def test_interfaces_of_a_deleted_load_balancer_are_gone_after_two_describe_calls(account: Account) -> None:
    net = Net(account)
    net.elbv2.delete_load_balancer(LoadBalancerArn=net.balancer())
    assert [len(described(net, "ELB")) for _ in range(3)] == [2, 2, 0]


def test_getting_a_cloud_map_operation_waits_for_its_end(account: Account) -> None:
    discovery = account.client("servicediscovery")
    operation = discovery.create_http_namespace(Name="n")["OperationId"]
    assert discovery.get_operation(OperationId=operation)["Operation"]["Status"] == "SUCCESS"
    assert log(account) == []


@pytest.fixture
def real_time_account(tmp_path: Path) -> Iterator[Account]:
    """An account of a server where provisioning really takes a hundredth of AWS's time."""
    program = Program(tmp_path / "real-time")
    yield Account(program.json("start", "--provisioning", "0.01")["url"], "300000000000")
    program.run("stop")


def test_a_database_is_visible_while_it_is_created_in_real_time(real_time_account: Account) -> None:
    rds = real_time_account.client("rds")

    def state() -> tuple[str, bool]:
        (database,) = rds.describe_db_instances(**NEW_DATABASE)["DBInstances"]
        return database["DBInstanceStatus"], "Endpoint" in database

    began = time.perf_counter()
    new_database(real_time_account)
    assert state() == ("creating", False)
    while state() == ("creating", False):
        time.sleep(0.1)
    assert 3.5 < time.perf_counter() - began < 10
    assert state() == ("available", True)
    rds.delete_db_instance(**NEW_DATABASE, SkipFinalSnapshot=True)
    assert state() == ("deleting", True)
    advance(real_time_account, "3s")
    assert refused(rds.describe_db_instances, **NEW_DATABASE) == "DBInstanceNotFound"


def test_a_broker_has_no_endpoint_while_it_is_created_in_real_time(real_time_account: Account) -> None:
    mq = real_time_account.client("mq")
    broker = {"BrokerId": mq.create_broker(**BROKER)["BrokerId"]}
    description = mq.describe_broker(**broker)
    assert (description["BrokerState"], "BrokerInstances" in description) == ("CREATION_IN_PROGRESS", False)
    advance(real_time_account, "8s")
    description = mq.describe_broker(**broker)
    assert (description["BrokerState"], "BrokerInstances" in description) == ("RUNNING", True)
    assert control(real_time_account, "GET", "events")["events"][-1]["what"] == "broker running after 7.2 seconds"
