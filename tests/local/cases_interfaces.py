"""The network interfaces that services of AWS keep in our subnets: they hold subnets and groups as long as they are."""

from collections.abc import Callable
from typing import Any

from tests.local.cases import case, outcome
from tests.local.cases_refusals_network import IN_USE, Net
from tests.local.cases_refusals_stores import BROKER, NODE

HELD = (IN_USE, IN_USE)


def described(net: Net, description: str) -> list[dict[str, Any]]:
    """The interfaces of the VPC whose description begins with this, by subnet."""
    filters = [{"Name": "vpc-id", "Values": [net.vpc]}, {"Name": "description", "Values": [f"{description}*"]}]
    shown = net.ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
    return sorted(shown, key=lambda each: net.subnets.index(each["SubnetId"]))


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
    asked = {**NODE, "CacheSubnetGroupName": "g", "SecurityGroupIds": [net.group], **settings}
    elasticache.create_cache_cluster(CacheClusterId="cache", **asked)
    elasticache.get_waiter("cache_cluster_available").wait(CacheClusterId="cache")
    return elasticache


@case(
    "a cache has an interface a node, in the zone it was asked for",
    aws=[("ElastiCache cache-0001", "amazon-elasticache", True, True, False)],
    stock=[],
)
def ask_interface_of_cache(account: Any) -> Any:
    net = Net(account)
    cache(net, PreferredAvailabilityZone=account.zones()[1])
    return [
        (
            shown["Description"],
            shown["Attachment"]["InstanceOwnerId"],
            shown["SubnetId"] == net.subnets[1],
            [group["GroupId"] for group in shown["Groups"]] == [net.group],
            "Association" in shown,
        )
        for shown in described(net, "ElastiCache")
    ]


@case("a Memcached cluster has its nodes over its subnets", aws=[0, 0, 1], stock=[])
def ask_interfaces_of_nodes(account: Any) -> Any:
    net = Net(account)
    cache(net, Engine="memcached", NumCacheNodes=3)
    return [net.subnets.index(shown["SubnetId"]) for shown in described(net, "ElastiCache")]


@case(
    "a cache holds its subnet and its group until it is deleted",
    aws=(HELD, (None, None)),
    stock=((None, None), ("InvalidGroup.NotFound", "InvalidSubnetID.NotFound")),
)
def ask_held_by_cache(account: Any) -> Any:
    def make(net: Net) -> tuple[Callable[[], Any], Callable[[], Any]]:
        elasticache, named = cache(net), {"CacheClusterId": "cache"}
        return (
            lambda: elasticache.delete_cache_cluster(**named),
            lambda: elasticache.describe_cache_clusters(**named),
        )

    return held_until(account, make)


@case("a cache's interface takes its new groups", aws=(None, IN_USE), stock=(None, None))
def ask_new_groups_of_cache(account: Any) -> Any:
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
def ask_interface_of_broker(account: Any) -> Any:
    net = Net(account)
    _, name = broker(net)
    shown = described(net, "Amazon MQ")
    groups = [[group["GroupId"] for group in each["Groups"]] == [net.group] for each in shown]
    return [each["Description"].endswith(name) for each in shown], groups


@case("a broker without subnets has no interface of ours", aws=0, stock=0)
def ask_broker_without_subnets(account: Any) -> Any:
    net = Net(account)
    account.client("mq").create_broker(**BROKER)
    return len(net.ec2.describe_network_interfaces()["NetworkInterfaces"])


@case(
    "a broker holds its subnet and its group until it is deleted",
    aws=(HELD, (None, None)),
    stock=((None, None), ("InvalidGroup.NotFound", "InvalidSubnetID.NotFound")),
)
def ask_held_by_broker(account: Any) -> Any:
    def make(net: Net) -> tuple[Callable[[], Any], Callable[[], Any]]:
        mq, name = broker(net)
        mq.describe_broker(BrokerId=name)  # waits until it is running
        return lambda: mq.delete_broker(BrokerId=name), lambda: mq.describe_broker(BrokerId=name)

    return held_until(account, make)


# --- network load balancers


@case(
    "a network load balancer has an interface in each subnet, and a group only if it was given one",
    aws=[("network_load_balancer", 1, True)] * 2 + [("network_load_balancer", 0, True)],
    stock=[],
)
def ask_interfaces_of_network_balancer(account: Any) -> Any:
    net = Net(account)
    net.balancer(Name="with", Type="network")
    net.balancer(Name="without", Type="network", Subnets=net.subnets[:1], SecurityGroups=[])
    shown = described(net, "ELB net/with/") + described(net, "ELB net/without/")
    return [(each["InterfaceType"], len(each["Groups"]), "PublicIp" in each["Association"]) for each in shown]


@case(
    "a load balancer's ARN names its type, with its tags and listeners",
    aws=("net", 1, "n", 1),
    stock=("app", 1, "n", 1),
)
def ask_arn_of_network_balancer(account: Any) -> Any:
    net = Net(account)
    arn = net.balancer(Type="network", Tags=[{"Key": "name", "Value": "n"}])
    group = net.elbv2.create_target_group(Name="t", Protocol="TCP", Port=80, VpcId=net.vpc)["TargetGroups"][0]
    forward = [{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}]
    net.elbv2.create_listener(LoadBalancerArn=arn, Protocol="TCP", Port=80, DefaultActions=forward)
    found = net.elbv2.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"]
    (tags,) = net.elbv2.describe_tags(ResourceArns=[arn])["TagDescriptions"]
    listeners = net.elbv2.describe_listeners(LoadBalancerArn=arn)["Listeners"]
    return arn.split("loadbalancer/")[1].split("/")[0], len(found), tags["Tags"][0]["Value"], len(listeners)


@case("a network load balancer holds its subnet and its group", aws=HELD, stock=(None, None))
def ask_held_by_network_balancer(account: Any) -> Any:
    net = Net(account)
    net.balancer(Type="network")
    return held(net)


# --- NAT gateways


@case("a NAT gateway's interface says whose it is", aws=[True], stock=[])
def ask_interface_of_nat_gateway(account: Any) -> Any:
    net = Net(account)
    nat, _ = net.nat()
    return [each["Description"].endswith(nat) for each in described(net, "Interface for NAT Gateway")]
