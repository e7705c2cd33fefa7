"""Quotas of a new account: what is refused, what Service Quotas answers, and increases."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.conftest import Account
from tests.local.test_account_plans import refused, run
from tests.local.timing import advance, control

VCPUS = {"ServiceCode": "ec2", "QuotaCode": "L-1216C47A"}


@pytest.fixture
def new_account(billing_account: Account) -> Account:
    """An account with credits, on the paid plan."""
    control(billing_account, "POST", "regime", regime="credits", plan="paid")
    return billing_account


def quota(account: Account, service: str, code: str) -> float:
    response = account.client("service-quotas").get_service_quota(ServiceCode=service, QuotaCode=code)
    value: float = response["Quota"]["Value"]
    return value


@pytest.mark.parametrize(("instance_type", "fitting"), [("t2.micro", 5), ("t3.micro", 2), ("m5.xlarge", 1)])
def test_a_new_account_runs_five_vcpus(new_account: Account, instance_type: str, fitting: int) -> None:
    run(new_account, fitting, instance_type)
    code, message = refused(run, account=new_account, instance_type="t3.micro")
    assert code == "VcpuLimitExceeded"
    assert message.startswith("You have requested more vCPU capacity than your current vCPU limit of 5 allows for the")


def test_a_launch_beyond_the_quota_launches_nothing(new_account: Account) -> None:
    _, subnets, _ = new_account.network()
    data = {"ImageId": "ami-760aaa0f", "InstanceType": "t3.micro"}
    ec2 = new_account.client("ec2")
    ec2.create_launch_template(LaunchTemplateName="t", LaunchTemplateData=data)
    template = {"LaunchTemplate": {"LaunchTemplateName": "t"}, "SubnetId": subnets[0]}
    assert refused(ec2.run_instances, **template, MinCount=3, MaxCount=3)[0] == "VcpuLimitExceeded"
    assert ec2.describe_instances()["Reservations"] == []


def test_other_families_and_stopped_instances_do_not_count(new_account: Account) -> None:
    ec2 = new_account.client("ec2")
    first = run(new_account, 2)["Instances"][0]["InstanceId"]
    run(new_account, 1, "g4dn.xlarge")
    ec2.get_waiter("instance_running").wait(InstanceIds=[first])
    ec2.stop_instances(InstanceIds=[first])
    ec2.get_waiter("instance_stopped").wait(InstanceIds=[first])
    run(new_account, 1)
    assert refused(ec2.start_instances, InstanceIds=[first])[0] == "VcpuLimitExceeded"


def test_an_auto_scaling_group_launches_up_to_the_quota(new_account: Account) -> None:
    _, subnets, _ = new_account.network()
    data = {"ImageId": "ami-760aaa0f", "InstanceType": "t3.micro"}
    new_account.client("ec2").create_launch_template(LaunchTemplateName="hosts", LaunchTemplateData=data)
    scaling = new_account.client("autoscaling")
    template = {"LaunchTemplateName": "hosts"}
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="g", LaunchTemplate=template, MinSize=3, MaxSize=3, VPCZoneIdentifier=subnets[0]
    )
    (group,) = scaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    assert len(group["Instances"]) == 2
    failed = scaling.describe_scaling_activities(AutoScalingGroupName="g")["Activities"][0]
    assert failed["StatusCode"] == "Failed" and "vCPU limit of 5" in failed["StatusMessage"]


@pytest.mark.parametrize(
    ("operation", "params", "fitting", "code"),
    [
        ("create_vpc", {"CidrBlock": "10.0.0.0/16"}, 4, "VpcLimitExceeded"),  # one is the default VPC
        ("create_internet_gateway", {}, 4, "InternetGatewayLimitExceeded"),
        ("allocate_address", {"Domain": "vpc"}, 5, "AddressLimitExceeded"),
    ],
)
def test_a_new_account_has_five_of_each_in_a_region(
    new_account: Account, operation: str, params: dict[str, Any], fitting: int, code: str
) -> None:
    call = getattr(new_account.client("ec2"), operation)
    for _ in range(fitting):
        call(**params)
    assert refused(call, **params)[0] == code


def test_an_increase_holds_when_it_is_approved(new_account: Account) -> None:
    quotas = new_account.client("service-quotas")
    requested = quotas.request_service_quota_increase(**VCPUS, DesiredValue=16)["RequestedQuota"]
    assert (requested["Status"], quota(new_account, "ec2", "L-1216C47A")) == ("CASE_OPENED", 5)
    again = refused(quotas.request_service_quota_increase, **VCPUS, DesiredValue=20)
    assert again[0] == "ResourceAlreadyExistsException"
    assert refused(run, account=new_account, instances=8)[0] == "VcpuLimitExceeded"
    advance(new_account, "30m")
    change = quotas.get_requested_service_quota_change(RequestId=requested["Id"])["RequestedQuota"]
    assert (change["Status"], quota(new_account, "ec2", "L-1216C47A")) == ("APPROVED", 16)
    run(new_account, 8)
    elsewhere = Account(new_account.url, new_account.id, region="eu-west-1")
    assert quota(elsewhere, "ec2", "L-1216C47A") == 5, "quotas are those of a region"
    assert refused(quotas.request_service_quota_increase, **VCPUS, DesiredValue=16)[0] == "IllegalArgumentException"


def test_service_quotas_lists_what_is_enforced_and_the_defaults(new_account: Account) -> None:
    quotas = new_account.client("service-quotas")
    for service, code in (("ec2", "L-1216C47A"), ("ec2", "L-0263D0A3"), ("vpc", "L-F678F1CE"), ("vpc", "L-A4707A72")):
        assert quota(new_account, service, code) == 5
        default = quotas.get_aws_default_service_quota(ServiceCode=service, QuotaCode=code)["Quota"]
        assert default["Value"] == 5
        assert code in {row["QuotaCode"] for row in quotas.list_service_quotas(ServiceCode=service)["Quotas"]}
    assert refused(quotas.get_service_quota, ServiceCode="ec2", QuotaCode="L-0")[0] == "NoSuchResourceException"
    assert refused(quotas.list_service_quotas, ServiceCode="braket")[0] == "NoSuchResourceException"


def test_an_account_of_the_legacy_regime_does_not_meet_its_quotas(billing_account: Account) -> None:
    run(billing_account, 12)
    ec2 = billing_account.client("ec2")
    for _ in range(6):
        ec2.create_vpc(CidrBlock="10.0.0.0/16")
    assert quota(billing_account, "ec2", "L-1216C47A") > 1000


def majors(options: dict[str, Any]) -> set[str]:
    """The major versions that are offered."""
    return {row["EngineVersion"].split(".")[0] for row in options["OrderableDBInstanceOptions"]}


def test_offers_of_databases_and_brokers_are_those_that_can_be_created(new_account: Account) -> None:
    rds, mq = new_account.client("rds"), new_account.client("mq")
    options = rds.describe_orderable_db_instance_options(Engine="postgres", DBInstanceClass="db.t3.micro")
    assert {"16", "17"} <= majors(options)
    old = rds.describe_orderable_db_instance_options(Engine="postgres", DBInstanceClass="db.t2.micro")
    assert majors(old) == {"11", "12"}, "newer versions do not run on an old class"
    (micro,) = mq.describe_broker_instance_options(EngineType="RABBITMQ", HostInstanceType="mq.t3.micro")[
        "BrokerInstanceOptions"
    ]
    assert micro["SupportedEngineVersions"] == ["3.13"]


@pytest.mark.parametrize(
    ("selected", "versions"),
    [
        ({"Engine": "mysql"}, ["5.7.44", "8.0.41", "8.4.4"]),
        ({"Engine": "mysql", "EngineVersion": "8.0"}, ["8.0.41"]),
        ({"Engine": "mysql", "EngineVersion": "8.0.41"}, ["8.0.41"]),
        ({"Engine": "mysql", "EngineVersion": "9.9"}, []),
        ({"DefaultOnly": True}, ["17.4", "8.0.41", "11.4.5"]),
        ({"DBParameterGroupFamily": "postgres16"}, ["16.8"]),
        ({"Filters": [{"Name": "engine", "Values": ["mariadb"]}], "DefaultOnly": True}, ["11.4.5"]),
    ],
)
def test_engine_versions_are_those_that_can_be_created(
    new_account: Account, selected: dict[str, Any], versions: list[str]
) -> None:
    listed = new_account.client("rds").describe_db_engine_versions(**selected)["DBEngineVersions"]
    assert [each["EngineVersion"] for each in listed] == versions


def test_engine_versions_that_are_not_simulated_are_not_an_empty_list(new_account: Account) -> None:
    with pytest.raises(ClientError, match="NotSimulated"):
        new_account.client("rds").describe_db_engine_versions(Engine="aurora-postgresql")


def test_every_action_is_allowed_in_the_policy_simulator(new_account: Account) -> None:
    results = new_account.client("iam").simulate_principal_policy(
        PolicySourceArn=f"arn:aws:iam::{new_account.id}:user/u", ActionNames=["ec2:CreateVpc", "s3:CreateBucket"]
    )["EvaluationResults"]
    assert [row["EvalDecision"] for row in results] == ["allowed", "allowed"]


@pytest.mark.parametrize(
    ("service", "code", "value"),
    [
        ("ecs", "L-9EF96962", 5000.0),
        ("elasticloadbalancing", "L-53DA6B97", 50.0),
        ("rds", "L-7B6409FD", 40.0),
        ("fargate", "L-3032A538", 6.0),
    ],
)
def test_default_quotas_of_other_services_are_listed(
    new_account: Account, service: str, code: str, value: float
) -> None:
    quotas = new_account.client("service-quotas")
    listed = {each["QuotaCode"]: each["Value"] for each in quotas.list_service_quotas(ServiceCode=service)["Quotas"]}
    default = quotas.get_aws_default_service_quota(ServiceCode=service, QuotaCode=code)["Quota"]
    assert (listed[code], default["Value"], default["ServiceCode"]) == (value, value, service)
