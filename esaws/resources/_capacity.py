"""What ECS answers of capacity providers, and how one gets into a cluster and out of it again."""

from collections.abc import Iterator
from typing import Any

from esaws.cloud import Cloud
from esaws.errors import EsawsError
from esaws.resources._ecs import described


def providers_of(cloud: Cloud, *names: str) -> Iterator[dict[str, Any]]:
    """The account's capacity providers, or those named and there; botocore has no paginator for them."""
    asked: dict[str, Any] = {"include": ["TAGS"]} | ({"capacityProviders": list(names)} if names else {})
    while True:
        answer = cloud.client("ecs").describe_capacity_providers(**asked)
        yield from answer["capacityProviders"]
        if not answer.get("nextToken"):
            break
        asked["nextToken"] = answer["nextToken"]


def busy(cloud: Cloud, name: str, verb: str) -> bool:
    """Whether AWS still updates or deletes it; what failed is raised in AWS's words."""
    for raw in providers_of(cloud, name):
        if raw.get("updateStatus") == f"{verb}_FAILED":
            raise EsawsError(f"capacity provider {name}: {raw.get('updateStatusReason', raw['updateStatus'])}")
        done = raw["status"] == "INACTIVE" if verb == "DELETE" else raw.get("updateStatus") != f"{verb}_IN_PROGRESS"
        return not done
    return False


def by_default(cluster: dict[str, Any], provider: str) -> bool:
    """Whether the cluster's tasks run on the provider where they name none."""
    return any(item["capacityProvider"] == provider for item in cluster.get("defaultCapacityProviderStrategy", ()))


def attach(cloud: Cloud, provider: str, cluster: str) -> None:
    """Let the cluster use the provider, by default too; returns when AWS has done it."""
    _associate(cloud, cluster, provider, wanted=True)


def detach(cloud: Cloud, provider: str, cluster: str) -> None:
    """Take the provider off the cluster; returns when AWS has done it."""
    _associate(cloud, cluster, provider, wanted=False)


def _associate(cloud: Cloud, cluster: str, provider: str, *, wanted: bool) -> None:
    """Put the provider into the cluster's list and default strategy, or take it out; the others stay.

    AWS takes the whole list, one change at a time: what somebody else's change undid in the meantime is done again.
    """
    ecs, asked = cloud.client("ecs"), False

    def settled() -> bool:
        nonlocal asked
        raw = next(described(cloud, "clusters", [cluster], include=["ATTACHMENTS"]), None)
        if raw is None or raw["status"] == "INACTIVE":
            if wanted:
                raise EsawsError(f"there is no cluster {cluster} to attach {provider} to")
            return True
        state = raw.get("attachmentsStatus")
        if state == "UPDATE_IN_PROGRESS":
            return False
        there = provider in raw.get("capacityProviders", ()), by_default(raw, provider)
        if there == (wanted, wanted) and state != "UPDATE_FAILED":
            return True
        if state == "UPDATE_FAILED" and asked:
            raise EsawsError(f"ECS did not change the capacity providers of {cluster}; its attachments say why")
        providers = [name for name in raw.get("capacityProviders", ()) if name != provider]
        strategy = [
            item for item in raw.get("defaultCapacityProviderStrategy", ()) if item["capacityProvider"] != provider
        ]
        if wanted:
            providers.append(provider)
            strategy.append({"capacityProvider": provider, "weight": 1, "base": 0})
        cloud.retry(
            lambda: ecs.put_cluster_capacity_providers(
                cluster=cluster, capacityProviders=providers, defaultCapacityProviderStrategy=strategy
            ),
            "ResourceInUseException",
            "UpdateInProgressException",
        )
        asked = True
        return False

    cloud.wait_until(f"{provider} is {'attached to' if wanted else 'off'} {cluster}", settled)
