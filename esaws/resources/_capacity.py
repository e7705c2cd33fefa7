"""Capacity providers: describe them, and attach them to clusters or detach them."""

from collections.abc import Iterator
from typing import Any

from esaws.cloud import Cloud
from esaws.errors import EsawsError
from esaws.resources._ecs import describe


def describe_providers(cloud: Cloud, *names: str) -> Iterator[dict[str, Any]]:
    """Yield the capacity providers of the account, or those of `names` that exist; botocore has no paginator."""
    parameters: dict[str, Any] = {"include": ["TAGS"]} | ({"capacityProviders": list(names)} if names else {})
    while True:
        page = cloud.client("ecs").describe_capacity_providers(**parameters)
        yield from page["capacityProviders"]
        if not page.get("nextToken"):
            break
        parameters["nextToken"] = page["nextToken"]


def is_changing(cloud: Cloud, name: str, verb: str) -> bool:
    """Whether AWS is still updating or deleting it; `verb` is UPDATE or DELETE.

    Raises:
        EsawsError: the change failed, with the reason of AWS.
    """
    for raw in describe_providers(cloud, name):
        if raw.get("updateStatus") == f"{verb}_FAILED":
            raise EsawsError(f"capacity provider {name}: {raw.get('updateStatusReason', raw['updateStatus'])}")
        done = raw["status"] == "INACTIVE" if verb == "DELETE" else raw.get("updateStatus") != f"{verb}_IN_PROGRESS"
        return not done
    return False


def is_default_provider(cluster: dict[str, Any], provider: str) -> bool:
    """Whether tasks of the cluster run on this provider by default."""
    return any(item["capacityProvider"] == provider for item in cluster.get("defaultCapacityProviderStrategy", ()))


def attach(cloud: Cloud, provider: str, cluster: str) -> None:
    """Attach the provider to the cluster, also as a default, and return when AWS has done it."""
    _associate(cloud, cluster, provider, attached=True)


def detach(cloud: Cloud, provider: str, cluster: str) -> None:
    """Detach the provider from the cluster and return when AWS has done it."""
    _associate(cloud, cluster, provider, attached=False)


def _associate(cloud: Cloud, cluster: str, provider: str, *, attached: bool) -> None:
    """Add the provider to the cluster's list and default strategy, or remove it; others stay.

    AWS takes the whole list, one change at a time. The change is repeated if a concurrent one undid it.
    """
    ecs, requested = cloud.client("ecs"), False

    def settled() -> bool:
        nonlocal requested
        raw = next(describe(cloud, "clusters", [cluster], include=["ATTACHMENTS"]), None)
        if raw is None or raw["status"] == "INACTIVE":
            if attached:
                raise EsawsError(f"capacity provider {provider}: cluster {cluster} does not exist; deploy it first")
            return True
        state = raw.get("attachmentsStatus")
        if state == "UPDATE_IN_PROGRESS":
            return False
        current = provider in raw.get("capacityProviders", ()), is_default_provider(raw, provider)
        if current == (attached, attached) and state != "UPDATE_FAILED":
            return True
        if state == "UPDATE_FAILED" and requested:
            raise EsawsError(f"cluster {cluster}: changing its capacity providers failed; see its attachments in ECS")
        providers = [name for name in raw.get("capacityProviders", ()) if name != provider]
        strategy = [
            item for item in raw.get("defaultCapacityProviderStrategy", ()) if item["capacityProvider"] != provider
        ]
        if attached:
            providers.append(provider)
            strategy.append({"capacityProvider": provider, "weight": 1, "base": 0})
        cloud.retry(
            lambda: ecs.put_cluster_capacity_providers(
                cluster=cluster, capacityProviders=providers, defaultCapacityProviderStrategy=strategy
            ),
            "ResourceInUseException",
            "UpdateInProgressException",
        )
        requested = True
        return False

    cloud.wait_until(f"{provider} is {'attached to' if attached else 'detached from'} {cluster}", settled)
