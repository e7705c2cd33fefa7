"""What exists is metered second by second: instances, volumes, addresses, load balancers, NAT gateways."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.local.conftest import Account, Program
from tests.local.timing import advance, control, now

T2_MICRO, GP2 = "EUW3-BoxUsage:t2.micro", "EUW3-EBS:VolumeUsage.gp2"
ADDRESS = "EUW3-PublicIPv4:InUseAddress"
JANUARY = 31 * 24


@pytest.fixture(scope="module")
def january(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A local AWS of its own, whose clock a test can turn back to the first of a January."""
    program = Program(tmp_path_factory.mktemp("january"))
    program.json("start", "--at", "2026-01-01T00:00Z")
    yield program
    program.run("stop")


@pytest.fixture
def on_the_first(january: Program) -> Account:
    january.json("reset")
    return Account(january.json("status")["url"], "123456789012")


@pytest.fixture
def account(on_the_first: Account) -> Account:
    """Other tests move the clock that all accounts share: in the middle of one of these its month could end."""
    return on_the_first


def launched(account: Any, count: int = 1, gigabytes: int = 30, **more: Any) -> list[str]:
    """The ids of new instances of t2.micro."""
    ec2 = account.client("ec2")
    disk = [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": gigabytes, "VolumeType": "gp2"}}]
    asked = {"ImageId": "ami-12345678", "InstanceType": "t2.micro", "BlockDeviceMappings": disk, **more}
    made = ec2.run_instances(MinCount=count, MaxCount=count, **asked)["Instances"]
    return [each["InstanceId"] for each in made]


def lines(account: Any) -> dict[str, dict[str, Any]]:
    """Usage type → its line of this month."""
    return {line["usage_type"]: line for line in control(account, "GET", "cost")["lines"]}


def quantity(account: Any, usage_type: str) -> float:
    return float(lines(account).get(usage_type, {"quantity": 0})["quantity"])


@pytest.mark.parametrize("hours", [365, 432, 730])
def test_twelve_instances_from_the_first_of_a_month_cost_their_hours_less_the_free_ones(
    on_the_first: Account, hours: int
) -> None:
    launched(on_the_first, 12)
    advance(on_the_first, f"{hours}h")
    found = lines(on_the_first)
    volumes = (Decimal(360 * hours) / JANUARY - 30) * Decimal("0.116")
    assert float(found[T2_MICRO]["free"]) == 750
    assert float(found[GP2]["free"]) == pytest.approx(30, abs=1e-5)
    assert f"{float(found[T2_MICRO]['usd']):.2f}" == f"{(12 * hours - 750) * Decimal('0.0132'):.2f}"
    assert f"{float(found[GP2]['usd']):.2f}" == f"{volumes:.2f}"


def test_the_free_hours_of_twelve_instances_last_for_62_and_a_half(on_the_first: Account) -> None:
    launched(on_the_first, 12)
    advance(on_the_first, "62h29m")
    before = control(on_the_first, "GET", "cost")
    assert float(before["month"]["usd"]) < 0.03, "an allowance of EBS ends ten minutes before"
    (hours,) = (each for each in before["free_tier"] if each["allowance"] == "AmazonEC2 Hrs")
    assert float(hours["gone_in_hours"]) == 0.0
    advance(on_the_first, "1m")
    used = lines(on_the_first)[T2_MICRO]
    assert float(used["free"]) == 750
    assert float(used["usd"]) == pytest.approx(0, abs=0.001)
    advance(on_the_first, "1h")
    assert float(lines(on_the_first)[T2_MICRO]["usd"]) == pytest.approx(12 * 0.0132, abs=0.001)


def test_a_stopped_instance_costs_its_volume_alone(account: Account) -> None:
    (instance,) = launched(account)
    advance(account, "2h")
    account.client("ec2").stop_instances(InstanceIds=[instance])
    advance(account, "3h")
    assert quantity(account, T2_MICRO) == pytest.approx(2, abs=0.01)
    assert float(lines(account)[GP2]["running"]) == 30
    account.client("ec2").start_instances(InstanceIds=[instance])
    advance(account, "1h")
    assert quantity(account, T2_MICRO) == pytest.approx(3, abs=0.01)
    account.client("ec2").terminate_instances(InstanceIds=[instance])
    advance(account, "1h")
    assert quantity(account, T2_MICRO) == pytest.approx(3, abs=0.01)
    assert float(lines(account)[GP2]["running"]) == 0, "its volume went with it"


def test_an_instance_is_charged_for_a_minute_at_least(account: Account) -> None:
    (instance,) = launched(account)
    account.client("ec2").terminate_instances(InstanceIds=[instance])
    advance(account, "1h")
    assert quantity(account, T2_MICRO) == pytest.approx(1 / 60, abs=1e-9)


def test_an_address_is_charged_while_its_instance_runs_and_an_elastic_one_always(account: Account) -> None:
    ec2, (_, subnets, _) = account.client("ec2"), account.network()
    (instance,) = launched(account, SubnetId=subnets[0])
    advance(account, "1h")
    assert quantity(account, ADDRESS) == pytest.approx(1, abs=0.01)
    ec2.stop_instances(InstanceIds=[instance])
    ec2.allocate_address(Domain="vpc")
    advance(account, "1h")
    assert quantity(account, ADDRESS) == pytest.approx(1, abs=0.02)
    assert quantity(account, "EUW3-PublicIPv4:IdleAddress") == pytest.approx(1, abs=0.01)


def test_a_load_balancer_costs_whole_hours_and_an_address_in_each_subnet(account: Account) -> None:
    _, subnets, _ = account.network()
    elbv2 = account.client("elbv2")
    arn = elbv2.create_load_balancer(Name="web", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    began = now(account)
    advance(account, "90m")
    touched = now(account) // 3600 - began // 3600 + 1
    assert quantity(account, "EUW3-LoadBalancerUsage") == touched
    assert quantity(account, ADDRESS) == pytest.approx(3, abs=0.01)
    assert float(lines(account)[ADDRESS]["free"]) == 0, "an allowance covers the addresses of instances alone"
    elbv2.delete_load_balancer(LoadBalancerArn=arn)
    advance(account, "5h")
    assert quantity(account, "EUW3-LoadBalancerUsage") == touched


def test_traffic_costs_capacity_units_and_bytes(account: Account) -> None:
    _, subnets, _ = account.network()
    elbv2 = account.client("elbv2")
    arn = elbv2.create_load_balancer(Name="web", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    fixed = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}]
    elbv2.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=fixed)
    elbv2.get_waiter("load_balancer_available").wait(LoadBalancerArns=[arn])
    control(account, "POST", "traffic", load_balancer="web", trace={"shape": "steady", "requests_per_second": 100})
    advance(account, "10h")
    gigabytes = 10 * 3600 * 100 * 5000 / 2**30
    assert quantity(account, "EUW3-DataTransfer-Out-Bytes") == pytest.approx(gigabytes, rel=0.01)
    # 100 requests a second: 0.5 MB of 0.28 MB a second that a unit is good for
    assert quantity(account, "EUW3-LCUUsage") == pytest.approx(10 * 0.5e6 / (1e9 / 3600), rel=0.01)


def test_a_nat_gateway_costs_whole_hours_until_it_is_deleted(account: Account) -> None:
    ec2, (_, subnets, _) = account.client("ec2"), account.network()
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    made = ec2.create_nat_gateway(SubnetId=subnets[0], AllocationId=address)["NatGateway"]["NatGatewayId"]
    advance(account, "150m")
    hours = quantity(account, "EUW3-NatGateway-Hours")
    assert hours in (3, 4)
    assert quantity(account, ADDRESS) == pytest.approx(2.5, abs=0.01)
    ec2.delete_nat_gateway(NatGatewayId=made)
    advance(account, "3h")
    assert quantity(account, "EUW3-NatGateway-Hours") in (hours, hours + 1)


def test_the_same_month_costs_the_same_in_one_jump_or_in_many(on_the_first: Account, january: Program) -> None:
    def cost(jumps: list[str]) -> dict[str, Any]:
        january.json("reset")
        (instance, *_) = launched(on_the_first, 3)
        advance(on_the_first, "90m")
        on_the_first.client("ec2").stop_instances(InstanceIds=[instance])
        for jump in jumps:
            advance(on_the_first, jump)
            control(on_the_first, "GET", "cost")
        control(on_the_first, "POST", "advance", to="2026-02-01T00:00:00Z")
        return lines(on_the_first)

    once, often = cost([]), cost(["7h", "13m", *["1d"] * 20])
    for usage_type, line in once.items():
        assert float(line["usd"]) == pytest.approx(float(often[usage_type]["usd"]), abs=0.001)


def test_regions_share_an_allowance_and_have_prices_of_their_own(on_the_first: Account) -> None:
    account = on_the_first
    elsewhere = Account(account.url, account.id, region="us-east-1")
    launched(account, 6)
    launched(elsewhere, 6)
    advance(account, "70h")
    found = lines(account)
    free = [float(found[name]["free"]) for name in (T2_MICRO, "BoxUsage:t2.micro")]
    assert sum(free) == pytest.approx(750, abs=1e-6)


class Lives(RuleBasedStateMachine):
    """Instances come and go, at any time; every second that one runs is in the bill, and no other."""

    account: Account

    def __init__(self) -> None:
        super().__init__()
        self.running: dict[str, float] = {}
        self.stopped: list[str] = []
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @initialize()
    def begin(self) -> None:
        control(self.account, "POST", "reset")
        control(self.account, "POST", "regime", regime="none")

    @rule(count=st.integers(1, 3))
    def launch(self, count: int) -> None:
        for instance in launched(self.account, count):
            self.running[instance] = now(self.account)

    @rule()
    def stop_all(self) -> None:
        if self.running:
            self.account.client("ec2").stop_instances(InstanceIds=list(self.running))
        self._ended(self.stopped.append)

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
        self._ended(lambda instance: None)

    @rule(minutes=st.sampled_from([2, 7, 60, 61, 1439, 10_000, 45_000]))
    def wait(self, minutes: int) -> None:
        advance(self.account, f"{minutes}m")

    def _ended(self, then: Any) -> None:
        for instance, began in self.running.items():
            self.seconds[instance] += max(60.0, now(self.account) - began)
            then(instance)
        self.running.clear()
        advance(self.account, "1m")  # the minute that each is charged for at least

    @invariant()
    def every_second_is_charged_and_no_other(self) -> None:
        explorer = self.account.client("ce")
        tomorrow = datetime.fromtimestamp(now(self.account) + 86400, UTC).date()
        period = {"Start": "2024-02-01", "End": tomorrow.isoformat()}
        asked = {"TimePeriod": period, "Granularity": "MONTHLY", "Metrics": ["UsageQuantity"]}
        by_type = {"Dimensions": {"Key": "USAGE_TYPE", "Values": [T2_MICRO]}}
        months = explorer.get_cost_and_usage(**asked, Filter=by_type)["ResultsByTime"]
        charged = sum(float(each["Total"]["UsageQuantity"]["Amount"]) for each in months)
        expected = sum(self.seconds.values()) + sum(now(self.account) - began for began in self.running.values())
        # the clock goes on while it is asked, by less than a few seconds for each instance and each of its lives
        assert charged * 3600 == pytest.approx(expected, abs=5 + 5 * len(self.running | self.seconds))


def test_every_second_of_random_lives_is_charged(tmp_path: Path) -> None:
    program = Program(tmp_path)
    program.json("start", "--at", "2024-02-27T22:00Z")  # a leap day, and the end of a month
    Lives.account = Account(program.json("status")["url"], "123456789012")
    try:
        chosen = settings(max_examples=8, stateful_step_count=12, deadline=None)
        run_state_machine_as_test(Lives, settings=chosen)  # type: ignore[no-untyped-call]
    finally:
        program.run("stop")
