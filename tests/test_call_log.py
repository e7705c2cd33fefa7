"""The call log: every call with its secrets masked, as a frame and as AWS CLI commands."""

import shlex

import pytest
from botocore.stub import ANY, Stubber

from esaws.call_log import Call
from esaws.cloud import Cloud
from esaws.masking import MASK

SECRETS = [
    ("ssm", "put_parameter", {"Name": "/seccom/p", "Value": "hunter2", "Type": "SecureString"}),
    (
        "rds",
        "create_db_instance",
        {
            "DBInstanceIdentifier": "d",
            "DBInstanceClass": "db.t3.micro",
            "Engine": "postgres",
            "MasterUserPassword": "hunter2",
        },
    ),
    ("rds", "modify_db_instance", {"DBInstanceIdentifier": "d", "MasterUserPassword": "hunter2"}),
    (
        "mq",
        "create_broker",
        {
            "BrokerName": "b",
            "DeploymentMode": "SINGLE_INSTANCE",
            "EngineType": "RABBITMQ",
            "HostInstanceType": "mq.t3.micro",
            "PubliclyAccessible": True,
            "Users": [{"Username": "u", "Password": "hunter2"}],
        },
    ),
    (
        "elasticache",
        "create_replication_group",
        {"ReplicationGroupId": "r", "ReplicationGroupDescription": "r", "AuthToken": "hunter2"},
    ),
    ("cognito-idp", "admin_set_user_password", {"UserPoolId": "eu-west-3_a", "Username": "u", "Password": "hunter2"}),
    ("secretsmanager", "create_secret", {"Name": "s", "SecretString": "hunter2"}),
]


@pytest.mark.parametrize(("service", "operation", "parameters"), SECRETS, ids=[f"{s}.{o}" for s, o, _ in SECRETS])
def test_secrets_are_masked(service, operation, parameters):
    cloud = Cloud.at("http://127.0.0.1:1")
    client = cloud.client(service)
    with Stubber(client) as stub:
        stub.add_response(operation, {}, dict.fromkeys(parameters, ANY))
        getattr(client, operation)(**parameters)
    (call,) = cloud.calls
    assert "hunter2" not in repr(call) and MASK in repr(call)
    assert "hunter2" not in call.cli()


def test_a_call_is_logged_with_its_result_code():
    cloud = Cloud.at("http://127.0.0.1:1")
    ec2 = cloud.client("ec2")
    with Stubber(ec2) as stub:
        stub.add_client_error("delete_vpc", "DependencyViolation", "in use", 400)
        stub.add_response("describe_vpcs", {"Vpcs": []})
        with pytest.raises(ec2.exceptions.ClientError):
            ec2.delete_vpc(VpcId="vpc-1")
        ec2.describe_vpcs()
    frame = cloud.calls.to_frame()
    assert list(frame.columns) == ["service", "operation", "parameters", "seconds", "code"]
    assert frame[["service", "operation", "code"]].values.tolist() == [
        ["ec2", "DeleteVpc", "DependencyViolation"],
        ["ec2", "DescribeVpcs", "OK"],
    ]
    assert cloud.calls.cli() == ["aws ec2 delete-vpc --vpc-id vpc-1"], "only changing calls are commands"


def test_a_call_without_a_response_is_logged():
    cloud = Cloud.at("http://127.0.0.1:1")
    with pytest.raises(Exception, match="nothing answers"):
        cloud.check()
    assert [call.code for call in cloud.calls] == ["EndpointConnectionError"] * len(cloud.calls) != []


@pytest.mark.parametrize(
    ("call", "command"),
    [
        (Call("s3", "CreateBucket", {"Bucket": "b"}, 0, "OK"), "aws s3api create-bucket --bucket b"),
        (
            Call("ecs", "DeleteService", {"service": "s", "force": True}, 0, "OK"),
            "aws ecs delete-service --service s --force",
        ),
        (Call("ec2", "DeleteVpc", {"DryRun": False}, 0, "OK"), "aws ec2 delete-vpc --no-dry-run"),
        (
            Call("ec2", "CreateVpc", {"CidrBlock": "10.0.0.0/16"}, 0, "OK"),
            "aws ec2 create-vpc --cidr-block 10.0.0.0/16",
        ),
        (
            Call("elbv2", "CreateLoadBalancer", {"Subnets": ["a", "b"]}, 0, "OK"),
            "aws elbv2 create-load-balancer --subnets a b",
        ),
        (
            Call("logs", "CreateLogGroup", {"logGroupName": "a b; rm"}, 0, "OK"),
            "aws logs create-log-group --log-group-name 'a b; rm'",
        ),
    ],
)
def test_a_call_as_an_aws_cli_command(call, command):
    assert call.cli() == command
    assert shlex.split(command)[:1] == ["aws"]


def test_a_call_log_shows_the_number_of_calls():
    cloud = Cloud.at("http://127.0.0.1:1")
    ec2 = cloud.client("ec2")
    with Stubber(ec2) as stub:
        stub.add_response("describe_vpcs", {"Vpcs": []})
        stub.add_response("describe_vpcs", {"Vpcs": []})
        stub.add_response("delete_vpc", {}, {"VpcId": "vpc-1"})
        ec2.describe_vpcs()
        ec2.describe_vpcs()
        ec2.delete_vpc(VpcId="vpc-1")
    assert repr(cloud.calls) == "3 calls, 1 of them changes"
    html = cloud.calls._repr_html_()
    assert html.index("DescribeVpcs") < html.index("DeleteVpc"), "the most frequent first"
