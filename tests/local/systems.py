"""Random systems, and a model of which resource blocks the deletion of which other, with which error code.

The model is written from AWS's documentation, independently of the server.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cache, partial
from itertools import count
from typing import Any

from botocore.exceptions import ClientError
from hypothesis import strategies as st

from tests.local.cases import region_of

_numbers = count()
_IN_USE = "DependencyViolation"


@dataclass(frozen=True)
class System:
    """The parts of a system and what they use, by number. The last of the three subnets is in the zone of the first."""

    groups: int
    references: frozenset[tuple[int, int]]
    """(security group, the group that one of its rules names)"""
    instances: tuple[tuple[int, int], ...]
    """(subnet, security group)"""
    gateway: bool
    association: int | None
    """The subnet that the route table is associated with."""
    balancer: tuple[int, bool] | None
    """(security group, whether it is internet-facing)"""
    listener: bool
    service_tasks: int | None
    nat: int | None
    """The subnet of a NAT gateway."""
    database: tuple[int, bool] | None
    """(security group, whether it has a public address)"""
    cache: int | None
    """The security group of a cache cluster."""
    hosts: tuple[int, int, bool] | None
    """An Auto Scaling group: (subnet, security group, whether it is deleted by force)"""


@st.composite
def systems(draw: st.DrawFn) -> System:
    groups = draw(st.integers(1, 3))
    group, subnet = st.integers(0, groups - 1), st.integers(0, 2)
    pairs = st.tuples(group, group).filter(lambda pair: pair[0] != pair[1])
    gateway = draw(st.booleans())
    public = st.booleans() if gateway else st.just(False)
    balancer = draw(st.none() | st.tuples(group, public))
    return System(
        groups=groups,
        references=draw(st.frozensets(pairs, max_size=3)) if groups > 1 else frozenset(),
        instances=tuple(draw(st.lists(st.tuples(subnet, group), max_size=2))),
        gateway=gateway,
        association=draw(st.none() | subnet),
        balancer=balancer,
        listener=balancer is not None and draw(st.booleans()),
        service_tasks=draw(st.none() | st.integers(0, 1)),
        nat=draw(st.none() | subnet) if gateway else None,
        database=draw(st.none() | st.tuples(group, public)),
        cache=draw(st.none() | group),
        hosts=draw(st.none() | st.tuples(subnet, group, st.booleans())),
    )


@dataclass
class Part:
    """A resource: its deletion, the code with which AWS refuses that, and the parts that block it."""

    delete: Callable[[], Any]
    code: str
    blockers: set[str] = field(default_factory=set)


@cache
def _client(account: Any, service: str) -> Any:
    return account.client(service)


class Built:
    """A system in an account, and the model of what blocks what; a deletion waits until its resource is gone."""

    def __init__(self, account: Any, system: System) -> None:
        self.parts: dict[str, Part] = {}
        self.system = system
        self.name = f"system-{next(_numbers)}"
        self.account = replace(account, region=region_of(self.name))
        self.zones = self.account.zones()
        self._network()
        for number, (subnet, group) in enumerate(system.instances):
            self._instance(f"instance {number}", subnet, group)
        if system.nat is not None:
            self._nat_gateway(system.nat)
        if system.balancer is not None:
            self._balancer(*system.balancer)
        if system.service_tasks is not None:
            self._service(system.service_tasks)
        if system.database is not None:
            self._database(*system.database)
        if system.cache is not None:
            self._cache(system.cache)
        if system.hosts is not None:
            self._hosts(*system.hosts)

    def try_to_delete(self, name: str) -> None:
        """Try to delete a part, and compare the outcome with the model."""
        part = self.parts[name]
        blocked = part.blockers & self.parts.keys()
        try:
            part.delete()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            assert blocked, f"deleting {name} was refused ({code}), but nothing blocks it"
            assert code == part.code, f"deleting {name} was refused with {code}, blocked by {blocked}"
        else:
            assert not blocked, f"deleting {name} was allowed, but {blocked} block it"
            for deleted in [name, *self._deleted_with(name)]:
                self.parts.pop(deleted, None)

    def _deleted_with(self, name: str) -> list[str]:
        kind, _, number = name.partition(" ")
        if kind == "group":
            return [rule for rule in self.parts if rule.startswith(f"rule {number} ")]
        if kind == "subnet" and number == str(self.system.association):
            return ["association"]
        return ["listener"] if kind == "balancer" else []

    def _add(self, name: str, delete: Callable[[], Any], *, code: str = "", blocks: Iterable[str] = ()) -> None:
        self.parts[name] = Part(delete, code)
        for used in blocks:
            if used in self.parts:
                self.parts[used].blockers.add(name)

    def _client(self, service: str) -> Any:
        return _client(self.account, service)

    # --- the network

    def _network(self) -> None:
        ec2 = self._client("ec2")
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self._add("vpc", partial(ec2.delete_vpc, VpcId=self.vpc), code=_IN_USE)
        self.subnets: list[str] = []
        for number, zone in enumerate((self.zones[0], self.zones[1], self.zones[0])):
            self._subnet(number, zone)
        self.groups: list[str] = []
        for number in range(self.system.groups):
            group_id = ec2.create_security_group(GroupName=f"group {number}", Description="g", VpcId=self.vpc)[
                "GroupId"
            ]
            self.groups.append(group_id)
            delete = partial(ec2.delete_security_group, GroupId=group_id)
            self._add(f"group {number}", delete, code=_IN_USE, blocks=["vpc"])
        for owner, named in sorted(self.system.references):
            self._reference(owner, named)
        if self.system.gateway:
            self._gateway()
        if self.system.association is not None:
            self._route_table(self.system.association)

    def _subnet(self, number: int, zone: str) -> None:
        ec2 = self._client("ec2")
        block = f"10.0.{number}.0/24"
        subnet_id = ec2.create_subnet(VpcId=self.vpc, CidrBlock=block, AvailabilityZone=zone)["Subnet"]["SubnetId"]
        ec2.modify_subnet_attribute(SubnetId=subnet_id, MapPublicIpOnLaunch={"Value": True})
        self.subnets.append(subnet_id)
        self._add(f"subnet {number}", partial(ec2.delete_subnet, SubnetId=subnet_id), code=_IN_USE, blocks=["vpc"])

    def _reference(self, owner: int, named: int) -> None:
        ec2, pairs = self._client("ec2"), [{"GroupId": self.groups[named]}]
        rules = [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": pairs}]
        rule = {"GroupId": self.groups[owner], "IpPermissions": rules}
        ec2.authorize_security_group_ingress(**rule)
        revoke = partial(ec2.revoke_security_group_ingress, **rule)
        self._add(f"rule {owner} {named}", revoke, blocks=[f"group {named}"])

    def _gateway(self) -> None:
        ec2 = self._client("ec2")
        gateway = {"InternetGatewayId": ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]}
        ec2.attach_internet_gateway(**gateway, VpcId=self.vpc)
        self._add("gateway", partial(ec2.delete_internet_gateway, **gateway), code=_IN_USE)
        detach = partial(ec2.detach_internet_gateway, **gateway, VpcId=self.vpc)
        self._add("attachment", detach, code=_IN_USE, blocks=["gateway", "vpc"])

    def _route_table(self, subnet: int) -> None:
        ec2 = self._client("ec2")
        table = ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        association_id = ec2.associate_route_table(RouteTableId=table, SubnetId=self.subnets[subnet])["AssociationId"]
        self._add("route table", partial(ec2.delete_route_table, RouteTableId=table), code=_IN_USE, blocks=["vpc"])
        self._add(
            "association", partial(ec2.disassociate_route_table, AssociationId=association_id), blocks=["route table"]
        )

    def _nat_gateway(self, subnet: int) -> None:
        ec2 = self._client("ec2")
        address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        parameters = {"SubnetId": self.subnets[subnet], "AllocationId": address}
        gateway_id = ec2.create_nat_gateway(**parameters)["NatGateway"]["NatGatewayId"]
        ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[gateway_id])

        def delete() -> None:
            ec2.delete_nat_gateway(NatGatewayId=gateway_id)
            ec2.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=[gateway_id])

        self._add("address", partial(ec2.release_address, AllocationId=address), code="InvalidIPAddress.InUse")
        self._add("nat gateway", delete, blocks=["address", f"subnet {subnet}", "attachment", "vpc"])

    # --- instances, load balancers and services

    def _instance(self, name: str, subnet: int, group: int) -> None:
        place = {"SubnetId": self.subnets[subnet], "SecurityGroupIds": [self.groups[group]]}
        parameters = {"ImageId": "ami-760aaa0f", "InstanceType": "t2.micro", "MinCount": 1, "MaxCount": 1}
        instance_id = self._client("ec2").run_instances(**parameters, **place)["Instances"][0]["InstanceId"]

        def delete() -> None:
            self._client("ec2").terminate_instances(InstanceIds=[instance_id])
            self._wait_until_terminated([instance_id])

        self._add(name, delete, blocks=[f"subnet {subnet}", f"group {group}", "attachment"])

    def _wait_until_terminated(self, instances: list[str]) -> None:
        if instances:
            self._client("ec2").get_waiter("instance_terminated").wait(InstanceIds=instances)

    def _hosts(self, subnet: int, group: int, by_force: bool) -> None:
        """Add an Auto Scaling group of one instance, and its launch template, which nothing blocks."""
        ec2, autoscaling = self._client("ec2"), self._client("autoscaling")
        template, named = {"LaunchTemplateName": self.name}, {"AutoScalingGroupName": self.name}
        data = {"ImageId": "ami-760aaa0f", "InstanceType": "t2.micro", "SecurityGroupIds": [self.groups[group]]}
        ec2.create_launch_template(**template, LaunchTemplateData=data)
        place = {"VPCZoneIdentifier": self.subnets[subnet], "MinSize": 0, "MaxSize": 1, "DesiredCapacity": 1}
        autoscaling.create_auto_scaling_group(**named, LaunchTemplate=template, **place)
        (instance,) = self._host_ids()

        def empty() -> None:
            autoscaling.update_auto_scaling_group(**named, MaxSize=0, DesiredCapacity=0)
            while self._host_ids():
                pass  # instances terminate one after the other
            self._wait_until_terminated([instance])

        def delete() -> None:
            autoscaling.delete_auto_scaling_group(**named, ForceDelete=by_force)
            while autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[self.name])["AutoScalingGroups"]:
                pass  # with ForceDelete, the group is gone before its instances
            self._wait_until_terminated([instance])

        self._add("template", partial(ec2.delete_launch_template, **template))
        of_instance = [f"subnet {subnet}", f"group {group}", "attachment"]
        self._add("hosts", delete, code="ResourceInUse", blocks=of_instance if by_force else [])
        if not by_force:
            self._add("capacity", empty, blocks=["hosts", *of_instance])

    def _host_ids(self) -> list[str]:
        groups = self._client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[self.name])
        return [host["InstanceId"] for group in groups["AutoScalingGroups"] for host in group["Instances"]]

    def _balancer(self, group: int, public: bool) -> None:
        elbv2 = self._client("elbv2")
        parameters = {"Name": self.name, "Subnets": self.subnets[:2], "SecurityGroups": [self.groups[group]]}
        scheme = "internet-facing" if public else "internal"
        arn = elbv2.create_load_balancer(**parameters, Scheme=scheme)["LoadBalancers"][0]["LoadBalancerArn"]
        interfaces = [{"Name": "description", "Values": [f"ELB app/{self.name}/*"]}]

        def delete() -> None:
            elbv2.delete_load_balancer(LoadBalancerArn=arn)
            elbv2.get_waiter("load_balancers_deleted").wait(LoadBalancerArns=[arn])
            while self._client("ec2").describe_network_interfaces(Filters=interfaces)["NetworkInterfaces"]:
                pass  # the interfaces outlive the load balancer for a while

        blocked = ["subnet 0", "subnet 1", f"group {group}", *(["attachment"] if public else [])]
        self._add("balancer", delete, blocks=blocked)
        created = elbv2.create_target_group(Name=self.name, Protocol="HTTP", Port=80, VpcId=self.vpc)
        target = created["TargetGroups"][0]["TargetGroupArn"]
        self._add("target group", partial(elbv2.delete_target_group, TargetGroupArn=target), code="ResourceInUse")
        if self.system.listener:
            forward = [{"Type": "forward", "TargetGroupArn": target}]
            listener = elbv2.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=forward)
            created = listener["Listeners"][0]["ListenerArn"]
            self._add("listener", partial(elbv2.delete_listener, ListenerArn=created), blocks=["target group"])

    def _service(self, tasks: int) -> None:
        ecs, named = self._client("ecs"), {"cluster": self.name, "service": "s"}
        ecs.create_cluster(clusterName=self.name)
        container = [{"name": "c", "image": "i", "memory": 8}]
        ecs.register_task_definition(family=self.name, containerDefinitions=container)
        ecs.create_service(cluster=self.name, serviceName="s", taskDefinition=self.name, desiredCount=tasks)

        def delete() -> None:
            ecs.delete_service(**named)
            ecs.get_waiter("services_inactive").wait(cluster=self.name, services=["s"])

        self._add("cluster", partial(ecs.delete_cluster, cluster=self.name), code="ClusterContainsServicesException")
        self._add("service", delete, code="InvalidParameterException", blocks=["cluster"])
        if tasks:
            self._add("scale", partial(ecs.update_service, **named, desiredCount=0), blocks=["service"])

    # --- stores

    def _in_zone(self, zone: str) -> str:
        """The subnet of a subnet group that is in a zone."""
        return f"subnet {self.zones.index(zone)}"

    def _database(self, group: int, public: bool) -> None:
        rds, named = self._client("rds"), {"DBInstanceIdentifier": self.name}
        of_group = {"DBSubnetGroupName": self.name}
        rds.create_db_subnet_group(**of_group, DBSubnetGroupDescription="d", SubnetIds=self.subnets[:2])
        size = {"Engine": "postgres", "DBInstanceClass": "db.t3.micro", "AllocatedStorage": 20}
        user = {"MasterUsername": "esaws", "MasterUserPassword": "local-only"}
        place = {"VpcSecurityGroupIds": [self.groups[group]], "PubliclyAccessible": public}
        rds.create_db_instance(**named, **of_group, **size, **user, **place)
        rds.get_waiter("db_instance_available").wait(**named)
        zone = rds.describe_db_instances(**named)["DBInstances"][0]["AvailabilityZone"]

        def delete() -> None:
            rds.delete_db_instance(**named, SkipFinalSnapshot=True)
            rds.get_waiter("db_instance_deleted").wait(**named)

        error_code = "InvalidDBSubnetGroupStateFault"
        self._add("db subnet group", partial(rds.delete_db_subnet_group, **of_group), code=error_code)
        blocked = ["db subnet group", f"group {group}", self._in_zone(zone), *(["attachment"] if public else [])]
        self._add("database", delete, blocks=blocked)

    def _cache(self, group: int) -> None:
        elasticache, named = self._client("elasticache"), {"CacheClusterId": self.name}
        of_group = {"CacheSubnetGroupName": self.name}
        elasticache.create_cache_subnet_group(**of_group, CacheSubnetGroupDescription="d", SubnetIds=self.subnets[:2])
        size = {"Engine": "redis", "CacheNodeType": "cache.t3.micro", "NumCacheNodes": 1}
        elasticache.create_cache_cluster(**named, **of_group, **size, SecurityGroupIds=[self.groups[group]])
        elasticache.get_waiter("cache_cluster_available").wait(**named)
        described = elasticache.describe_cache_clusters(**named, ShowCacheNodeInfo=True)["CacheClusters"][0]
        zone = described["CacheNodes"][0]["CustomerAvailabilityZone"]

        def delete() -> None:
            elasticache.delete_cache_cluster(**named)
            elasticache.get_waiter("cache_cluster_deleted").wait(**named)

        error_code = "CacheSubnetGroupInUse"
        self._add("cache subnet group", partial(elasticache.delete_cache_subnet_group, **of_group), code=error_code)
        self._add("cache", delete, blocks=["cache subnet group", f"group {group}", self._in_zone(zone)])
