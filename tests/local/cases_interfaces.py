"""Network interfaces of AWS services in the user's subnets, which block subnets and security groups."""

from collections.abc import Callable
from typing import Any

from tests.local.cases import case, outcome
from tests.local.cases_errors_network import IN_USE, Net
from tests.local.cases_errors_stores import BROKER, NODE

HELD = (IN_USE, IN_USE)


def described(net: Net, description: str) -> list[dict[str, Any]]:
    """The interfaces of the VPC whose description begins with this, by subnet."""
    filters = [{"Name": "vpc-id", "Values": [net.vpc]}, {"Name": "description", "Values": [f"{description}*"]}]
    described = net.ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
    return sorted(described, key=lambda each: net.subnets.index(each["SubnetId"]))


def held(net: Net) -> tuple[Any, Any]:
    """What is answered to who deletes the group and the first subnet."""
    return net.delete_group(), net.delete_subnet()


def held_until(account: Any, make: Callable[[Net], tuple[Callable[[], Any], Callable[[], Any]]]) -> Any:
    """`held` while the calls that `make` gives delete what holds them, and once that is gone."""
    net = Net(account)
    delete, describe = make(net)
    delete()
    before = held(net)
    outcome(describe)  # waits for the end, of which stock moto's caches have none
    return before, held(net)


# --- ElastiCache


def cache(net: Net, **settings: Any) -> Any:
    elasticache = net.account.client("elasticache")
    elasticache.create_cache_subnet_group(
        CacheSubnetGroupName="g", CacheSubnetGroupDescription="d", SubnetIds=net.subnets
    )
    parameters = {**NODE, "CacheSubnetGroupName": "g", "SecurityGroupIds": [net.group], **settings}
    elasticache.create_cache_cluster(CacheClusterId="cache", **parameters)
    elasticache.get_waiter("cache_cluster_available").wait(CacheClusterId="cache")
    return elasticache


@case(
    "a cache has an interface per node, in the preferred zone",
    aws=[("ElastiCache cache-0001", "amazon-elasticache", True, True, False)],
    stock=[],
)
def case_interface_of_cache(account: Any) -> Any:
    net = Net(account)
    cache(net, PreferredAvailabilityZone=account.zones()[1])
    return [
        (
            described["Description"],
            described["Attachment"]["InstanceOwnerId"],
            described["SubnetId"] == net.subnets[1],
            [group["GroupId"] for group in described["Groups"]] == [net.group],
            "Association" in described,
        )
        for described in described(net, "ElastiCache")
    ]


@case("the nodes of a Memcached cluster are spread over its subnets", aws=[0, 0, 1], stock=[])
def case_interfaces_of_nodes(account: Any) -> Any:
    net = Net(account)
    cache(net, Engine="memcached", NumCacheNodes=3)
    return [net.subnets.index(described["SubnetId"]) for described in described(net, "ElastiCache")]


@case(
    "a cache blocks its subnet and security group until it is deleted",
    aws=(HELD, (None, None)),
    stock=((None, None), ("InvalidGroup.NotFound", "InvalidSubnetID.NotFound")),
)
def case_held_by_cache(account: Any) -> Any:
    def make(net: Net) -> tuple[Callable[[], Any], Callable[[], Any]]:
        elasticache, named = cache(net), {"CacheClusterId": "cache"}
        return (
            lambda: elasticache.delete_cache_cluster(**named),
            lambda: elasticache.describe_cache_clusters(**named),
        )

    return held_until(account, make)


@case("the interface of a cache gets its new security groups", aws=(None, IN_USE), stock=(None, None))
def case_new_groups_of_cache(account: Any) -> Any:
    net = Net(account)
    elasticache, other = cache(net), net.another_group()
    outcome(lambda: elasticache.modify_cache_cluster(CacheClusterId="cache", SecurityGroupIds=[other]))
    return net.delete_group(), net.done(lambda: net.ec2.delete_security_group(GroupId=other))


# --- Amazon MQ


def broker(net: Net, **settings: Any) -> tuple[Any, str]:
    mq = net.account.client("mq")
    private = {"PubliclyAccessible": False, "SubnetIds": net.subnets[:1], "SecurityGroups": [net.group]}
    return mq, mq.create_broker(**{**BROKER, **private, **settings})["BrokerId"]


@case("a private broker has an interface in each of its subnets", aws=([True], [True]), stock=([], []))
def case_interface_of_broker(account: Any) -> Any:
    net = Net(account)
    _, name = broker(net)
    interfaces = described(net, "Amazon MQ")
    groups = [[group["GroupId"] for group in interface["Groups"]] == [net.group] for interface in interfaces]
    return [interface["Description"].endswith(name) for interface in interfaces], groups


@case("a broker without subnets has no interface in the user's subnets", aws=0, stock=0)
def case_broker_without_subnets(account: Any) -> Any:
    net = Net(account)
    account.client("mq").create_broker(**BROKER)
    return len(net.ec2.describe_network_interfaces()["NetworkInterfaces"])


@case(
    "a broker blocks its subnet and security group until it is deleted",
    aws=(HELD, (None, None)),
    stock=((None, None), ("InvalidGroup.NotFound", "InvalidSubnetID.NotFound")),
)
def case_held_by_broker(account: Any) -> Any:
    def make(net: Net) -> tuple[Callable[[], Any], Callable[[], Any]]:
        mq, name = broker(net)
        mq.describe_broker(BrokerId=name)  # waits until it is running
        return lambda: mq.delete_broker(BrokerId=name), lambda: mq.describe_broker(BrokerId=name)

    return held_until(account, make)


# --- network load balancers


@case(
    "a network load balancer has an interface per subnet, and only the given security groups",
    aws=[("network_load_balancer", 1, True)] * 2 + [("network_load_balancer", 0, True)],
    stock=[],
)
def case_interfaces_of_network_balancer(account: Any) -> Any:
    net = Net(account)
    net.balancer(Name="with", Type="network")
    net.balancer(Name="without", Type="network", Subnets=net.subnets[:1], SecurityGroups=[])
    interfaces = described(net, "ELB net/with/") + described(net, "ELB net/without/")
    return [(i["InterfaceType"], len(i["Groups"]), "PublicIp" in i["Association"]) for i in interfaces]


@case(
    "the ARNs of a load balancer, its tags and listeners contain its type",
    aws=("net", 1, "n", 1),
    stock=("app", 1, "n", 1),
)
def case_arn_of_network_balancer(account: Any) -> Any:
    net = Net(account)
    arn = net.balancer(Type="network", Tags=[{"Key": "name", "Value": "n"}])
    group = net.elbv2.create_target_group(Name="t", Protocol="TCP", Port=80, VpcId=net.vpc)["TargetGroups"][0]
    forward = [{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}]
    net.elbv2.create_listener(LoadBalancerArn=arn, Protocol="TCP", Port=80, DefaultActions=forward)
    found = net.elbv2.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"]
    (tags,) = net.elbv2.describe_tags(ResourceArns=[arn])["TagDescriptions"]
    listeners = net.elbv2.describe_listeners(LoadBalancerArn=arn)["Listeners"]
    return arn.split("loadbalancer/")[1].split("/")[0], len(found), tags["Tags"][0]["Value"], len(listeners)


@case("a network load balancer blocks its subnet and security group", aws=HELD, stock=(None, None))
def case_held_by_network_balancer(account: Any) -> Any:
    net = Net(account)
    net.balancer(Type="network")
    return held(net)


# --- NAT gateways


@case("the interface of a NAT gateway is described with its owner", aws=[True], stock=[])
def case_interface_of_nat_gateway(account: Any) -> Any:
    net = Net(account)
    nat, _ = net.nat()
    return [each["Description"].endswith(nat) for each in described(net, "Interface for NAT Gateway")]
