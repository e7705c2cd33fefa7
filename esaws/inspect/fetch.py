"""Fetch functions for each key of an account: most keys take one list call, some one call for each parent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from typing import Any

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from esaws.aws import error_code
from esaws.errors import describe_error
from esaws.inspect.calls import Calls, NotFetched, Raw


class Fetcher:
    """Fetches each key of an account at most once, from several threads."""

    def __init__(self, calls: Calls) -> None:
        self.calls = calls
        self.results: dict[str, list[Raw]] = {}
        self.missing: dict[str, str] = {}
        self._locks: defaultdict[str, Lock] = defaultdict(Lock)

    def fetch(self, key: str) -> None:
        """Fetch a key into `results`, or put the reason why not into `missing`."""
        with self._locks[key]:
            if key in self.results or key in self.missing:
                return
            try:
                self.results[key] = list(FETCHERS[key](self))
            except (ClientError, ResponseParserError) as error:
                self.missing[key] = describe_error(error)
            except NotFetched as error:
                self.missing[key] = str(error)

    def require(self, key: str) -> list[Raw]:
        """Return the results of a key.

        Raises:
            NotFetched: they could not be fetched.
        """
        self.fetch(key)
        if key in self.missing:
            raise NotFetched(self.missing[key])
        return self.results[key]

    def pages(self, service: str, operation: str, result: str, **parameters: Any) -> Iterator[Any]:
        with _name_denied_action(service):
            yield from self.calls.pages(service, operation, result, **parameters)

    def call(self, service: str, operation: str, **parameters: Any) -> Raw:
        with _name_denied_action(service):
            return self.calls.call(service, operation, **parameters)


def fetch_all(calls: Calls, keys: Iterable[str] = ()) -> Fetcher:
    """Fetch some keys of an account with what they depend on, or all of them, several at a time."""
    fetcher = Fetcher(calls)
    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(fetcher.fetch, key) for key in keys or FETCHERS]:
            future.result()
    return fetcher


_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError")
_PREFIXES = {"elbv2": "elasticloadbalancing"}
_ACTIONS = {
    "ListBuckets": "ListAllMyBuckets",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
}


@contextmanager
def _name_denied_action(service: str) -> Iterator[None]:
    """Turn a denial into NotFetched with the IAM action, which boto3's error does not always name."""
    try:
        yield
    except ClientError as error:
        if error_code(error).removeprefix("Client.") not in _DENIED:
            raise
        action = f"{_PREFIXES.get(service, service)}:{_ACTIONS.get(error.operation_name, error.operation_name)}"
        raise NotFetched(f"{action} was denied; ask for the permission") from error


# -- one function for each key ---------------------------------------------------------------------------------------

FetchFunction = Callable[[Fetcher], Iterable[Raw]]
FETCHERS: dict[str, FetchFunction] = {}


def _register_list(service: str, operation: str, key: str, **parameters: Any) -> None:
    """Register a key that one list call answers."""
    FETCHERS[key] = lambda fetcher: fetcher.pages(service, operation, key, **parameters)


def _fetcher(key: str) -> Callable[[FetchFunction], FetchFunction]:
    """Register a function for a key that takes more than one call."""

    def register(fetch: FetchFunction) -> FetchFunction:
        FETCHERS[key] = fetch
        return fetch

    return register


_register_list("ec2", "describe_security_groups", "SecurityGroups")
_register_list("ec2", "describe_network_interfaces", "NetworkInterfaces")
_register_list("ec2", "describe_network_acls", "NetworkAcls")
_register_list("ec2", "describe_route_tables", "RouteTables")
_register_list("ec2", "describe_subnets", "Subnets")
_register_list("ec2", "describe_vpcs", "Vpcs")
_register_list("ec2", "describe_nat_gateways", "NatGateways")
_register_list("ec2", "describe_internet_gateways", "InternetGateways")
_register_list("ec2", "describe_vpc_endpoints", "VpcEndpoints")
_register_list("ec2", "describe_vpc_peering_connections", "VpcPeeringConnections")
_register_list("ec2", "describe_volumes", "Volumes")
_register_list("elbv2", "describe_load_balancers", "LoadBalancers")
_register_list("elbv2", "describe_target_groups", "TargetGroups")
_register_list("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups")
_register_list("autoscaling", "describe_launch_configurations", "LaunchConfigurations")
_register_list("lambda", "list_functions", "Functions")
_register_list("rds", "describe_db_instances", "DBInstances")
_register_list("rds", "describe_db_subnet_groups", "DBSubnetGroups")
_register_list("elasticache", "describe_cache_clusters", "CacheClusters", ShowCacheNodeInfo=True)
_register_list("elasticache", "describe_cache_subnet_groups", "CacheSubnetGroups")
_register_list("ecr", "describe_repositories", "repositories")
_register_list("cloudwatch", "describe_alarms", "MetricAlarms")


@_fetcher("Addresses")
def _addresses(fetcher: Fetcher) -> Iterable[Raw]:
    return fetcher.call("ec2", "describe_addresses")["Addresses"]


@_fetcher("Instances")
def _instances(fetcher: Fetcher) -> Iterable[Raw]:
    for reservation in fetcher.pages("ec2", "describe_instances", "Reservations"):
        yield from reservation["Instances"]


@_fetcher("PrefixLists")
def _prefix_lists(fetcher: Fetcher) -> Iterable[Raw]:
    """Only those that a rule or route references: AWS adds a dozen of its own, some with thousands of entries."""
    referenced = {raw["PrefixListId"] for raw in _referenced_prefix_lists(fetcher)}
    for raw in fetcher.pages("ec2", "describe_managed_prefix_lists", "PrefixLists") if referenced else ():
        if raw["PrefixListId"] in referenced:
            params = {"PrefixListId": raw["PrefixListId"]}
            yield raw | {"Entries": [*fetcher.pages("ec2", "get_managed_prefix_list_entries", "Entries", **params)]}


def _referenced_prefix_lists(fetcher: Fetcher) -> Iterator[Raw]:
    for group in fetcher.require("SecurityGroups"):
        for permission in (*group.get("IpPermissions", ()), *group.get("IpPermissionsEgress", ())):
            yield from permission.get("PrefixListIds", ())
    for table in fetcher.require("RouteTables"):
        for route in table.get("Routes", ()):
            if name := route.get("DestinationPrefixListId"):
                yield {"PrefixListId": name}


@_fetcher("LaunchTemplateVersions")
def _launch_template_versions(fetcher: Fetcher) -> Iterable[Raw]:
    """The versions that Auto Scaling groups launch from, then the latest and the default one of every template."""
    groups = fetcher.require("AutoScalingGroups")
    versions = {(raw["LaunchTemplateId"], raw.get("Version", "$Default")) for raw in _templates_of(groups)}
    queries: list[dict[str, Any]] = [
        {"LaunchTemplateId": id, "Versions": [version]} for id, version in sorted(versions)
    ]
    seen: set[tuple[str, int]] = set()
    for params in [*queries, {"Versions": ["$Latest", "$Default"]}]:
        for raw in fetcher.pages("ec2", "describe_launch_template_versions", "LaunchTemplateVersions", **params):
            key = raw["LaunchTemplateId"], raw["VersionNumber"]
            if key not in seen:
                seen.add(key)
                yield raw


def _templates_of(groups: Iterable[Raw]) -> Iterator[Raw]:
    for group in groups:
        mixed = group.get("MixedInstancesPolicy", {}).get("LaunchTemplate", {})
        overrides = [item.get("LaunchTemplateSpecification") for item in mixed.get("Overrides", ())]
        for template in (group.get("LaunchTemplate"), mixed.get("LaunchTemplateSpecification"), *overrides):
            if template and "LaunchTemplateId" in template:
                yield template


_RECENT_ACTIVITIES = 20


@_fetcher("Activities")
def _activities(fetcher: Fetcher) -> Iterable[Raw]:
    """Only the most recent scaling activities of each Auto Scaling group: AWS keeps six weeks of them."""
    for raw in fetcher.require("AutoScalingGroups"):
        params = {"AutoScalingGroupName": raw["AutoScalingGroupName"], "MaxRecords": _RECENT_ACTIVITIES}
        yield from fetcher.call("autoscaling", "describe_scaling_activities", **params)["Activities"]


@_fetcher("Listeners")
def _listeners(fetcher: Fetcher) -> Iterable[Raw]:
    for raw in fetcher.require("LoadBalancers"):
        yield from fetcher.pages("elbv2", "describe_listeners", "Listeners", LoadBalancerArn=raw["LoadBalancerArn"])


@_fetcher("LoadBalancerAttributes")
def _load_balancer_attributes(fetcher: Fetcher) -> Iterable[Raw]:
    for raw in fetcher.require("LoadBalancers"):
        params = {"LoadBalancerArn": raw["LoadBalancerArn"]}
        yield params | {
            "Attributes": fetcher.call("elbv2", "describe_load_balancer_attributes", **params)["Attributes"]
        }


@_fetcher("Rules")
def _rules(fetcher: Fetcher) -> Iterable[Raw]:
    """Only of Application Load Balancers: other types have no rules."""
    for raw in fetcher.require("Listeners"):
        if "/app/" in raw["LoadBalancerArn"]:
            params = {"ListenerArn": raw["ListenerArn"]}
            yield from (rule | params for rule in fetcher.pages("elbv2", "describe_rules", "Rules", **params))


@_fetcher("TargetGroupAttributes")
def _target_group_attributes(fetcher: Fetcher) -> Iterable[Raw]:
    for raw in fetcher.require("TargetGroups"):
        params = {"TargetGroupArn": raw["TargetGroupArn"]}
        yield params | {"Attributes": fetcher.call("elbv2", "describe_target_group_attributes", **params)["Attributes"]}


@_fetcher("TargetHealth")
def _target_health(fetcher: Fetcher) -> Iterable[Raw]:
    for raw in fetcher.require("TargetGroups"):
        params = {"TargetGroupArn": raw["TargetGroupArn"]}
        targets = fetcher.call("elbv2", "describe_target_health", **params)["TargetHealthDescriptions"]
        yield from (target | params for target in targets)


@_fetcher("clusters")
def _clusters(fetcher: Fetcher) -> Iterable[Raw]:
    arns = fetcher.pages("ecs", "list_clusters", "clusterArns")
    yield from _describe_in_batches(fetcher, "describe_clusters", "clusters", arns, batch=100)


@_fetcher("containerInstances")
def _container_instances(fetcher: Fetcher) -> Iterable[Raw]:
    return _describe_in_clusters(
        fetcher, "container_instances", "containerInstances", "containerInstanceArns", batch=100
    )


@_fetcher("services")
def _services(fetcher: Fetcher) -> Iterable[Raw]:
    return _describe_in_clusters(fetcher, "services", "services", "serviceArns", batch=10)


@_fetcher("tasks")
def _tasks(fetcher: Fetcher) -> Iterable[Raw]:
    """Running tasks, and those that stopped within the last hour, which is how long AWS keeps them."""
    for status in ("RUNNING", "STOPPED"):
        yield from _describe_in_clusters(
            fetcher, "tasks", "tasks", "taskArns", batch=100, listing={"desiredStatus": status}
        )


@_fetcher("taskDefinitions")
def _task_definitions(fetcher: Fetcher) -> Iterable[Raw]:
    """Only those that a service, one of its deployments, or a running task uses."""
    services, tasks = fetcher.require("services"), fetcher.require("tasks")
    running = [raw for raw in tasks if raw.get("lastStatus") != "STOPPED"]
    used = {raw["taskDefinition"] for raw in services}
    used |= {item["taskDefinition"] for raw in services for item in raw.get("deployments", ())}
    used |= {raw["taskDefinitionArn"] for raw in running}
    for arn in sorted(used):
        yield fetcher.call("ecs", "describe_task_definition", taskDefinition=arn)["taskDefinition"]


def _describe_in_clusters(
    fetcher: Fetcher, kind: str, key: str, listed: str, *, batch: int, listing: Mapping[str, str] | None = None
) -> Iterator[Raw]:
    """Describe what each cluster has; `listing` are further parameters of the list call."""
    for cluster in fetcher.require("clusters"):
        params = {"cluster": cluster["clusterArn"]}
        arns = fetcher.pages("ecs", f"list_{kind}", listed, **params, **(listing or {}))
        for raw in _describe_in_batches(fetcher, f"describe_{kind}", key, arns, batch=batch, **params):
            yield {"clusterArn": cluster["clusterArn"]} | raw


def _describe_in_batches(
    fetcher: Fetcher, operation: str, key: str, arns: Iterable[str], *, batch: int, **params: str
) -> Iterator[Raw]:
    """What ECS says of each, as many at once as it takes."""
    rest = list(arns)
    while rest:
        chunk, rest = rest[:batch], rest[batch:]
        yield from fetcher.call("ecs", operation, **params, **{key: chunk})[key]


@_fetcher("Brokers")
def _brokers(fetcher: Fetcher) -> Iterable[Raw]:
    for raw in fetcher.pages("mq", "list_brokers", "BrokerSummaries"):
        described = fetcher.call("mq", "describe_broker", BrokerId=raw["BrokerId"])
        yield {key: value for key, value in described.items() if key != "ResponseMetadata"}


@_fetcher("images")
def _images(fetcher: Fetcher) -> Iterable[Raw]:
    for raw in fetcher.require("repositories"):
        yield from fetcher.pages("ecr", "describe_images", "imageDetails", repositoryName=raw["repositoryName"])


@_fetcher("UserPools")
def _user_pools(fetcher: Fetcher) -> Iterable[Raw]:
    for raw in fetcher.pages("cognito-idp", "list_user_pools", "UserPools", MaxResults=60):
        yield fetcher.call("cognito-idp", "describe_user_pool", UserPoolId=raw["Id"])["UserPool"]


@_fetcher("Buckets")
def _buckets(fetcher: Fetcher) -> Iterable[Raw]:
    for raw in fetcher.pages("s3", "list_buckets", "Buckets", BucketRegion=fetcher.calls.region):
        yield {"Name": raw["Name"]} | _settings(fetcher, raw["Name"])


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
"""For each setting of a bucket: the call, the member of its response, and AWS's error code for "not set"."""


def _settings(fetcher: Fetcher, bucket: str) -> Raw:
    """Return the settings of a bucket: None where one is not set, left out where it could not be fetched."""
    settings: Raw = {}
    for name, (operation, key, not_set) in _BUCKET_SETTINGS.items():
        try:
            settings[name] = fetcher.call("s3", operation, Bucket=bucket).get(key)
        except NotFetched:
            continue
        except ClientError as error:
            if error_code(error) == not_set:
                settings[name] = None
    return settings
