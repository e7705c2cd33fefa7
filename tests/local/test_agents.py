"""Which instances join their ECS cluster: their role must allow it, and their network must reach AWS."""

import json
from typing import Any

import pytest

from tests.local.timing import advance, events

POLICY = "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
ENDPOINTS = ("ecs", "ecs-agent", "ecs-telemetry")


class Cluster:
    """A cluster `c` and a network in which instances are launched for it."""

    def __init__(self, account: Any) -> None:
        self.account = account
        self.ec2, self.ecs, self.iam = (account.client(name) for name in ("ec2", "ecs", "iam"))
        self.vpc, (self.subnet, self.other), self.group = account.network()
        self.ecs.create_cluster(clusterName="c")
        self.role = account.host_role()
        filters = [{"Name": "vpc-id", "Values": [self.vpc]}]
        self.table = self.ec2.describe_route_tables(Filters=filters)["RouteTables"][0]["RouteTableId"]

    def launch(self, *, public: bool = True, subnet: str = "", **settings: Any) -> None:
        interface = {"DeviceIndex": 0, "SubnetId": subnet or self.subnet, "AssociatePublicIpAddress": public}
        self.ec2.run_instances(
            ImageId="ami-760aaa0f",
            InstanceType="t2.micro",
            MinCount=1,
            MaxCount=1,
            NetworkInterfaces=[interface | {"Groups": [self.group]}],
            UserData="echo ECS_CLUSTER=c >> /etc/ecs/ecs.config",
            **{"IamInstanceProfile": self.role, **settings},
        )

    def size(self, by: str = "10m") -> int:
        """Advance the clock; return the number of registered instances."""
        advance(self.account, by)
        return len(self.ecs.list_container_instances(cluster="c")["containerInstanceArns"])

    def obstacles(self) -> list[str]:
        return [event["because"] for event in events(self.account) if event["what"] == "agent can't register"]

    def private_subnet(self) -> str:
        """The second subnet, with a route table of its own without a route to the internet; return the table."""
        table = str(self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"])
        self.ec2.associate_route_table(RouteTableId=table, SubnetId=self.other)
        return table


@pytest.fixture
def cluster(account: Any) -> Cluster:
    return Cluster(account)


def test_an_instance_with_role_route_and_address_joins(cluster: Cluster) -> None:
    cluster.launch()
    assert (cluster.size(), cluster.obstacles()) == (1, [])


def test_an_instance_without_a_role_does_not_join(cluster: Cluster) -> None:
    cluster.launch(IamInstanceProfile={})
    assert (cluster.size(), cluster.obstacles()) == (0, ["its instance has no role"])


def test_a_role_without_the_policy_joins_once_it_is_attached(cluster: Cluster) -> None:
    cluster.iam.detach_role_policy(RoleName="host", PolicyArn=POLICY)
    cluster.launch()
    assert cluster.size() == 0
    assert cluster.obstacles() == ["role host does not allow ecs:RegisterContainerInstance"]
    assert cluster.size("1d") == 0 and len(cluster.obstacles()) == 1, "the same obstacle is one event"
    cluster.iam.attach_role_policy(RoleName="host", PolicyArn=POLICY)
    assert cluster.size("1m") == 1


def test_a_policy_in_the_role_counts_and_a_denial_wins(cluster: Cluster) -> None:
    def policy(effect: str, action: str) -> str:
        statement = {"Effect": effect, "Action": [action], "Resource": "*"}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    cluster.iam.detach_role_policy(RoleName="host", PolicyArn=POLICY)
    cluster.iam.put_role_policy(RoleName="host", PolicyName="own", PolicyDocument=policy("Allow", "ecs:*"))
    cluster.launch()
    assert cluster.size() == 1
    denial = policy("Deny", "ecs:RegisterContainerInstance")
    cluster.iam.put_role_policy(RoleName="host", PolicyName="denial", PolicyDocument=denial)
    cluster.launch()
    assert cluster.size() == 1


def test_an_instance_without_a_public_address_or_a_route_does_not_join(cluster: Cluster) -> None:
    cluster.launch(public=False)
    assert cluster.size() == 0
    cluster.private_subnet()
    cluster.launch(subnet=cluster.other)
    assert cluster.size() == 0
    no_address = "it has no public address for the route to the internet gateway"
    assert cluster.obstacles() == [no_address, "its subnet has no route to the internet"]


def test_a_private_instance_joins_through_a_nat_gateway(cluster: Cluster) -> None:
    table = cluster.private_subnet()
    address = cluster.ec2.allocate_address(Domain="vpc")["AllocationId"]
    gateway = cluster.ec2.create_nat_gateway(SubnetId=cluster.subnet, AllocationId=address)["NatGateway"]
    cluster.launch(subnet=cluster.other, public=False)
    assert cluster.size() == 0
    route = {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": gateway["NatGatewayId"]}
    cluster.ec2.create_route(**route)
    assert cluster.size("1m") == 1, "the agent tries again"


def test_a_private_instance_joins_through_vpc_endpoints_of_all_three_services(cluster: Cluster) -> None:
    cluster.private_subnet()
    cluster.launch(subnet=cluster.other, public=False)
    for name in ENDPOINTS:
        assert cluster.size() == 0
        cluster.ec2.create_vpc_endpoint(
            VpcId=cluster.vpc,
            ServiceName=f"com.amazonaws.{cluster.account.region}.{name}",
            VpcEndpointType="Interface",
            SubnetIds=[cluster.other],
        )
    assert cluster.size("1m") == 1


def test_an_instance_whose_groups_let_nothing_out_does_not_join(cluster: Cluster) -> None:
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    cluster.ec2.revoke_security_group_egress(GroupId=cluster.group, IpPermissions=everything)
    cluster.launch()
    assert (cluster.size(), cluster.obstacles()) == (0, ["no rule of security group hosts-sg lets it out to port 443"])


def test_a_waiting_client_does_not_wait_for_an_agent_that_cannot_register(cluster: Cluster) -> None:
    cluster.launch(IamInstanceProfile={})
    described = cluster.ecs.describe_clusters(clusters=["c"])["clusters"][0]
    assert described["registeredContainerInstancesCount"] == 0
