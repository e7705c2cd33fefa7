"""The whole way of a request through a deployment, and its rules as a table."""

import json
from pathlib import Path
from typing import Any

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.deploy.plan import plan_deploy
from esaws.errors import NotDeployed, UsageError
from esaws.inspect.account import snapshot
from esaws.inspect.load_balancers import find_load_balancer, rules
from esaws.inspect.request_path import KEYS, RequestPath, trace
from esaws.reference.seccom import seccom
from tests.inspect.access_logs import line
from tests.shell import Shell


@pytest.fixture(scope="module")
def deployed(new_cloud: Any) -> Cloud:
    """The large build, with its targets healthy."""
    cloud = new_cloud()
    plan_deploy(seccom("ha"), cloud).apply()
    simulation.advance(cloud, "10m")
    return cloud


@pytest.fixture(scope="module")
def way(deployed: Cloud) -> Any:
    account = snapshot(deployed, *KEYS)
    return lambda url, **more: trace(account, url, **more)


def test_a_request_is_followed_to_its_container(way: Any) -> None:
    found: RequestPath = way("http://seccom/intrusion-management-api/events?since=1")
    told = found.to_dict()
    assert (told["outcome"], told["priority"], told["action"]) == ("match", "2", "forward")
    assert [
        (stop.name, stop.port, stop.state, stop.reached, stop.task, stop.container_port) for stop in found.targets
    ] == [
        ("seccom-intrusion-management-api", 8001, "healthy", "allow", "service seccom-intrusion-management-api", 8000)
    ] * 2
    assert {stop.zone for stop in found.targets} == {"eu-west-3a", "eu-west-3b"}
    assert "rule 1 missed: path /intrusion-management-api/events doesn't match /sites-management-api*" in found.hops
    assert set(told) >= {
        "outcome",
        "priority",
        "rule_arn",
        "action",
        "target_groups",
        "targets",
        "hops",
        "candidates",
        "reason",
    }
    json.dumps(told)


def test_a_port_without_a_listener_refuses(way: Any) -> None:
    found = way("https://seccom/")
    assert found.to_dict()["outcome"] == "elb_response"
    assert found.hops == ("seccom-alb listens on 80, not on 443: the connection is refused",)


def test_what_is_doubtful_is_unknown_with_its_candidates(way: Any) -> None:
    told = way("http://seccom/x/%2e%2e/sites-management-api").to_dict()
    assert told["outcome"] == "unknown" and told["candidates"] and told["targets"] == []


def test_a_closed_group_is_seen_on_the_way(new_cloud: Any) -> None:
    cloud = new_cloud()
    plan_deploy(seccom("budget"), cloud).apply()
    simulation.advance(cloud, "10m")
    ec2 = cloud.client("ec2")
    (group,) = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["seccom-ClientWeb-sg"]}])[
        "SecurityGroups"
    ]
    opened = [each for each in group["IpPermissions"] if each.get("FromPort") == 4201]
    ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=opened)
    simulation.advance(cloud, "5m")
    (stop,) = trace(snapshot(cloud, *KEYS), "http://seccom/").targets
    assert (stop.state, stop.reason, stop.reached) == ("unhealthy", "Target.Timeout", "deny")
    assert stop.eligible, "no target is healthy, so all get requests"


def test_rules_as_a_table(deployed: Cloud) -> None:
    frame = rules(deployed)
    assert frame[["port", "priority", "target_group"]].values.tolist() == [
        [80, "1", "seccom-sites-management-api-tg"],
        [80, "2", "seccom-intrusion-api-tg"],
        [80, "default", "seccom-client-web-ui-tg"],
    ]
    assert frame.healthy.tolist() == frame.registered.tolist() == [2, 2, 2]


def test_a_load_balancer_is_found_by_name_by_host_or_as_the_only_one(deployed: Cloud, cloud: Cloud) -> None:
    account = snapshot(deployed, *KEYS)
    host = account["LoadBalancers"][0]["DNSName"]
    found = [
        find_load_balancer(account),
        find_load_balancer(account, "alb"),
        find_load_balancer(account, "seccom-alb"),
        find_load_balancer(account, host=host),
    ]
    assert {each.name for each in found} == {"seccom-alb"}
    with pytest.raises(UsageError, match="there is no load balancer other; there are seccom-alb"):
        find_load_balancer(account, "other")
    with pytest.raises(NotDeployed, match="no Application Load Balancer"):
        find_load_balancer(snapshot(cloud, *KEYS))


def test_the_command_line(deployed: Cloud, tmp_path: Path) -> None:
    esaws = Shell(deployed, tmp_path)
    assert [row["priority"] for row in esaws.json("routes")] == ["1", "2", "default"]
    found = esaws.json("trace", "http://seccom/sites-management-api/", "--header", "User-Agent: curl")
    assert (found["outcome"], found["priority"]) == ("match", "1")
    assert "the default rule takes it" in esaws("trace", "http://seccom/")
    assert "is no URL" in esaws("trace", "seccom", code=2)
    assert "is no header" in esaws("trace", "http://seccom", "--header", "curl", code=2)


def test_logs_are_replayed_from_the_command_line(deployed: Cloud, tmp_path: Path) -> None:
    esaws = Shell(deployed, tmp_path)
    log, proposed = tmp_path / "a.log", tmp_path / "rules.json"
    log.write_text(line({"path": "/sites-management-apifoo"}) + line({"path": "/"}, logged="0") + "what?\n")
    described = [dict(each) for each in snapshot(deployed, "Rules")["Rules"]]
    first = next(each for each in described if each["Priority"] == "1")
    first["Conditions"] = [{"Field": "path-pattern", "Values": ["/sites-management-api", "/sites-management-api/*"]}]
    proposed.write_text(json.dumps({"Rules": described}, default=str))
    found = esaws.json("routes", "--replay", str(log), "--proposed", str(proposed))
    assert (found["lines"], len(found["malformed"])) == (2, 1)
    (change,) = found["changes"]
    assert (change["path"], change["live"], change["proposed"]) == ("/sites-management-apifoo", "1", "default")
    assert {row["priority"]: row["live_dead"] for row in found["rules"]} == {"1": "no", "2": "yes", "default": "no"}
    assert "1 request would go elsewhere" in esaws("routes", "--replay", str(log), "--proposed", str(proposed))
    proposed.write_text("[3]")
    assert "is not what `aws elbv2 describe-rules` prints" in esaws(
        "routes", "--replay", str(log), "--proposed", str(proposed), code=2
    )
    assert "no access log found" in esaws("routes", "--replay", str(tmp_path / "none"), code=2)
