"""What an inspection looks at: the answers of an account's describe calls, fetched once; all that follows is pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from esaws.cloud import Cloud
from esaws.errors import EsawsError, UsageError
from esaws.inspect.fetch import FETCHERS, Fetcher, Raw


class MissingData(EsawsError):
    """AWS did not say what an inspection needs; the message names the permission that is missing."""


@dataclass(frozen=True)
class Account:
    """The answers, by boto3's key, as `SecurityGroups` or `tasks`; a part has the id of its whole added to it.

    Rules have ListenerArn, TargetHealth and TargetGroupAttributes TargetGroupArn, LoadBalancerAttributes
    LoadBalancerArn, containerInstances, services and tasks clusterArn. Buckets are {Name, Encryption,
    PublicAccessBlock, PolicyStatus, Versioning}: None where it is not set, left out where AWS did not say. `missing`
    holds why a key is not known.
    """

    id: str
    region: str
    descriptions: Mapping[str, Sequence[Raw]]
    missing: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Sequence[Raw]:
        """Raises:
        NotKnown: AWS did not say.
        """
        if key in self.descriptions:
            return self.descriptions[key]
        raise MissingData(f"{key} of account {self.id} are not known: {self.missing.get(key, 'nobody asked for them')}")

    def get(self, key: str) -> Sequence[Raw] | None:
        """The same, or None where AWS did not say: then the honest answer is unknown."""
        return self.descriptions.get(key)


def snapshot(cloud: Cloud, *keys: str) -> Account:
    """Fetch what an inspection needs, all of it if nothing is named; nothing is changed.

    It works on any account: `esaws/data/read_only_policy.json` has the permissions. What is denied, or not simulated
    by the local AWS, is `missing`.

    Raises:
        LocalNotRunning: the target is the local AWS and none runs.
        UsageError: there is no such key, or nothing answers.
        WrongAccount: the credentials belong to another account.
    """
    if unheard_of := set(keys) - set(FETCHERS):
        raise UsageError(f"nobody can look at {', '.join(sorted(unheard_of))}; there are {', '.join(sorted(FETCHERS))}")
    account = cloud.check()
    asking = Fetcher(cloud)
    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(asking.settle, key) for key in keys or FETCHERS]:
            future.result()
    return Account(account, cloud.region, asking.answers, asking.missing)
