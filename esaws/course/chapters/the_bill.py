"""Chapter 12: a month of the large build: free hours, stopped instances, Cost Explorer, a budget, and the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from math import isclose
from typing import Any

from esaws import costs, simulation
from esaws.architecture import Architecture
from esaws.aws import pages, tag_dict
from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Chapter, Exercise, Point, Values, Wrong
from esaws.course.seed import Seed
from esaws.deploy.plan import plan_deploy
from esaws.operations import instances, plan_parking
from esaws.reference.seccom import SERVICES, seccom
from esaws.resources.budget import Budget

FREE_HOURS = 750
"""The hours of t2.micro that the free tier covers in a month, of all instances together."""


def large_build() -> Architecture:
    """The first build of the team, on its instance type."""
    return seccom("ha", instance_type="t2.micro")


# --- how long 750 hours last


def _number_of_instances(seed: Seed) -> Mapping[str, Any]:
    return {"instances": seed.choice([number for number in range(3, 24) if number != 12])}


def _check_free_hours(attempt: Attempt) -> Iterator[Point]:
    hours = FREE_HOURS / attempt.mine.instances
    answer = attempt.answer if isinstance(attempt.answer, tuple | list) else (attempt.answer,)
    first, second = [*answer, None, None][:2]
    yield Point(
        f"Your first number is the hours in which {attempt.mine.instances} instances use up {FREE_HOURS} free hours",
        isinstance(first, int | float) and isclose(first, hours, abs_tol=0.1),
        f"it is {first}",
        "how many hours all instances together use in one hour",
        is_needed=True,
    )
    day = int(hours // 24) + 1
    yield Point(
        "Your second number is the day of March on which they end",
        second == day,
        f"it is {second}",
        "the first 24 hours are 1 March",
    )


def _divide_hours(cloud: Cloud, mine: Values) -> tuple[float, int]:
    hours = 750 / mine.instances
    return hours, int(hours // 24) + 1


def _count_hours(cloud: Cloud, mine: Values) -> tuple[float, int]:
    days = 750 / (24 * mine.instances)
    return days * 24, 1 + int(days)


def _hours_of_each_instance(cloud: Cloud, mine: Values) -> tuple[float, int]:
    return 750.0, 32


def _first_day_is_zero(cloud: Cloud, mine: Values) -> tuple[float, int]:
    hours = 750 / mine.instances
    return hours, int(hours // 24)


FREE_HOURS_EXERCISE = Exercise(
    "12-free-hours",
    prompt=(
        "Another team runs **{mine.instances}** instances of type t2.micro from 00:00 on 1 March. "
        "After how many hours have they used up the 750 free hours of the month, and on which day of March is that? "
        "Set `answer` to the hours and the day, as in `answer = 62.5, 3`."
    ),
    values=_number_of_instances,
    check=_check_free_hours,
    hints=(
        "How many instance hours do {mine.instances} instances use in one hour?",
        "The free tier counts the hours of all instances of an account together.",
        "`hours = 750 / {mine.instances}`, and the day is the number of whole days in it, plus one.",
    ),
    solutions=(_divide_hours, _count_hours),
    wrong=(Wrong(_hours_of_each_instance, "it is 750"), Wrong(_first_day_is_zero, "the first 24 hours are 1 March")),
)


# --- a budget that sends a mail in time


def _limit_and_address(seed: Seed) -> Mapping[str, Any]:
    return {"usd": seed.between(4, 9), "email": f"{seed.letters(6)}@example.org"}


def _notifications(cloud: Cloud, email: str) -> Iterator[tuple[str, str, float]]:
    """(budget, type, USD) of each notification of a monthly cost budget to an address."""
    budgets = cloud.client("budgets")
    for budget in budgets.describe_budgets(AccountId=cloud.account).get("Budgets", ()):
        if budget["TimeUnit"] != "MONTHLY" or budget["BudgetType"] != "COST":
            continue
        where = {"AccountId": cloud.account, "BudgetName": budget["BudgetName"]}
        for notification in budgets.describe_notifications_for_budget(**where).get("Notifications", ()):
            key = {name: notification[name] for name in ("NotificationType", "ComparisonOperator", "Threshold")}
            key |= {"ThresholdType": notification.get("ThresholdType", "PERCENTAGE")}
            found = budgets.describe_subscribers_for_notification(**where, Notification=key)["Subscribers"]
            if email in [subscriber["Address"] for subscriber in found]:
                percent = key["ThresholdType"] == "PERCENTAGE"
                limit = float(budget["BudgetLimit"]["Amount"]) / 100 if percent else 1.0
                yield budget["BudgetName"], key["NotificationType"], key["Threshold"] * limit


def _check_budget(attempt: Attempt) -> Iterator[Point]:
    mine = attempt.mine
    found = list(_notifications(attempt.cloud, mine.email))
    yield Point(
        f"A monthly cost budget notifies {mine.email}",
        bool(found),
        "no notification of a monthly budget has this address",
        "aws budgets describe-subscribers-for-notification",
        is_needed=True,
    )
    in_time = [name for name, type, usd in found if type == "ACTUAL" and isclose(usd, mine.usd, rel_tol=0.01)]
    texts = ", ".join(f"{type} at {usd:.2f} USD" for _, type, usd in found) or "nothing"
    yield Point(
        f"It notifies when the actual costs exceed {mine.usd} USD",
        bool(in_time),
        f"it notifies of: {texts}",
        "the limit of the budget, times the threshold in percent",
    )
    reasons = _mails(attempt, {name for name, _, _ in found}) if found else []
    yield Point(
        "On a copy of the account, the mail is sent within a week",
        any(f"of {mine.usd}.00 USD" in text or not in_time for text in reasons) if in_time else False,
        f"sent were: {'; '.join(reasons) or 'none'}",
        "simulation.events on a copy, of the budget",
    )


def _mails(attempt: Attempt, names: set[str]) -> list[str]:
    """The reasons of the mails that budgets have sent on a copy after another week."""
    with attempt.copy() as copy:
        simulation.advance(copy, "7d")
        events = simulation.events(copy)
    return list(events[events.subject.isin(names) & events.what.str.contains("ACTUAL")].because)


def _declare_budget(cloud: Cloud, mine: Values) -> None:
    budget = Budget(name="early", limit_usd=mine.usd, email=mine.email, thresholds=(100,))
    plan_deploy([budget], cloud).apply()


def _create_budget(cloud: Cloud, mine: Values) -> None:
    limit = {"Amount": str(mine.usd), "Unit": "USD"}
    budget = {"BudgetName": "early", "BudgetType": "COST", "TimeUnit": "MONTHLY", "BudgetLimit": limit}
    at_100_percent = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 100}
    subscriber = {"SubscriptionType": "EMAIL", "Address": mine.email}
    cloud.client("budgets").create_budget(
        AccountId=cloud.account,
        Budget=budget,
        NotificationsWithSubscribers=[{"Notification": at_100_percent, "Subscribers": [subscriber]}],
    )


def _budget_of_80_dollars(cloud: Cloud, mine: Values) -> None:
    plan_deploy([Budget(name="early", limit_usd=80, email=mine.email, thresholds=(100,))], cloud).apply()


def _budget_without_mail(cloud: Cloud, mine: Values) -> None:
    plan_deploy([Budget(name="early", limit_usd=mine.usd)], cloud).apply()


BUDGET = Exercise(
    "12-budget",
    prompt=(
        "Create a monthly budget that notifies `{mine.email}` when the **actual** costs of the account exceed "
        "**{mine.usd} USD**. The check lets a week pass on a copy of your account, and looks for the mail."
    ),
    values=_limit_and_address,
    check=_check_budget,
    hints=(
        "A budget has a limit. What does it need besides, before a mail can be sent?",
        "`Budget` in `esaws.resources` has `limit_usd`, `email` and `thresholds` in percent; "
        "`aws budgets create-budget` takes `--notifications-with-subscribers`.",
        '`Budget(name="early", limit_usd={mine.usd}, email="{mine.email}", thresholds=(100,))`',
    ),
    solutions=(_declare_budget, _create_budget),
    wrong=(Wrong(_budget_of_80_dollars, "ACTUAL at 80.00 USD"), Wrong(_budget_without_mail, "no notification")),
    notices=("Budget",),
)


# --- who spent it


def _service_and_day(seed: Seed) -> Mapping[str, Any]:
    day = seed.between(5, 18)
    return {"day": day, "next_day": day + 1, "service": [*SERVICES][day % len(SERVICES)]}


def _spent(cloud: Cloud, service: str, day: int) -> float:
    """USD from 1 March to the end of a day, of what carries the tag of a service."""
    [month] = cloud.client("ce").get_cost_and_usage(
        TimePeriod={"Start": "2022-03-01", "End": f"2022-03-{day + 1:02}"},
        Granularity="MONTHLY",
        Metrics=["UnblendedCost"],
        GroupBy=[{"Type": "TAG", "Key": "esaws:name"}],
    )["ResultsByTime"]
    costs = {group["Keys"][0]: group["Metrics"]["UnblendedCost"]["Amount"] for group in month["Groups"]}
    return float(costs.get(f"esaws:name${service}", 0))


def _check_who(attempt: Attempt) -> Iterator[Point]:
    mine = attempt.mine
    is_over = simulation.cloud_time(attempt.cloud).strftime("%Y-%m-%d") > f"2022-03-{mine.day:02}"
    yield Point(
        f"{mine.day} March 2022 is over",
        is_over,
        "it is not over on the clock of this account",
        'simulation.wait_until(cloud, "2022-03-19")',
        is_needed=True,
    )
    if not is_over:
        return
    truth = _spent(attempt.cloud, mine.service, mine.day)
    answer = attempt.answer
    yield Point(
        f"Your answer is what {mine.service} cost until the end of {mine.day} March",
        isinstance(answer, int | float) and isclose(answer, truth, abs_tol=0.02),
        f"it is {answer}",
        "a group by the tag esaws:name; the end of the period is not part of it",
        is_needed=True,
    )


def _group_by_tag(cloud: Cloud, mine: Values) -> float:
    simulation.wait_until(cloud, "2022-03-19")
    [month] = cloud.client("ce").get_cost_and_usage(
        TimePeriod={"Start": "2022-03-01", "End": f"2022-03-{mine.next_day:02}"},
        Granularity="MONTHLY",
        Metrics=["UnblendedCost"],
        GroupBy=[{"Type": "TAG", "Key": "esaws:name"}],
    )["ResultsByTime"]
    costs = {group["Keys"][0]: group["Metrics"]["UnblendedCost"]["Amount"] for group in month["Groups"]}
    return float(costs[f"esaws:name${mine.service}"])


def _filter_by_tag(cloud: Cloud, mine: Values) -> float:
    simulation.wait_until(cloud, "2022-03-19")
    tagged = {"Tags": {"Key": "esaws:name", "Values": [mine.service]}}
    start, end = date(2022, 3, 1), date(2022, 3, mine.next_day)
    return float(costs.spending(cloud, start, end, filter=tagged).to_frame().usd.sum())


def _whole_bill(cloud: Cloud, mine: Values) -> float:
    simulation.wait_until(cloud, "2022-03-19")
    return float(simulation.costs(cloud).usd.sum())


def _a_day_too_few(cloud: Cloud, mine: Values) -> float:
    simulation.wait_until(cloud, "2022-03-19")
    return _spent(cloud, mine.service, mine.day - 1)


WHO = Exercise(
    "12-who",
    prompt=(
        "What did the service `{mine.service}` cost from 1 March to the **end** of {mine.day} March? "
        "Every instance and disk carries its service in the tag `esaws:name`. Set `answer` to the USD."
    ),
    values=_service_and_day,
    check=_check_who,
    hints=(
        "Cost Explorer groups costs by service of AWS. By what else can it group them?",
        "`GroupBy` takes `Type` TAG and the `Key` of a tag. The end of a `TimePeriod` is the first day after it.",
        'The period ends with `2022-03-{mine.next_day:02}`, and `Filter={{"Tags": {{"Key": "esaws:name", '
        '"Values": ["{mine.service}"]}}}}` keeps one service.',
    ),
    solutions=(_filter_by_tag, _group_by_tag),
    wrong=(Wrong(_whole_bill, "it is 79."), Wrong(_a_day_too_few, "the end of the period is not part of it")),
)


# --- what ends it


def _service(seed: Seed) -> Mapping[str, Any]:
    return {"service": seed.choice([*SERVICES])}


def _check_end(attempt: Attempt) -> Iterator[Point]:
    kept = f"{attempt.mine.service}-asg"
    groups = {live.name: live.raw for live in attempt.of_kind("AutoScalingGroup")}
    sizes = {name: (raw["MinSize"], raw["DesiredCapacity"]) for name, raw in groups.items()}
    texts = {name: f"{name}: at least {low}, desired {want}" for name, (low, want) in sizes.items()}
    yield Point(
        f"The group {kept} wants one instance, and at least one",
        sizes.get(kept) == (1, 1),
        texts.get(kept, f"there is no group {kept}"),
        "MinSize and DesiredCapacity of the group",
        is_needed=True,
    )
    others = [text for name, text in texts.items() if name != kept and sizes[name] != (0, 0)]
    yield Point(
        "All other groups want none",
        not others and len(sizes) > 1,
        "; ".join(others) or "there are no other groups",
        "MinSize and DesiredCapacity of each group",
    )
    with attempt.copy() as copy:
        simulation.advance(copy, "24h")
        running = _groups_of_running_instances(copy)
        usd = float(simulation.costs(copy).usd_per_hour.sum())
    yield Point(
        "A day later, on a copy, one instance runs",
        running == [attempt.cloud.aws_name(kept)],
        f"{len(running)} instances run",
        "simulation.events: what does a group do with a stopped instance?",
    )
    yield Point(
        "An hour costs at most 0.03 USD then",
        usd <= 0.03,
        f"it costs {usd:.2f} USD",
        "simulation.costs on a copy",
    )


def _groups_of_running_instances(cloud: Cloud) -> list[str]:
    """The Auto Scaling group of each instance that runs, as AWS names it."""
    running = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    found = pages(cloud, "ec2", "describe_instances", "Reservations", Filters=running)
    instances = [instance for reservation in found for instance in reservation["Instances"]]
    return sorted(tag_dict(instance.get("Tags")).get("aws:autoscaling:groupName", "none") for instance in instances)


def _set_sizes(cloud: Cloud, mine: Values) -> None:
    autoscaling = cloud.client("autoscaling")
    for group in autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]:
        name = group["AutoScalingGroupName"]
        size = 1 if name == f"{cloud.deployment}-{mine.service}-asg" else 0
        autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, MinSize=size, DesiredCapacity=size)


def _park_the_others(cloud: Cloud, mine: Values) -> None:
    plan_parking(cloud, "park").apply()
    cloud.client("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName=f"{cloud.deployment}-{mine.service}-asg", MinSize=1, DesiredCapacity=1
    )


def _stop_instances(cloud: Cloud, mine: Values) -> None:
    running = instances(cloud)
    others = running[running.group != f"{mine.service}-asg"]
    cloud.client("ec2").stop_instances(InstanceIds=list(others.instance))


def _park_all(cloud: Cloud, mine: Values) -> None:
    plan_parking(cloud, "park").apply()


END = Exercise(
    "12-end",
    prompt=(
        "End the spending. The team still needs one instance of `{mine.service}`, and none of any other service. "
        "The check looks a day later, on a copy of your account."
    ),
    values=_service,
    check=_check_end,
    hints=(
        "Who starts a new instance when one is stopped?",
        "An Auto Scaling group has a minimum and a desired capacity. The desired capacity is never below the minimum.",
        "`aws autoscaling update-auto-scaling-group --auto-scaling-group-name … --min-size 0 --desired-capacity 0`",
    ),
    solutions=(_set_sizes, _park_the_others),
    wrong=(Wrong(_stop_instances, "desired 2"), Wrong(_park_all, "at least 0, desired 0")),
    notices=("AutoScalingGroup:{mine.service}-asg",),
)


CHAPTER = Chapter(
    "12",
    "The 80-dollar bill",
    minutes=25,
    moves_clock=True,
    start=large_build,
    clean_up=costs.end_export,
    exercises=(FREE_HOURS_EXERCISE, BUDGET, WHO, END),
    predictions=("12-first-days", "12-monday", "12-dearest"),
)
