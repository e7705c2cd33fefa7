"""A call whose answer is lost: it is repeated where that is harmless, and otherwise completed by the next run."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

from esaws.aws import error_code
from esaws.cloud import Cloud
from esaws.deploy.inventory import inventory
from esaws.deploy.plan import plan_deploy
from esaws.errors import ApplyFailed
from esaws.lost_answers import AnswerLost
from esaws.resource import Live
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.cluster import Cluster
from esaws.resources.ecr_image import ECRImage, upload_layer
from esaws.resources.ecr_repository import ECRRepository
from esaws.resources.internet_gateway import InternetGateway
from esaws.resources.vpc import VPC


def lose_first_answer(cloud: Cloud, service: str, operation: str, error: type[Exception] = ReadTimeoutError) -> None:
    """Lose the answer of the first call of an operation; one that can't connect was not even made."""
    client, lost = cloud.client(service), []

    def send(request: Any, **_: Any) -> None:
        if not lost:
            lost.append(operation)
            if error is ReadTimeoutError:
                client._endpoint.http_session.send(request)
            raise error(endpoint_url=request.url)

    client.meta.events.register(f"before-send.{service}.{operation}", send)


def test_a_lost_answer_makes_no_twin_and_the_next_run_keeps_what_was_made(cloud: Cloud) -> None:
    lose_first_answer(cloud, "ec2", "CreateVpc")
    with pytest.raises(ApplyFailed, match=r"VPC vpc: AnswerLost: CreateVpc was not answered .* run the same command"):
        plan_deploy([VPC.example()], cloud).apply()
    assert len(inventory(cloud)) == 1
    plan_deploy([VPC.example()], cloud).apply()
    assert {change.action for change in plan_deploy([VPC.example()], cloud)} == {"keep"}


def make_cluster(cloud: Cloud) -> None:
    Cluster(name="hdm-cluster").create(cloud)


def make_vpc(cloud: Cloud) -> None:
    VPC.example().create(cloud)


@pytest.mark.parametrize(
    ("make", "service", "operation", "error"),
    [
        (make_cluster, "ecs", "CreateCluster", ReadTimeoutError),
        (make_vpc, "ec2", "CreateVpc", ConnectTimeoutError),
        (make_vpc, "ec2", "ModifyVpcAttribute", ReadTimeoutError),
    ],
    ids=["returns what exists", "was not sent", "changes what exists"],
)
def test_a_call_is_repeated_where_that_makes_nothing_twice(
    cloud: Cloud, make: Callable[[Cloud], None], service: str, operation: str, error: type[Exception]
) -> None:
    lose_first_answer(cloud, service, operation, error)
    make(cloud)
    assert len(inventory(cloud)) == 1


def test_a_gateway_whose_attachment_was_not_answered_is_attached(cloud: Cloud) -> None:
    gateway = InternetGateway.example()
    gateway.vpc.create(cloud)
    lose_first_answer(cloud, "ec2", "AttachInternetGateway")
    gateway.create(cloud)
    assert {change.action for change in plan_deploy([gateway.vpc, gateway], cloud)} == {"keep"}


def test_a_gateway_that_a_colleague_has_attached_elsewhere_is_an_error(cloud: Cloud) -> None:
    gateway, ec2 = InternetGateway.example(), cloud.client("ec2")
    gateway.vpc.create(cloud)
    other = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]

    def attach_elsewhere(params: dict[str, Any], **_: Any) -> None:
        if params["VpcId"] != other:
            ec2.attach_internet_gateway(InternetGatewayId=params["InternetGatewayId"], VpcId=other)

    ec2.meta.events.register("provide-client-params.ec2.AttachInternetGateway", attach_elsewhere)
    with pytest.raises(ClientError, match="AlreadyAssociated"):
        gateway.create(cloud)


@pytest.mark.parametrize("operation", ["InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "PutImage"])
def test_an_image_is_uploaded_whose_answer_is_lost(cloud: Cloud, operation: str) -> None:
    image = ECRImage.example()
    image.repository.create(cloud)
    lose_first_answer(cloud, "ecr", operation)
    image.create(cloud)
    assert {change.action for change in plan_deploy([image.repository, image], cloud)} == {"keep"}


def test_a_layer_that_is_refused_each_time_is_an_error(cloud: Cloud) -> None:
    ECRRepository.example().create(cloud)
    ecr, repository = cloud.client("ecr"), ECRRepository.example().id_in(cloud)
    with pytest.raises(ClientError) as caught:
        upload_layer(ecr, repository, io.BytesIO(b"layer"), "sha256:other")
    assert error_code(caught.value) == "InvalidParameterException"
    assert [call.operation for call in cloud.calls].count("InitiateLayerUpload") == 1, "another upload would not help"


def test_a_group_whose_deletion_was_not_answered_is_deleted(cloud: Cloud) -> None:
    ec2, autoscaling = cloud.client("ec2"), cloud.client("autoscaling")
    ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData={"ImageId": "ami-760aaa0f"})
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName="web-asg",
        LaunchTemplate={"LaunchTemplateName": "web"},
        MinSize=0,
        MaxSize=0,
        AvailabilityZones=["eu-west-3a"],
    )
    (raw,) = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    lose_first_answer(cloud, "autoscaling", "DeleteAutoScalingGroup")
    AutoScalingGroup.delete(cloud, Live(kind="AutoScalingGroup", name="web-asg", id="web-asg", raw=raw))
    assert autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"] == []


def test_a_call_with_a_token_is_repeated(cloud: Cloud) -> None:
    vpc = cloud.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    lose_first_answer(cloud, "ec2", "CreateRouteTable")
    made = cloud.client("ec2").create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    tables = cloud.client("ec2").describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    assert made in {table["RouteTableId"] for table in tables}
    assert len(tables) == 2, "the main one, and one of both calls"


def test_a_lost_answer_is_an_error_of_the_call(cloud: Cloud) -> None:
    lose_first_answer(cloud, "ec2", "CreateInternetGateway")
    with pytest.raises(AnswerLost):
        cloud.client("ec2").create_internet_gateway()
    assert cloud.calls[-1:][0].code == "AnswerLost"
