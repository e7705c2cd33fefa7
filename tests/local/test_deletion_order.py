"""Random systems deleted in random orders: what AWS would refuse is refused, and what it would allow is allowed.

The model of who blocks whom is written here once more, from AWS's documentation, and knows nothing of the rules.
"""

import os
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

from botocore.exceptions import ClientError
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

# 60 on each run of the suite; `GRAPHS=500 pytest tests/local/test_deletion_order.py` when a rule of deletion changes.
GRAPHS = int(os.environ.get("GRAPHS", "60"))
ZONES = ("a", "b", "a")
_numbers = count()


@dataclass(frozen=True)
class System:
    """What is built: sizes, and who uses what, by number."""

    groups: int
    references: frozenset[tuple[int, int]]  # (group, the group that one of its rules names)
    instances: tuple[tuple[int, int], ...]  # (subnet, group)
    gateway: bool
    association: int | None  # the subnet that the route table is associated with
    balancer_group: int | None
    listener: bool
    service_tasks: int | None


@st.composite
def systems(draw: st.DrawFn) -> System:
    groups = draw(st.integers(1, 3))
    group = st.integers(0, groups - 1)
    pairs = st.tuples(group, group).filter(lambda pair: pair[0] != pair[1])
    balancer = draw(st.none() | group)
    return System(
        groups=groups,
        references=draw(st.frozensets(pairs, max_size=3)) if groups > 1 else frozenset(),
        instances=tuple(draw(st.lists(st.tuples(st.integers(0, 2), group), max_size=2))),
        gateway=draw(st.booleans()),
        association=draw(st.none() | st.integers(0, 2)),
        balancer_group=balancer,
        listener=balancer is not None and draw(st.booleans()),
        service_tasks=draw(st.none() | st.integers(0, 1)),
    )


@dataclass
class Thing:
    """Something that was made: how it is deleted, and who blocks that with which code."""

    delete: Any
    blockers: set[str] = field(default_factory=set)
    code: str = ""


class World:
    """A system as it stands in the account, with the model of what blocks what."""

    def __init__(self, account: Any, system: System) -> None:
        self.clients = {name: account.client(name) for name in ("ec2", "elbv2", "ecs")}
        self.things: dict[str, Thing] = {}
        self.number = next(_numbers)
        self.associated = system.association
        self._network(system)
        self._instances(system)
        if system.balancer_group is not None:
            self._balancer(system)
        if system.service_tasks is not None:
            self._service(system.service_tasks)

    def _network(self, system: System) -> None:
        ec2 = self.clients["ec2"]
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        everything = Thing(lambda: ec2.delete_vpc(VpcId=self.vpc), code="DependencyViolation")
        self.things["vpc"] = everything
        self.subnets = []
        for number, zone in enumerate(ZONES):
            cidr = f"10.0.{number}.0/24"
            made = ec2.create_subnet(VpcId=self.vpc, CidrBlock=cidr, AvailabilityZone=f"eu-west-3{zone}")["Subnet"]
            self.subnets.append(made["SubnetId"])
            ec2.modify_subnet_attribute(SubnetId=made["SubnetId"], MapPublicIpOnLaunch={"Value": True})
            self._add(f"subnet {number}", ec2.delete_subnet, "DependencyViolation", SubnetId=made["SubnetId"])
            everything.blockers.add(f"subnet {number}")
        self.groups = []
        for number in range(system.groups):
            made = ec2.create_security_group(GroupName=f"group {number}", Description="g", VpcId=self.vpc)
            self.groups.append(made["GroupId"])
            self._add(f"group {number}", ec2.delete_security_group, "DependencyViolation", GroupId=made["GroupId"])
            everything.blockers.add(f"group {number}")
        for owner, named in sorted(system.references):
            self._reference(owner, named)
        if system.gateway:
            self._gateway(everything)
        if system.association is not None:
            self._route_table(everything, system.association)

    def _reference(self, owner: int, named: int) -> None:
        ec2, group = self.clients["ec2"], self.groups[owner]
        pairs = [{"GroupId": self.groups[named]}]
        rules = [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": pairs}]
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rules)
        name = f"rule {owner} {named}"
        self._add(name, ec2.revoke_security_group_ingress, "", GroupId=group, IpPermissions=rules)
        self.things[f"group {named}"].blockers.add(name)

    def _gateway(self, everything: Thing) -> None:
        ec2 = self.clients["ec2"]
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        self._add(
            "attachment", ec2.detach_internet_gateway, "DependencyViolation", InternetGatewayId=gateway, VpcId=self.vpc
        )
        self._add("gateway", ec2.delete_internet_gateway, "DependencyViolation", InternetGatewayId=gateway)
        self.things["gateway"].blockers.add("attachment")
        everything.blockers.add("attachment")

    def _route_table(self, everything: Thing, subnet: int) -> None:
        ec2 = self.clients["ec2"]
        table = ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        made = ec2.associate_route_table(RouteTableId=table, SubnetId=self.subnets[subnet])["AssociationId"]
        self._add("association", ec2.disassociate_route_table, "", AssociationId=made)
        self._add("route table", ec2.delete_route_table, "DependencyViolation", RouteTableId=table)
        self.things["route table"].blockers.add("association")
        everything.blockers.add("route table")

    def _instances(self, system: System) -> None:
        ec2 = self.clients["ec2"]
        for number, (subnet, group) in enumerate(system.instances):
            made = ec2.run_instances(
                ImageId="ami-12345678",
                InstanceType="t2.micro",
                MinCount=1,
                MaxCount=1,
                SubnetId=self.subnets[subnet],
                SecurityGroupIds=[self.groups[group]],
            )["Instances"][0]["InstanceId"]
            name = f"instance {number}"
            self._add(name, ec2.terminate_instances, "", InstanceIds=[made])
            for used in (f"subnet {subnet}", f"group {group}", "attachment"):
                if used in self.things:
                    self.things[used].blockers.add(name)

    def _balancer(self, system: System) -> None:
        elbv2, name = self.clients["elbv2"], f"lb-{self.number}"
        group = self.groups[system.balancer_group or 0]
        balancer = elbv2.create_load_balancer(Name=name, Subnets=self.subnets[:2], SecurityGroups=[group])
        arn = balancer["LoadBalancers"][0]["LoadBalancerArn"]
        self.things["balancer"] = Thing(lambda: self._delete_balancer(name, arn))
        for used in ("subnet 0", "subnet 1", f"group {system.balancer_group}", "attachment"):
            if used in self.things:
                self.things[used].blockers.add("balancer")
        target_group = elbv2.create_target_group(Name=f"tg-{self.number}", Protocol="HTTP", Port=80, VpcId=self.vpc)
        target = target_group["TargetGroups"][0]["TargetGroupArn"]
        self._add("target group", elbv2.delete_target_group, "ResourceInUse", TargetGroupArn=target)
        if system.listener:
            forward = [{"Type": "forward", "TargetGroupArn": target}]
            listener = elbv2.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=forward)
            self._add("listener", elbv2.delete_listener, "", ListenerArn=listener["Listeners"][0]["ListenerArn"])
            self.things["target group"].blockers.add("listener")

    def _delete_balancer(self, name: str, arn: str) -> None:
        self.clients["elbv2"].delete_load_balancer(LoadBalancerArn=arn)
        self.things.pop("listener", None)  # it goes with its load balancer
        interfaces = [{"Name": "description", "Values": [f"ELB app/{name}/*"]}]
        while self.clients["ec2"].describe_network_interfaces(Filters=interfaces)["NetworkInterfaces"]:
            """Its interfaces outlive it for a while."""

    def _service(self, tasks: int) -> None:
        ecs, cluster = self.clients["ecs"], f"cluster-{self.number}"
        ecs.create_cluster(clusterName=cluster)
        container = [{"name": "c", "image": "i", "memory": 8}]
        ecs.register_task_definition(family=cluster, containerDefinitions=container)
        ecs.create_service(cluster=cluster, serviceName="s", taskDefinition=cluster, desiredCount=tasks)
        self._add("cluster", ecs.delete_cluster, "ClusterContainsServicesException", cluster=cluster)
        self._add("service", ecs.delete_service, "InvalidParameterException", cluster=cluster, service="s")
        self.things["cluster"].blockers.add("service")
        if tasks:
            self._add("scale", ecs.update_service, "", cluster=cluster, service="s", desiredCount=0)
            self.things["service"].blockers.add("scale")

    def _add(self, name: str, call: Any, code: str, **parameters: Any) -> None:
        self.things[name] = Thing(lambda: call(**parameters), code=code)

    def try_to_delete(self, name: str) -> None:
        """Attempt it, and hold the answer against the model."""
        thing = self.things[name]
        blocked = thing.blockers & self.things.keys()
        try:
            thing.delete()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            assert blocked, f"deleting {name} was refused ({code}), and nothing blocks it"
            assert code == thing.code, f"deleting {name} was refused with {code}, blocked by {blocked}"
        else:
            assert not blocked, f"deleting {name} was allowed, and {blocked} block it"
            self.things.pop(name)
            if name.startswith("subnet"):
                self._gone_with_subnet(int(name.split()[1]))
            if name.startswith("group"):
                self._gone_with_group(int(name.split()[1]))

    def _gone_with_subnet(self, number: int) -> None:
        if "association" in self.things and self.associated == number:
            self.things.pop("association")

    def _gone_with_group(self, number: int) -> None:
        for name in [name for name in self.things if name.startswith(f"rule {number} ")]:
            self.things.pop(name)


@settings(
    max_examples=GRAPHS,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(system=systems(), chance=st.randoms(use_true_random=False))
def test_deletions_are_refused_and_allowed_as_the_model_says(account: Any, system: System, chance: Random) -> None:
    world = World(account, system)
    for _ in range(20):
        order = sorted(world.things)
        chance.shuffle(order)
        for name in order:
            if name in world.things:
                world.try_to_delete(name)
        if not world.things:
            return
    raise AssertionError(f"{sorted(world.things)} could never be deleted")
