"""Target health on the clock: what health checks meet, when they decide, and how targets drain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from local_aws_server.services.ecs.containers import Response
from local_aws_server.services.elbv2.health_probe import (
    NOT_CHECKED,
    NOT_IN_USE,
    connection_refused,
    evaluate_response,
    matches_status,
    timed_out,
)
from local_aws_server.services.elbv2.network_path import (
    REPLY_PORTS,
    AclEntry,
    Endpoint,
    GroupRule,
    acl_allows,
    group_allows,
)
from local_aws_server.services.elbv2.targets import HealthCheckSettings, TargetState, new_target, next_change, observe
from tests.local.conftest import Account, Program
from tests.local.timing import advance, control, events

CHECKS = HealthCheckSettings(interval=30, timeout=5, healthy=5, unhealthy=2)
TIMED_OUT, REFUSED = timed_out("closed"), connection_refused(80)


# --- pure functions: network rules and responses


def end(address: str, *groups: str) -> Endpoint:
    return Endpoint(address, "vpc", "subnet", groups)


@pytest.mark.parametrize(
    ("rules", "allowed"),
    [
        ([], False),
        ([GroupRule((80, 80), "10.0.0.0/16")], True),
        ([GroupRule((80, 80), "10.0.1.0/24")], False),
        ([GroupRule((81, 65535), "0.0.0.0/0")], False),
        ([GroupRule((0, 79), "0.0.0.0/0"), GroupRule((1, 100), "10.0.0.5/32")], True),
        ([GroupRule((0, 65535), group="sg-alb")], True),
        ([GroupRule((0, 65535), group="sg-other")], False),
        ([GroupRule((0, 65535), "::/0")], False),
        ([GroupRule((80, 80), "10.0.0.9/16")], True),
    ],
    ids=str,
)
def test_a_security_group_allows_a_port_for_an_address_or_for_members_of_a_group(
    rules: list[GroupRule], allowed: bool
) -> None:
    assert group_allows(rules, end("10.0.0.5", "sg-alb"), 80) is allowed


ALL, ANYWHERE = (0, 65535), "0.0.0.0/0"


@pytest.mark.parametrize(
    ("entries", "allowed"),
    [
        ([], False),
        ([AclEntry(100, True, ALL, ANYWHERE)], True),
        ([AclEntry(100, True, ALL, ANYWHERE), AclEntry(90, False, ALL, ANYWHERE)], False),
        ([AclEntry(100, True, ALL, ANYWHERE), AclEntry(110, False, ALL, ANYWHERE)], True),
        ([AclEntry(100, True, (1024, 65535), ANYWHERE)], True),
        ([AclEntry(100, True, (32768, 65535), ANYWHERE)], False),
        ([AclEntry(100, True, (32768, 65535), ANYWHERE), AclEntry(110, True, (1000, 32767), ANYWHERE)], True),
        ([AclEntry(90, False, (5000, 5000), ANYWHERE), AclEntry(100, True, ALL, ANYWHERE)], False),
        ([AclEntry(90, False, ALL, "10.9.0.0/16"), AclEntry(100, True, ALL, ANYWHERE)], True),
        ([AclEntry(90, False, (22, 80), ANYWHERE), AclEntry(100, True, ALL, ANYWHERE)], True),
    ],
    ids=str,
)
def test_the_lowest_entry_of_a_network_acl_decides_for_each_port(entries: list[AclEntry], allowed: bool) -> None:
    assert acl_allows(entries, "10.0.0.5", REPLY_PORTS) is allowed


@given(
    entries=st.lists(
        st.tuples(st.integers(1, 9), st.booleans(), st.integers(1, 9), st.integers(0, 4)),
        max_size=6,
        unique_by=lambda entry: entry[0],
    ),
    low=st.integers(1, 9),
    size=st.integers(0, 4),
)
def test_a_network_acl_allows_a_range_if_it_allows_each_port(
    entries: list[tuple[int, bool, int, int]], low: int, size: int
) -> None:
    acl = [AclEntry(number, allows, (first, first + more), ANYWHERE) for number, allows, first, more in entries]

    def allows_port(port: int) -> bool:
        for entry in sorted(acl, key=lambda entry: entry.number):
            if entry.ports[0] <= port <= entry.ports[1]:
                return entry.allows
        return False

    assert acl_allows(acl, "10.0.0.5", (low, low + size)) is all(
        allows_port(port) for port in range(low, low + size + 1)
    )


@pytest.mark.parametrize(
    ("matcher", "included", "excluded"),
    [
        ("200", [200], [199, 201, 404]),
        ("200,302", [200, 302], [301]),
        ("200-299", [200, 250, 299], [300]),
        ("200-202, 301,400-499", [202, 301, 404], [203, 302, 500]),
    ],
)
def test_a_matcher_contains_codes_lists_and_ranges(matcher: str, included: list[int], excluded: list[int]) -> None:
    assert all(matches_status(matcher, status) for status in included)
    assert not any(matches_status(matcher, status) for status in excluded)


@pytest.mark.parametrize(
    ("response", "reason", "description"),
    [
        (Response(404, 0.1), "Target.ResponseCodeMismatch", "Health checks failed with these codes: [404]"),
        (Response(200, 5.1), "Target.Timeout", "Request timed out"),
        (Response(404, 6), "Target.Timeout", "Request timed out"),
    ],
    ids=str,
)
def test_a_late_response_or_another_status_fails_a_check(response: Response, reason: str, description: str) -> None:
    failure = evaluate_response(response, "/", "200", 5)
    assert failure is not None
    assert (failure.reason, failure.description) == (reason, description)


def test_a_response_in_time_with_a_matching_status_passes() -> None:
    assert evaluate_response(Response(200, 5), "/", "200", 5) is None


# --- pure functions: when checks decide, for a target registered at 0 with a check every 30 s


def target_state(state: str, *, since: float = 0, passes: bool = True) -> TargetState:
    return replace(new_target(30, 0), state=state, since=since, passes=passes, failure=None if passes else REFUSED)


@pytest.mark.parametrize(
    ("target", "due"),
    [
        (target_state("initial"), (30, "healthy")),
        (target_state("initial", since=31), (60, "healthy")),
        (target_state("initial", since=60), (60, "healthy")),
        (target_state("initial", passes=False), (60, "unhealthy")),
        (target_state("healthy"), None),
        (target_state("healthy", since=100, passes=False), (150, "unhealthy")),
        (replace(target_state("healthy", since=100, passes=False), failure=TIMED_OUT), (155, "unhealthy")),
        (target_state("unhealthy", passes=False), None),
        (target_state("unhealthy", since=100), (240, "healthy")),
        (replace(target_state("unused"), failure=NOT_IN_USE), None),
    ],
    ids=str,
)
def test_the_deciding_check_is_computed_in_advance(target: TargetState, due: tuple[float, str] | None) -> None:
    assert next_change(target, CHECKS) == due


def test_thresholds_determine_the_deciding_check() -> None:
    assert next_change(target_state("unhealthy", since=100), replace(CHECKS, healthy=2)) == (150, "healthy")
    assert next_change(target_state("healthy", since=100, passes=False), replace(CHECKS, unhealthy=3)) == (
        180,
        "unhealthy",
    )


def test_another_failure_continues_the_count_and_a_passed_check_resets_it() -> None:
    target = observe(target_state("healthy"), TIMED_OUT, 30, now=100)
    assert next_change(target, CHECKS) == (155, "unhealthy")
    target = observe(target, REFUSED, 30, now=130)
    assert next_change(target, CHECKS) == (150, "unhealthy")
    target = observe(target, None, 30, now=140)
    assert next_change(target, CHECKS) is None
    assert next_change(observe(target, REFUSED, 30, now=141), CHECKS) == (180, "unhealthy")


@pytest.mark.parametrize(("failure", "due"), [(None, (60, "healthy")), (REFUSED, (90, "unhealthy"))], ids=str)
def test_a_target_whose_checks_are_not_known_yet_stays_initial_until_one_is(failure: Any, due: Any) -> None:
    target = observe(target_state("healthy", since=10, passes=False), NOT_CHECKED, 30, now=20)
    assert (target.state, next_change(target, CHECKS)) == ("initial", None)
    assert next_change(observe(observe(target, NOT_CHECKED, 30, now=40), failure, 30, now=50), CHECKS) == due


def test_a_new_interval_starts_when_it_is_set() -> None:
    target = observe(target_state("unhealthy", since=100), None, 10, now=107)
    assert next_change(target, replace(CHECKS, interval=10)) == (157, "healthy")


def test_a_target_in_use_again_starts_anew() -> None:
    unused = observe(target_state("healthy"), NOT_IN_USE, 30, now=100)
    assert unused.state == "unused"
    again = observe(unused, None, 30, now=200)
    assert (again.state, next_change(again, CHECKS)) == ("initial", (230, "healthy"))


@given(
    flips=st.lists(st.floats(0, 400, allow_nan=False), max_size=8, unique=True).map(sorted),
    healthy=st.integers(2, 5),
    unhealthy=st.integers(2, 5),
)
def test_the_result_is_the_same_as_if_every_check_ran(flips: list[float], healthy: int, unhealthy: int) -> None:
    """Compare with a model that runs every check; a target passes at first, and each flip makes it fail or pass."""
    checks = replace(CHECKS, healthy=healthy, unhealthy=unhealthy)

    def passes(moment: float) -> bool:
        return sum(flip <= moment for flip in flips) % 2 == 0

    state, row, last = "initial", 0, True
    for moment in range(30, 601, 30):
        row = row + 1 if passes(moment) == last else 1
        last = passes(moment)
        needed = (1 if state == "initial" else healthy) if last else unhealthy
        if row >= needed:
            state = "healthy" if last else "unhealthy"

    target = new_target(30, 0)
    for moment in [*flips, 600]:
        while (due := next_change(target, checks)) is not None and due[0] < moment + (moment == 600):
            target = replace(target, state=due[1])
        target = observe(target, None if passes(moment) else REFUSED, 30, moment)
    assert target.state == state


# --- over HTTP


class Site:
    """A load balancer in two zones that forwards to the target group `t`, and a cluster with instances in them."""

    def __init__(self, account: Any, health: dict[str, Any] | None = None, subnets: int = 2) -> None:
        self.account = account
        self.ec2, self.ecs, self.elbv2 = (account.client(name) for name in ("ec2", "ecs", "elbv2"))
        self.vpc, self.subnets, self.instance_group = account.network()
        self.front = self._group("front-sg")
        self.allow_ingress()
        self.ecs.create_cluster(clusterName="site")
        self.instances = [self.launch(subnet) for subnet in self.subnets[:subnets]]
        created = self.elbv2.create_target_group(
            Name="t", Protocol="HTTP", Port=80, VpcId=self.vpc, HealthCheckPath="/", **(health or {})
        )
        self.group: str = created["TargetGroups"][0]["TargetGroupArn"]
        created = self.elbv2.create_load_balancer(Name="b", Subnets=self.subnets, SecurityGroups=[self.front])
        self.load_balancer: str = created["LoadBalancers"][0]["LoadBalancerArn"]
        self.listen()
        advance(account, "5m")

    def listen(self) -> None:
        created = self.elbv2.create_listener(
            LoadBalancerArn=self.load_balancer,
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.group}],
        )
        self.listener: str = created["Listeners"][0]["ListenerArn"]

    def allow_ingress(self) -> None:
        self.ec2.authorize_security_group_ingress(
            GroupId=self.instance_group, IpPermissions=[self._from_load_balancer()]
        )

    def revoke_ingress(self) -> None:
        self.ec2.revoke_security_group_ingress(GroupId=self.instance_group, IpPermissions=[self._from_load_balancer()])

    def deny(self, egress: bool, ports: tuple[int, int]) -> None:
        """Add a deny entry to the VPC's network ACL, before the entry that allows everything."""
        filters = [{"Name": "vpc-id", "Values": [self.vpc]}]
        acl = self.ec2.describe_network_acls(Filters=filters)["NetworkAcls"][0]["NetworkAclId"]
        self.ec2.create_network_acl_entry(
            NetworkAclId=acl,
            RuleNumber=50,
            Protocol="6",
            RuleAction="deny",
            Egress=egress,
            CidrBlock="172.31.0.0/16",
            PortRange={"From": ports[0], "To": ports[1]},
        )

    def run_task(self, instance: int = 0, port: int = 80, **environment: str) -> str:
        """Run a task that listens on a port of an instance; return its ARN."""
        container = {
            "name": "c",
            "image": "nginx",
            "memory": 64,
            "portMappings": [{"containerPort": 80, "hostPort": port}],
            "environment": [{"name": name, "value": value} for name, value in environment.items()],
        }
        family = self.ecs.register_task_definition(family="f", containerDefinitions=[container])
        arns = self.ecs.list_container_instances(cluster="site")["containerInstanceArns"]
        described = self.ecs.describe_container_instances(cluster="site", containerInstances=arns)
        by_instance = {
            instance["ec2InstanceId"]: instance["containerInstanceArn"] for instance in described["containerInstances"]
        }
        started = self.ecs.start_task(
            cluster="site",
            taskDefinition=family["taskDefinition"]["taskDefinitionArn"],
            containerInstances=[by_instance[self.instances[instance]]],
        )
        advance(self.account, "1m")
        return str(started["tasks"][0]["taskArn"])

    def launch(self, subnet: str) -> str:
        """Launch an instance, which joins the cluster once it runs; return its id."""
        created = self.ec2.run_instances(
            ImageId="ami-760aaa0f",
            MinCount=1,
            MaxCount=1,
            SubnetId=subnet,
            SecurityGroupIds=[self.instance_group],
            IamInstanceProfile=self.account.host_role(),
            UserData="echo ECS_CLUSTER=site >> /etc/ecs/ecs.config",
        )
        return str(created["Instances"][0]["InstanceId"])

    def register(self, *instances: int, **target: int) -> None:
        self.elbv2.register_targets(TargetGroupArn=self.group, Targets=self.targets(*instances, **target))

    def deregister(self, *instances: int) -> None:
        self.elbv2.deregister_targets(TargetGroupArn=self.group, Targets=self.targets(*instances))

    def targets(self, *instances: int, **target: int) -> list[dict[str, Any]]:
        return [{"Id": self.instances[number], **target} for number in instances or (0,)]

    def health(self, **params: Any) -> list[tuple[str, str | None]]:
        """Return the state and the reason of each target."""
        described = self.elbv2.describe_target_health(TargetGroupArn=self.group, **params)["TargetHealthDescriptions"]
        return [(target["TargetHealth"]["State"], target["TargetHealth"].get("Reason")) for target in described]

    def health_after(self, by: str) -> tuple[str, str | None]:
        """Advance the clock; return the health of the only target."""
        advance(self.account, by)
        (only,) = self.health()
        return only

    def description(self) -> str:
        described = self.elbv2.describe_target_health(TargetGroupArn=self.group)["TargetHealthDescriptions"]
        return str(described[0]["TargetHealth"]["Description"])

    def target_events(self) -> list[tuple[str, str]]:
        return [
            (event["what"], event["because"]) for event in events(self.account) if event["what"].startswith("target ")
        ]

    def _group(self, name: str) -> str:
        return str(self.ec2.create_security_group(GroupName=name, Description="d", VpcId=self.vpc)["GroupId"])

    def _from_load_balancer(self) -> dict[str, Any]:
        return {"IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535, "UserIdGroupPairs": [{"GroupId": self.front}]}


HEALTHY = ("healthy", None)
CHECKING = ("initial", "Elb.InitialHealthChecking")
TIMEOUT = ("unhealthy", "Target.Timeout")
FAILED = ("unhealthy", "Target.FailedHealthChecks")
DRAINING = ("draining", "Target.DeregistrationInProgress")
NOT_REGISTERED = ("unused", "Target.NotRegistered")


@pytest.fixture
def site(account: Any) -> Site:
    return Site(account, subnets=1)


def test_a_target_is_registered_then_checked_then_healthy(site: Site) -> None:
    site.run_task()
    site.register()
    assert site.health() == [("initial", "Elb.RegistrationInProgress")]
    assert site.health_after("20s") == CHECKING
    assert site.health_after("12s") == HEALTHY
    assert site.target_events() == [("target healthy", "it passed its first health check")]


def test_checks_time_out_without_a_security_group_rule_and_pass_again_with_it(site: Site) -> None:
    site.run_task()
    site.register()
    advance(site.account, "1m")
    site.revoke_ingress()
    assert site.health_after("25s") == HEALTHY
    assert site.health_after("65s") == TIMEOUT
    assert site.description() == "Request timed out"
    what, why = site.target_events()[-1]
    assert what == "target unhealthy"
    assert why.endswith("the load balancer can't reach it: no rule of security group hosts-sg lets it in on port 80")
    site.allow_ingress()
    assert site.health_after("110s") == TIMEOUT
    assert site.health_after("50s") == HEALTHY


def test_the_load_balancers_security_group_must_allow_egress(site: Site) -> None:
    site.run_task()
    site.register()
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    site.ec2.revoke_security_group_egress(GroupId=site.front, IpPermissions=[everything])
    assert site.health_after("2m") == TIMEOUT
    assert "no rule of security group front-sg lets it out to port 80" in site.target_events()[-1][1]
    towards = {
        "IpProtocol": "tcp",
        "FromPort": 80,
        "ToPort": 80,
        "UserIdGroupPairs": [{"GroupId": site.instance_group}],
    }
    site.ec2.authorize_security_group_egress(GroupId=site.front, IpPermissions=[towards])
    assert site.health_after("3m") == HEALTHY


@pytest.mark.parametrize(
    ("egress", "ports"), [(False, (80, 80)), (True, (80, 80)), (True, REPLY_PORTS), (False, (40000, 40000))], ids=str
)
def test_a_network_acl_blocks_requests_or_replies(site: Site, egress: bool, ports: tuple[int, int]) -> None:
    site.run_task()
    site.register()
    site.deny(egress, ports)
    assert site.health_after("2m") == TIMEOUT
    assert "a network ACL stops" in site.target_events()[-1][1]


def test_a_network_acl_entry_for_another_port_has_no_effect(site: Site) -> None:
    site.run_task()
    site.register()
    site.deny(False, (443, 443))
    assert site.health_after("2m") == HEALTHY


def test_a_target_without_a_task_fails_its_checks(site: Site) -> None:
    site.register()
    assert site.health_after("55s") == CHECKING
    assert site.health_after("10s") == FAILED
    assert site.description() == "Health checks failed"
    task = site.run_task()
    assert site.health_after("3m") == HEALTHY
    site.ecs.stop_task(cluster="site", task=task)
    assert site.health_after("3m") == FAILED


def test_a_wrong_health_check_path_gets_404(site: Site) -> None:
    site.run_task(ALB_PREFIX="/api")
    site.register()
    assert site.health_after("2m") == ("unhealthy", "Target.ResponseCodeMismatch")
    assert site.description() == "Health checks failed with these codes: [404]"
    site.elbv2.modify_target_group(TargetGroupArn=site.group, HealthCheckPath="/api/health")
    assert site.health_after("3m") == HEALTHY


def test_a_matcher_accepts_another_status(site: Site) -> None:
    site.run_task(ESAWS_STATUS="301")
    site.register()
    assert site.health_after("2m") == ("unhealthy", "Target.ResponseCodeMismatch")
    site.elbv2.modify_target_group(TargetGroupArn=site.group, Matcher={"HttpCode": "200,300-399"})
    assert site.health_after("3m") == HEALTHY


def test_a_group_with_grpc_is_checked_by_a_code_of_grpc(account: Any) -> None:
    site = Site(account, {"ProtocolVersion": "GRPC"})
    site.run_task(ALB_PREFIX="/api")
    site.register()
    assert site.health_after("2m") == HEALTHY, "/ is not implemented: 12, the default"
    site.elbv2.modify_target_group(TargetGroupArn=site.group, Matcher={"GrpcCode": "0"})
    assert site.health_after("3m") == ("unhealthy", "Target.ResponseCodeMismatch")
    assert site.description() == "Health checks failed with these codes: [12]"
    site.elbv2.modify_target_group(TargetGroupArn=site.group, HealthCheckPath="/api/shop.Shop")
    assert site.health_after("3m") == HEALTHY


def test_grpc_has_checks_of_its_own_by_default(account: Any) -> None:
    elbv2, (vpc, *_) = account.client("elbv2"), account.network()

    def create(**more: Any) -> Any:
        group = {"Name": "g", "Protocol": "HTTP", "ProtocolVersion": "GRPC", "Port": 50051, "VpcId": vpc} | more
        created = elbv2.create_target_group(**group)["TargetGroups"][0]
        described = elbv2.describe_target_groups(Names=[group["Name"]])["TargetGroups"][0]
        checks = [(each["HealthCheckPath"], each["Matcher"]) for each in (created, described)]
        assert checks[0] == checks[1]
        return checks[0]

    default = ("/AWS.ALB/healthcheck", {"GrpcCode": "12"})
    assert create() == default and create() == default, "a second time it is the same group"
    assert create(Name="h", HealthCheckPath="/a.B/c", Matcher={"GrpcCode": "0-5"}) == ("/a.B/c", {"GrpcCode": "0-5"})


def test_a_slow_response_passes_only_with_a_longer_timeout(site: Site) -> None:
    site.run_task(ESAWS_ANSWER_SECONDS="8")
    site.register()
    assert site.health_after("2m") == TIMEOUT
    site.elbv2.modify_target_group(TargetGroupArn=site.group, HealthCheckTimeoutSeconds=10)
    assert site.health_after("3m") == HEALTHY


def test_a_health_check_uses_its_own_port(site: Site) -> None:
    site.run_task(port=9000)
    site.register()
    site.elbv2.modify_target_group(TargetGroupArn=site.group, HealthCheckPort="9000")
    assert site.health_after("2m") == HEALTHY


def test_changed_thresholds_and_intervals_take_effect(account: Any) -> None:
    checks = {"HealthCheckIntervalSeconds": 10, "UnhealthyThresholdCount": 4, "HealthyThresholdCount": 2}
    site = Site(account, checks, subnets=1)
    task = site.run_task()
    site.register()
    assert site.health_after("12s") == HEALTHY
    site.ecs.stop_task(cluster="site", task=task)
    advance(account, "15s")
    site.elbv2.modify_target_group(TargetGroupArn=site.group, UnhealthyThresholdCount=10)
    assert site.health_after("60s") == HEALTHY
    assert site.health_after("60s") == FAILED


def test_targets_of_a_group_without_a_listener_are_unused(site: Site) -> None:
    site.run_task()
    site.register()
    advance(site.account, "1m")
    site.elbv2.delete_listener(ListenerArn=site.listener)
    assert site.health() == [("unused", "Target.NotInUse")]
    site.listen()
    assert site.health()[0][0] == "initial"
    assert site.health_after("32s") == HEALTHY


def test_a_target_in_a_zone_that_is_not_enabled_is_unused(account: Any) -> None:
    site = Site(account, subnets=1)
    third = site.ec2.create_subnet(VpcId=site.vpc, CidrBlock="172.31.64.0/20", AvailabilityZone=account.zones()[2])
    site.instances.append(site.launch(third["Subnet"]["SubnetId"]))
    site.register(1)
    assert site.health() == [("unused", "Target.NotInUse")]
    assert site.description() == "Target is in an Availability Zone that is not enabled for the load balancer"
    site.elbv2.set_subnets(LoadBalancerArn=site.load_balancer, Subnets=[*site.subnets, third["Subnet"]["SubnetId"]])
    assert site.health()[0][0] == "initial"


def test_a_stopped_instance_is_unused_and_starts_anew_when_it_runs(site: Site) -> None:
    site.register()
    advance(site.account, "2m")
    site.ec2.stop_instances(InstanceIds=site.instances)
    assert site.health() == [("unused", "Target.InvalidState")]
    assert site.health_after("2m") == ("unused", "Target.InvalidState")
    assert site.description() == "Target is in the stopped state"
    site.ec2.start_instances(InstanceIds=site.instances)
    site.ec2.get_waiter("instance_running").wait(InstanceIds=site.instances)
    assert site.health()[0][0] == "initial"


def test_a_target_drains_for_the_deregistration_delay(site: Site) -> None:
    site.elbv2.modify_target_group_attributes(
        TargetGroupArn=site.group, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "120"}]
    )
    site.run_task()
    site.register()
    advance(site.account, "1m")
    site.deregister()
    assert site.health() == [DRAINING]
    assert site.health_after("115s") == DRAINING
    advance(site.account, "10s")
    assert site.health() == []
    assert site.health(Targets=site.targets()) == [NOT_REGISTERED]


def test_a_draining_target_that_is_registered_again_starts_anew(site: Site) -> None:
    site.run_task()
    site.register()
    advance(site.account, "1m")
    site.deregister()
    site.register()
    assert site.health()[0][0] == "initial"
    assert site.health_after("1m") == HEALTHY


def test_registering_again_changes_nothing(site: Site) -> None:
    site.run_task()
    site.register()
    advance(site.account, "1m")
    site.register()
    assert site.health() == [HEALTHY]


def test_an_unused_target_does_not_drain(site: Site) -> None:
    site.elbv2.delete_listener(ListenerArn=site.listener)
    site.register()
    site.deregister()
    assert site.health() == []


def test_a_terminated_instance_drains(site: Site) -> None:
    site.run_task()
    site.register()
    advance(site.account, "1m")
    site.ec2.terminate_instances(InstanceIds=site.instances)
    assert site.health() == [DRAINING]
    advance(site.account, "6m")
    assert site.health() == []


def test_a_pending_instance_is_registered_once_it_runs(site: Site) -> None:
    site.instances.append(site.launch(site.subnets[1]))
    site.register(1)
    assert site.health()[0][0] == "initial"


def test_a_stopped_instance_is_not_registered(site: Site) -> None:
    site.ec2.stop_instances(InstanceIds=site.instances)
    with pytest.raises(ClientError, match=r"InvalidTarget.*not in a running state and cannot be registered: 'i-"):
        site.register()


def test_describing_targets_does_not_move_the_clock_except_for_a_waiter(site: Site) -> None:
    site.run_task()
    site.register()
    assert [site.health()[0][0] for _ in range(5)] == ["initial"] * 5
    site.elbv2.get_waiter("target_in_service").wait(TargetGroupArn=site.group)
    assert site.health() == [HEALTHY]
    site.deregister()
    site.elbv2.get_waiter("target_deregistered").wait(TargetGroupArn=site.group, Targets=site.targets())
    assert site.health() == []


def test_days_without_changes_write_no_events(account: Any) -> None:
    site = Site(account)
    site.run_task(0)
    site.run_task(1)
    site.register(0, 1)
    advance(account, "1m")
    before = site.target_events()
    advance(account, "30d")
    assert site.health() == [HEALTHY, HEALTHY]
    assert site.target_events() == before == [("target healthy", "it passed its first health check")] * 2


@pytest.mark.parametrize("steps", [1, 7, 100])
def test_one_jump_and_many_steps_of_the_clock_have_the_same_result(site: Site, steps: int) -> None:
    site.run_task()
    site.register()
    advance(site.account, "40s")
    site.revoke_ingress()
    for _ in range(steps):
        advance(site.account, f"{120 / steps}s")
    assert site.health() == [TIMEOUT]
    assert [what for what, _ in site.target_events()] == ["target healthy", "target unhealthy"]


def test_a_tcp_health_check_only_connects(account: Any) -> None:
    site = Site(account, subnets=1)
    created = site.elbv2.create_target_group(Name="tcp", Protocol="TCP", Port=80, VpcId=site.vpc)
    site.group = created["TargetGroups"][0]["TargetGroupArn"]
    created = site.elbv2.create_load_balancer(Name="n", Type="network", Scheme="internal", Subnets=site.subnets)
    site.elbv2.create_listener(
        LoadBalancerArn=created["LoadBalancers"][0]["LoadBalancerArn"],
        Protocol="TCP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": site.group}],
    )
    site.run_task(ESAWS_STATUS="500")
    site.register()
    assert site.health_after("2m") == TIMEOUT, "the load balancer has no security group that the rule could name"
    inside = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "172.31.0.0/16"}]}
    site.ec2.authorize_security_group_ingress(GroupId=site.instance_group, IpPermissions=[inside])
    assert site.health_after("4m") == HEALTHY


def test_events_name_the_service_of_the_target_group(site: Site) -> None:
    site.ecs.register_task_definition(
        family="s",
        containerDefinitions=[{"name": "c", "image": "i", "memory": 64, "portMappings": [{"containerPort": 80}]}],
    )
    site.ecs.create_service(
        cluster="site",
        serviceName="api",
        taskDefinition="s",
        desiredCount=0,
        loadBalancers=[{"targetGroupArn": site.group, "containerName": "c", "containerPort": 80}],
    )
    site.register()
    advance(site.account, "2m")
    assert [event["subject"] for event in events(site.account) if event["what"] == "target unhealthy"] == ["api"]


def test_a_failed_instance_does_not_respond(site: Site) -> None:
    site.run_task()
    site.register()
    advance(site.account, "1m")
    control(site.account, "POST", "fail", what="instance", id=site.instances[0])
    assert site.health_after("2m") == TIMEOUT
    assert site.target_events()[-1][1].endswith("the instance does not answer")


def test_addresses_can_be_targets(site: Site) -> None:
    created = site.elbv2.create_target_group(Name="ip", Protocol="HTTP", Port=80, VpcId=site.vpc, TargetType="ip")
    actions = [{"Type": "forward", "TargetGroupArn": created["TargetGroups"][0]["TargetGroupArn"]}]
    site.elbv2.modify_listener(ListenerArn=site.listener, DefaultActions=actions)
    site.group = created["TargetGroups"][0]["TargetGroupArn"]
    described = site.ec2.describe_instances(InstanceIds=site.instances)["Reservations"][0]["Instances"][0]
    site.run_task()
    site.instances = [described["PrivateIpAddress"], "172.31.9.9"]
    site.register(0, 1)
    advance(site.account, "2m")
    assert site.health() == [HEALTHY, TIMEOUT]


def test_a_task_with_its_own_interface_is_a_target_by_its_address(site: Site) -> None:
    created = site.elbv2.create_target_group(Name="ip", Protocol="HTTP", Port=80, VpcId=site.vpc, TargetType="ip")
    site.group = created["TargetGroups"][0]["TargetGroupArn"]
    actions = [{"Type": "forward", "TargetGroupArn": site.group}]
    site.elbv2.modify_listener(ListenerArn=site.listener, DefaultActions=actions)
    container = {"name": "c", "image": "nginx", "memory": 64, "portMappings": [{"containerPort": 80}]}
    site.ecs.register_task_definition(family="own", networkMode="awsvpc", containerDefinitions=[container])
    network = {"awsvpcConfiguration": {"subnets": site.subnets[:1], "securityGroups": [site.instance_group]}}
    started = site.ecs.run_task(cluster="site", taskDefinition="own", networkConfiguration=network)["tasks"][0]
    details = {detail["name"]: detail.get("value") for detail in started["attachments"][0]["details"]}
    site.instances = [details["privateIPv4Address"]]
    advance(site.account, "1m")
    site.register()
    assert site.health_after("1m") == HEALTHY
    site.ecs.stop_task(cluster="site", task=started["taskArn"])
    assert site.health_after("3m")[0] == "unhealthy"


@pytest.mark.parametrize(("cross_zone", "health"), [("false", FAILED), ("true", TIMEOUT)])
def test_a_node_of_another_zone_checks_only_with_cross_zone_load_balancing(
    account: Any, cross_zone: str, health: tuple[str, str]
) -> None:
    """The security group of the target allows only the node of its own zone."""
    site = Site(account, subnets=1)
    created = site.elbv2.create_target_group(Name="tcp", Protocol="TCP", Port=80, VpcId=site.vpc)
    site.group = created["TargetGroups"][0]["TargetGroupArn"]
    created = site.elbv2.create_load_balancer(Name="n", Type="network", Scheme="internal", Subnets=site.subnets)
    load_balancer = created["LoadBalancers"][0]["LoadBalancerArn"]
    attribute = {"Key": "load_balancing.cross_zone.enabled", "Value": cross_zone}
    site.elbv2.modify_load_balancer_attributes(LoadBalancerArn=load_balancer, Attributes=[attribute])
    actions = [{"Type": "forward", "TargetGroupArn": site.group}]
    site.elbv2.create_listener(LoadBalancerArn=load_balancer, Protocol="TCP", Port=80, DefaultActions=actions)
    inside = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "172.31.0.0/20"}]}
    site.ec2.authorize_security_group_ingress(GroupId=site.instance_group, IpPermissions=[inside])
    site.register()
    assert site.health_after("3m") == health


def test_a_target_without_a_deregistration_delay_does_not_drain(site: Site) -> None:
    site.elbv2.modify_target_group_attributes(
        TargetGroupArn=site.group, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "0"}]
    )
    site.register()
    site.deregister()
    assert site.health() == []


def test_a_pending_instance_is_refused_if_provisioning_takes_real_time(program: Program) -> None:
    account = Account(program.json("start", "--provisioning", "1")["url"], "200000000000")
    ec2, elbv2 = account.client("ec2"), account.client("elbv2")
    vpc, subnets, _ = account.network()
    created = ec2.run_instances(ImageId="ami-760aaa0f", MinCount=1, MaxCount=1, SubnetId=subnets[0])
    group = elbv2.create_target_group(Name="t", Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0]
    targets = [{"Id": created["Instances"][0]["InstanceId"]}]
    with pytest.raises(ClientError, match=r"InvalidTarget.*not in a running state and cannot be registered: 'i-"):
        elbv2.register_targets(TargetGroupArn=group["TargetGroupArn"], Targets=targets)
    advance(account, "61s")
    elbv2.register_targets(TargetGroupArn=group["TargetGroupArn"], Targets=targets)
