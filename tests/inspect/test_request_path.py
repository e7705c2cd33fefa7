"""The path of a request through a deployment, and the rules of its load balancer as a table."""

import json
from pathlib import Path
from typing import Any

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.deploy.plan import plan_deploy
from esaws.errors import NotDeployed, UsageError
from esaws.inspect.account import Account, snapshot
from esaws.inspect.load_balancers import find_load_balancer, rules
from esaws.inspect.request_path import KEYS, trace
from esaws.reference.seccom import seccom
from tests.inspect.access_logs import line
from tests.shell import Shell


def test_a_request_is_traced_to_its_container(account: Account) -> None:
    path = trace(account, "http://seccom/intrusion-management-api/events?since=1")
    result = path.to_dict()
    assert (result["outcome"], result["priority"], result["action"]) == ("match", "2", "forward")
    assert [
        (target.name, target.port, target.state, target.reached, target.task, target.container_port)
        for target in path.targets
    ] == [
        ("seccom-intrusion-management-api", 8001, "healthy", "allow", "service seccom-intrusion-management-api", 8000)
    ] * 2
    assert {target.zone for target in path.targets} == {"eu-west-3a", "eu-west-3b"}
    assert "rule 1 missed: path /intrusion-management-api/events doesn't match /sites-management-api*" in path.hops
    assert set(result) >= {
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
    json.dumps(result)


def test_a_port_without_a_listener_refuses_the_connection(account: Account) -> None:
    path = trace(account, "https://seccom/")
    assert path.to_dict()["outcome"] == "elb_response"
    assert path.hops == ("seccom-alb listens on 80, not on 443: the connection is refused",)


def test_an_ambiguous_path_is_unknown_with_its_candidates(account: Account) -> None:
    result = trace(account, "http://seccom/x/%2e%2e/sites-management-api").to_dict()
    assert result["outcome"] == "unknown" and result["candidates"] and result["targets"] == []


def test_a_closed_group_shows_in_the_trace(new_cloud: Any) -> None:
    cloud = new_cloud()
    plan_deploy(seccom("budget", services=("client-web-ui",)), cloud).apply()
    simulation.advance(cloud, "10m")
    ec2 = cloud.client("ec2")
    (group,) = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["seccom-ClientWeb-sg"]}])[
        "SecurityGroups"
    ]
    permissions = [load_balancer for load_balancer in group["IpPermissions"] if load_balancer.get("FromPort") == 4201]
    ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=permissions)
    simulation.advance(cloud, "5m")
    (target,) = trace(snapshot(cloud, *KEYS), "http://seccom/").targets
    assert (target.state, target.reason, target.reached) == ("unhealthy", "Target.Timeout", "deny")
    assert target.eligible, "no target is healthy, so all receive requests"


def test_rules_are_a_table(account: Account) -> None:
    frame = rules(account).to_frame()
    assert frame[["port", "priority", "target_group"]].values.tolist() == [
        [80, "1", "seccom-sites-management-api-tg"],
        [80, "2", "seccom-intrusion-api-tg"],
        [80, "default", "seccom-client-web-ui-tg"],
    ]
    assert frame.healthy.tolist() == frame.registered.tolist() == [2, 2, 2]


def test_a_load_balancer_is_found_by_name_by_host_or_as_the_only_one(account: Account, cloud: Cloud) -> None:
    host = account["LoadBalancers"][0]["DNSName"]
    found = [
        find_load_balancer(account),
        find_load_balancer(account, "alb"),
        find_load_balancer(account, "seccom-alb"),
        find_load_balancer(account, host=host),
        find_load_balancer(account, host=f"dualstack.{host}"),
        find_load_balancer(account, host="shop.example.com"),
    ]
    assert {load_balancer.name for load_balancer in found} == {"seccom-alb"}
    with pytest.raises(UsageError, match=r"other: no such load balancer\. Choose from seccom-alb"):
        find_load_balancer(account, "other")
    with pytest.raises(UsageError, match="not the DNS name of an Application Load Balancer"):
        find_load_balancer(account, host="tcp-1.elb.eu-west-3.amazonaws.com")
    with pytest.raises(NotDeployed, match="no Application Load Balancer"):
        find_load_balancer(snapshot(cloud, *KEYS))


def test_the_commands_routes_and_trace(deployed: Cloud, tmp_path: Path) -> None:
    esaws = Shell(deployed, tmp_path)
    assert [row["priority"] for row in esaws.json("routes")] == ["1", "2", "default"]
    path = esaws.json("trace", "http://seccom/sites-management-api/", "--header", "User-Agent: curl")
    assert (path["outcome"], path["priority"]) == ("match", "1")
    assert "the default rule matches" in esaws("trace", "http://seccom/")
    assert "not a URL of a load balancer" in esaws("trace", "seccom", code=2)
    assert "is not a header" in esaws("trace", "http://seccom", "--header", "curl", code=2)


def test_the_command_routes_replays_logs(deployed: Cloud, tmp_path: Path) -> None:
    esaws = Shell(deployed, tmp_path)
    log, proposed = tmp_path / "a.log", tmp_path / "rules.json"
    log.write_text(line({"path": "/sites-management-apifoo"}) + line({"path": "/"}, logged="0") + "what?\n")
    described = [dict(load_balancer) for load_balancer in snapshot(deployed, "Rules")["Rules"]]
    first = next(load_balancer for load_balancer in described if load_balancer["Priority"] == "1")
    first["Conditions"] = [{"Field": "path-pattern", "Values": ["/sites-management-api", "/sites-management-api/*"]}]
    proposed.write_text(json.dumps({"Rules": described}, default=str))
    path = esaws.json("routes", "--replay", str(log), "--proposed", str(proposed))
    assert (path["lines"], len(path["malformed"])) == (2, 1)
    (change,) = path["changes"]
    assert (change["path"], change["live"], change["proposed"]) == ("/sites-management-apifoo", "1", "default")
    assert {row["priority"]: row["live_dead"] for row in path["rules"]} == {"1": "no", "2": "yes", "default": "no"}
    assert "1 request would be routed differently" in esaws("routes", "--replay", str(log), "--proposed", str(proposed))
    proposed.write_text("[3]")
    assert "not the output of `aws elbv2 describe-rules`" in esaws(
        "routes", "--replay", str(log), "--proposed", str(proposed), code=2
    )
    assert "no access log found" in esaws("routes", "--replay", str(tmp_path / "none"), code=2)
