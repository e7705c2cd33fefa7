"""How each answer of an account is fetched: most keys take one list, some a call for each part."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from esaws.aws import error_code, pages
from esaws.cloud import Cloud
from esaws.errors import describe_error

Raw = dict[str, Any]


class NotFetched(Exception):
    """Something that this answer is made of is not known."""


class Fetcher:
    """One look at an account: each key is asked for once, by whoever needs it first."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.answers: dict[str, list[Raw]] = {}
        self.missing: dict[str, str] = {}
        self._locks: defaultdict[str, Lock] = defaultdict(Lock)

    def settle(self, key: str) -> None:
        with self._locks[key]:
            if key in self.answers or key in self.missing:
                return
            try:
                self.answers[key] = list(FETCHERS[key](self))
            except (ClientError, ResponseParserError) as error:
                self.missing[key] = describe_error(error)
            except NotFetched as error:
                self.missing[key] = str(error)

    def answer(self, key: str) -> list[Raw]:
        self.settle(key)
        if key in self.missing:
            raise NotFetched(self.missing[key])
        return self.answers[key]

    def pages(self, service: str, operation: str, result: str, **parameters: Any) -> Iterator[Any]:
        with _denial_told(service):
            yield from pages(self.cloud, service, operation, result, **parameters)

    def call(self, service: str, operation: str, **parameters: Any) -> Raw:
        with _denial_told(service):
            answer: Raw = getattr(self.cloud.client(service), operation)(**parameters)
            return answer


_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError")
_PREFIXES = {"elbv2": "elasticloadbalancing"}
_ACTIONS = {
    "ListBuckets": "ListAllMyBuckets",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
}


@contextmanager
def _denial_told(service: str) -> Iterator[None]:
    """A denial names the IAM action, which an error of boto3 does not always do."""
    try:
        yield
    except ClientError as error:
        if error_code(error).removeprefix("Client.") not in _DENIED:
            raise
        action = f"{_PREFIXES.get(service, service)}:{_ACTIONS.get(error.operation_name, error.operation_name)}"
        raise NotFetched(f"{action} was denied; ask for the permission") from error


# -- what answers each key ----------------------------------------------------------------------------------------

Fetch = Callable[[Fetcher], Iterable[Raw]]
FETCHERS: dict[str, Fetch] = {}


def _listed(service: str, operation: str, key: str, **parameters: Any) -> None:
    """A key that one list answers."""
    FETCHERS[key] = lambda asking: asking.pages(service, operation, key, **parameters)


def _fetch(key: str) -> Callable[[Fetch], Fetch]:
    """A key that takes more than one list."""

    def register(fetch: Fetch) -> Fetch:
        FETCHERS[key] = fetch
        return fetch

    return register


_listed("ec2", "describe_security_groups", "SecurityGroups")
_listed("ec2", "describe_network_interfaces", "NetworkInterfaces")
_listed("ec2", "describe_network_acls", "NetworkAcls")
_listed("ec2", "describe_route_tables", "RouteTables")
_listed("ec2", "describe_subnets", "Subnets")
_listed("ec2", "describe_vpcs", "Vpcs")
_listed("ec2", "describe_nat_gateways", "NatGateways")
_listed("ec2", "describe_internet_gateways", "InternetGateways")
_listed("ec2", "describe_volumes", "Volumes")
_listed("elbv2", "describe_load_balancers", "LoadBalancers")
_listed("elbv2", "describe_target_groups", "TargetGroups")
_listed("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups")
_listed("rds", "describe_db_instances", "DBInstances")
_listed("rds", "describe_db_subnet_groups", "DBSubnetGroups")
_listed("elasticache", "describe_cache_clusters", "CacheClusters", ShowCacheNodeInfo=True)
_listed("elasticache", "describe_cache_subnet_groups", "CacheSubnetGroups")
_listed("ecr", "describe_repositories", "repositories")
_listed("cloudwatch", "describe_alarms", "MetricAlarms")


@_fetch("Addresses")
def _addresses(asking: Fetcher) -> Iterable[Raw]:
    return asking.call("ec2", "describe_addresses")["Addresses"]


@_fetch("Instances")
def _instances(asking: Fetcher) -> Iterable[Raw]:
    for reservation in asking.pages("ec2", "describe_instances", "Reservations"):
        yield from reservation["Instances"]


@_fetch("PrefixLists")
def _prefix_lists(asking: Fetcher) -> Iterable[Raw]:
    """Only those that a rule or a route names: an account has a dozen of AWS's own, some with thousands of entries."""
    named = {each["PrefixListId"] for each in _named_prefix_lists(asking)}
    for raw in asking.pages("ec2", "describe_managed_prefix_lists", "PrefixLists") if named else ():
        if raw["PrefixListId"] in named:
            asked = {"PrefixListId": raw["PrefixListId"]}
            yield raw | {"Entries": [*asking.pages("ec2", "get_managed_prefix_list_entries", "Entries", **asked)]}


def _named_prefix_lists(asking: Fetcher) -> Iterator[Raw]:
    for group in asking.answer("SecurityGroups"):
        for permission in (*group.get("IpPermissions", ()), *group.get("IpPermissionsEgress", ())):
            yield from permission.get("PrefixListIds", ())
    for table in asking.answer("RouteTables"):
        for route in table.get("Routes", ()):
            if name := route.get("DestinationPrefixListId"):
                yield {"PrefixListId": name}


@_fetch("LaunchTemplateVersions")
def _launch_template_versions(asking: Fetcher) -> Iterable[Raw]:
    """The versions that Auto Scaling groups launch from."""
    groups = asking.answer("AutoScalingGroups")
    wanted = {
        (template["LaunchTemplateId"], template.get("Version", "$Default"))
        for group in groups
        if (template := group.get("LaunchTemplate"))
    }
    for id, version in sorted(wanted):
        asked = {"LaunchTemplateId": id, "Versions": [version]}
        yield from asking.pages("ec2", "describe_launch_template_versions", "LaunchTemplateVersions", **asked)


@_fetch("Listeners")
def _listeners(asking: Fetcher) -> Iterable[Raw]:
    for raw in asking.answer("LoadBalancers"):
        yield from asking.pages("elbv2", "describe_listeners", "Listeners", LoadBalancerArn=raw["LoadBalancerArn"])


@_fetch("LoadBalancerAttributes")
def _load_balancer_attributes(asking: Fetcher) -> Iterable[Raw]:
    for raw in asking.answer("LoadBalancers"):
        asked = {"LoadBalancerArn": raw["LoadBalancerArn"]}
        yield asked | {"Attributes": asking.call("elbv2", "describe_load_balancer_attributes", **asked)["Attributes"]}


@_fetch("Rules")
def _rules(asking: Fetcher) -> Iterable[Raw]:
    """Of Application Load Balancers: others have none."""
    for raw in asking.answer("Listeners"):
        if "/app/" in raw["LoadBalancerArn"]:
            asked = {"ListenerArn": raw["ListenerArn"]}
            yield from (rule | asked for rule in asking.pages("elbv2", "describe_rules", "Rules", **asked))


@_fetch("TargetGroupAttributes")
def _target_group_attributes(asking: Fetcher) -> Iterable[Raw]:
    for raw in asking.answer("TargetGroups"):
        asked = {"TargetGroupArn": raw["TargetGroupArn"]}
        yield asked | {"Attributes": asking.call("elbv2", "describe_target_group_attributes", **asked)["Attributes"]}


@_fetch("TargetHealth")
def _target_health(asking: Fetcher) -> Iterable[Raw]:
    for raw in asking.answer("TargetGroups"):
        asked = {"TargetGroupArn": raw["TargetGroupArn"]}
        found = asking.call("elbv2", "describe_target_health", **asked)["TargetHealthDescriptions"]
        yield from (each | asked for each in found)


@_fetch("clusters")
def _clusters(asking: Fetcher) -> Iterable[Raw]:
    arns = asking.pages("ecs", "list_clusters", "clusterArns")
    yield from _described(asking, "describe_clusters", "clusters", arns, at_once=100)


@_fetch("containerInstances")
def _container_instances(asking: Fetcher) -> Iterable[Raw]:
    return _in_clusters(asking, "container_instances", "containerInstances", "containerInstanceArns", at_once=100)


@_fetch("services")
def _services(asking: Fetcher) -> Iterable[Raw]:
    return _in_clusters(asking, "services", "services", "serviceArns", at_once=10)


@_fetch("tasks")
def _tasks(asking: Fetcher) -> Iterable[Raw]:
    """Those that are to run: AWS keeps stopped ones for an hour."""
    return _in_clusters(asking, "tasks", "tasks", "taskArns", at_once=100)


@_fetch("taskDefinitions")
def _task_definitions(asking: Fetcher) -> Iterable[Raw]:
    """Those that a service or a task uses."""
    services, tasks = asking.answer("services"), asking.answer("tasks")
    used = {each["taskDefinition"] for each in services} | {each["taskDefinitionArn"] for each in tasks}
    for arn in sorted(used):
        yield asking.call("ecs", "describe_task_definition", taskDefinition=arn)["taskDefinition"]


def _in_clusters(asking: Fetcher, kind: str, key: str, listed: str, *, at_once: int) -> Iterator[Raw]:
    for cluster in asking.answer("clusters"):
        asked = {"cluster": cluster["clusterArn"]}
        arns = asking.pages("ecs", f"list_{kind}", listed, **asked)
        for raw in _described(asking, f"describe_{kind}", key, arns, at_once=at_once, **asked):
            yield {"clusterArn": cluster["clusterArn"]} | raw


def _described(
    asking: Fetcher, operation: str, key: str, arns: Iterable[str], *, at_once: int, **asked: str
) -> Iterator[Raw]:
    """What ECS says of each, as many at once as it takes."""
    left = list(arns)
    while left:
        some, left = left[:at_once], left[at_once:]
        yield from asking.call("ecs", operation, **asked, **{key: some})[key]


@_fetch("Brokers")
def _brokers(asking: Fetcher) -> Iterable[Raw]:
    for raw in asking.pages("mq", "list_brokers", "BrokerSummaries"):
        described = asking.call("mq", "describe_broker", BrokerId=raw["BrokerId"])
        yield {key: value for key, value in described.items() if key != "ResponseMetadata"}


@_fetch("images")
def _images(asking: Fetcher) -> Iterable[Raw]:
    for raw in asking.answer("repositories"):
        yield from asking.pages("ecr", "describe_images", "imageDetails", repositoryName=raw["repositoryName"])


@_fetch("UserPools")
def _user_pools(asking: Fetcher) -> Iterable[Raw]:
    for raw in asking.pages("cognito-idp", "list_user_pools", "UserPools", MaxResults=60):
        yield asking.call("cognito-idp", "describe_user_pool", UserPoolId=raw["Id"])["UserPool"]


@_fetch("Buckets")
def _buckets(asking: Fetcher) -> Iterable[Raw]:
    for raw in asking.pages("s3", "list_buckets", "Buckets", BucketRegion=asking.cloud.region):
        yield {"Name": raw["Name"]} | _settings(asking, raw["Name"])


_BUCKET_SETTINGS = {
    "Encryption": (
        "get_bucket_encryption",
        "ServerSideEncryptionConfiguration",
        "ServerSideEncryptionConfigurationNotFoundError",
    ),
    "PublicAccessBlock": (
        "get_public_access_block",
        "PublicAccessBlockConfiguration",
        "NoSuchPublicAccessBlockConfiguration",
    ),
    "PolicyStatus": ("get_bucket_policy_status", "PolicyStatus", "NoSuchBucketPolicy"),
    "Versioning": ("get_bucket_versioning", "Status", ""),
}
"""What is asked of each bucket: the call, where its answer stands, and AWS's code for "not set"."""


def _settings(asking: Fetcher, bucket: str) -> Raw:
    """Each of the settings of a bucket: None where it is not set, left out where it is not known."""
    found: Raw = {}
    for name, (operation, key, not_set) in _BUCKET_SETTINGS.items():
        try:
            found[name] = asking.call("s3", operation, Bucket=bucket).get(key)
        except NotFetched:
            continue
        except ClientError as error:
            if error_code(error) == not_set:
                found[name] = None
    return found
