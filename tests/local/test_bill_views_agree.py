"""One bill in five views: Cost Explorer, the CUR export, a budget, the free tier and the month-to-date costs."""

import io
import json
import os
from datetime import UTC, datetime
from typing import Any

import pandas
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.local.billing import ACCOUNT, reset
from tests.local.conftest import Account
from tests.local.timing import advance, control, now

BUCKET = f"esaws-billing-{ACCOUNT}"
COLUMNS = "identity_line_item_id, identity_time_interval, line_item_unblended_cost, line_item_usage_amount"
SOAK = os.environ.get("SOAK") == "1"
DURATIONS = ["1s", "59m", "1h", "5h7m13s", "26h", "9d", *(["33d"] if SOAK else [])]
TYPES = ["t2.micro", "t3.micro"]


class RandomUse(RuleBasedStateMachine):
    """A user launches, stops and scales for months; all views of the bill agree."""

    url: str

    def __init__(self) -> None:
        super().__init__()
        self.balancers = 0

    def client(self, service: str) -> Any:
        return self.account.client(service)

    @initialize(
        regime=st.sampled_from(["legacy", "credits", "none"]),
        start=st.sampled_from(["2028-02-27T21:00Z", "2026-03-30T23:30Z", "2026-12-31T20:00Z", "2027-02-27T12:00Z"]),
    )
    def begin(self, regime: str, start: str) -> None:
        self.account = reset(self.url, start, regime)
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
        data = {"ImageId": "ami-760aaa0f", "InstanceType": "t2.micro"}
        self.client("ec2").create_launch_template(LaunchTemplateName="small", LaunchTemplateData=data)
        self.client("autoscaling").create_auto_scaling_group(
            AutoScalingGroupName="g",
            MinSize=0,
            MaxSize=9,
            LaunchTemplate={"LaunchTemplateName": "small"},
            VPCZoneIdentifier=",".join(self.subnets),
        )

    # --- actions

    @rule(count=st.integers(1, 4), kind=st.sampled_from(TYPES), region=st.sampled_from(["eu-west-3", "us-east-1"]))
    def launch(self, count: int, kind: str, region: str) -> None:
        ec2 = Account(self.account.url, ACCOUNT, region=region).client("ec2")
        ec2.run_instances(ImageId="ami-760aaa0f", InstanceType=kind, MinCount=count, MaxCount=count)

    @rule(desired=st.integers(0, 9))
    def scale(self, desired: int) -> None:
        self.client("autoscaling").set_desired_capacity(AutoScalingGroupName="g", DesiredCapacity=desired)

    @rule()
    def stop_all(self) -> None:
        ec2 = self.client("ec2")
        running = [{"Name": "instance-state-name", "Values": ["running"]}]
        instances = [
            i["InstanceId"] for r in ec2.describe_instances(Filters=running)["Reservations"] for i in r["Instances"]
        ]
        if instances:
            ec2.stop_instances(InstanceIds=instances)

    @rule(rate=st.sampled_from([1, 50, 2000]))
    def create_load_balancer(self, rate: int) -> None:
        elbv2, self.balancers = self.client("elbv2"), self.balancers + 1
        name = f"web{self.balancers}"
        arn = elbv2.create_load_balancer(Name=name, Subnets=self.subnets)["LoadBalancers"][0]["LoadBalancerArn"]
        fixed = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}]
        elbv2.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=fixed)
        control(
            self.account, "POST", "traffic", load_balancer=name, trace={"shape": "daily", "requests_per_second": rate}
        )

    @rule()
    def delete_load_balancers(self) -> None:
        elbv2 = self.client("elbv2")
        for each in elbv2.describe_load_balancers()["LoadBalancers"]:
            elbv2.delete_load_balancer(LoadBalancerArn=each["LoadBalancerArn"])

    @rule(by=st.sampled_from(DURATIONS))
    def pass_time(self, by: str) -> None:
        advance(self.account, by)

    # --- invariants

    @invariant()
    def all_views_agree_to_the_cent(self) -> None:
        costs = control(self.account, "GET", "cost")
        month, before = costs["month"]["start"][:7], float(costs["month"]["usd"])
        spent = {
            "Cost Explorer": self._cost_explorer_usd(month),
            "export": self._exported_usd(month),
            "budget": self._budget_usd(),
        }
        # The clock runs while the views are read and may enter another hour, which load balancers pay as a whole.
        after = float(control(self.account, "GET", "cost")["month"]["usd"])
        assert all(before - 0.005 < usd < after + 0.005 for usd in spent.values()), (before, spent, after)
        used = {row["allowance"]: float(row["used"]) for row in costs["free_tier"]}
        assert self._free_tier_hours() == pytest.approx(used.get("AmazonEC2 Hrs", 0), abs=0.1)

    def _cost_explorer_usd(self, month: str) -> float:
        tomorrow = datetime.fromtimestamp(now(self.account) + 86400, UTC).date().isoformat()
        answer = self.client("ce").get_cost_and_usage(
            TimePeriod={"Start": f"{month}-01", "End": tomorrow}, Granularity="DAILY", Metrics=["UnblendedCost"]
        )
        return sum(float(day["Total"]["UnblendedCost"]["Amount"]) for day in answer["ResultsByTime"])

    def _exported_usd(self, month: str) -> float:
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

    def _budget_usd(self) -> float:
        budget = self.client("budgets").describe_budget(AccountId=ACCOUNT, BudgetName="all")["Budget"]
        return float(budget["CalculatedSpend"]["ActualSpend"]["Amount"])

    def _free_tier_hours(self) -> float:
        """The used free hours of EC2, from the Free Tier API."""
        usages = self.client("freetier").get_free_tier_usage()["freeTierUsages"]
        hours = [each for each in usages if "BoxUsage" in each["usageType"]]
        return min(750.0, sum(each["actualUsageAmount"] for each in hours))


def test_all_views_of_a_bill_agree_in_random_months(billing_server: str) -> None:
    RandomUse.url = billing_server
    long = settings(max_examples=25, stateful_step_count=15, deadline=None)
    short = settings(max_examples=2, stateful_step_count=8, deadline=None, derandomize=True)
    run_state_machine_as_test(RandomUse, settings=long if SOAK else short)  # type: ignore[no-untyped-call]
