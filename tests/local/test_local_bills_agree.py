"""One bill, read in five places: Cost Explorer, the CUR export, a budget, the free tier and the meter of today."""

import io
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pandas
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.local.conftest import Account, Program
from tests.local.timing import advance, control, now

ACCOUNT = "123456789012"
BUCKET = f"esaws-billing-{ACCOUNT}"
COLUMNS = "identity_line_item_id, identity_time_interval, line_item_unblended_cost, line_item_usage_amount"
TYPES = ["t2.micro", "t3.micro"]


class Customer(RuleBasedStateMachine):
    """Somebody deploys, stops and scales for months; whoever reads the bill, reads the same."""

    program: Program

    def __init__(self) -> None:
        super().__init__()
        self.account = Account(self.program.json("status")["url"], ACCOUNT)
        self.balancers = 0

    def client(self, service: str) -> Any:
        return self.account.client(service)

    @initialize(
        regime=st.sampled_from(["legacy", "credits", "none"]),
        start=st.sampled_from(["2024-02-27T21:00Z", "2024-03-30T23:30Z", "2024-12-31T20:00Z", "2025-02-27T12:00Z"]),
    )
    def begin(self, regime: str, start: str) -> None:
        control(self.account, "POST", "reset")
        control(self.account, "POST", "advance", to=start)
        control(self.account, "POST", "regime", regime=regime, plan="paid")
        self.subnets = self.account.network()[1]
        self._define_a_budget()
        self._define_an_export()
        self._define_a_group()

    def _define_a_budget(self) -> None:
        limit = {"Amount": "80", "Unit": "USD"}
        budget = {"BudgetName": "all", "BudgetLimit": limit, "TimeUnit": "MONTHLY", "BudgetType": "COST"}
        self.client("budgets").create_budget(AccountId=ACCOUNT, Budget=budget)

    def _define_an_export(self) -> None:
        s3 = self.client("s3")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-3"})
        services = ["billingreports.amazonaws.com", "bcm-data-exports.amazonaws.com"]
        allow = {
            "Effect": "Allow",
            "Principal": {"Service": services},
            "Action": ["s3:PutObject", "s3:GetBucketPolicy"],
            "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
        }
        s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
        outputs = {
            "OutputType": "CUSTOM",
            "Format": "PARQUET",
            "Compression": "PARQUET",
            "Overwrite": "OVERWRITE_REPORT",
        }
        place = {"S3Bucket": BUCKET, "S3Prefix": "p", "S3Region": "eu-west-3", "S3OutputConfigurations": outputs}
        configurations = {"COST_AND_USAGE_REPORT": {"TIME_GRANULARITY": "HOURLY", "INCLUDE_RESOURCES": "TRUE"}}
        self.client("bcm-data-exports").create_export(
            Export={
                "Name": "hourly",
                "DataQuery": {
                    "QueryStatement": f"SELECT {COLUMNS} FROM COST_AND_USAGE_REPORT",
                    "TableConfigurations": configurations,
                },
                "DestinationConfigurations": {"S3Destination": place},
                "RefreshCadence": {"Frequency": "SYNCHRONOUS"},
            }
        )

    def _define_a_group(self) -> None:
        data = {"ImageId": "ami-12345678", "InstanceType": "t2.micro"}
        self.client("ec2").create_launch_template(LaunchTemplateName="small", LaunchTemplateData=data)
        self.client("autoscaling").create_auto_scaling_group(
            AutoScalingGroupName="g",
            MinSize=0,
            MaxSize=9,
            LaunchTemplate={"LaunchTemplateName": "small"},
            VPCZoneIdentifier=",".join(self.subnets),
        )

    # --- what the customer does

    @rule(count=st.integers(1, 4), kind=st.sampled_from(TYPES), region=st.sampled_from(["eu-west-3", "us-east-1"]))
    def launch(self, count: int, kind: str, region: str) -> None:
        ec2 = Account(self.account.url, ACCOUNT, region=region).client("ec2")
        ec2.run_instances(ImageId="ami-12345678", InstanceType=kind, MinCount=count, MaxCount=count)

    @rule(desired=st.integers(0, 9))
    def scale(self, desired: int) -> None:
        self.client("autoscaling").set_desired_capacity(AutoScalingGroupName="g", DesiredCapacity=desired)

    @rule()
    def stop_what_runs(self) -> None:
        ec2 = self.client("ec2")
        running = [{"Name": "instance-state-name", "Values": ["running"]}]
        found = [
            i["InstanceId"] for r in ec2.describe_instances(Filters=running)["Reservations"] for i in r["Instances"]
        ]
        if found:
            ec2.stop_instances(InstanceIds=found)

    @rule(rate=st.sampled_from([1, 50, 2000]))
    def balance(self, rate: int) -> None:
        elbv2, self.balancers = self.client("elbv2"), self.balancers + 1
        name = f"web{self.balancers}"
        arn = elbv2.create_load_balancer(Name=name, Subnets=self.subnets)["LoadBalancers"][0]["LoadBalancerArn"]
        fixed = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}]
        elbv2.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=fixed)
        control(
            self.account, "POST", "traffic", load_balancer=name, trace={"shape": "daily", "requests_per_second": rate}
        )

    @rule()
    def unbalance(self) -> None:
        elbv2 = self.client("elbv2")
        for each in elbv2.describe_load_balancers()["LoadBalancers"]:
            elbv2.delete_load_balancer(LoadBalancerArn=each["LoadBalancerArn"])

    @rule(by=st.sampled_from(["1s", "59m", "1h", "5h7m13s", "26h", "9d", "33d"]))
    def wait(self, by: str) -> None:
        advance(self.account, by)

    # --- what must hold

    @invariant()
    def all_bills_agree_to_the_cent(self) -> None:
        told = control(self.account, "GET", "cost")
        month, before = told["month"]["start"][:7], float(told["month"]["usd"])
        spent = {
            "Cost Explorer": self._explored(month),
            "export": self._exported(month),
            "budget": self._budgeted(),
        }
        # Time goes on while it is read, and may reach another hour, which load balancers are charged for as a whole.
        after = float(control(self.account, "GET", "cost")["month"]["usd"])
        assert all(before - 0.005 < usd < after + 0.005 for usd in spent.values()), (before, spent, after)
        used = {each["allowance"]: float(each["used"]) for each in told["free_tier"]}
        assert self._free_hours() == pytest.approx(used.get("AmazonEC2 Hrs", 0), abs=0.1)

    def _explored(self, month: str) -> float:
        tomorrow = datetime.fromtimestamp(now(self.account) + 86400, UTC).date().isoformat()
        answer = self.client("ce").get_cost_and_usage(
            TimePeriod={"Start": f"{month}-01", "End": tomorrow}, Granularity="DAILY", Metrics=["UnblendedCost"]
        )
        return sum(float(day["Total"]["UnblendedCost"]["Amount"]) for day in answer["ResultsByTime"])

    def _exported(self, month: str) -> float:
        s3 = self.client("s3")
        keys = [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
        of_month = [key for key in keys if f"BILLING_PERIOD={month}/" in key and key.endswith(".parquet")]
        frames = [
            pandas.read_parquet(io.BytesIO(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())) for key in of_month
        ]
        if not frames:
            return 0.0
        lines = pandas.concat(frames)
        assert not lines.duplicated(["identity_line_item_id", "identity_time_interval"]).any()
        return float(lines["line_item_unblended_cost"].sum())

    def _budgeted(self) -> float:
        budget = self.client("budgets").describe_budget(AccountId=ACCOUNT, BudgetName="all")["Budget"]
        return float(budget["CalculatedSpend"]["ActualSpend"]["Amount"])

    def _free_hours(self) -> float:
        """The free hours of EC2 that are used, as the Free Tier API tells them."""
        usages = self.client("freetier").get_free_tier_usage()["freeTierUsages"]
        hours = [each for each in usages if "BoxUsage" in each["usageType"]]
        return min(750.0, sum(each["actualUsageAmount"] for each in hours))


@pytest.fixture
def customers(program: Program) -> Iterator[type[Customer]]:
    program.json("start", "--at", "2024-02-01T00:00Z")
    Customer.program = program
    yield Customer


def test_all_bills_agree_at_every_moment_of_random_months(customers: type[Customer]) -> None:
    chosen = settings(max_examples=int(os.environ.get("RUNS", "4")), stateful_step_count=10, deadline=None)
    run_state_machine_as_test(customers, settings=chosen)  # type: ignore[no-untyped-call]
