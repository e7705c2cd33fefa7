"""Chapter 10: the first build as a whole, its price, its open ports, and the way of six requests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esaws import inspect, simulation
from esaws.architecture import Architecture
from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Chapter, Exercise, Point, Values, Wrong
from esaws.course.seed import Seed
from esaws.deploy.inventory import inventory
from esaws.deploy.plan import plan_deploy
from esaws.errors import NotDeployed
from esaws.inspect.network.reach import reach
from esaws.inspect.request_path import trace
from esaws.reference.seccom import INBOUND, seccom
from esaws.resources.security_group import SecurityGroup
from esaws.resources.security_group_rule import SecurityGroupRule

_HOURS_OF_A_MONTH = 730
_TYPES = ("t3.micro", "t3.small", "t2.small", "t2.medium")
_MANAGERS = "manager-web-ui"
_MANAGERS_GROUP = "ManagerWeb-sg"
_SITES, _INTRUSION, _WEB = "sites-management-api", "intrusion-management-api", "client-web-ui"
_ANYWHERE = "0.0.0.0/0"


def whole_system() -> Architecture:
    """The first build of all six services."""
    return seccom("ha")


# --- the price


def _price_values(seed: Seed) -> Mapping[str, Any]:
    return {"type": seed.choice(_TYPES), "hours": seed.between(30, 300)}


def _price(cloud: Cloud, mine: Values) -> float:
    usages = [usage for resource in seccom("ha", instance_type=mine.type) for usage in resource.usage()]
    month = cloud.prices.monthly_cost(usages, cloud.region).usd
    return float(month or 0) / _HOURS_OF_A_MONTH * mine.hours


def _check_price(attempt: Attempt) -> Iterator[Point]:
    mine, answer = attempt.mine, attempt.answer
    usd = _price(attempt.cloud, mine)
    given = isinstance(answer, int | float)
    if not given:
        found = "there is no number: course.check(…, answer=…)"
    elif abs(answer - usd / mine.hours * _HOURS_OF_A_MONTH) <= 0.01 * answer:
        found = f"your answer is {answer:.2f}, the price of a month"
    else:
        found = f"your answer is {answer:.2f}, which is too {'high' if answer > usd else 'low'}"
    yield Point(
        f"Your answer is the list price of {mine.hours} hours with {mine.type}, to 1 percent",
        given and abs(answer - usd) <= 0.01 * usd,
        found,
        "`plan_deploy(seccom(…, instance_type=…), cloud)`: the price of a month of 730 hours",
        is_needed=True,
    )


def _plan_price(cloud: Cloud, mine: Values) -> float:
    plan = plan_deploy(seccom("ha", instance_type=mine.type), cloud)
    month = plan.to_frame().usd_month.sum()
    return float(month / 730 * mine.hours)


def _add_up_price(cloud: Cloud, mine: Values) -> float:
    usages = [usage for resource in seccom("ha", instance_type=mine.type) for usage in resource.usage()]
    month = cloud.prices.monthly_cost(usages, cloud.region).usd
    return float(month or 0) / 730 * mine.hours


PRICE = Exercise(
    "10-price",
    prompt=(
        "You want to run the whole build for **{mine.hours} hours**, with instances of the type **{mine.type}**. What "
        "does that cost at list price, in USD? Hand in the number with `answer=`."
    ),
    values=_price_values,
    check=_check_price,
    hints=(
        "Which function shows a price before anything exists?",
        "`seccom` takes an instance type, and a month in a plan has 730 hours.",
        '`plan_deploy(seccom("ha", instance_type="{mine.type}"), cloud).to_frame().usd_month.sum()` is the price of a '
        "month.",
    ),
    solutions=(_plan_price, _add_up_price),
    wrong=(
        Wrong(lambda cloud, mine: _price(cloud, mine) / mine.hours * _HOURS_OF_A_MONTH, "the price of a month"),
        Wrong(lambda cloud, mine: _price(cloud, Values(type="t2.micro", hours=mine.hours * 3)), "instance_type"),
    ),
)


# --- open ports


def _open_values(seed: Seed) -> Mapping[str, Any]:
    return {"port": seed.between(9000, 9900), "cidr": f"198.51.100.{seed.between(1, 250)}/32"}


def _check_open(attempt: Attempt) -> Iterator[Point]:
    mine, cloud = attempt.mine, attempt.cloud
    group = attempt.live("SecurityGroup", _MANAGERS_GROUP)
    rules = _inbound(cloud, group.id) if group else []
    own = [rule for rule in rules if rule["FromPort"] <= mine.port <= rule["ToPort"]]
    peers = sorted(rule.get("CidrIpv4", "a group") for rule in own)
    yield Point(
        f"{_MANAGERS_GROUP} allows port {mine.port} from {mine.cidr}, and from no other address",
        peers == [mine.cidr] and all(rule["FromPort"] == rule["ToPort"] for rule in own),
        f"it allows the port from {', '.join(peers)}" if peers else "it has no rule for this port",
        "`aws ec2 describe-security-group-rules`",
        is_needed=True,
    )
    candidates = sorted({mine.port, *(port for _, ports, _ in INBOUND for port in ports)})
    try:
        decisions = {
            port: reach(attempt.account, "internet", f"service/{_MANAGERS}", port).decision for port in candidates
        }
    except NotDeployed as error:
        yield Point(f"{_MANAGERS} runs", False, str(error), 'plan_deploy(seccom("ha"), cloud)', is_needed=True)
        return
    truth = sorted(port for port, decision in decisions.items() if decision == "allow")
    given = attempt.answer if isinstance(attempt.answer, list | tuple | set) else []
    yield Point(
        f"Your answer has all ports of {_MANAGERS} that are open to the world, and no other one",
        sorted(given) == truth,
        f"your answer is {sorted(given)}" if given else "there is no list of ports: course.check(…, answer=[…])",
        "the live drawing: `draw(cloud)` shows the open ports of each cluster",
    )


def _inbound(cloud: Cloud, group: str) -> list[Mapping[str, Any]]:
    filters = [{"Name": "group-id", "Values": [group]}]
    rules = cloud.client("ec2").describe_security_group_rules(Filters=filters)["SecurityGroupRules"]
    return [rule for rule in rules if not rule["IsEgress"]]


def _declare_door(cloud: Cloud, mine: Values) -> list[int]:
    group = seccom("ha").get(SecurityGroup, "ManagerWeb-sg")
    door = SecurityGroupRule(group=group, from_port=mine.port, to_port=mine.port, peer=mine.cidr)
    plan_deploy([door], cloud).apply()
    return [22, 4202]


def _call_door(cloud: Cloud, mine: Values) -> list[int]:
    cloud.client("ec2").authorize_security_group_ingress(
        GroupId=inventory(cloud)["SecurityGroup", "ManagerWeb-sg"].id,
        IpProtocol="tcp",
        FromPort=mine.port,
        ToPort=mine.port,
        CidrIp=mine.cidr,
    )
    reached = inspect.who_reaches_what(cloud).to_frame()
    world = reached[(reached.source == "internet") & (reached.decision == "allow")]
    return [int(port) for port in world[world.destination == "service/manager-web-ui"].port]


def _door_for_everybody(cloud: Cloud, mine: Values) -> list[int]:
    return _declare_door(cloud, Values(port=mine.port, cidr=_ANYWHERE))


def _one_address_is_the_world(cloud: Cloud, mine: Values) -> list[int]:
    return sorted([*_declare_door(cloud, mine), mine.port])


OPEN = Exercise(
    "10-open",
    prompt=(
        "A colleague needs port **{mine.port}** of the manager web UI, from the address **{mine.cidr}** only. Open it "
        "in `ManagerWeb-sg`. Then look at the live drawing: which ports of the manager web UI are open to the whole "
        "world? Hand in the list with `answer=`."
    ),
    values=_open_values,
    check=_check_open,
    hints=(
        "Is a port that one address may use open to the world?",
        "`SecurityGroupRule` takes an address range as its peer, and the drawing shows what the whole internet "
        "reaches.",
        '`SecurityGroupRule(group=…, from_port={mine.port}, to_port={mine.port}, peer="{mine.cidr}")`',
    ),
    solutions=(_declare_door, _call_door),
    wrong=(
        Wrong(_door_for_everybody, f"from {_ANYWHERE}"),
        Wrong(_one_address_is_the_world, "the live drawing"),
    ),
    notices=(f"SecurityGroupRule:{_MANAGERS_GROUP} ingress tcp {{mine.port}} {{mine.cidr}}",),
)


# --- six URLs


def _url_values(seed: Seed) -> Mapping[str, Any]:
    word, number = seed.letters(5), seed.between(10, 99)
    paths = [
        f"/{_SITES}/buildings/{number}",
        f"/{_SITES}{word}",
        f"/{_INTRUSION}/{word}",
        f"/{_INTRUSION.upper()}/{number}",
        f"/cameras-api/{word}",
        f"/{word}",
    ]
    return {"paths": seed.shuffled(paths)}


def _check_urls(attempt: Attempt) -> Iterator[Point]:
    given = attempt.answer if isinstance(attempt.answer, Mapping) else {}
    for path in attempt.mine.paths:
        try:
            truth = _end_of(attempt, path)
        except NotDeployed as error:
            yield Point("The load balancer exists", False, str(error), 'seccom("ha")', is_needed=True)
            return
        answer = given.get(path)
        yield Point(
            f"{path} ends at the service that you name",
            truth is not None and str(answer).removeprefix(f"{attempt.cloud.deployment}-") == truth,
            f"your answer is {answer}" if answer else "your answer does not have this path",
            "`inspect.trace` of this URL: which rule matches first?",
            is_needed=not answer,
        )


def _end_of(attempt: Attempt, path: str) -> str | None:
    """The service whose tasks answer a path; None if it is not one service."""
    hops = trace(attempt.account, f"http://{attempt.cloud.aws_name('alb')}{path}").targets
    services = {hop.task.removeprefix(f"service {attempt.cloud.deployment}-") for hop in hops if hop.task}
    return services.pop() if len(services) == 1 else None


def _trace_urls(cloud: Cloud, mine: Values) -> dict[str, str]:
    ends = {}
    for path in mine.paths:
        request = inspect.trace(cloud, f"http://seccom-alb{path}")
        ends[path] = request.to_frame().task[0].removeprefix("service seccom-")
    return ends


def _read_rules(cloud: Cloud, mine: Values) -> dict[str, str]:
    prefixes = ("sites-management-api", "intrusion-management-api")
    ends = dict.fromkeys(mine.paths, "client-web-ui")
    for path in mine.paths:
        for prefix in prefixes:
            if path.startswith(f"/{prefix}"):
                ends[path] = prefix
    return ends


def _what_the_names_say(cloud: Cloud, mine: Values) -> dict[str, str]:
    ends = _trace_urls(cloud, mine)
    return {path: "cameras-api" if path.startswith("/cameras-api") else end for path, end in ends.items()}


def _exact_prefixes(cloud: Cloud, mine: Values) -> dict[str, str]:
    ends = _trace_urls(cloud, mine)
    return {path: end if path.startswith(f"/{end}/") else _WEB for path, end in ends.items()}


URLS = Exercise(
    "10-urls",
    prompt=(
        "Six requests arrive at the load balancer: `{mine.paths}`. At which service does each of them end? Hand in "
        "a dictionary with `answer=`: the path, and the name of the service, such as `client-web-ui`."
    ),
    values=_url_values,
    check=_check_urls,
    hints=(
        "What does a rule compare with the path, and does it matter whether letters are capital?",
        "`inspect.trace` shows which rules miss, which one matches, and the targets behind it.",
        '`inspect.trace(cloud, "http://seccom-alb/…")` for each path; the last column of its frame is the task.',
    ),
    solutions=(_trace_urls, _read_rules),
    wrong=(
        Wrong(_what_the_names_say, "your answer is cameras-api"),
        Wrong(_exact_prefixes, f"your answer is {_WEB}"),
    ),
    notices=("ListenerRule",),
)


def _until_healthy(cloud: Cloud) -> None:
    if not cloud.is_aws:
        simulation.advance(cloud, "10m")


CHAPTER = Chapter(
    "10",
    "The whole system",
    minutes=25,
    start=whole_system,
    prepare=_until_healthy,
    exercises=(PRICE, OPEN, URLS),
    predictions=("10-dearest", "10-first", "10-undrawn"),
)
