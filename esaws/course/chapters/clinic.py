"""Chapter 19: search for a fault step by step, prove it, and remove it with the smallest change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from esaws import simulation
from esaws.architecture import Architecture
from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Chapter, Exercise, Point, Values, Wrong
from esaws.course.labs.causes import CAUSES
from esaws.course.labs.diagnosis import names_fact
from esaws.course.labs.promises import promises
from esaws.course.seed import Seed
from esaws.deploy.inventory import inventory
from esaws.deploy.plan import plan_deploy
from esaws.inspect.account import snapshot
from esaws.inspect.request_path import trace
from esaws.reference.seccom import SERVICES, seccom

APIS = ("sites-management-api", "intrusion-management-api")
WEB_GROUP = "client-web-ui-tg"
WRONG_PATH = "/ready"
LATER = "30m"
DECLARED_ENTRY = 100
"""The number of the entry of a new network ACL that lets everything through."""


def start() -> Architecture:
    """Return the part of `ha` behind the load balancer."""
    return seccom("ha", services=("client-web-ui", *APIS))


def prepare(cloud: Cloud) -> None:
    """Give the targets time to pass their first health checks."""
    simulation.advance(cloud, "15m")


def _ids(cloud: Cloud) -> dict[tuple[str, str], str]:
    return {live.key: live.id for live in inventory(cloud)}


def _acl(cloud: Cloud) -> dict[str, Any]:
    in_vpc = [{"Name": "vpc-id", "Values": [_ids(cloud)["VPC", "vpc"]]}]
    return dict(cloud.client("ec2").describe_network_acls(Filters=in_vpc)["NetworkAcls"][0])


def _denials(cloud: Cloud) -> list[dict[str, Any]]:
    """The entries of the network ACL that deny something before everything is let through."""
    entries = _acl(cloud)["Entries"]
    return [entry for entry in entries if entry["RuleAction"] == "deny" and entry["RuleNumber"] < DECLARED_ENTRY]


def _broken_by(fault: Callable[[Cloud, Values], None]) -> Callable[[Cloud, Values], None]:
    """Return the start of an exercise: the faults of the other exercises are mended, then its own is made."""

    def begin(cloud: Cloud, mine: Values) -> None:
        plan_deploy(start(), cloud).apply()
        acl = _acl(cloud)["NetworkAclId"]
        for entry in _denials(cloud):
            number, egress = entry["RuleNumber"], entry["Egress"]
            cloud.client("ec2").delete_network_acl_entry(NetworkAclId=acl, RuleNumber=number, Egress=egress)
        simulation.advance(cloud, "10m")
        fault(cloud, mine)
        simulation.advance(cloud, "10m")

    return begin


def _as_declared(attempt: Attempt) -> Point:
    lines = [str(change) for change in plan_deploy(start(), attempt.cloud) if change.action != "keep"]
    return Point(
        "Nothing else was changed: the plan of the system has no line",
        not lines,
        "; ".join(lines[:3]),
        "plan_deploy(seccom(…), cloud)",
    )


def _serving_later(attempt: Attempt, services: tuple[str, ...]) -> Iterator[Point]:
    """The services answer in every zone, on a copy of the account half an hour later."""
    with attempt.copy() as later:
        simulation.advance(later, LATER)
        found = promises(later)
    for service in services:
        what = f"{service} answers in every zone where it runs"
        yield Point(f"Half an hour later, {what}", not found[what], found[what], "inspect.health(cloud)")


# --- 19-last-step: a rule forwards to the web UI


def _service(seed: Seed) -> Mapping[str, Any]:
    service = SERVICES[seed.choice(APIS)]
    return {
        "service": service.name,
        "url": f"{service.path}/",
        "group": service.target_group,
        "priority": service.priority,
    }


def _forward_to_the_web_ui(cloud: Cloud, mine: Values) -> None:
    ids = _ids(cloud)
    actions = [{"Type": "forward", "TargetGroupArn": ids["TargetGroup", WEB_GROUP]}]
    rule = ids["ListenerRule", f"alb 80 rule {mine.priority}"]
    cloud.client("elbv2").modify_rule(RuleArn=rule, Actions=actions)


def _check_last_step(attempt: Attempt) -> Iterator[Point]:
    answer = attempt.answer if isinstance(attempt.answer, tuple | list) and len(attempt.answer) == 2 else (None, None)
    priority, group = answer
    look_at = f'inspect.trace(cloud, "http://seccom{attempt.mine.url}")'
    yield Point(
        f"The priority of the rule that takes GET {attempt.mine.url}",
        str(priority) == str(attempt.mine.priority),
        f"your answer is {priority}",
        look_at,
        is_needed=True,
    )
    yield Point(
        "The target group that this rule forwards to, without the deployment's name",
        str(group).removeprefix(attempt.cloud.aws_name("")) == WEB_GROUP,
        f"your answer is {group}",
        look_at,
        is_needed=True,
    )


def _by_trace(cloud: Cloud, mine: Values) -> Any:
    path = trace(cloud, f"http://seccom{mine.url}", alb=cloud.aws_name("alb"))
    return path.to_dict()["priority"], path.targets[0].target_group


def _by_describing_rules(cloud: Cloud, mine: Values) -> Any:
    ids = {live.key: live.id for live in inventory(cloud)}
    elbv2 = cloud.client("elbv2")
    rules = elbv2.describe_rules(ListenerArn=ids["Listener", "alb 80"])["Rules"]
    rule = next(each for each in rules if each["Priority"] == str(mine.priority))
    return rule["Priority"], rule["Actions"][0]["TargetGroupArn"].split("/")[1]


LAST_STEP = Exercise(
    "19-last-step",
    prompt=(
        "Users of `{mine.service}` get a web page. Follow `GET {mine.url}` from the load balancer on. Answer with two "
        'things: the priority of the rule that takes it, and the target group that it goes to: `(3, "name-tg")`.'
    ),
    values=_service,
    start=_broken_by(_forward_to_the_web_ui),
    check=_check_last_step,
    hints=(
        "Which parts of the load balancer does a request pass before it reaches a container?",
        "A trace names the rule that matched, and the target group behind it.",
        '`inspect.trace(cloud, "http://seccom{mine.url}")`; read the lines from the top.',
    ),
    solutions=(_by_trace, _by_describing_rules),
    wrong=(
        Wrong(lambda cloud, mine: (mine.priority, mine.group), "target group that this rule forwards to"),
        Wrong(lambda cloud, mine: ("default", WEB_GROUP), "priority of the rule"),
    ),
)


# --- 19-smallest: the health check requests a path that is not served


def _check_another_path(cloud: Cloud, mine: Values) -> None:
    group = _ids(cloud)["TargetGroup", mine.group]
    cloud.client("elbv2").modify_target_group(TargetGroupArn=group, HealthCheckPath=WRONG_PATH)


def _check_smallest(attempt: Attempt) -> Iterator[Point]:
    mine = attempt.mine
    name = attempt.cloud.aws_name(mine.group)
    groups = snapshot(attempt.cloud, "TargetGroups")["TargetGroups"]
    found = next((group for group in groups if group["TargetGroupName"] == name), {})
    yield Point(
        f"The health check of {mine.group} requests {mine.url}",
        found.get("HealthCheckPath") == mine.url,
        f"it requests {found.get('HealthCheckPath', 'nothing: there is no such target group')}",
        f"the health check of {mine.group}",
        is_needed=True,
    )
    yield Point(
        "It still accepts 200 alone",
        found.get("Matcher", {}).get("HttpCode") == "200",
        f"it accepts {found.get('Matcher', {}).get('HttpCode')}",
        "the success codes of the health check",
    )
    yield _as_declared(attempt)
    yield from _serving_later(attempt, (mine.service,))


def _by_plan(cloud: Cloud, mine: Values) -> None:
    plan_deploy(seccom("ha", services=("client-web-ui", *APIS)), cloud).apply()


def _by_one_call(cloud: Cloud, mine: Values) -> None:
    ids = {live.key: live.id for live in inventory(cloud)}
    group = ids["TargetGroup", mine.group]
    cloud.client("elbv2").modify_target_group(TargetGroupArn=group, HealthCheckPath=mine.url)


def _accept_not_found(cloud: Cloud, mine: Values) -> None:
    group = _ids(cloud)["TargetGroup", mine.group]
    cloud.client("elbv2").modify_target_group(TargetGroupArn=group, Matcher={"HttpCode": "200-404"})


def _replace_the_tasks(cloud: Cloud, mine: Values) -> None:
    cluster, name = cloud.aws_name(f"{mine.service}-cluster"), cloud.aws_name(mine.service)
    cloud.client("ecs").update_service(cluster=cluster, service=name, forceNewDeployment=True)


SMALLEST = Exercise(
    "19-smallest",
    prompt=(
        "Tasks of `{mine.service}` come and go. Find out why its targets are unhealthy, and remove the cause with the "
        "smallest change. Its health check accepts the status 200 alone, as before."
    ),
    values=_service,
    start=_broken_by(_check_another_path),
    check=_check_smallest,
    hints=(
        "Who decides that a target is unhealthy, and what did it see?",
        "Read the reason of the targets, then the settings of their health check.",
        "`inspect.health(cloud)`; `modify_target_group(TargetGroupArn=…, HealthCheckPath=…)`.",
    ),
    solutions=(_by_one_call, _by_plan),
    wrong=(
        Wrong(_accept_not_found, "success codes"),
        Wrong(_replace_the_tasks, "the health check of"),
    ),
    notices=("TargetGroup:{mine.group}", "Listener"),
)


# --- 19-evidence: the front page is a fixed response


def _status(seed: Seed) -> Mapping[str, Any]:
    return {"status": seed.choice(("403", "404", "410", "503"))}


def _answer_with_a_text(cloud: Cloud, mine: Values) -> None:
    response = {"StatusCode": mine.status, "ContentType": "text/plain", "MessageBody": "We will be back soon."}
    actions = [{"Type": "fixed-response", "FixedResponseConfig": response}]
    cloud.client("elbv2").modify_listener(ListenerArn=_ids(cloud)["Listener", "alb 80"], DefaultActions=actions)


def _check_evidence(attempt: Attempt) -> Iterator[Point]:
    answer = attempt.answer if isinstance(attempt.answer, tuple | list) and len(attempt.answer) == 2 else ("", "")
    cause, evidence = map(str, answer)
    yield Point(
        "The cause is right",
        cause == "default-action",
        f"{cause or 'no cause'}: {CAUSES.get(cause, 'not one of the causes')}",
        "who sends the text: a container, or the load balancer",
    )
    yield Point(
        "The evidence names the listener",
        names_fact(evidence, ("listener", "default rule", "default action")),
        f"“{evidence}”",
        "the part of the load balancer that takes requests without a rule",
    )
    yield Point(
        "The evidence names the status of its response",
        names_fact(evidence, (attempt.mine.status,)),
        f"“{evidence}”",
        'inspect.trace(cloud, "http://seccom/")',
        is_needed=True,
    )


def _in_words(cloud: Cloud, mine: Values) -> Any:
    return "default-action", f"the default action of the listener is a fixed response with {mine.status}"


def _as_described(cloud: Cloud, mine: Values) -> Any:
    ids = {live.key: live.id for live in inventory(cloud)}
    arns = [ids["Listener", "alb 80"]]
    found = cloud.client("elbv2").describe_listeners(ListenerArns=arns)["Listeners"][0]
    action = found["DefaultActions"][0]
    return "default-action", f"listener 80: {action['Type']} {action['FixedResponseConfig']['StatusCode']}"


EVIDENCE = Exercise(
    "19-evidence",
    prompt=(
        "The front page is one line of text, with the status {mine.status}. Do not repair it yet. Answer with a cause "
        'and one piece of evidence, a resource and a value: `("rule-order", "rule 3: …")`.'
    ),
    values=_status,
    start=_broken_by(_answer_with_a_text),
    check=_check_evidence,
    hints=(
        "Would a container that fails send a text that friendly?",
        "Look at what happens to a request that no rule takes.",
        '`inspect.trace(cloud, "http://seccom/")`, or `describe_listeners`; causes are in `esaws lab diagnose`.',
    ),
    solutions=(_in_words, _as_described),
    wrong=(
        Wrong(lambda cloud, mine: ("rule-order", f"listener 80: {mine.status}"), "The cause is right"),
        Wrong(lambda cloud, mine: ("default-action", "the page does not work"), "names the listener"),
    ),
)


# --- 19-cli: a network ACL denies the answers


def _number(seed: Seed) -> Mapping[str, Any]:
    return {"number": seed.between(11, 89)}


def _deny_answers(cloud: Cloud, mine: Values) -> None:
    cloud.client("ec2").create_network_acl_entry(
        NetworkAclId=_acl(cloud)["NetworkAclId"],
        RuleNumber=mine.number,
        Egress=True,
        Protocol="6",
        RuleAction="deny",
        CidrBlock="172.31.0.0/16",
        PortRange={"From": 1024, "To": 65535},
    )


def _check_cli(attempt: Attempt) -> Iterator[Point]:
    entries = _acl(attempt.cloud)["Entries"]
    numbers = sorted({entry["RuleNumber"] for entry in entries if entry["RuleNumber"] < DECLARED_ENTRY})
    yield Point(
        f"The network ACL of the subnets has no entry before {DECLARED_ENTRY}",
        not numbers,
        f"it has {', '.join(map(str, numbers))}",
        "the entries of the network ACL, in both directions",
        is_needed=True,
    )
    yield _as_declared(attempt)
    yield from _serving_later(attempt, APIS)


def _delete_the_entry(cloud: Cloud, mine: Values) -> None:
    ec2, ids = cloud.client("ec2"), {live.key: live.id for live in inventory(cloud)}
    in_vpc = [{"Name": "vpc-id", "Values": [ids["VPC", "vpc"]]}]
    acl = ec2.describe_network_acls(Filters=in_vpc)["NetworkAcls"][0]
    if mine.number in [entry["RuleNumber"] for entry in acl["Entries"]]:
        ec2.delete_network_acl_entry(NetworkAclId=acl["NetworkAclId"], RuleNumber=mine.number, Egress=True)


def _delete_every_denial(cloud: Cloud, mine: Values) -> None:
    ec2 = cloud.client("ec2")
    for acl in ec2.describe_network_acls()["NetworkAcls"]:
        for entry in acl["Entries"]:
            if entry["RuleAction"] == "deny" and entry["RuleNumber"] < 100:
                ec2.delete_network_acl_entry(
                    NetworkAclId=acl["NetworkAclId"], RuleNumber=entry["RuleNumber"], Egress=entry["Egress"]
                )


def _allow_before_it(cloud: Cloud, mine: Values) -> None:
    acl = _acl(cloud)["NetworkAclId"]
    everything = {"Protocol": "-1", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0"}
    cloud.client("ec2").create_network_acl_entry(NetworkAclId=acl, RuleNumber=1, Egress=True, **everything)


def _open_the_groups(cloud: Cloud, mine: Values) -> None:
    for (kind, _), id in _ids(cloud).items():
        if kind == "SecurityGroup":
            everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "172.31.0.0/16"}]}]
            cloud.client("ec2").authorize_security_group_ingress(GroupId=id, IpPermissions=everything)


CLI = Exercise(
    "19-cli",
    prompt=(
        "Security worked on the network at noon. Since then targets time out, and every security group is right. "
        "Find the cause with the AWS CLI or boto3 alone, and remove it. The check looks half an hour ahead."
    ),
    values=_number,
    start=_broken_by(_deny_answers),
    check=_check_cli,
    hints=(
        "A security group lets answers through by itself. What does not?",
        "Network ACLs work between subnets. Compare their entries with those of a new VPC.",
        "`aws ec2 describe-network-acls`; `aws ec2 delete-network-acl-entry --rule-number … --egress`.",
    ),
    solutions=(_delete_the_entry, _delete_every_denial),
    wrong=(
        Wrong(_allow_before_it, "no entry before"),
        Wrong(_open_the_groups, "no entry before"),
    ),
    notices=("Listener", "Service"),
)


CHAPTER = Chapter(
    "19",
    "Clinic",
    minutes=30,
    start=start,
    prepare=prepare,
    exercises=(LAST_STEP, SMALLEST, EVIDENCE, CLI),
    predictions=("19-reason", "19-answers"),
    moves_clock=True,
)
