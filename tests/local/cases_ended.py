"""What AWS shows of resources that have ended, and what goes with them."""

from typing import Any

from tests.local.cases import case, outcome
from tests.local.cases_ec2 import run as run_instance
from tests.local.timing import advance


def later(account: Any, duration: str) -> None:
    if account.wrapped:
        advance(account, duration)


@case(
    "a terminated instance is described for an hour",
    aws=(["terminated"], "InvalidInstanceID.NotFound", [], []),
    stock=(["terminated"], ["terminated"], ["terminated"], []),
)
def case_terminated_instance(account: Any) -> Any:
    ec2 = account.client("ec2")
    tag = {"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web"}]}
    instance = run_instance(account, TagSpecifications=[tag])["InstanceId"]
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance])
    ec2.terminate_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance])

    def states(**parameters: Any) -> Any:
        reservations = ec2.describe_instances(**parameters)["Reservations"]
        return [each["State"]["Name"] for reservation in reservations for each in reservation["Instances"]]

    later(account, "50m")
    before = states(InstanceIds=[instance])
    later(account, "10m")
    tags = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [instance]}])["Tags"]
    return before, outcome(lambda: states(InstanceIds=[instance])), states(), tags if account.wrapped else []


@case("a deleted NAT gateway is described for an hour", aws=(["deleted"], []), stock=(["deleted"], ["deleted"]))
def case_deleted_nat_gateway(account: Any) -> Any:
    ec2, (_, (subnet, *_), _) = account.client("ec2"), account.network()
    gateway = ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")["NatGateway"]["NatGatewayId"]
    ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[gateway])
    ec2.delete_nat_gateway(NatGatewayId=gateway)
    ec2.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=[gateway])

    def states() -> list[str]:
        return [each["State"] for each in ec2.describe_nat_gateways()["NatGateways"]]

    before = states()
    later(account, "1h")
    return before, states()


@case(
    "a deleted service and cluster are described for a day", aws=(["INACTIVE"] * 2, []), stock=(["INACTIVE"] * 2,) * 2
)
def case_deleted_service(account: Any) -> Any:
    ecs = account.client("ecs")
    ecs.create_cluster(clusterName="c")
    ecs.register_task_definition(family="f", containerDefinitions=[{"name": "c", "image": "i", "memory": 128}])
    ecs.create_service(cluster="c", serviceName="s", taskDefinition="f", desiredCount=0)
    ecs.delete_service(cluster="c", service="s")
    ecs.get_waiter("services_inactive").wait(cluster="c", services=["s"])

    def statuses() -> list[str]:
        clusters = ecs.describe_clusters(clusters=["c"])["clusters"]
        if not clusters:
            return []
        services = ecs.describe_services(cluster="c", services=["s"])["services"]
        return [each["status"] for each in (*clusters, *services)]

    ecs.delete_cluster(cluster="c")
    before = statuses()
    later(account, "1d")
    return before, statuses()


@case(
    "tags and the default network ACL are deleted with a VPC and its parts",
    aws=([], 0),
    stock=(["subnet", "vpc"], 1),
)
def case_tags_of_deleted(account: Any) -> Any:
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    ec2.create_tags(Resources=[vpc, subnet], Tags=[{"Key": "k", "Value": "v"}])
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)
    tags = ec2.describe_tags(Filters=[{"Name": "key", "Values": ["k"]}])["Tags"]
    acls = ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"]
    return sorted(tag["ResourceType"] for tag in tags), len(acls)
