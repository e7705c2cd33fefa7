"""Why targets are unhealthy or were: history, signals of instances and tasks, and Classic Load Balancers."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.errors import UsageError
from esaws.inspect.account import Account
from esaws.inspect.classic_targets import classic_health
from esaws.inspect.instance_signals import load_signals, status_signals, task_signals
from esaws.inspect.metrics import Points
from esaws.inspect.target_history import histories
from esaws.inspect.unhealthy import why_unhealthy

Raw = dict[str, Any]
CASE = json.loads((Path(__file__).parent / "cases" / "nlb.json").read_text())
START = datetime(2026, 3, 1, tzinfo=UTC)


# -- history


def minutes(*values: float) -> Points:
    return Points(tuple(START + timedelta(minutes=n) for n in range(len(values))), values, 60)


HISTORIES = {
    "no data at all": (minutes(), None, [], "unknown: CloudWatch has no data of the last 0.1 hours"),
    "healthy all the time": (minutes(0, 0, 0, 0, 0, 0), 0, [], "no target was unhealthy in 0.1 hours"),
    "healthy as far as data goes": (minutes(0, 0), 0, [], "no target was unhealthy in the 0.0 of 0.1 hours with data"),
    "unhealthy and mended": (minutes(0, 2, 1, 0, 0, 0), 2, [(1, 3)], "last from 2026-03-01 00:01 UTC to "),
    "unhealthy twice": (minutes(1, 0, 0, 1, 0, 0), 1, [(0, 1), (3, 4)], "2 times in 0.1 hours"),
    "unhealthy still": (minutes(0, 0, 0, 0, 1, 1), 1, [(4, None)], "once in 0.1 hours, since 2026-03-01 00:04 UTC"),
}


@pytest.mark.parametrize("what", HISTORIES)
def test_the_history_of_a_group_says_when_targets_were_unhealthy(what: str) -> None:
    points, most, episodes, text = HISTORIES[what]
    (history,) = histories({("tg", "lb", "healthy"): minutes(), ("tg", "lb", "unhealthy"): points}, 0.1)
    assert history.most_unhealthy == most and text in history.text
    found = [(start - START, end and end - START) for start, end in history.episodes]
    assert found == [(timedelta(minutes=a), None if b is None else timedelta(minutes=b)) for a, b in episodes]
    assert history.is_over == (bool(episodes) and episodes[-1][1] is not None)


# -- instances and tasks

INSTANCES = Account("1", "eu-west-3", {"Instances": [{"InstanceId": "i-1", "Tags": [{"Key": "Name", "Value": "web"}]}]})


def test_a_failed_status_check_says_whether_the_host_or_the_instance_is_broken() -> None:
    statuses = [{"InstanceId": "i-1", "SystemStatus": {"Status": "impaired"}, "InstanceStatus": {"Status": "ok"}}]
    (signal,) = status_signals(INSTANCES, statuses)
    assert (signal.code, signal.resource) == ("HARDWARE_IMPAIRED", "web")
    statuses[0]["SystemStatus"], statuses[0]["InstanceStatus"] = {"Status": "ok"}, {"Status": "impaired"}
    assert [signal.code for signal in status_signals(INSTANCES, statuses)] == ["INSTANCE_IMPAIRED"]


def test_an_instance_short_of_cpu_is_found_and_one_without_data_is_not() -> None:
    load = {("i-1", "CPUUtilization"): minutes(10, 97), ("i-1", "CPUCreditBalance"): minutes(30, 0.2)}
    assert [signal.code for signal in load_signals(INSTANCES, load)] == ["CPU_BUSY", "CPU_CREDITS_SPENT"]
    assert not [
        *load_signals(INSTANCES, {("i-1", "CPUUtilization"): minutes(), ("i-2", "CPUUtilization"): minutes(50)})
    ]


STOPPED = {
    "OUT_OF_MEMORY": {"containers": [{"reason": "OutOfMemoryError: Container killed due to memory usage"}]},
    "CONTAINER_EXITS": {"stopCode": "EssentialContainerExited", "containers": [{"name": "web", "exitCode": 1}]},
    "TASK_DOES_NOT_START": {"stopCode": "TaskFailedToStart", "stoppedReason": "CannotPullContainerError: not found"},
    "HEALTH_CHECK_STOPS_TASKS": {"stoppedReason": "Task failed ELB health checks in (target-group tg)"},
    "": {
        "stopCode": "ServiceSchedulerInitiated",
        "stoppedReason": "Scaling activity",
        "containers": [{"exitCode": 137}],
    },
}


@pytest.mark.parametrize("code", STOPPED)
def test_why_tasks_behind_a_group_stopped_follows_from_what_ecs_says(code: str) -> None:
    service = {"serviceName": "web", "loadBalancers": [{"targetGroupArn": "tg"}], "runningCount": 1, "desiredCount": 1}
    task = {"group": "service:web", "lastStatus": "STOPPED", **STOPPED[code]}
    account = Account("1", "eu-west-3", {"services": [service], "tasks": [task, task]})
    found = [*task_signals(account, ["tg"])]
    assert [(signal.code, signal.detail[:7]) for signal in found] == ([(code, "2 tasks")] if code else [])
    assert not [*task_signals(account, ["another"])]


def test_an_old_event_of_a_service_that_runs_all_its_tasks_is_no_signal() -> None:
    service = {"serviceName": "web", "loadBalancers": [{"targetGroupArn": "tg"}], "desiredCount": 2, "runningCount": 2}
    service["events"] = [{"message": "(service web) was unable to place a task because no instance met all"}]
    account = Account("1", "eu-west-3", {"services": [service], "tasks": []})
    assert not [*task_signals(account, ["tg"])]
    service["runningCount"] = 1
    assert [signal.code for signal in task_signals(account, ["tg"])] == ["TASKS_NOT_PLACED"]


# -- Classic Load Balancers


def classic(**changes: Any) -> Raw:
    """A classic load balancer, out of service; its node is where the network load balancer of the case has its."""
    raw = json.loads(json.dumps(CASE))
    node = next(item for item in raw["NetworkInterfaces"] if item["NetworkInterfaceId"] == "eni-nlb")
    node["Description"] = "ELB old"
    empty = ("clusters", "services", "tasks", "taskDefinitions", "containerInstances", "PrefixLists", "DBInstances")
    return {**{key: [] for key in (*empty, "CacheClusters", "CacheSubnetGroups", "Brokers", "Rules")}, **raw, **changes}


def code_of(raw: Raw, *, state: str = "OutOfService", check: str = "HTTP:30443/index.html") -> str:
    zones = sorted({item["Placement"]["AvailabilityZone"] for item in raw["Instances"] or ()})
    load_balancer = {"LoadBalancerName": "old", "AvailabilityZones": zones, "HealthCheck": {"Target": check}}
    states = [{"InstanceId": "i-0a", "State": state, "Description": "Instance has failed its health checks."}]
    (found,) = classic_health(Account("1", "us-east-2", raw), load_balancer, states)
    return found.code


def test_the_cause_of_an_instance_out_of_service_is_found_from_outside() -> None:
    assert code_of(classic(), state="InService") == "HEALTHY"
    assert code_of(classic()) == "NOT_REACHED"
    allowed = classic()
    rule = {"IpProtocol": "tcp", "FromPort": 30443, "ToPort": 30443, "IpRanges": [{"CidrIp": "10.1.1.0/24"}]}
    allowed["SecurityGroups"][0]["IpPermissions"].append(rule)
    assert code_of(allowed) == "UNEXPLAINED"
    assert code_of(allowed, check="nonsense") == "NOT_LOOKED_AT"
    allowed["Instances"][0]["State"]["Name"] = "stopped"
    assert code_of(allowed) == "INSTANCE_NOT_RUNNING"
    assert code_of(classic(Instances=[])) == "INSTANCE_GONE"
    hidden = classic()
    hidden["NetworkInterfaces"] = [
        item for item in hidden["NetworkInterfaces"] if item["NetworkInterfaceId"] != "eni-nlb"
    ]
    assert code_of(hidden) == "NOT_LOOKED_AT"


def test_the_page_about_unhealthy_targets_has_every_code() -> None:
    root = Path(__file__).resolve().parents[2]
    modules = ("target_causes", "target_health", "classic_targets", "instance_signals")
    sources = "".join((root / f"esaws/inspect/{name}.py").read_text("utf-8") for name in modules)
    codes = {*re.findall(r'"([A-Z]{2,}(?:_[A-Z]+)+|UNEXPLAINED|REGISTERING|DRAINING)"', sources)}
    page = (root / "docs/unhealthy_targets.md").read_text("utf-8")
    assert codes - {"TCP_UDP", "ALB_PREFIX"} == {*re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE)}


# -- the whole diagnosis, on a deployment


def test_a_deployment_is_diagnosed_while_it_is_broken_and_after_it_is_mended(
    load_system: Callable[[str], Cloud],
) -> None:
    cloud = load_system("two-services")
    simulation.advance(cloud, "20m")
    assert why_unhealthy(cloud, "alb").verdict == "4 of 4 targets of alb are healthy"
    with pytest.raises(UsageError, match=r"nothing-tg: no such .* Choose from: seccom-alb, seccom-client-web-ui-tg"):
        why_unhealthy(cloud, "nothing-tg")

    ec2 = cloud.client("ec2")
    groups = {group["GroupName"]: group for group in ec2.describe_security_groups()["SecurityGroups"]}
    group = next(group for name, group in groups.items() if name.endswith("ClientWeb-sg"))
    ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=group["IpPermissions"])
    simulation.advance(cloud, "75s")
    broken = why_unhealthy(cloud, "client-web-ui")
    assert broken.verdict.startswith("2 of 2 targets of client-web-ui are unhealthy: NOT_REACHED; no target of")
    (cause,) = [cause for cause in broken.causes() if cause["code"] == "NOT_REACHED"]
    assert len(cause["targets"]) == 2 and "authorize-security-group-ingress" in cause["fix"]
    assert [history.episodes[-1][1] for history in broken.history] == [None]

    ec2.authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=group["IpPermissions"])
    simulation.advance(cloud, "10m")
    mended = why_unhealthy(cloud)
    assert mended.verdict == "4 of 4 targets are healthy; 1 groups had unhealthy targets before"
    assert [history.target_group for history in mended.flapping] == ["seccom-client-web-ui-tg"]
    assert json.dumps(mended.to_dict()) and "client-web-ui" in mended._repr_html_()
