"""Target health on the clock: what health checks meet, when they decide, and how targets leave."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from local_aws_server.services.ecs.containers import Response
from local_aws_server.services.elbv2.health_probe import (
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
CLOSED, REFUSED = timed_out("closed"), connection_refused(80)


# --- pure: what opens, and what an answer is worth


def end(address: str, *groups: str) -> Endpoint:
    return Endpoint(address, "vpc", "subnet", groups)


@pytest.mark.parametrize(
    ("rules", "opens"),
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
def test_a_group_opens_a_port_for_an_address_or_for_who_carries_a_group(rules: list[GroupRule], opens: bool) -> None:
    assert group_allows(rules, end("10.0.0.5", "sg-alb"), 80) is opens


ALL, EVERYBODY = (0, 65535), "0.0.0.0/0"


@pytest.mark.parametrize(
    ("entries", "passes"),
    [
        ([], False),
        ([AclEntry(100, True, ALL, EVERYBODY)], True),
        ([AclEntry(100, True, ALL, EVERYBODY), AclEntry(90, False, ALL, EVERYBODY)], False),
        ([AclEntry(100, True, ALL, EVERYBODY), AclEntry(110, False, ALL, EVERYBODY)], True),
        ([AclEntry(100, True, (1024, 65535), EVERYBODY)], True),
        ([AclEntry(100, True, (32768, 65535), EVERYBODY)], False),
        ([AclEntry(100, True, (32768, 65535), EVERYBODY), AclEntry(110, True, (1000, 32767), EVERYBODY)], True),
        ([AclEntry(90, False, (5000, 5000), EVERYBODY), AclEntry(100, True, ALL, EVERYBODY)], False),
        ([AclEntry(90, False, ALL, "10.9.0.0/16"), AclEntry(100, True, ALL, EVERYBODY)], True),
        ([AclEntry(90, False, (22, 80), EVERYBODY), AclEntry(100, True, ALL, EVERYBODY)], True),
    ],
    ids=str,
)
def test_a_network_acl_decides_by_the_first_entry_for_each_port(entries: list[AclEntry], passes: bool) -> None:
    assert acl_allows(entries, "10.0.0.5", REPLY_PORTS) is passes


@given(
    entries=st.lists(
        st.tuples(st.integers(1, 9), st.booleans(), st.integers(1, 9), st.integers(0, 4)),
        max_size=6,
        unique_by=lambda each: each[0],
    ),
    low=st.integers(1, 9),
    size=st.integers(0, 4),
)
def test_a_range_of_ports_passes_if_each_of_them_does(
    entries: list[tuple[int, bool, int, int]], low: int, size: int
) -> None:
    made = [AclEntry(number, allows, (first, first + more), EVERYBODY) for number, allows, first, more in entries]

    def one(port: int) -> bool:
        for entry in sorted(made, key=lambda entry: entry.number):
            if entry.ports[0] <= port <= entry.ports[1]:
                return entry.allows
        return False

    assert acl_allows(made, "10.0.0.5", (low, low + size)) is all(one(port) for port in range(low, low + size + 1))


@pytest.mark.parametrize(
    ("matcher", "taken", "not_taken"),
    [
        ("200", [200], [199, 201, 404]),
        ("200,302", [200, 302], [301]),
        ("200-299", [200, 250, 299], [300]),
        ("200-202, 301,400-499", [202, 301, 404], [203, 302, 500]),
    ],
)
def test_a_matcher_takes_codes_lists_and_ranges(matcher: str, taken: list[int], not_taken: list[int]) -> None:
    assert all(matches_status(matcher, status) for status in taken)
    assert not any(matches_status(matcher, status) for status in not_taken)


@pytest.mark.parametrize(
    ("answer", "reason", "description"),
    [
        (Response(404, 0.1), "Target.ResponseCodeMismatch", "Health checks failed with these codes: [404]"),
        (Response(200, 5.1), "Target.Timeout", "Request timed out"),
        (Response(404, 6), "Target.Timeout", "Request timed out"),
    ],
    ids=str,
)
def test_an_answer_fails_a_check_by_its_time_or_its_status(answer: Response, reason: str, description: str) -> None:
    trouble = evaluate_response(answer, "/", "200", 5)
    assert trouble is not None
    assert (trouble.reason, trouble.description) == (reason, description)


def test_an_answer_in_time_with_a_wanted_status_passes() -> None:
    assert evaluate_response(Response(200, 5), "/", "200", 5) is None


# --- pure: when checks decide; registered at 0, a check every 30 s


def watched(state: str, *, since: float = 0, passes: bool = True) -> TargetState:
    return replace(new_target(30, 0), state=state, since=since, passes=passes, failure=None if passes else REFUSED)


@pytest.mark.parametrize(
    ("known", "due"),
    [
        (watched("initial"), (30, "healthy")),
        (watched("initial", since=31), (60, "healthy")),
        (watched("initial", since=60), (60, "healthy")),
        (watched("initial", passes=False), (60, "unhealthy")),
        (watched("healthy"), None),
        (watched("healthy", since=100, passes=False), (150, "unhealthy")),
        (replace(watched("healthy", since=100, passes=False), failure=CLOSED), (155, "unhealthy")),
        (watched("unhealthy", passes=False), None),
        (watched("unhealthy", since=100), (240, "healthy")),
        (replace(watched("unused"), failure=NOT_IN_USE), None),
    ],
    ids=str,
)
def test_the_check_that_decides_is_known_beforehand(known: TargetState, due: tuple[float, str] | None) -> None:
    assert next_change(known, CHECKS) == due


def test_other_thresholds_decide_at_another_check() -> None:
    assert next_change(watched("unhealthy", since=100), replace(CHECKS, healthy=2)) == (150, "healthy")
    assert next_change(watched("healthy", since=100, passes=False), replace(CHECKS, unhealthy=3)) == (180, "unhealthy")


def test_another_reason_to_fail_goes_on_counting_and_passing_once_starts_anew() -> None:
    known = observe(watched("healthy"), CLOSED, 30, now=100)
    assert next_change(known, CHECKS) == (155, "unhealthy")
    known = observe(known, REFUSED, 30, now=130)
    assert next_change(known, CHECKS) == (150, "unhealthy")
    known = observe(known, None, 30, now=140)
    assert next_change(known, CHECKS) is None
    assert next_change(observe(known, REFUSED, 30, now=141), CHECKS) == (180, "unhealthy")


def test_another_interval_counts_from_when_it_was_set() -> None:
    known = observe(watched("unhealthy", since=100), None, 10, now=107)
    assert next_change(known, replace(CHECKS, interval=10)) == (157, "healthy")


def test_what_can_be_used_again_begins_anew() -> None:
    unused = observe(watched("healthy"), NOT_IN_USE, 30, now=100)
    assert unused.state == "unused"
    again = observe(unused, None, 30, now=200)
    assert (again.state, next_change(again, CHECKS)) == ("initial", (230, "healthy"))


@given(
    flips=st.lists(st.floats(0, 400, allow_nan=False), max_size=8, unique=True).map(sorted),
    healthy=st.integers(2, 5),
    unhealthy=st.integers(2, 5),
)
def test_it_comes_out_as_if_each_check_were_played(flips: list[float], healthy: int, unhealthy: int) -> None:
    """Against a model that plays every check; a target passes at first, and each flip makes it fail or pass."""
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

    known = new_target(30, 0)
    for moment in [*flips, 600]:
        while (due := next_change(known, checks)) is not None and due[0] < moment + (moment == 600):
            known = replace(known, state=due[1])
        known = observe(known, None if passes(moment) else REFUSED, 30, moment)
    assert known.state == state


# --- over HTTP


class Site:
    """A load balancer in two zones that forwards to the target group `t`, and an instance of a cluster in each zone."""

    def __init__(self, account: Any, health: dict[str, Any] | None = None, subnets: int = 2) -> None:
        self.account = account
        self.ec2, self.ecs, self.elbv2 = (account.client(name) for name in ("ec2", "ecs", "elbv2"))
        self.vpc, self.subnets, self.hosts = account.network()
        self.doors = self._group("doors-sg")
        self.let_in()
        self.ecs.create_cluster(clusterName="site")
        self.instances = [self.instance(subnet) for subnet in self.subnets[:subnets]]
        made = self.elbv2.create_target_group(
            Name="t", Protocol="HTTP", Port=80, VpcId=self.vpc, HealthCheckPath="/", **(health or {})
        )
        self.group: str = made["TargetGroups"][0]["TargetGroupArn"]
        made = self.elbv2.create_load_balancer(Name="b", Subnets=self.subnets, SecurityGroups=[self.doors])
        self.balancer: str = made["LoadBalancers"][0]["LoadBalancerArn"]
        self.listen()
        advance(account, "5m")

    def listen(self) -> None:
        made = self.elbv2.create_listener(
            LoadBalancerArn=self.balancer,
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.group}],
        )
        self.listener: str = made["Listeners"][0]["ListenerArn"]

    def let_in(self) -> None:
        self.ec2.authorize_security_group_ingress(GroupId=self.hosts, IpPermissions=[self._from_doors()])

    def shut(self) -> None:
        self.ec2.revoke_security_group_ingress(GroupId=self.hosts, IpPermissions=[self._from_doors()])

    def deny(self, egress: bool, ports: tuple[int, int]) -> None:
        """By an entry of the VPC's network ACL, before the one that allows all."""
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

    def run(self, instance: int = 0, port: int = 80, **environment: str) -> str:
        """Run a task that serves on a port of an instance."""
        container = {
            "name": "c",
            "image": "nginx",
            "memory": 64,
            "portMappings": [{"containerPort": 80, "hostPort": port}],
            "environment": [{"name": name, "value": value} for name, value in environment.items()],
        }
        family = self.ecs.register_task_definition(family="f", containerDefinitions=[container])
        arns = self.ecs.list_container_instances(cluster="site")["containerInstanceArns"]
        known = self.ecs.describe_container_instances(cluster="site", containerInstances=arns)["containerInstances"]
        by_instance = {each["ec2InstanceId"]: each["containerInstanceArn"] for each in known}
        started = self.ecs.start_task(
            cluster="site",
            taskDefinition=family["taskDefinition"]["taskDefinitionArn"],
            containerInstances=[by_instance[self.instances[instance]]],
        )
        advance(self.account, "1m")
        return str(started["tasks"][0]["taskArn"])

    def instance(self, subnet: str) -> str:
        """A new instance, which joins the cluster once it runs."""
        made = self.ec2.run_instances(
            ImageId="ami-1",
            MinCount=1,
            MaxCount=1,
            SubnetId=subnet,
            SecurityGroupIds=[self.hosts],
            UserData="echo ECS_CLUSTER=site >> /etc/ecs/ecs.config",
        )
        return str(made["Instances"][0]["InstanceId"])

    def register(self, *instances: int, **target: int) -> None:
        self.elbv2.register_targets(TargetGroupArn=self.group, Targets=self.named(*instances, **target))

    def deregister(self, *instances: int) -> None:
        self.elbv2.deregister_targets(TargetGroupArn=self.group, Targets=self.named(*instances))

    def named(self, *instances: int, **target: int) -> list[dict[str, Any]]:
        return [{"Id": self.instances[each], **target} for each in instances or (0,)]

    def health(self, **asked: Any) -> list[tuple[str, str | None]]:
        """(state, reason) of each target."""
        shown = self.elbv2.describe_target_health(TargetGroupArn=self.group, **asked)["TargetHealthDescriptions"]
        return [(each["TargetHealth"]["State"], each["TargetHealth"].get("Reason")) for each in shown]

    def after(self, by: str) -> tuple[str, str | None]:
        """The only target's health, so much later."""
        advance(self.account, by)
        (only,) = self.health()
        return only

    def description(self) -> str:
        shown = self.elbv2.describe_target_health(TargetGroupArn=self.group)["TargetHealthDescriptions"]
        return str(shown[0]["TargetHealth"]["Description"])

    def log(self) -> list[tuple[str, str]]:
        return [(each["what"], each["because"]) for each in events(self.account) if each["what"].startswith("target ")]

    def _group(self, name: str) -> str:
        return str(self.ec2.create_security_group(GroupName=name, Description="d", VpcId=self.vpc)["GroupId"])

    def _from_doors(self) -> dict[str, Any]:
        return {"IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535, "UserIdGroupPairs": [{"GroupId": self.doors}]}


HEALTHY = ("healthy", None)
CHECKING = ("initial", "Elb.InitialHealthChecking")
TIMEOUT = ("unhealthy", "Target.Timeout")
NOBODY = ("unhealthy", "Target.FailedHealthChecks")
DRAINING = ("draining", "Target.DeregistrationInProgress")
NOT_REGISTERED = ("unused", "Target.NotRegistered")


@pytest.fixture
def site(account: Any) -> Site:
    return Site(account, subnets=1)


def test_a_target_is_registered_then_checked_then_healthy(site: Site) -> None:
    site.run()
    site.register()
    assert site.health() == [("initial", "Elb.RegistrationInProgress")]
    assert site.after("20s") == CHECKING
    assert site.after("12s") == HEALTHY
    assert site.log() == [("target healthy", "it passed its first health check")]


def test_a_closed_group_lets_checks_time_out_and_an_open_one_heals(site: Site) -> None:
    site.run()
    site.register()
    advance(site.account, "1m")
    site.shut()
    assert site.after("25s") == HEALTHY
    assert site.after("65s") == TIMEOUT
    assert site.description() == "Request timed out"
    what, why = site.log()[-1]
    assert what == "target unhealthy"
    assert why.endswith("the load balancer can't reach it: no rule of security group hosts-sg lets it in on port 80")
    site.let_in()
    assert site.after("110s") == TIMEOUT
    assert site.after("50s") == HEALTHY


def test_the_load_balancers_group_must_let_it_out_too(site: Site) -> None:
    site.run()
    site.register()
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    site.ec2.revoke_security_group_egress(GroupId=site.doors, IpPermissions=[everything])
    assert site.after("2m") == TIMEOUT
    assert "no rule of security group doors-sg lets it out to port 80" in site.log()[-1][1]
    towards = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": site.hosts}]}
    site.ec2.authorize_security_group_egress(GroupId=site.doors, IpPermissions=[towards])
    assert site.after("3m") == HEALTHY


@pytest.mark.parametrize(
    ("egress", "ports"), [(False, (80, 80)), (True, (80, 80)), (True, REPLY_PORTS), (False, (40000, 40000))], ids=str
)
def test_a_network_acl_stops_requests_or_their_answers(site: Site, egress: bool, ports: tuple[int, int]) -> None:
    site.run()
    site.register()
    site.deny(egress, ports)
    assert site.after("2m") == TIMEOUT
    assert "a network ACL stops" in site.log()[-1][1]


def test_a_network_acl_may_deny_what_no_check_needs(site: Site) -> None:
    site.run()
    site.register()
    site.deny(False, (443, 443))
    assert site.after("2m") == HEALTHY


def test_nothing_listens_where_no_task_runs(site: Site) -> None:
    site.register()
    assert site.after("55s") == CHECKING
    assert site.after("10s") == NOBODY
    assert site.description() == "Health checks failed"
    task = site.run()
    assert site.after("3m") == HEALTHY
    site.ecs.stop_task(cluster="site", task=task)
    assert site.after("3m") == NOBODY


def test_a_wrong_path_is_a_wrong_status(site: Site) -> None:
    site.run(ALB_PREFIX="/api")
    site.register()
    assert site.after("2m") == ("unhealthy", "Target.ResponseCodeMismatch")
    assert site.description() == "Health checks failed with these codes: [404]"
    site.elbv2.modify_target_group(TargetGroupArn=site.group, HealthCheckPath="/api/health")
    assert site.after("3m") == HEALTHY


def test_a_matcher_may_want_another_status(site: Site) -> None:
    site.run(ESAWS_STATUS="301")
    site.register()
    assert site.after("2m") == ("unhealthy", "Target.ResponseCodeMismatch")
    site.elbv2.modify_target_group(TargetGroupArn=site.group, Matcher={"HttpCode": "200,300-399"})
    assert site.after("3m") == HEALTHY


def test_a_slow_answer_is_a_timeout_unless_there_is_time_for_it(site: Site) -> None:
    site.run(ESAWS_ANSWER_SECONDS="8")
    site.register()
    assert site.after("2m") == TIMEOUT
    site.elbv2.modify_target_group(TargetGroupArn=site.group, HealthCheckTimeoutSeconds=10)
    assert site.after("3m") == HEALTHY


def test_a_check_may_have_a_port_of_its_own(site: Site) -> None:
    site.run(port=9000)
    site.register()
    site.elbv2.modify_target_group(TargetGroupArn=site.group, HealthCheckPort="9000")
    assert site.after("2m") == HEALTHY


def test_other_thresholds_and_another_interval_take_effect(account: Any) -> None:
    checks = {"HealthCheckIntervalSeconds": 10, "UnhealthyThresholdCount": 4, "HealthyThresholdCount": 2}
    site = Site(account, checks, subnets=1)
    task = site.run()
    site.register()
    assert site.after("12s") == HEALTHY
    site.ecs.stop_task(cluster="site", task=task)
    advance(account, "15s")
    site.elbv2.modify_target_group(TargetGroupArn=site.group, UnhealthyThresholdCount=10)
    assert site.after("60s") == HEALTHY
    assert site.after("60s") == NOBODY


def test_a_group_that_no_listener_forwards_to_is_not_used(site: Site) -> None:
    site.run()
    site.register()
    advance(site.account, "1m")
    site.elbv2.delete_listener(ListenerArn=site.listener)
    assert site.health() == [("unused", "Target.NotInUse")]
    site.listen()
    assert site.health()[0][0] == "initial"
    assert site.after("32s") == HEALTHY


def test_a_target_in_a_zone_that_is_not_enabled_is_not_used(account: Any) -> None:
    site = Site(account, subnets=1)
    third = site.ec2.create_subnet(VpcId=site.vpc, CidrBlock="172.31.64.0/20", AvailabilityZone=account.zones()[2])
    site.instances.append(site.instance(third["Subnet"]["SubnetId"]))
    site.register(1)
    assert site.health() == [("unused", "Target.NotInUse")]
    assert site.description() == "Target is in an Availability Zone that is not enabled for the load balancer"
    site.elbv2.set_subnets(LoadBalancerArn=site.balancer, Subnets=[*site.subnets, third["Subnet"]["SubnetId"]])
    assert site.health()[0][0] == "initial"


def test_a_stopped_instance_is_unused_and_begins_anew_when_it_runs(site: Site) -> None:
    site.register()
    advance(site.account, "2m")
    site.ec2.stop_instances(InstanceIds=site.instances)
    assert site.health() == [("unused", "Target.InvalidState")]
    assert site.after("2m") == ("unused", "Target.InvalidState")
    assert site.description() == "Target is in the stopped state"
    site.ec2.start_instances(InstanceIds=site.instances)
    site.ec2.get_waiter("instance_running").wait(InstanceIds=site.instances)
    assert site.health()[0][0] == "initial"


def test_a_target_drains_for_the_delay_and_is_gone(site: Site) -> None:
    site.elbv2.modify_target_group_attributes(
        TargetGroupArn=site.group, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "120"}]
    )
    site.run()
    site.register()
    advance(site.account, "1m")
    site.deregister()
    assert site.health() == [DRAINING]
    assert site.after("115s") == DRAINING
    advance(site.account, "10s")
    assert site.health() == []
    assert site.health(Targets=site.named()) == [NOT_REGISTERED]


def test_a_draining_target_that_is_registered_again_begins_anew(site: Site) -> None:
    site.run()
    site.register()
    advance(site.account, "1m")
    site.deregister()
    site.register()
    assert site.health()[0][0] == "initial"
    assert site.after("1m") == HEALTHY


def test_registering_again_changes_nothing(site: Site) -> None:
    site.run()
    site.register()
    advance(site.account, "1m")
    site.register()
    assert site.health() == [HEALTHY]


def test_what_was_never_used_is_gone_at_once(site: Site) -> None:
    site.elbv2.delete_listener(ListenerArn=site.listener)
    site.register()
    site.deregister()
    assert site.health() == []


def test_a_terminated_instance_drains_and_is_gone(site: Site) -> None:
    site.run()
    site.register()
    advance(site.account, "1m")
    site.ec2.terminate_instances(InstanceIds=site.instances)
    assert site.health() == [DRAINING]
    advance(site.account, "6m")
    assert site.health() == []


def test_a_pending_instance_is_registered_once_it_runs(site: Site) -> None:
    site.instances.append(site.instance(site.subnets[1]))
    site.register(1)
    assert site.health()[0][0] == "initial"


def test_what_does_not_run_is_not_registered(site: Site) -> None:
    site.ec2.stop_instances(InstanceIds=site.instances)
    with pytest.raises(ClientError, match=r"InvalidTarget.*not in a running state and cannot be registered: 'i-"):
        site.register()


def test_a_plain_describe_never_moves_the_clock_and_a_waiter_does(site: Site) -> None:
    site.run()
    site.register()
    assert [site.health()[0][0] for _ in range(5)] == ["initial"] * 5
    site.elbv2.get_waiter("target_in_service").wait(TargetGroupArn=site.group)
    assert site.health() == [HEALTHY]
    site.deregister()
    site.elbv2.get_waiter("target_deregistered").wait(TargetGroupArn=site.group, Targets=site.named())
    assert site.health() == []


def test_quiet_days_bring_nothing_new(account: Any) -> None:
    site = Site(account)
    site.run(0)
    site.run(1)
    site.register(0, 1)
    advance(account, "1m")
    before = site.log()
    advance(account, "30d")
    assert site.health() == [HEALTHY, HEALTHY]
    assert site.log() == before == [("target healthy", "it passed its first health check")] * 2


@pytest.mark.parametrize("steps", [1, 7, 100])
def test_one_jump_or_many_come_to_the_same(site: Site, steps: int) -> None:
    site.run()
    site.register()
    advance(site.account, "40s")
    site.shut()
    for _ in range(steps):
        advance(site.account, f"{120 / steps}s")
    assert site.health() == [TIMEOUT]
    assert [what for what, _ in site.log()] == ["target healthy", "target unhealthy"]


def test_a_network_load_balancer_only_connects(account: Any) -> None:
    site = Site(account, subnets=1)
    made = site.elbv2.create_target_group(Name="tcp", Protocol="TCP", Port=80, VpcId=site.vpc)
    site.group = made["TargetGroups"][0]["TargetGroupArn"]
    made = site.elbv2.create_load_balancer(Name="n", Type="network", Scheme="internal", Subnets=site.subnets)
    site.elbv2.create_listener(
        LoadBalancerArn=made["LoadBalancers"][0]["LoadBalancerArn"],
        Protocol="TCP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": site.group}],
    )
    site.run(ESAWS_STATUS="500")
    site.register()
    assert site.after("2m") == TIMEOUT, "it has no group, and its address is none of the load balancer's group"
    inside = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "172.31.0.0/16"}]}
    site.ec2.authorize_security_group_ingress(GroupId=site.hosts, IpPermissions=[inside])
    assert site.after("4m") == HEALTHY


def test_the_log_names_the_service_of_the_target_group(site: Site) -> None:
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
    assert [each["subject"] for each in events(site.account) if each["what"] == "target unhealthy"] == ["api"]


def test_a_failed_instance_answers_nobody(site: Site) -> None:
    site.run()
    site.register()
    advance(site.account, "1m")
    control(site.account, "POST", "fail", what="instance", id=site.instances[0])
    assert site.after("2m") == TIMEOUT
    assert site.log()[-1][1].endswith("the instance does not answer")


def test_an_address_is_a_target_too(site: Site) -> None:
    made = site.elbv2.create_target_group(Name="ip", Protocol="HTTP", Port=80, VpcId=site.vpc, TargetType="ip")
    actions = [{"Type": "forward", "TargetGroupArn": made["TargetGroups"][0]["TargetGroupArn"]}]
    site.elbv2.modify_listener(ListenerArn=site.listener, DefaultActions=actions)
    site.group = made["TargetGroups"][0]["TargetGroupArn"]
    described = site.ec2.describe_instances(InstanceIds=site.instances)["Reservations"][0]["Instances"][0]
    site.run()
    site.instances = [described["PrivateIpAddress"], "172.31.9.9"]
    site.register(0, 1)
    advance(site.account, "2m")
    assert site.health() == [HEALTHY, TIMEOUT]


def test_a_task_with_an_interface_of_its_own_is_a_target_by_its_address(site: Site) -> None:
    made = site.elbv2.create_target_group(Name="ip", Protocol="HTTP", Port=80, VpcId=site.vpc, TargetType="ip")
    site.group = made["TargetGroups"][0]["TargetGroupArn"]
    actions = [{"Type": "forward", "TargetGroupArn": site.group}]
    site.elbv2.modify_listener(ListenerArn=site.listener, DefaultActions=actions)
    container = {"name": "c", "image": "nginx", "memory": 64, "portMappings": [{"containerPort": 80}]}
    site.ecs.register_task_definition(family="own", networkMode="awsvpc", containerDefinitions=[container])
    network = {"awsvpcConfiguration": {"subnets": site.subnets[:1], "securityGroups": [site.hosts]}}
    started = site.ecs.run_task(cluster="site", taskDefinition="own", networkConfiguration=network)["tasks"][0]
    details = {detail["name"]: detail.get("value") for detail in started["attachments"][0]["details"]}
    site.instances = [details["privateIPv4Address"]]
    advance(site.account, "1m")
    site.register()
    assert site.after("1m") == HEALTHY
    site.ecs.stop_task(cluster="site", task=started["taskArn"])
    assert site.after("3m")[0] == "unhealthy"


@pytest.mark.parametrize(("cross_zone", "found"), [("false", NOBODY), ("true", TIMEOUT)])
def test_a_node_of_another_zone_checks_only_with_cross_zone_load_balancing(
    account: Any, cross_zone: str, found: tuple[str, str]
) -> None:
    """The target's subnet lets in the node of its own zone alone."""
    site = Site(account, subnets=1)
    made = site.elbv2.create_target_group(Name="tcp", Protocol="TCP", Port=80, VpcId=site.vpc)
    site.group = made["TargetGroups"][0]["TargetGroupArn"]
    made = site.elbv2.create_load_balancer(Name="n", Type="network", Scheme="internal", Subnets=site.subnets)
    balancer = made["LoadBalancers"][0]["LoadBalancerArn"]
    attribute = {"Key": "load_balancing.cross_zone.enabled", "Value": cross_zone}
    site.elbv2.modify_load_balancer_attributes(LoadBalancerArn=balancer, Attributes=[attribute])
    actions = [{"Type": "forward", "TargetGroupArn": site.group}]
    site.elbv2.create_listener(LoadBalancerArn=balancer, Protocol="TCP", Port=80, DefaultActions=actions)
    inside = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "172.31.0.0/20"}]}
    site.ec2.authorize_security_group_ingress(GroupId=site.hosts, IpPermissions=[inside])
    site.register()
    assert site.after("3m") == found


def test_without_a_delay_a_target_is_gone_at_once(site: Site) -> None:
    site.elbv2.modify_target_group_attributes(
        TargetGroupArn=site.group, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "0"}]
    )
    site.register()
    site.deregister()
    assert site.health() == []


def test_where_provisioning_really_takes_time_a_pending_instance_is_refused(program: Program) -> None:
    account = Account(program.json("start", "--provisioning", "1")["url"], "200000000000")
    ec2, elbv2 = account.client("ec2"), account.client("elbv2")
    vpc, subnets, _ = account.network()
    made = ec2.run_instances(ImageId="ami-1", MinCount=1, MaxCount=1, SubnetId=subnets[0])
    group = elbv2.create_target_group(Name="t", Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0]
    targets = [{"Id": made["Instances"][0]["InstanceId"]}]
    with pytest.raises(ClientError, match=r"InvalidTarget.*not in a running state and cannot be registered: 'i-"):
        elbv2.register_targets(TargetGroupArn=group["TargetGroupArn"], Targets=targets)
    advance(account, "61s")
    elbv2.register_targets(TargetGroupArn=group["TargetGroupArn"], Targets=targets)
