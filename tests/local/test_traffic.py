"""Traffic: traces, routing, the load of containers, and the metrics in CloudWatch."""

from datetime import datetime, timedelta
from statistics import mean
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esaws.errors import UsageError
from local_aws_server.control import BadRequest
from local_aws_server.services.cloudwatch import load_balancer_units, metrics, utilization
from local_aws_server.services.cloudwatch.load_balancer_units import LCU, lcu_hours
from local_aws_server.services.cloudwatch.metric_math import UnknownExpression, evaluate
from local_aws_server.services.cloudwatch.metrics import Metric, Series
from local_aws_server.services.cloudwatch.statistics import statistic
from local_aws_server.services.cloudwatch.step_series import StepSeries
from local_aws_server.services.ecs.containers import Response
from local_aws_server.services.elbv2.routing import Request, TrafficShare, conditions_match, route
from local_aws_server.services.elbv2.traffic import Trace, parse_trace
from tests.local.living import Living
from tests.local.timing import advance, control, events

HOUR = 3600.0
MIDNIGHT = 1_750_032_000.0

# --- traces


def test_a_steady_trace_never_changes() -> None:
    steady = parse_trace({"requests_per_second": 20, "path": "/api/"}, MIDNIGHT)
    assert (steady.rates(MIDNIGHT + 1e8), steady.next_change(MIDNIGHT)) == ({"/api/": 20.0}, None)


def test_a_spike_starts_and_ends() -> None:
    spike = parse_trace({"shape": "spike", "requests_per_second": 20, "peak": 6, "after": 10, "minutes": 30}, MIDNIGHT)
    rates = {minute: spike.rates(MIDNIGHT + 60 * minute)["/"] for minute in (0, 9, 10, 39, 40, 999)}
    assert rates == {0: 20.0, 9: 20.0, 10: 120.0, 39: 120.0, 40: 20.0, 999: 20.0}


def test_a_daily_trace_has_24_steps_with_the_peak_at_20_whenever_it_starts() -> None:
    daily = parse_trace({"shape": "daily", "requests_per_second": 50}, MIDNIGHT + 5 * HOUR + 17)
    day = [daily.rates(MIDNIGHT + 3 * 86400 + hour * HOUR)["/"] for hour in range(24)]
    assert (max(day), day.index(max(day)), day.index(min(day))) == (50.0, 20, 2)
    assert daily.next_change(MIDNIGHT + 23.5 * HOUR) == MIDNIGHT + 24 * HOUR


def test_rows_of_several_paths_are_independent() -> None:
    rows = [
        {"at": 60, "path": "/a", "requests_per_second": 5},
        {"at": 0, "path": "/b", "requests_per_second": 1},
        {"at": 120, "path": "/a", "requests_per_second": 0},
    ]
    given_rows = parse_trace({"rows": rows}, MIDNIGHT)
    seen = [given_rows.rates(MIDNIGHT + at) for at in (0, 60, 120)]
    assert seen == [{"/b": 1.0}, {"/a": 5.0, "/b": 1.0}, {"/b": 1.0}]


@given(st.lists(st.integers(1, 100_000), min_size=1, max_size=8, unique=True), st.floats(0, 2e9), st.booleans())
def test_the_next_change_is_always_later(offsets: list[int], began: float, repeated: bool) -> None:
    rows = tuple((at / 10, float(at)) for at in sorted(offsets))
    followed = Trace(float(int(began)), {"/": rows}, 10_001.0 if repeated else None)
    moment, seen = followed.began, []
    while (after := followed.next_change(moment)) is not None and len(seen) < len(rows):
        assert after > moment
        moment = after
        seen.append(followed.rates(moment)["/"])
    assert seen == [rate for _, rate in rows]


@pytest.mark.parametrize(
    "body",
    [
        {"shape": "wild"},
        {"requests_per_second": -1},
        {"requests_per_second": "many"},
        {"path": "no/slash", "requests_per_second": 1},
        {"rows": []},
        {"rows": "many"},
        {"rows": [1]},
        "steady",
        {"rows": [{"at": "noon", "path": "/", "requests_per_second": 1}]},
    ],
)
def test_an_invalid_trace_is_refused(body: Any) -> None:
    with pytest.raises(BadRequest):
        parse_trace(body, MIDNIGHT)


# --- routing


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("/img/*", "/img/a/b", True),
        ("/img/*", "/img", False),
        ("/x*", "/xfoo", True),
        ("/?", "/a", True),
        ("/?", "/ab", False),
        ("/A", "/a", False),
        ("/a.c", "/abc", False),
        ("/a", "/a?x=1", True),
    ],
)
def test_a_path_pattern(pattern: str, path: str, expected: bool) -> None:
    condition = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/never", pattern]}}
    assert conditions_match([condition], Request(path, "h")) is expected


def test_all_conditions_of_a_rule_must_match_and_unknown_ones_never_do() -> None:
    path, host = {"Field": "path-pattern", "Values": ["/*"]}, {"Field": "host-header", "Values": ["*.Example.com"]}
    assert conditions_match([path, host], Request("/", "www.example.COM"))
    assert not conditions_match([path, host], Request("/", "example.com"))
    assert not conditions_match([path, {"Field": "http-header"}], Request("/", "www.example.com"))


def test_the_rule_with_the_lowest_priority_decides_and_weights_split_requests() -> None:
    def rule(priority: str, *actions: Any) -> Any:
        conditions = [{"Field": "path-pattern", "Values": ["/a*"]}]
        return SimpleNamespace(priority=priority, conditions=conditions, actions=actions, is_default=False)

    weighted = {
        "Type": "forward",
        "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": "x", "Weight": 1}, {"TargetGroupArn": "y", "Weight": 3}]},
    }
    fixed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "418"}}
    forward = {"Type": "forward", "TargetGroupArn": "z"}
    rules = {"10": rule("10", fixed), "9": rule("9", weighted)}
    listener = SimpleNamespace(rules=rules, default_actions=[forward])
    assert route(listener, Request("/ab", "h")) == ([TrafficShare(0.25, "x"), TrafficShare(0.75, "y")], 1)
    assert route(listener, Request("/b", "h")) == ([TrafficShare(1.0, "z")], 2)
    del rules["9"]
    assert route(listener, Request("/ab", "h")) == ([TrafficShare(1.0, status=418)], 1)


# --- load


def test_a_container_under_load_gets_slower_and_then_refuses_requests() -> None:
    assert utilization.cpu_demand({}, [utilization.RequestRate("/", 25)]) == 512, (
        "25 requests of 20 ms need half a vCPU"
    )
    assert utilization.slow_down(Response(200, 0.02), 0.5).seconds == 0.04
    done = utilization.serve(
        {},
        [utilization.RequestRate("/", 100), utilization.RequestRate("/x", 0.5)],
        utilization=2.0,
        reserved=1024,
        memory=500,
    )
    assert [(share.fraction, share.status) for share in done.responses["/"]] == [(0.5, 200), (0.5, 503)]
    assert done.cpu_units == pytest.approx(0.01 * 1024 + 100.5 * 0.02 * 1024 / 2)


def test_the_environment_sets_the_cpu_time_of_a_request() -> None:
    def milliseconds(value: str) -> float:
        return utilization.cpu_milliseconds({"environment": [{"name": "ESAWS_CPU_MS", "value": value}]})

    assert (milliseconds("100"), milliseconds("much"), utilization.cpu_milliseconds({})) == (100.0, 20.0, 20.0)


# --- steps and statistics

_changes = st.lists(
    st.tuples(st.integers(1, 5000), st.sampled_from([0.0, 0.1, 1.5, 20.3]), st.floats(0, 100)), max_size=12
)


def _steps(changes: list[tuple[int, float, float]]) -> tuple[StepSeries, float]:
    steps, moment = StepSeries(), 1e9
    for after, rate, value in changes:
        moment += after
        steps.append(moment, rate, value)
    return steps, moment


@given(_changes, st.lists(st.integers(-100, 60_000), min_size=3, max_size=3))
def test_summaries_of_two_parts_add_up_to_the_whole(changes: list[tuple[int, float, float]], cuts: list[int]) -> None:
    steps, _ = _steps(changes)
    start, middle, end = (1e9 + cut for cut in sorted(cuts))
    assert steps.count(start, end) == steps.count(start, middle) + steps.count(middle, end)
    parts = [part for part in (steps.summarize(start, middle), steps.summarize(middle, end)) if part]
    whole = steps.summarize(start, end)
    assert sum(part.total for part in parts) == pytest.approx(whole.total if whole else 0.0, abs=1e-3)
    if whole and whole.samples:
        assert whole.low - 1e-6 <= whole.average <= whole.high + 1e-6


@given(_changes)
def test_a_step_that_changes_nothing_is_not_stored(changes: list[tuple[int, float, float]]) -> None:
    steps, moment = _steps(changes)
    rate, value = steps.current
    kept = len(steps.times)
    assert not steps.append(moment + 1, rate, value)
    assert len(steps.times) == kept


def test_measurements_expire_after_455_days() -> None:
    steps = StepSeries()
    for day in range(1000):
        steps.append(day * 86400.0, 1.0, float(day))
    assert len(steps.times) <= 457
    found = steps.summarize(999 * 86400.0, 1000 * 86400.0)
    assert found is not None
    assert (found.samples, found.average) == (86400.0, 999.0)


def test_statistics_of_gauges_and_of_counters() -> None:
    percent, requests = Series("Percent", counts=False), Series("Count", counts=True)
    percent.steps.append(0.0, 2 / 60, 10.0)
    percent.steps.append(30.0, 2 / 60, 50.0)
    requests.steps.append(0.0, 0.01, 1.0)
    names = ("Average", "Minimum", "Maximum", "SampleCount", "Sum", "p50", "p90")
    shown = {name: statistic(percent, name, 0.0, 60.0, whole=True) for name in names}
    assert shown == {
        "Average": 30.0,
        "Minimum": 10.0,
        "Maximum": 50.0,
        "SampleCount": 2,
        "Sum": 60.0,
        "p50": 10.0,
        "p90": 50.0,
    }
    counted = [statistic(requests, "Sum", at, at + 60.0, whole=True) for at in range(0, 300, 60)]
    assert counted == [None, 1.0, None, 1.0, 1.0], "whole requests are counted"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("a / b * 100", 50.0),
        ("-a + 2 ^ 3", 7.0),
        ("SUM([a, b])", 3.0),
        ("AVG(METRICS())", 1.5),
        ("MAX([a, gone])", 1.0),
        ("a + gone", None),
        ("FILL(gone, 7)", 7.0),
        ("IF(a > b, 1, 0)", 0.0),
        ("a / 0", None),
        ("CEIL(a / b)", 1.0),
    ],
)
def test_metric_math_expressions(expression: str, value: float | None) -> None:
    assert evaluate(expression, {"a": 1.0, "b": 2.0, "gone": None}) == value


@pytest.mark.parametrize("expression", ["c + 1", "__import__('os')", "a b", "SEARCH('x', 'y', 1)"])
def test_unsupported_metric_math_is_refused(expression: str) -> None:
    with pytest.raises(UnknownExpression):
        evaluate(expression, {"a": 1.0})


def test_lcu_hours_are_those_of_the_highest_usage_in_each_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    arn, place = "arn:aws:elasticloadbalancing:eu-west-3:1:loadbalancer/app/a/1", (("LoadBalancer", "app/a/1"),)
    made = {
        Metric(metrics.ELB_NAMESPACE, name, place): Series("Count", counts=name != "ActiveConnectionCount")
        for name in (*LCU, "RequestCount")
    }
    monkeypatch.setattr(load_balancer_units, "resource_metrics", lambda backends: made)
    steps = {named.name: found.steps for named, found in made.items()}
    steps["NewConnectionCount"].append(HOUR, 50.0, 1.0)
    steps["ActiveConnectionCount"].append(HOUR, 1 / 60, 3000.0)
    steps["ActiveConnectionCount"].append(2 * HOUR, 1 / 60, 9000.0)
    steps["RequestCount"].append(HOUR, 50.0, 1.0)
    world: Any = None
    assert lcu_hours(world, arn, 0.0, 2 * HOUR) == pytest.approx(2.0)
    assert lcu_hours(world, arn, 2 * HOUR, 2.5 * HOUR) == pytest.approx(1.5)
    assert lcu_hours(world, arn, 0.0, 30 * HOUR) == pytest.approx(2 + 28 * 3)


# --- on the server


class MeasuredSystem(Living):
    """A living system after six minutes, and its metrics."""

    def __init__(self, account: Any) -> None:
        super().__init__(account)
        self.cloudwatch = account.client("cloudwatch")
        advance(account, "6m")
        balancer = self.elbv2.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
        self.place = [{"Name": "LoadBalancer", "Value": balancer.split(":loadbalancer/")[-1]}]

    def states(self) -> set[str]:
        """Return the states of its targets."""
        found = self.elbv2.describe_target_health(TargetGroupArn=self.target_group)["TargetHealthDescriptions"]
        return {each["TargetHealth"]["State"] for each in found}

    def now(self) -> datetime:
        return datetime.fromisoformat(control(self.account, "GET", "clock")["time"])

    def start_traffic(self, **trace: Any) -> datetime:
        """Start traffic at the next full minute; return that time."""
        advance(self.account, f"{60 - self.now().second}s")
        control(self.account, "POST", "traffic", trace=trace)
        return self.now().replace(second=0)

    def measured(self, name: str, since: datetime, minutes: int, statistic: str = "Sum") -> float | None:
        found = self.cloudwatch.get_metric_statistics(
            Namespace="AWS/ApplicationELB",
            MetricName=name,
            Dimensions=self.place,
            StartTime=since,
            EndTime=since + timedelta(minutes=minutes),
            Period=60,
            Statistics=[statistic],
        )["Datapoints"]
        together = sum if statistic == "Sum" else mean
        return float(together(point[statistic] for point in found)) if found else None


@pytest.fixture
def system(account: Any) -> MeasuredSystem:
    return MeasuredSystem(account)


def test_requests_are_counted_by_their_response(system: MeasuredSystem) -> None:
    began = system.start_traffic(paths={"/": 10, "/a": 2})
    advance(system.account, "10m")
    after = began + timedelta(minutes=1)
    assert system.measured("RequestCount", after, 5) == 12 * 300
    assert system.measured("HTTPCode_Target_2XX_Count", after, 5) == 12 * 300
    assert system.measured("HTTPCode_Target_4XX_Count", after, 5) is None
    assert system.measured("HTTPCode_ELB_5XX_Count", after, 5) is None
    slower = system.measured("TargetResponseTime", after, 5, "Average")
    assert slower is not None
    assert 0.02 < slower < 0.03
    control(system.account, "DELETE", "traffic")
    advance(system.account, "10m")
    assert system.measured("RequestCount", began + timedelta(minutes=12), 5) is None


def test_without_a_healthy_target_all_get_requests_and_without_targets_503_is_returned(system: MeasuredSystem) -> None:
    service = {"cluster": system.name, "service": system.name}
    system.ecs.update_service(**service, healthCheckGracePeriodSeconds=3600)  # or the service replaces its tasks
    began = system.start_traffic(requests_per_second=10)
    system.elbv2.modify_target_group(TargetGroupArn=system.target_group, Matcher={"HttpCode": "418"})
    advance(system.account, "2m")
    assert system.states() == {"unhealthy"}
    advance(system.account, "1m")
    assert system.measured("HTTPCode_ELB_5XX_Count", began, 3) is None, "they respond although they fail the checks"
    system.ecs.update_service(**service, desiredCount=0)
    advance(system.account, "10m")
    assert system.measured("HTTPCode_ELB_5XX_Count", began + timedelta(minutes=11), 1) == 600


def test_overload_slows_and_refuses_requests(system: MeasuredSystem) -> None:
    began = system.start_traffic(requests_per_second=200)
    advance(system.account, "5m")
    after = began + timedelta(minutes=1)
    assert system.measured("TargetResponseTime", after, 2, "Average") == 0.4
    refused, answered = (system.measured(f"HTTPCode_Target_{code}XX_Count", after, 2) for code in (5, 2))
    assert refused is not None
    assert answered is not None
    assert refused + answered == pytest.approx(200 * 120, abs=1)
    assert 0.49 < refused / (refused + answered) < 0.52, "two t2.micro serve 50 requests a second each"


def test_metrics_are_listed_and_used_in_expressions(system: MeasuredSystem) -> None:
    began = system.start_traffic(requests_per_second=10)
    advance(system.account, "20m")
    listed = system.cloudwatch.list_metrics(Namespace="AWS/ApplicationELB", Dimensions=system.place)["Metrics"]
    names = {each["MetricName"] for each in listed}
    assert {"RequestCount", "HealthyHostCount", "ConsumedLCUs", "ProcessedBytes", "RequestCountPerTarget"} <= names
    groups = {each["Namespace"] for each in system.cloudwatch.list_metrics()["Metrics"]}
    assert groups == {"AWS/ApplicationELB", "AWS/EC2", "AWS/ECS"}
    metric = {"Namespace": "AWS/ApplicationELB", "MetricName": "RequestCount", "Dimensions": system.place}
    body = [
        {"Id": "sum", "MetricStat": {"Metric": metric, "Period": 300, "Stat": "Sum"}, "ReturnData": False},
        {"Id": "rate", "Expression": "sum / 300"},
    ]
    found = system.cloudwatch.get_metric_data(
        MetricDataQueries=body, StartTime=began + timedelta(minutes=5), EndTime=began + timedelta(minutes=12)
    )["MetricDataResults"]
    assert [(each["Id"], set(each["Values"])) for each in found] == [("rate", {10.0})]


def test_one_jump_and_many_steps_of_the_clock_measure_the_same(new_account: Any) -> None:
    shapes = []
    for pauses in (["90m"], ["7m", "13m", "1m", "39m", "30m"]):
        system = MeasuredSystem(new_account())
        began = system.start_traffic(shape="spike", requests_per_second=8, peak=15, minutes=20)
        for pause in pauses:
            advance(system.account, pause)
        shapes.append(
            [system.measured(name, began, 60) for name in ("RequestCount", "HTTPCode_Target_5XX_Count")]
            + [system.measured("TargetResponseTime", began, 60, "Average")]
        )
    assert shapes[0] == pytest.approx(shapes[1], rel=1e-3)


def test_traffic_is_described_and_logged(system: MeasuredSystem) -> None:
    control(system.account, "POST", "traffic", load_balancer=system.name, trace={"requests_per_second": 3})
    shown = control(system.account, "GET", "traffic")
    assert (shown["load_balancer"], shown["requests_per_second"], shown["changes"]) == (system.name, {"/": 3.0}, None)
    control(system.account, "POST", "traffic", trace=None)
    assert control(system.account, "GET", "traffic")["trace"] is None
    assert [event["what"] for event in events(system.account) if "traffic" in event["what"]] == [
        "traffic began",
        "traffic ended",
    ]


def test_traffic_needs_a_load_balancer(account: Any) -> None:
    with pytest.raises(UsageError, match="no application load balancer was named"):
        control(account, "POST", "traffic", trace={"requests_per_second": 3})


def test_requests_that_no_target_s_group_lets_in_end_with_504(system: MeasuredSystem) -> None:
    ec2 = system.account.client("ec2")
    groups = [group for group in ec2.describe_security_groups()["SecurityGroups"] if group["IpPermissions"]]
    balancer = system.elbv2.describe_load_balancers()["LoadBalancers"][0]
    targets = [group for group in groups if group["GroupId"] not in balancer.get("SecurityGroups", ())]
    for group in targets:
        ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=group["IpPermissions"])
    began = system.start_traffic(path="/", requests_per_second=10)
    advance(system.account, "10m")
    after = began + timedelta(minutes=6)
    assert system.measured("RequestCount", after, 3) == 10 * 180
    assert system.measured("HTTPCode_ELB_5XX_Count", after, 3) == 10 * 180
    assert system.measured("HTTPCode_Target_2XX_Count", after, 3) is None


@pytest.mark.parametrize("obstacle", ["group", "acl", "route"])
def test_requests_that_do_not_reach_the_load_balancer_are_not_counted(system: MeasuredSystem, obstacle: str) -> None:
    ec2 = system.account.client("ec2")
    balancer = system.elbv2.describe_load_balancers()["LoadBalancers"][0]
    in_vpc = [{"Name": "vpc-id", "Values": [balancer["VpcId"]]}]
    began = system.start_traffic(path="/", requests_per_second=10)
    advance(system.account, "5m")
    assert system.measured("RequestCount", began + timedelta(minutes=1), 3) == 10 * 180
    if obstacle == "group":
        for id in balancer["SecurityGroups"]:
            group = ec2.describe_security_groups(GroupIds=[id])["SecurityGroups"][0]
            ec2.revoke_security_group_ingress(GroupId=id, IpPermissions=group["IpPermissions"])
    elif obstacle == "acl":
        for acl in ec2.describe_network_acls(Filters=in_vpc)["NetworkAcls"]:
            ec2.delete_network_acl_entry(NetworkAclId=acl["NetworkAclId"], RuleNumber=100, Egress=False)
    else:
        for table in ec2.describe_route_tables(Filters=in_vpc)["RouteTables"]:
            for route in table["Routes"]:
                if route.get("GatewayId", "").startswith("igw-"):
                    destination = route["DestinationCidrBlock"]
                    ec2.delete_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock=destination)
    advance(system.account, "5m")
    assert system.measured("RequestCount", began + timedelta(minutes=6), 3) is None
