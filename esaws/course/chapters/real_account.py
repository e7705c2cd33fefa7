"""Chapter 18: an account with real bills: the right account, a small build, a lease first, and the proof."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, timedelta
from math import isclose
from typing import Any

from esaws import simulation
from esaws.architecture import Architecture
from esaws.aws import pages
from esaws.cloud import DEPLOYMENT_TAG, Cloud
from esaws.course.exercises import Attempt, Chapter, Exercise, Point, Values, Wrong
from esaws.course.seed import Seed
from esaws.deploy.leftovers import leftovers
from esaws.deploy.plan import plan_deploy, plan_teardown
from esaws.operations import cloud_time, lease_status, plan_lease
from esaws.reference.seccom import seccom
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.budget import Budget
from esaws.resources.load_balancer import LoadBalancer

HOURS_PER_MONTH = 730
MOST_USD = 0.20
"""What the chapter may cost on a real account."""


# --- a build that fits the budget


def _service_and_price(seed: Seed) -> Mapping[str, Any]:
    return {"service": seed.choice(("manager-web-ui", "cameras-api")), "usd": 0.10}


def _check_small(attempt: Attempt) -> Iterator[Point]:
    mine, answer = attempt.mine, attempt.answer
    is_architecture = isinstance(answer, Architecture)
    groups = {group.name for group in answer.of(AutoScalingGroup)} if is_architecture else set()
    wanted = {"client-web-ui-asg", f"{mine.service}-asg"}
    yield Point(
        f"The answer has the services client-web-ui and {mine.service}, and no other",
        groups == wanted,
        f"it has the groups {', '.join(sorted(groups))}" if is_architecture else f"it is {answer!r}",
        "the argument services of seccom",
        is_needed=True,
    )
    balancers = answer.of(LoadBalancer) if is_architecture else []
    yield Point(
        "It has a load balancer",
        len(balancers) == 1,
        f"it has {len(balancers)}",
        "client-web-ui is behind a load balancer",
    )
    prices = plan_deploy(answer, attempt.cloud).to_frame().usd_month.astype(float) if is_architecture else None
    usd = 0.0 if prices is None else float(prices.sum())
    yield Point(
        f"An hour costs at most {mine.usd:.2f} USD at list price",
        0 < usd / HOURS_PER_MONTH <= mine.usd,
        f"it costs {usd / HOURS_PER_MONTH:.3f} USD",
        "the price of the plan, divided by the 730 hours of a month",
    )


def _one_of_each(cloud: Cloud, mine: Values) -> Architecture:
    return seccom("budget", services=("client-web-ui", mine.service))


def _without_the_others(cloud: Cloud, mine: Values) -> Architecture:
    return seccom("budget", services={"client-web-ui", mine.service}, instance_type="t3.micro", zones=("a", "b"))


def _two_of_each(cloud: Cloud, mine: Values) -> Architecture:
    return seccom("ha", services=("client-web-ui", mine.service))


def _all_services(cloud: Cloud, mine: Values) -> Architecture:
    return seccom("budget")


SMALL = Exercise(
    "18-small",
    prompt=(
        "Choose what you deploy: the services `client-web-ui` and `{mine.service}`, and no other, for at most "
        "**{mine.usd:.2f} USD an hour** at today's list price. Set `answer` to the architecture."
    ),
    values=_service_and_price,
    check=_check_small,
    hints=(
        "Which of the two builds costs less, and which services does it need?",
        "`seccom` takes the build, and with `services` the services to include.",
        '`answer = seccom("budget", services=("client-web-ui", "{mine.service}"))`',
    ),
    solutions=(_one_of_each, _without_the_others),
    wrong=(Wrong(_two_of_each, "it costs 0.1"), Wrong(_all_services, "the argument services")),
)


# --- a lease and a budget, before anything exists


def _minutes_and_limits(seed: Seed) -> Mapping[str, Any]:
    return {"minutes": 5 * seed.between(6, 10), "usd": seed.between(20, 60) / 100, "budget": seed.between(2, 6)}


def _check_lease(attempt: Attempt) -> Iterator[Point]:
    mine, cloud = attempt.mine, attempt.cloud
    status = lease_status(cloud)
    limit, until = status.terms.at_most_usd, status.terms.until
    yield Point(
        f"The lease allows at most {mine.usd:.2f} USD",
        limit is not None and isclose(limit, mine.usd, abs_tol=0.005),
        "there is no lease" if status.state == "none" else f"its limit is {limit} USD",
        "esaws lease",
        is_needed=True,
    )
    since = status.terms.since
    length = (until - since) / timedelta(minutes=1) if until and since else None
    yield Point(
        f"It ends {mine.minutes} minutes after it was granted",
        length is not None and abs(length - mine.minutes) < 3,
        "it has no end" if length is None else f"it ends after {length:.0f} minutes",
        "--until takes a duration such as 45m",
    )
    started = [
        live.raw["CreatedTime"] for kind in ("LoadBalancer", "AutoScalingGroup") for live in attempt.of_kind(kind)
    ]
    yield Point(
        "It was granted before anything that costs money was created",
        since is not None and all(time.astimezone(UTC) >= since for time in started),
        "there is no lease" if since is None else "a group or a load balancer is older than the lease",
        "the order: lease, budget, deploy",
    )
    budgets = [live.fields for live in attempt.of_kind("Budget") if not live.foreign]
    yield Point(
        f"A budget of {mine.budget} USD notifies an address",
        any(each["limit_usd"] == mine.budget and each["email"] for each in budgets),
        "; ".join(f"{each['limit_usd']:g} USD, to {each['email']}" for each in budgets) or "there is none",
        "Budget in esaws.resources",
    )


def _lease_and_budget(cloud: Cloud, mine: Values) -> None:
    plan_lease(cloud, until=f"{mine.minutes}m", at_most_usd=mine.usd).apply()
    budget = Budget(name="monthly", limit_usd=mine.budget, email="you@example.org")
    plan_deploy([budget], cloud).apply()


def _budget_and_lease(cloud: Cloud, mine: Values) -> None:
    whole = seccom("budget", warn_at_usd=mine.budget, warn_email="you@example.org")
    plan_deploy(whole.of(Budget), cloud).apply()
    end = cloud_time(cloud) + timedelta(minutes=mine.minutes)
    plan_lease(cloud, until=end.isoformat(), at_most_usd=mine.usd).apply()


def _only_a_budget(cloud: Cloud, mine: Values) -> None:
    plan_deploy([Budget(name="monthly", limit_usd=mine.budget, email="you@example.org")], cloud).apply()


def _lease_of_a_day(cloud: Cloud, mine: Values) -> None:
    plan_lease(cloud, until="1d", at_most_usd=mine.usd).apply()
    plan_deploy([Budget(name="monthly", limit_usd=mine.budget)], cloud).apply()


LEASE = Exercise(
    "18-lease",
    prompt=(
        "Before anything exists: grant a lease of **{mine.minutes} minutes** and at most **{mine.usd:.2f} USD**. Then "
        "create a monthly budget of **{mine.budget} USD** that notifies your mail address."
    ),
    values=_minutes_and_limits,
    check=_check_lease,
    hints=(
        "What remains if your computer fails after the deploy?",
        "`esaws lease --help`; and `Budget` in `esaws.resources` with `limit_usd` and `email`.",
        '`esaws lease --until {mine.minutes}m --at-most-usd {mine.usd} --yes`, and `Budget(name="monthly", '
        'limit_usd={mine.budget}, email="…")`',
    ),
    solutions=(_lease_and_budget, _budget_and_lease),
    wrong=(Wrong(_only_a_budget, "there is no lease"), Wrong(_lease_of_a_day, "it ends after 1440 minutes")),
    notices=("Lease", "Budget"),
)


# --- nothing left, by two ways


def _check_nothing(attempt: Attempt) -> Iterator[Point]:
    cloud = attempt.cloud
    by_name = [{"AttributeKey": "EventName", "AttributeValue": "CreateLoadBalancer"}]
    created = list(pages(cloud, "cloudtrail", "lookup_events", "Events", LookupAttributes=by_name))
    yield Point(
        "A load balancer was created in this account",
        bool(created),
        "CloudTrail has no event CreateLoadBalancer",
        "deploy something before you delete it",
        is_needed=True,
    )
    left = leftovers(cloud)
    yield Point(
        "leftovers finds nothing of the deployment",
        not left,
        f"it finds {len(left)}: {', '.join(f'{each.kind} {each.name}' for each in left[:3])}",
        "leftovers(cloud)",
        is_needed=True,
    )
    where = [{"Key": DEPLOYMENT_TAG, "Values": [cloud.deployment]}]
    tagged = list(pages(cloud, "resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList", TagFilters=where))
    balancers = list(pages(cloud, "elbv2", "describe_load_balancers", "LoadBalancers"))
    running = [{"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}]
    found = list(pages(cloud, "ec2", "describe_instances", "Reservations", Filters=[*running, _of(cloud)]))
    names = [raw["LoadBalancerName"] for raw in balancers if raw["LoadBalancerName"] == cloud.aws_name("alb")]
    yield Point(
        "AWS's own lists show no instance, no load balancer and no tag of the deployment",
        not found and not names and not tagged,
        f"instances: {len(found)}, load balancers: {len(names)}, tagged resources: {len(tagged)}",
        "aws resourcegroupstaggingapi get-resources; aws ec2 describe-instances",
        is_needed=True,
    )
    if not cloud.is_aws:  # Cost Explorer is a day late
        usd = float(simulation.costs(cloud).usd.sum())
        yield Point(
            f"All of it cost less than {MOST_USD:.2f} USD",
            usd < MOST_USD,
            f"it cost {usd:.2f} USD",
            "simulation.costs",
        )


def _of(cloud: Cloud) -> dict[str, Any]:
    return {"Name": f"tag:{DEPLOYMENT_TAG}", "Values": [cloud.deployment]}


def _deploy_and_tear_down(cloud: Cloud, mine: Values) -> None:
    small = seccom("budget", services=("client-web-ui",)).just(LoadBalancer)
    plan_deploy(small, cloud).apply()
    plan_teardown(cloud).apply()


def _tear_down_by_an_empty_plan(cloud: Cloud, mine: Values) -> None:
    small = seccom("budget", services=("client-web-ui",)).just(LoadBalancer)
    plan_deploy(small, cloud).apply()
    plan_deploy(Architecture("nothing", []), cloud, prune=True).apply()


def _forget_it(cloud: Cloud, mine: Values) -> None:
    plan_deploy(seccom("budget", services=("client-web-ui",)).just(LoadBalancer), cloud).apply()


def _delete_the_dearest(cloud: Cloud, mine: Values) -> None:
    _forget_it(cloud, mine)
    elbv2 = cloud.client("elbv2")
    [balancer] = elbv2.describe_load_balancers(Names=[cloud.aws_name("alb")])["LoadBalancers"]
    elbv2.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])


NOTHING = Exercise(
    "18-nothing",
    prompt=(
        "Tear down what you deployed. The check looks in two ways: with `leftovers`, and with AWS's own lists. "
        "On the local AWS it also reads what everything cost: less than 0.20 USD."
    ),
    check=_check_nothing,
    hints=(
        "What does the deployment own, and is the lease part of it?",
        "`plan_teardown` lists it, and `leftovers` proves that it is gone.",
        "`plan_teardown(cloud).apply()`, then `leftovers(cloud)`",
    ),
    solutions=(_deploy_and_tear_down, _tear_down_by_an_empty_plan),
    wrong=(Wrong(_forget_it, "leftovers(cloud)"), Wrong(_delete_the_dearest, "leftovers(cloud)")),
)


CHAPTER = Chapter(
    "18",
    "On a real account",
    minutes=30,
    begins="2026-11-02",
    settings={"regime": "credits"},
    exercises=(SMALL, LEASE, NOTHING),
    predictions=("18-account", "18-minutes"),
)
