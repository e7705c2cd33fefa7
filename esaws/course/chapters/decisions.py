"""Chapter 13: the price of each decision, hours of operation, a lease, parking, and the free tier of today."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from math import isclose
from typing import Any

from esaws import costs, simulation
from esaws.architecture import Architecture
from esaws.aws import pages, tag_dict
from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Chapter, Exercise, Point, Values, Wrong
from esaws.course.probes import answers
from esaws.course.seed import Seed
from esaws.operations import cloud_time, lease_status, plan_guard, plan_lease
from esaws.reference.seccom import seccom

SERVICE = "client-web-ui"
GROUP = f"{SERVICE}-asg"
MARCH = costs.Month.calendar(date(2022, 3, 1))
TODAY = date(2026, 11, 1)


def large_build() -> Architecture:
    """The first build of the team, on its instance type."""
    return seccom("ha", instance_type="t2.micro")


def one_service() -> Architecture:
    """One of the six services, in two zones behind the load balancer."""
    return seccom("ha", services=(SERVICE,), instance_type="t2.micro")


# --- half the price in a forecast


def _hours_a_day(seed: Seed) -> Mapping[str, Any]:
    hours = seed.between(7, 11)
    return {"hours": hours, "usd": 63 + 8 * hours}


def _check_half(attempt: Attempt) -> Iterator[Point]:
    mine, build = attempt.mine, large_build()
    changes = attempt.answer if isinstance(attempt.answer, costs.Variation) else costs.Variation()
    yield Point(
        f"The answer is a Variation that runs {mine.hours} hours a day",
        changes.hours_a_day == mine.hours,
        f"it is {attempt.answer!r}",
        "Variation.hours_a_day",
        is_needed=True,
    )
    zones = 2 if changes.zones is None else changes.zones
    number = 2 if changes.instances is None else changes.instances
    yield Point(
        "Each group still has two instances, in two zones",
        zones >= 2 and number >= 2,
        f"it has {number} instances in {zones} zones",
        "Variation.zones and Variation.instances: None keeps what is declared",
    )
    yield Point(
        "All six services are still there",
        changes.clusters is None or changes.clusters >= 6,
        f"{changes.clusters} clusters are left",
        "Variation.clusters: None keeps what is declared",
    )
    table = costs.compare_builds({"yours": (build, changes)}, month=MARCH, as_of=MARCH.first)
    usd = float(table.loc["yours", "list_usd"])
    yield Point(
        f"March 2022 costs at most {mine.usd} USD at list price",
        usd <= mine.usd,
        f"it costs {usd:.2f} USD" if usd == usd else "the price list lacks a price of it",
        "costs.compare_builds",
    )


def _fewer_hours(cloud: Cloud, mine: Values) -> costs.Variation:
    return costs.Variation(hours_a_day=mine.hours)


def _fewer_hours_and_another_type(cloud: Cloud, mine: Values) -> costs.Variation:
    return costs.Variation(hours_a_day=mine.hours, instance_type="t3.micro")


def _one_instance_each(cloud: Cloud, mine: Values) -> costs.Variation:
    return costs.Variation(hours_a_day=mine.hours, instances=1)


def _all_day(cloud: Cloud, mine: Values) -> costs.Variation:
    return costs.Variation(instance_type="t3.micro")


HALF = Exercise(
    "13-half",
    prompt=(
        "The system is shown to visitors for **{mine.hours} hours a day**. During these hours it must be as available "
        "as before: six services, each with two instances in two zones. Find a `costs.Variation` that costs at most "
        "**{mine.usd} USD** in March 2022 at list price, and set `answer` to it."
    ),
    values=_hours_a_day,
    check=_check_half,
    hints=(
        "Which decision of the table can you change without taking anything from a visitor?",
        "A `costs.Variation` has a field for the hours of a day in which the instances run.",
        "`answer = costs.Variation(hours_a_day={mine.hours})`",
    ),
    solutions=(_fewer_hours, _fewer_hours_and_another_type),
    wrong=(Wrong(_one_instance_each, "1 instances in 2 zones"), Wrong(_all_day, "Variation")),
)


# --- hours of operation in the account


def _evening_and_morning(seed: Seed) -> Mapping[str, Any]:
    return {"morning": seed.between(6, 9), "evening": seed.between(16, 20)}


def _check_nights(attempt: Attempt) -> Iterator[Point]:
    mine, cloud = attempt.mine, attempt.cloud
    midnight = cloud_time(cloud).replace(hour=0, minute=0, second=0) + timedelta(days=1)
    morning, evening = midnight + timedelta(hours=mine.morning), midnight + timedelta(hours=mine.evening)
    quarter = timedelta(minutes=15)
    with attempt.copy() as copy:
        simulation.wait_until(copy, morning - quarter)
        at_night = _zones(copy)
        simulation.wait_until(copy, morning + quarter)
        by_day = _zones(copy)
        simulation.fail(copy, zone=f"{copy.region}a")
        simulation.advance(copy, "10m")
        does_answer = answers(copy, "/")
        simulation.mend(copy, zone=f"{copy.region}a")
        simulation.wait_until(copy, evening - quarter)
        until_evening = _zones(copy)
        simulation.wait_until(copy, evening + quarter)
        after = _zones(copy)
    yield Point(
        f"On a copy, no instance runs at {mine.morning - 1:02}:45 UTC the next day",
        not at_night,
        f"{len(at_night)} instances run",
        "the scheduled actions of the group: is its minimum 0 at night?",
        is_needed=True,
    )
    yield Point(
        f"At {mine.morning:02}:15 two instances run, in two zones",
        len(by_day) >= 2 and len(set(by_day)) == 2,
        f"{len(by_day)} instances run in {len(set(by_day))} zones",
        "MinSize and DesiredCapacity of the action in the morning",
        is_needed=True,
    )
    yield Point(
        "Then zone a fails, and ten minutes later the web UI answers",
        does_answer,
        "no healthy target answers",
        "inspect.trace on a copy",
    )
    yield Point(
        f"At {mine.evening - 1}:45 two instances still run, and at {mine.evening}:15 none",
        len(until_evening) >= 2 and not after,
        f"{len(until_evening)} instances run before, {len(after)} after",
        "the hour of the action in the evening, in UTC",
        is_needed=True,
    )


def _zones(cloud: Cloud) -> list[str]:
    """The zone of each running instance of the group."""
    running = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    found = pages(cloud, "ec2", "describe_instances", "Reservations", Filters=running)
    instances = [instance for reservation in found for instance in reservation["Instances"]]
    name = cloud.aws_name(GROUP)
    ours = [each for each in instances if tag_dict(each.get("Tags")).get("aws:autoscaling:groupName") == name]
    return [each["Placement"]["AvailabilityZone"] for each in ours]


def _schedule_with_boto3(cloud: Cloud, mine: Values) -> None:
    autoscaling, group = cloud.client("autoscaling"), cloud.aws_name("client-web-ui-asg")
    for name, hour, size in (("morning", mine.morning, 2), ("evening", mine.evening, 0)):
        autoscaling.put_scheduled_update_group_action(
            AutoScalingGroupName=group,
            ScheduledActionName=name,
            Recurrence=f"0 {hour} * * *",
            MinSize=size,
            DesiredCapacity=size,
        )


def _schedule_in_one_call(cloud: Cloud, mine: Values) -> None:
    actions = [
        {"ScheduledActionName": "open", "Recurrence": f"0 {mine.morning} * * *", "MinSize": 2, "DesiredCapacity": 2},
        {"ScheduledActionName": "close", "Recurrence": f"0 {mine.evening} * * *", "MinSize": 0, "DesiredCapacity": 0},
    ]
    cloud.client("autoscaling").batch_put_scheduled_update_group_action(
        AutoScalingGroupName=cloud.aws_name("client-web-ui-asg"), ScheduledUpdateGroupActions=actions
    )


def _schedule_one_instance(cloud: Cloud, mine: Values) -> None:
    autoscaling, group = cloud.client("autoscaling"), cloud.aws_name(GROUP)
    for name, hour, size in (("morning", mine.morning, 1), ("evening", mine.evening, 0)):
        autoscaling.put_scheduled_update_group_action(
            AutoScalingGroupName=group,
            ScheduledActionName=name,
            Recurrence=f"0 {hour} * * *",
            MinSize=size,
            DesiredCapacity=size,
        )


def _only_the_evening(cloud: Cloud, mine: Values) -> None:
    cloud.client("autoscaling").put_scheduled_update_group_action(
        AutoScalingGroupName=cloud.aws_name(GROUP),
        ScheduledActionName="evening",
        Recurrence=f"0 {mine.evening} * * *",
        MinSize=0,
        DesiredCapacity=0,
    )


def _desired_only(cloud: Cloud, mine: Values) -> None:
    cloud.client("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName=cloud.aws_name(GROUP), MinSize=0, DesiredCapacity=0
    )


NIGHTS = Exercise(
    "13-nights",
    prompt=(
        "Let the group `client-web-ui-asg` run two instances from **{mine.morning}:00** to **{mine.evening}:00** UTC "
        "every day, and none at night. AWS does this with scheduled actions. The check lets a day pass on a copy of "
        "your account, and makes a zone fail in the morning."
    ),
    values=_evening_and_morning,
    check=_check_nights,
    hints=(
        "How many things happen in a day, and at which hours?",
        "`put_scheduled_update_group_action` of `autoscaling` sets the sizes of a group, by a `Recurrence`.",
        'In the morning `Recurrence="0 {mine.morning} * * *", MinSize=2, DesiredCapacity=2`; in the evening 0 and 0.',
    ),
    solutions=(_schedule_with_boto3, _schedule_in_one_call),
    wrong=(
        Wrong(_schedule_one_instance, "1 instances run in 1 zones"),
        Wrong(_only_the_evening, "0 instances run in 0 zones"),
        Wrong(_desired_only, "0 instances run in 0 zones"),
    ),
    notices=(f"AutoScalingGroup:{GROUP}",),
)


# --- a lease


def _hours_and_limit(seed: Seed) -> Mapping[str, Any]:
    return {"hours": seed.between(3, 9), "usd": seed.between(11, 29) / 2}


def _check_lease(attempt: Attempt) -> Iterator[Point]:
    mine, status = attempt.mine, lease_status(attempt.cloud)
    yield Point(
        f"The lease allows at most {mine.usd:.2f} USD",
        status.terms.at_most_usd is not None and isclose(status.terms.at_most_usd, mine.usd, abs_tol=0.005),
        repr(status),
        "esaws lease",
        is_needed=True,
    )
    left = status.left_hours
    yield Point(
        f"It ends within {mine.hours} hours, and not before {mine.hours - 1} hours have passed",
        left is not None and mine.hours - 1 <= left <= mine.hours,
        "it has no end" if left is None else f"it ends in {left:.1f} hours",
        "the option --until takes a duration such as 8h",
    )
    state, steps = status.state, 0
    if state != "none":
        with attempt.copy() as copy:
            simulation.advance(copy, f"{mine.hours}h")
            state, steps = lease_status(copy).state, len(getattr(plan_guard(copy, "park"), "steps", ()))
    yield Point(
        f"On a copy, {mine.hours} hours later, the guard would park the deployment",
        steps > 0,
        f"the lease is {state} then, and the guard has {steps} steps",
        "operations.plan_guard on a copy",
    )


def _grant_lease(cloud: Cloud, mine: Values) -> None:
    plan_lease(cloud, until=f"{mine.hours}h", at_most_usd=mine.usd).apply()


def _put_parameter(cloud: Cloud, mine: Values) -> None:
    now = cloud_time(cloud)
    end = now + timedelta(hours=mine.hours)
    terms = {"since": now.isoformat(), "until": end.isoformat(), "at_most_usd": mine.usd}
    tags = {"esaws:deployment": cloud.deployment, "esaws:name": "lease"}
    cloud.client("ssm").put_parameter(
        Name=f"/{cloud.deployment}/lease",
        Type="String",
        Value=json.dumps(terms),
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )


def _lease_without_end(cloud: Cloud, mine: Values) -> None:
    plan_lease(cloud, at_most_usd=mine.usd).apply()


def _lease_of_a_week(cloud: Cloud, mine: Values) -> None:
    plan_lease(cloud, until="7d", at_most_usd=mine.usd).apply()


LEASE = Exercise(
    "13-lease",
    prompt=(
        "Grant the deployment a lease of **{mine.hours} hours** and at most **{mine.usd:.2f} USD**. "
        "The check lets the hours pass on a copy, and asks the guard what it would do."
    ),
    values=_hours_and_limit,
    check=_check_lease,
    hints=(
        "Until when do you need the system, and what may it cost until then?",
        "`esaws lease --help` in a terminal, or `operations.plan_lease`.",
        "`esaws lease --until {mine.hours}h --at-most-usd {mine.usd} --yes`",
    ),
    solutions=(_grant_lease, _put_parameter),
    wrong=(Wrong(_lease_without_end, "it has no end"), Wrong(_lease_of_a_week, "it ends in 168.0 hours")),
    notices=("Lease",),
)


# --- how long credits last


def _credits(seed: Seed) -> Mapping[str, Any]:
    return {"usd": seed.choice([100, 120, 140, 160, 180, 200])}


def _check_credits(attempt: Attempt) -> Iterator[Point]:
    forecast = costs.forecast(large_build(), regime="credits", credits=attempt.mine.usd, as_of=TODAY)
    truth, answer = float(forecast.runway_days or 0), attempt.answer
    yield Point(
        f"Your answer is the days that {attempt.mine.usd} USD of credits last",
        not isinstance(answer, bool) and isinstance(answer, int | float) and isclose(answer, truth, abs_tol=0.2),
        f"it is {answer}",
        "the list price of a month, with the public addresses that AWS charges for since 2024",
        is_needed=True,
    )


def _runway(cloud: Cloud, mine: Values) -> float:
    ha = seccom("ha", instance_type="t2.micro")
    forecast = costs.forecast(ha, regime="credits", credits=mine.usd, as_of=date(2026, 11, 1))
    return float(forecast.runway_days or 0)


def _divide_credits(cloud: Cloud, mine: Values) -> float:
    ha = seccom("ha", instance_type="t2.micro")
    month = costs.forecast(ha, regime="none", as_of=date(2026, 11, 1))
    return mine.usd / float(month.total_usd) * 730 / 24


def _with_the_old_free_tier(cloud: Cloud, mine: Values) -> float:
    month = costs.forecast(large_build(), regime="legacy", as_of=TODAY)
    return mine.usd / float(month.total_usd) * 730 / 24


def _with_the_prices_of_2022(cloud: Cloud, mine: Values) -> float:
    month = costs.forecast(large_build(), regime="none", as_of=date(2022, 3, 1))
    return mine.usd / float(month.total_usd) * 730 / 24


CREDITS = Exercise(
    "13-credits",
    prompt=(
        "A new account has **{mine.usd} USD** of credits on 1 November 2026, and runs the large build on `t2.micro`. "
        "How many days do the credits last? Set `answer` to the number of days."
    ),
    values=_credits,
    check=_check_credits,
    hints=(
        "What does the system cost a day, if nothing is free?",
        "`costs.forecast` takes the `regime`, the `credits` and the day whose prices count, `as_of`.",
        '`costs.forecast(ha, regime="credits", credits={mine.usd}, as_of=date(2026, 11, 1)).runway_days`',
    ),
    solutions=(_runway, _divide_credits),
    wrong=(Wrong(_with_the_old_free_tier, "public addresses"), Wrong(_with_the_prices_of_2022, "public addresses")),
)


CHAPTER = Chapter(
    "13",
    "What should they have decided?",
    minutes=25,
    moves_clock=True,
    start=one_service,
    exercises=(HALF, NIGHTS, LEASE, CREDITS),
    predictions=("13-dearest", "13-parked"),
)
