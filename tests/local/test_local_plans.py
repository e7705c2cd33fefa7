"""Account plans: credits and what earns them, what the free plan refuses, how it ends, and how it is upgraded."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws_server.billing.calendar import add_months
from local_aws_server.clock.clock import format_timestamp
from tests.local.conftest import Account, Program
from tests.local.timing import advance, control, events, now

_accounts = count(500_000_000_000)

FREE_TYPES = {"t3.micro", "t3.small", "t4g.micro", "t4g.small", "c7i-flex.large", "m7i-flex.large"}


def refused(call: Any, **asked: Any) -> tuple[str, str]:
    """(code, message) of the error that a call ends in."""
    with pytest.raises(ClientError) as error:
        call(**asked)
    told = error.value.response["Error"]
    return told["Code"], told["Message"]


@pytest.fixture
def free(account: Account) -> Account:
    """An account on the free plan."""
    control(account, "POST", "regime", regime="credits", plan="free")
    return account


@pytest.fixture(scope="module")
def clock_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The url of a local AWS whose clock may go on by months."""
    program = Program(tmp_path_factory.mktemp("plans"))
    yield program.json("start", "--at", "2026-01-01T00:00Z")["url"]
    program.run("stop")


@pytest.fixture
def lasting(clock_of_its_own: str) -> Account:
    """An account on the free plan that may grow old."""
    account = Account(clock_of_its_own, str(next(_accounts)))
    control(account, "POST", "regime", regime="credits", plan="free")
    return account


def run(account: Account, instances: int = 1, instance_type: str = "t3.micro", **more: Any) -> Any:
    return account.client("ec2").run_instances(
        ImageId="ami-1", InstanceType=instance_type, MinCount=instances, MaxCount=instances, **more
    )


def plan(account: Account) -> dict[str, Any]:
    told: dict[str, Any] = account.client("freetier").get_account_plan_state()
    del told["ResponseMetadata"]
    return told


def left(account: Account) -> float:
    amount: float = plan(account)["accountPlanRemainingCredits"]["amount"]
    return amount


# --- what it refuses


def test_the_free_plan_launches_its_own_instance_types_alone(free: Account) -> None:
    code, message = refused(run, account=free, instance_type="t2.micro")
    assert code == "InvalidParameterCombination"
    assert message.startswith("The specified instance type is not eligible for Free Tier.")
    assert run(free, instance_type="t3.small")["Instances"][0]["InstanceType"] == "t3.small"
    control(free, "POST", "regime", regime="credits", plan="paid")
    run(free, instance_type="t2.micro")


def test_a_launch_template_does_not_get_around_the_free_plan(free: Account) -> None:
    ec2 = free.client("ec2")
    template = {"ImageId": "ami-1", "InstanceType": "t2.nano"}
    ec2.create_launch_template(LaunchTemplateName="t", LaunchTemplateData=template)
    asked = {"LaunchTemplate": {"LaunchTemplateName": "t"}, "MinCount": 1, "MaxCount": 1}
    assert refused(ec2.run_instances, **asked)[0] == "InvalidParameterCombination"
    ec2.run_instances(**asked, InstanceType="t3.micro")


def test_an_auto_scaling_group_of_another_type_fails_to_launch(free: Account) -> None:
    _, subnets, _ = free.network()
    free.client("ec2").create_launch_template(
        LaunchTemplateName="hosts", LaunchTemplateData={"ImageId": "ami-1", "InstanceType": "t2.micro"}
    )
    scaling = free.client("autoscaling")
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="g",
        LaunchTemplate={"LaunchTemplateName": "hosts"},
        MinSize=1,
        MaxSize=1,
        VPCZoneIdentifier=subnets[0],
    )
    (activity,) = scaling.describe_scaling_activities(AutoScalingGroupName="g")["Activities"]
    assert activity["StatusCode"] == "Failed"
    assert activity["StatusMessage"].startswith("The specified instance type is not eligible for Free Tier.")
    assert free.client("ec2").describe_instances()["Reservations"] == []


def test_an_instance_does_not_become_another_type(free: Account) -> None:
    ec2 = free.client("ec2")
    instance = run(free)["Instances"][0]["InstanceId"]
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance])
    ec2.stop_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_stopped").wait(InstanceIds=[instance])
    code, _ = refused(ec2.modify_instance_attribute, InstanceId=instance, InstanceType={"Value": "t3.large"})
    assert code == "FreeTierRestrictionError"
    ec2.modify_instance_attribute(InstanceId=instance, InstanceType={"Value": "t3.small"})


@pytest.mark.parametrize(
    ("regime", "region", "eligible"),
    [
        ("credits", "eu-west-3", FREE_TYPES),
        ("legacy", "eu-west-3", {"t2.micro"}),
        ("none", "us-east-1", {"t2.micro"}),
        ("legacy", "eu-north-1", {"t2.micro", "t3.micro"}),
    ],
)
def test_the_types_that_are_free_depend_on_the_account(
    account: Account, regime: str, region: str, eligible: set[str]
) -> None:
    control(account, "POST", "regime", regime=regime)
    ec2 = Account(account.url, account.id, region=region).client("ec2")
    pages = ec2.get_paginator("describe_instance_types").paginate(
        Filters=[{"Name": "free-tier-eligible", "Values": ["true"]}]
    )
    assert {each["InstanceType"] for page in pages for each in page["InstanceTypes"]} == eligible
    described = ec2.describe_instance_types(InstanceTypes=["t2.micro", "t3.small"])["InstanceTypes"]
    assert {each["InstanceType"]: each["FreeTierEligible"] for each in described} == {
        name: name in eligible for name in ("t2.micro", "t3.small")
    }


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"DBInstanceClass": "db.t3.small"}, "instance size"),
        ({"DBInstanceClass": "db.m7g.large"}, "instance size"),
        ({"DBInstanceClass": "db.t4g.micro", "BackupRetentionPeriod": 7}, "backup retention period"),
    ],
)
def test_the_free_plan_has_micro_databases_with_a_day_of_backups(
    free: Account, asked: dict[str, Any], why: str
) -> None:
    rds = free.client("rds")
    database = {
        "DBInstanceIdentifier": "d",
        "Engine": "postgres",
        "AllocatedStorage": 20,
        "MasterUsername": "seccom",
        "MasterUserPassword": "password",
    }
    code, message = refused(rds.create_db_instance, **database, **asked)
    assert (code, why in message) == ("FreeTierRestrictionError", True), message
    rds.create_db_instance(**database, DBInstanceClass="db.t4g.micro", BackupRetentionPeriod=1)
    assert refused(rds.modify_db_instance, DBInstanceIdentifier="d", **asked)[0] == "FreeTierRestrictionError"


# --- what is told of it


def test_the_free_plan_tells_its_credits_and_its_end(free: Account) -> None:
    told = plan(free)
    assert abs(told.pop("accountPlanExpirationDate").timestamp() - add_months(now(free), 6)) < 86400
    assert told == {
        "accountId": free.id,
        "accountPlanType": "FREE",
        "accountPlanStatus": "ACTIVE",
        "accountPlanRemainingCredits": {"amount": 100.0, "unit": "USD"},
    }


def test_a_paid_plan_has_no_end(account: Account) -> None:
    control(account, "POST", "regime", regime="credits", plan="paid")
    assert "accountPlanExpirationDate" not in plan(account)
    assert plan(account)["accountPlanType"] == "PAID"


@pytest.mark.parametrize("regime", ["legacy", "none"])
def test_an_account_without_credits_has_neither_a_plan_nor_activities(account: Account, regime: str) -> None:
    control(account, "POST", "regime", regime=regime)
    freetier = account.client("freetier")
    assert refused(freetier.get_account_plan_state)[0] == "ResourceNotFoundException"
    assert refused(freetier.upgrade_account_plan, accountPlanType="PAID")[0] == "ResourceNotFoundException"
    assert freetier.list_account_activities()["activities"] == []


def test_a_plan_goes_up_and_not_down(free: Account) -> None:
    freetier = free.client("freetier")
    assert refused(freetier.upgrade_account_plan, accountPlanType="FREE")[0] == "ValidationException"
    told = freetier.upgrade_account_plan(accountPlanType="PAID")
    assert (told["accountPlanType"], told["accountPlanStatus"]) == ("PAID", "ACTIVE")
    run(free, instance_type="t2.micro")
    assert (free.id, "account plan upgraded") in [(event["subject"], event["what"]) for event in events(free)]


def test_a_first_instance_database_function_and_budget_earn_20_usd_each(free: Account) -> None:
    freetier = free.client("freetier")
    offered = freetier.list_account_activities()["activities"]
    assert {each["status"] for each in offered} == {"NOT_STARTED"}
    assert [each["reward"]["credit"]["amount"] for each in offered] == [20.0] * 5
    run(free)
    run(free)
    assert left(free) == pytest.approx(120, abs=0.01)
    limit = {"Amount": "5", "Unit": "USD"}
    budget = {"BudgetName": "b", "BudgetType": "COST", "TimeUnit": "MONTHLY", "BudgetLimit": limit}
    free.client("budgets").create_budget(AccountId=free.id, Budget=budget)
    assert left(free) == pytest.approx(140, abs=0.01)
    done = freetier.list_account_activities(filterActivityStatuses=["COMPLETED"])["activities"]
    assert [each["title"] for each in done] == [
        "Launch an instance using EC2",
        "Set up a cost budget using AWS Budgets",
    ]
    told = freetier.get_account_activity(activityId=done[0]["activityId"])
    assert abs(told["completedAt"].timestamp() - now(free)) < 60
    assert "completedAt" not in freetier.get_account_activity(activityId=offered[1]["activityId"])
    assert refused(freetier.get_account_activity, activityId="0" * 32)[0] == "ResourceNotFoundException"


# --- when it ends


def closed(account: Account) -> list[str]:
    """Why the account was closed."""
    return [event["because"] for event in events(account) if event["what"] == "account closed"]


def test_the_account_is_closed_when_its_credits_are_used_up_and_is_never_charged(lasting: Account) -> None:
    run(lasting, 12)
    per_hour = float(control(lasting, "GET", "cost")["list_per_hour"])
    hours = 120 / per_hour
    advance(lasting, f"{hours - 1:.2f}h")
    assert (plan(lasting)["accountPlanStatus"], left(lasting)) == ("ACTIVE", pytest.approx(per_hour, abs=0.1))
    advance(lasting, "2h")
    assert (plan(lasting)["accountPlanStatus"], left(lasting)) == ("EXPIRED", 0)
    assert closed(lasting) == ["its 120 USD of credits are used up"]
    assert float(control(lasting, "GET", "cost")["month"]["usd"]) == pytest.approx(0, abs=0.01)
    advance(lasting, "10d")
    assert control(lasting, "GET", "cost")["list_per_hour"] == "0", "nothing is metered in a closed account"


def test_the_account_is_closed_after_six_months_whatever_is_left(lasting: Account) -> None:
    control(lasting, "POST", "advance", to=format_timestamp(add_months(now(lasting), 6) + 60))
    assert refused(lasting.client("ec2").describe_vpcs)[0] == "OptInRequired"
    assert closed(lasting) == ["the six months of its free plan are over"]
    assert plan(lasting)["accountPlanStatus"] == "EXPIRED"


def test_a_paid_account_goes_on_when_its_credits_are_used_up(lasting: Account) -> None:
    lasting.client("freetier").upgrade_account_plan(accountPlanType="PAID")
    run(lasting, 12)
    hours = 120 / float(control(lasting, "GET", "cost")["list_per_hour"])
    advance(lasting, f"{hours + 10:.2f}h")
    assert (plan(lasting)["accountPlanStatus"], left(lasting)) == ("ACTIVE", 0)
    assert float(control(lasting, "GET", "cost")["per_hour"]) > 0
    assert closed(lasting) == []


@pytest.fixture(scope="module")
def gone(clock_of_its_own: str) -> Account:
    """An account with an instance, a queue and a bucket that is closed."""
    account = Account(clock_of_its_own, str(next(_accounts)))
    control(account, "POST", "regime", regime="credits", plan="free")
    run(account)
    account.client("sqs").create_queue(QueueName="q")
    control(account, "POST", "advance", to=format_timestamp(add_months(now(account), 6) + 60))
    return account


@pytest.mark.parametrize(
    ("service", "operation", "code", "status"),
    [
        ("ec2", "describe_instances", "OptInRequired", 401),
        ("s3", "list_buckets", "NotSignedUp", 403),
        ("rds", "describe_db_instances", "OptInRequired", 403),
        ("iam", "list_roles", "OptInRequired", 403),
        ("ecs", "list_clusters", "SubscriptionRequiredException", 400),
        ("lambda", "list_functions", "SubscriptionRequiredException", 400),
        ("freetier", "get_free_tier_usage", "SubscriptionRequiredException", 400),
    ],
)
def test_every_service_refuses_a_closed_account_in_its_own_words(
    gone: Account, service: str, operation: str, code: str, status: int
) -> None:
    with pytest.raises(ClientError) as error:
        getattr(gone.client(service), operation)()
    told = error.value.response
    assert (told["Error"]["Code"], told["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)


def test_a_closed_account_still_knows_who_it_is(gone: Account) -> None:
    assert gone.client("sts").get_caller_identity()["Account"] == gone.id


def test_an_upgrade_opens_a_closed_account_again_with_all_that_it_had(lasting: Account) -> None:
    instance = run(lasting)["Instances"][0]["InstanceId"]
    control(lasting, "POST", "advance", to=format_timestamp(add_months(now(lasting), 6) + 60))
    advance(lasting, "60d")
    lasting.client("freetier").upgrade_account_plan(accountPlanType="PAID")
    described = lasting.client("ec2").describe_instances()["Reservations"][0]["Instances"][0]
    assert described["InstanceId"] == instance
    before = float(control(lasting, "GET", "cost")["month"]["list_usd"])
    advance(lasting, "1h")
    assert float(control(lasting, "GET", "cost")["month"]["list_usd"]) > before, "it is metered again"


def test_a_closed_account_is_gone_for_good_after_90_days(lasting: Account) -> None:
    run(lasting)
    control(lasting, "POST", "advance", to=format_timestamp(add_months(now(lasting), 6) + 60))
    advance(lasting, "91d")
    freetier = lasting.client("freetier")
    assert refused(freetier.upgrade_account_plan, accountPlanType="PAID")[0] == "AccessDeniedException"
    assert datetime.fromtimestamp(now(lasting), UTC) > plan(lasting)["accountPlanExpirationDate"]
