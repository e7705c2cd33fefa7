"""A snapshot of an account: the results of its describe calls, fetched once. Everything after it is pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from esaws.aws import tag_dict
from esaws.cloud import Cloud
from esaws.errors import EsawsError, UsageError
from esaws.inspect.fetch import FETCHERS, Fetcher, Raw


class MissingData(EsawsError):
    """An inspection needs data that could not be fetched; the message names the missing permission."""


@dataclass(frozen=True)
class Account:
    """The results of describe calls under boto3's keys, such as `SecurityGroups` or `tasks`.

    A child carries the id of its parent: Rules have ListenerArn, TargetHealth and TargetGroupAttributes have
    TargetGroupArn, LoadBalancerAttributes have LoadBalancerArn, containerInstances, services and tasks have clusterArn.
    Buckets are {Name, Encryption, PublicAccessBlock, PolicyStatus, Versioning}: None where the setting is not set, left
    out where it could not be fetched. `missing` has the reason for each key that could not be fetched.
    """

    id: str
    region: str
    descriptions: Mapping[str, Sequence[Raw]]
    missing: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Sequence[Raw]:
        """Return the descriptions under a key.

        Raises:
            MissingData: they could not be fetched, or are not part of this snapshot.
        """
        if key in self.descriptions:
            return self.descriptions[key]
        reason = self.missing.get(key, "not part of this snapshot; take one that includes the key")
        raise MissingData(f"{key} of account {self.id} are unknown: {reason}")

    def get(self, key: str) -> Sequence[Raw] | None:
        """Return the descriptions under a key, or None where they are unknown."""
        return self.descriptions.get(key)


def snapshot(cloud: Cloud, *keys: str) -> Account:
    """Fetch what the inspectors need, or only the given keys and what they depend on. Nothing is changed.

    It works on any account: `esaws/data/read_only_policy.json` lists the permissions. Keys that are denied, or not
    simulated by the local AWS, end up in `missing`.

    Raises:
        LocalNotRunning: the target is the local AWS and none runs.
        UsageError: a key does not exist, or the endpoint does not answer.
        WrongAccount: the credentials belong to another account.
    """
    if unknown_keys := set(keys) - set(FETCHERS):
        names = ", ".join(sorted(unknown_keys))
        raise UsageError(f"{names}: no such key of an account. Choose from {', '.join(sorted(FETCHERS))}")
    account = cloud.check()
    fetcher = Fetcher(cloud)
    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(fetcher.fetch, key) for key in keys or FETCHERS]:
            future.result()
    return Account(account, cloud.region, fetcher.results, fetcher.missing)


def account_of(target: Account | Cloud, *keys: str) -> Account:
    """Return an account as it is; for a cloud take a snapshot of the given keys."""
    return target if isinstance(target, Account) else snapshot(target, *keys)


def name_tag(raw: Mapping[str, Any], default: str = "") -> str:
    """Return the Name tag of a resource, or the default where it has none."""
    return str(tag_dict(raw.get("Tags")).get("Name") or default)
