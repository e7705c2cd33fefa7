"""Meters of EC2 and load balancers: instances, volumes, addresses and NAT gateways, by the second or by the hour."""

import os
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.local.billing import reset
from tests.local.conftest import Account
from tests.local.timing import advance, control, now

T2_MICRO, GP2 = "EUW3-BoxUsage:t2.micro", "EUW3-EBS:VolumeUsage.gp2"
ADDRESS = "EUW3-PublicIPv4:InUseAddress"
JANUARY = 31 * 24
SOAK = os.environ.get("SOAK") == "1"


@pytest.fixture
def january(billing_server: str) -> Account:
    """A new account on 1 January 2026, alone on its server."""
    return reset(billing_server)


def launched(account: Any, count: int = 1, gigabytes: int = 30, **more: Any) -> list[str]:
    """The ids of new instances of t2.micro."""
    ec2 = account.client("ec2")
    disk = [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": gigabytes, "VolumeType": "gp2"}}]
    params = {"ImageId": "ami-760aaa0f", "InstanceType": "t2.micro", "BlockDeviceMappings": disk, **more}
    made = ec2.run_instances(MinCount=count, MaxCount=count, **params)["Instances"]
    return [each["InstanceId"] for each in made]


def lines(account: Any) -> dict[str, dict[str, Any]]:
    """Usage type → its line of this month."""
    return {line["usage_type"]: line for line in control(account, "GET", "cost")["lines"]}


def quantity(account: Any, usage_type: str) -> float:
    return float(lines(account).get(usage_type, {"quantity": 0})["quantity"])


@pytest.mark.parametrize("hours", [365, 730])
def test_twelve_instances_cost_their_hours_without_the_free_ones(january: Account, hours: int) -> None:
    launched(january, 12)
    advance(january, f"{hours}h")
    costs = lines(january)
    volumes = (Decimal(360 * hours) / JANUARY - 30) * Decimal("0.116")
    assert float(costs[T2_MICRO]["free"]) == 750
    assert float(costs[GP2]["free"]) == pytest.approx(30, abs=1e-5)
    assert f"{float(costs[T2_MICRO]['usd']):.2f}" == f"{(12 * hours - 750) * Decimal('0.0132'):.2f}"
    assert f"{float(costs[GP2]['usd']):.2f}" == f"{volumes:.2f}"


def test_the_free_hours_of_twelve_instances_last_62_and_a_half_hours(january: Account) -> None:
    launched(january, 12)
    advance(january, "62h29m")
    before = control(january, "GET", "cost")
    assert float(before["month"]["usd"]) < 0.03, "the allowance of EBS ends ten minutes earlier"
    (hours,) = (each for each in before["free_tier"] if each["allowance"] == "AmazonEC2 Hrs")
    assert float(hours["gone_in_hours"]) == 0.0
    advance(january, "1m")
    used = lines(january)[T2_MICRO]
    assert float(used["free"]) == 750
    assert float(used["usd"]) == pytest.approx(0, abs=0.001)
    advance(january, "1h")
    assert float(lines(january)[T2_MICRO]["usd"]) == pytest.approx(12 * 0.0132, abs=0.001)


def test_a_stopped_instance_costs_only_its_volume(january: Account) -> None:
    (instance,) = launched(january)
    advance(january, "2h")
    january.client("ec2").stop_instances(InstanceIds=[instance])
    advance(january, "3h")
    assert quantity(january, T2_MICRO) == pytest.approx(2, abs=0.01)
    assert float(lines(january)[GP2]["running"]) == 30
    january.client("ec2").start_instances(InstanceIds=[instance])
    advance(january, "1h")
    assert quantity(january, T2_MICRO) == pytest.approx(3, abs=0.01)
    january.client("ec2").terminate_instances(InstanceIds=[instance])
    advance(january, "1h")
    assert quantity(january, T2_MICRO) == pytest.approx(3, abs=0.01)
    assert float(lines(january)[GP2]["running"]) == 0, "its volume was deleted with it"


def test_an_instance_is_charged_for_at_least_a_minute(january: Account) -> None:
    (instance,) = launched(january)
    january.client("ec2").terminate_instances(InstanceIds=[instance])
    advance(january, "1h")
    assert quantity(january, T2_MICRO) == pytest.approx(1 / 60, abs=1e-9)


def test_an_address_is_charged_while_its_instance_runs_and_an_elastic_one_always(january: Account) -> None:
    ec2, (_, subnets, _) = january.client("ec2"), january.network()
    (instance,) = launched(january, SubnetId=subnets[0])
    advance(january, "1h")
    assert quantity(january, ADDRESS) == pytest.approx(1, abs=0.01)
    ec2.stop_instances(InstanceIds=[instance])
    ec2.allocate_address(Domain="vpc")
    advance(january, "1h")
    assert quantity(january, ADDRESS) == pytest.approx(1, abs=0.02)
    assert quantity(january, "EUW3-PublicIPv4:IdleAddress") == pytest.approx(1, abs=0.01)


def test_a_load_balancer_costs_whole_hours_and_an_address_in_each_subnet(january: Account) -> None:
    _, subnets, _ = january.network()
    elbv2 = january.client("elbv2")
    arn = elbv2.create_load_balancer(Name="web", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    began = now(january)
    advance(january, "90m")
    touched = now(january) // 3600 - began // 3600 + 1
    assert quantity(january, "EUW3-LoadBalancerUsage") == touched
    assert quantity(january, ADDRESS) == pytest.approx(3, abs=0.01)
    assert float(lines(january)[ADDRESS]["free"]) == 0, "an allowance covers only the addresses of instances"
    elbv2.delete_load_balancer(LoadBalancerArn=arn)
    advance(january, "5h")
    assert quantity(january, "EUW3-LoadBalancerUsage") == touched


def test_traffic_costs_capacity_units_and_bytes(january: Account) -> None:
    _, subnets, group = january.network()
    ec2, elbv2 = january.client("ec2"), january.client("elbv2")
    web = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[web])
    balancer = elbv2.create_load_balancer(Name="web", Subnets=subnets, SecurityGroups=[group])
    arn = balancer["LoadBalancers"][0]["LoadBalancerArn"]
    fixed = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}]
    elbv2.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=fixed)
    elbv2.get_waiter("load_balancer_available").wait(LoadBalancerArns=[arn])
    control(january, "POST", "traffic", load_balancer="web", trace={"shape": "steady", "requests_per_second": 100})
    advance(january, "10h")
    gigabytes = 10 * 3600 * 100 * 5000 / 2**30
    assert quantity(january, "EUW3-DataTransfer-Out-Bytes") == pytest.approx(gigabytes, rel=0.01)
    # 100 requests a second: 0.5 MB of 0.28 MB a second that a unit is good for
    assert quantity(january, "EUW3-LCUUsage") == pytest.approx(10 * 0.5e6 / (1e9 / 3600), rel=0.01)


def test_a_nat_gateway_costs_whole_hours_until_it_is_deleted(january: Account) -> None:
    ec2, (_, subnets, _) = january.client("ec2"), january.network()
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    made = ec2.create_nat_gateway(SubnetId=subnets[0], AllocationId=address)["NatGateway"]["NatGatewayId"]
    advance(january, "150m")
    hours = quantity(january, "EUW3-NatGateway-Hours")
    assert hours in (3, 4)
    assert quantity(january, ADDRESS) == pytest.approx(2.5, abs=0.01)
    ec2.delete_nat_gateway(NatGatewayId=made)
    advance(january, "3h")
    assert quantity(january, "EUW3-NatGateway-Hours") in (hours, hours + 1)


def test_a_month_costs_the_same_in_one_jump_and_in_many(billing_server: str) -> None:
    def cost(jumps: list[str]) -> dict[str, Any]:
        account = reset(billing_server)
        (instance, *_) = launched(account, 3)
        advance(account, "90m")
        account.client("ec2").stop_instances(InstanceIds=[instance])
        for jump in jumps:
            advance(account, jump)
            control(account, "GET", "cost")
        control(account, "POST", "advance", to="2026-02-01T00:00:00Z")
        return lines(account)

    once, often = cost([]), cost(["7h", "13m", *["1d"] * 20])
    for usage_type, line in once.items():
        assert float(line["usd"]) == pytest.approx(float(often[usage_type]["usd"]), abs=0.001)


def test_regions_share_an_allowance_and_have_prices_of_their_own(january: Account) -> None:
    elsewhere = Account(january.url, january.id, region="us-east-1")
    launched(january, 6)
    launched(elsewhere, 6)
    advance(january, "70h")
    costs = lines(january)
    free = [float(costs[name]["free"]) for name in (T2_MICRO, "BoxUsage:t2.micro")]
    assert sum(free) == pytest.approx(750, abs=1e-6)


class InstanceLives(RuleBasedStateMachine):
    """Instances start and stop at random times; the bill has exactly the seconds in which they ran."""

    january: Account

    def __init__(self) -> None:
        super().__init__()
        self.running: dict[str, float] = {}
        self.stopped: list[str] = []
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @initialize()
    def begin(self) -> None:
        self.account = reset(self.url, "2028-02-27T22:00:00Z", "none")  # shortly before a leap day

    @rule(count=st.integers(1, 3))
    def launch(self, count: int) -> None:
        for instance in launched(self.account, count):
            self.running[instance] = now(self.account)

    @rule()
    def stop_all(self) -> None:
        if self.running:
            self.account.client("ec2").stop_instances(InstanceIds=list(self.running))
        self._end_running(self.stopped.append)

    @rule()
    def start_all(self) -> None:
        advance(self.account, "5m")
        if self.stopped:
            self.account.client("ec2").start_instances(InstanceIds=self.stopped)
        self.running |= dict.fromkeys(self.stopped, now(self.account))
        self.stopped.clear()

    @rule()
    def terminate_all(self) -> None:
        if self.running:
            self.account.client("ec2").terminate_instances(InstanceIds=list(self.running))
        self._end_running(lambda instance: None)

    @rule(minutes=st.sampled_from([2, 7, 60, 61, 1439, 10_000, 45_000]))
    def wait(self, minutes: int) -> None:
        advance(self.account, f"{minutes}m")

    def _end_running(self, record: Any) -> None:
        for instance, began in self.running.items():
            self.seconds[instance] += max(60.0, now(self.account) - began)
            record(instance)
        self.running.clear()
        advance(self.account, "1m")  # the minute that each is charged for at least

    @invariant()
    def each_second_is_charged_and_no_other(self) -> None:
        explorer = self.account.client("ce")
        tomorrow = datetime.fromtimestamp(now(self.account) + 86400, UTC).date()
        period = {"Start": "2028-02-01", "End": tomorrow.isoformat()}
        params = {"TimePeriod": period, "Granularity": "MONTHLY", "Metrics": ["UsageQuantity"]}
        by_type = {"Dimensions": {"Key": "USAGE_TYPE", "Values": [T2_MICRO]}}
        months = explorer.get_cost_and_usage(**params, Filter=by_type)["ResultsByTime"]
        charged = sum(float(each["Total"]["UsageQuantity"]["Amount"]) for each in months)
        expected = sum(self.seconds.values()) + sum(now(self.account) - began for began in self.running.values())
        # the clock goes on while it is params, by less than a few seconds for each instance and each of its lives
        assert charged * 3600 == pytest.approx(expected, abs=5 + 5 * len(self.running | self.seconds))


def test_each_second_of_random_lives_is_charged(billing_server: str) -> None:
    InstanceLives.url = billing_server
    long = settings(max_examples=50, stateful_step_count=25, deadline=None)
    short = settings(max_examples=3, stateful_step_count=10, deadline=None, derandomize=True)
    run_state_machine_as_test(InstanceLives, settings=long if SOAK else short)  # type: ignore[no-untyped-call]
