"""A snapshot of an account: the results of its describe calls, fetched once. Everything after it is pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from esaws.aws import tag_dict
from esaws.cloud import Cloud
from esaws.errors import EsawsError, UsageError
from esaws.inspect.calls import CloudCalls
from esaws.inspect.fetch import FETCHERS, Raw, fetch_all
from esaws.inspect.snapshots.files import read_folder
from esaws.inspect.snapshots.saved_calls import SavedCalls
from esaws.local_aws.withheld import require_tool


class MissingData(EsawsError):
    """An inspection needs data that could not be fetched; the message names the missing permission."""


@dataclass(frozen=True)
class Account:
    """The results of describe calls under boto3's keys, such as `SecurityGroups` or `tasks`.

    A child carries the id of its parent: Rules have ListenerArn, TargetHealth and TargetGroupAttributes have
    TargetGroupArn, LoadBalancerAttributes have LoadBalancerArn, containerInstances, services and tasks have clusterArn.
    Buckets are {Name, Encryption, PublicAccessBlock, PolicyStatus, Versioning}: None where the setting is not set, left
    out where it could not be fetched. `missing` has the reason for each key that could not be fetched. `notes` says of
    a folder which files were ignored, and what its answers leave open.
    """

    id: str
    region: str
    descriptions: Mapping[str, Sequence[Raw]]
    missing: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

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


def snapshot(source: Cloud | str | Path, *keys: str, region: str | None = None) -> Account:
    """Fetch what the inspectors need, or only the given keys and what they depend on. Nothing is changed.

    Args:
        source: a cloud, or a folder with saved answers of an account, one JSON file a call as the AWS CLI prints it
            (docs/snapshots.md describes the names). A folder needs no network and no credentials.
        keys: the keys to fetch; all without any.
        region: the region of a folder whose answers do not name it.

    It works on any account: `esaws/data/read_only_policy.json` lists the permissions. Keys that are denied, not
    simulated by the local AWS, or not in the folder, end up in `missing`.

    Raises:
        LocalNotRunning: the target is the local AWS and none runs.
        Refused: a lab of level 3 runs in this account of the local AWS.
        UsageError: a key does not exist, the endpoint does not answer, or a file of the folder is not what AWS answers.
        WrongAccount: the credentials belong to another account.
    """
    if unknown_keys := set(keys) - set(FETCHERS):
        names = ", ".join(sorted(unknown_keys))
        raise UsageError(f"{names}: no such key of an account. Choose from {', '.join(sorted(FETCHERS))}")
    if isinstance(source, Cloud):
        account = source.check()
        if not source.is_aws:
            require_tool("snapshot", lambda: account)
        fetcher = fetch_all(CloudCalls(source), keys)
        return Account(account, source.region, fetcher.results, fetcher.missing)
    saved = SavedCalls(read_folder(Path(source)), region)
    fetcher = fetch_all(saved, keys)
    notes = [f"{file} was ignored: {reason}" for file, reason in sorted(saved.ignored.items())]
    return Account(saved.account, saved.region, fetcher.results, fetcher.missing, (*notes, *saved.notes))


def account_of(target: Account | Cloud, *keys: str) -> Account:
    """Return an account as it is; for a cloud take a snapshot of the given keys."""
    return target if isinstance(target, Account) else snapshot(target, *keys)


def name_tag(raw: Mapping[str, Any], default: str = "") -> str:
    """Return the Name tag of a resource, or the default where it has none."""
    return str(tag_dict(raw.get("Tags")).get("Name") or default)
