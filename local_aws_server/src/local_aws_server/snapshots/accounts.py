"""What an account is: moto's stores of its services, and what is kept beside them; taken out, and put in its place."""

from __future__ import annotations

import re
import sys
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.common_models import BaseModel

from local_aws_server.backends import Backends, clear_backends
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.services.iam import shared_managed_policies as managed
from local_aws_server.snapshots.class_allowlist import RUN_CODE, class_named, name_of
from local_aws_server.snapshots.errors import Unreadable, Unsaveable
from local_aws_server.snapshots.object_graph import Reader, Writer, with_reasons
from local_aws_server.snapshots.registry import KINDS, OF_ACCOUNTS, WORKED_OUT

_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_NOTHING_LOST = {"sts"}
_HOME = "us-east-1"
"""Where behaviours find what has no region."""
_REFERENCES = ("vpc_refs", "vpc_pcx_refs", "backend_refs")
"""Where classes of EC2's store keep all instances of themselves."""


@dataclass(frozen=True)
class Account:
    """One account, as the objects that make it up."""

    backends: list[Any]
    """moto's stores, of each service and region."""
    kept: dict[str, Any]
    """Name in the registry → what is kept."""
    made: tuple[Any, ...] = ()
    """All the objects that were made for it, where it was read from a file."""


def known() -> list[str]:
    """The accounts that hold anything, or that something is kept of."""
    return sorted({account for kept in (*_stores(), *OF_ACCOUNTS.values()) for account in list(kept)})


def is_used(account: str) -> bool:
    """Whether there is anything in an account: not if it was only asked who it is."""
    return any(account in list(store) for store in _stores() if store.service_name not in _NOTHING_LOST)


def current(account: str) -> Account:
    """An account as it is: the objects themselves, not a copy."""
    backends = [backend for store in _stores() if account in list(store) for backend in list(store[account].values())]
    return Account(backends, {name: kept[account] for name, kept in OF_ACCOUNTS.items() if account in kept})


def _stores() -> list[Any]:
    return list(BackendDict._instances)  # type: ignore[misc]


def _store(cls: Any) -> Any:
    """moto's stores of one service, by account. Raises Unreadable if the class is no service's."""
    module = vars(sys.modules[cls.__module__])
    found = next((each for each in module.values() if isinstance(each, BackendDict) and each.backend is cls), None)
    if found is None:
        raise Unreadable(f"{name_of(cls)} is no service")
    return found


# --- as data


def write(account: str) -> tuple[dict[str, Any], list[str]]:
    """An account as plain data, and what of it could not be written: the service and why. Under its lock."""
    now, left_out = current(account), []
    writer = Writer(_outside(account))
    backends, kept = [], {}
    for backend in now.backends:
        service = type(backend).__module__.split(".")[1]
        if service in RUN_CODE:
            left_out += [f"{service}, which runs code"] * _holds_anything(backend)
            continue
        try:
            backends.append([backend.region_name, writer.write(backend)])
        except Unsaveable as problem:
            left_out.append(f"{service} in {backend.region_name}: {problem}")
    for name, value in now.kept.items():
        try:
            kept[name] = writer.write(value)
        except Unsaveable as problem:
            left_out.append(f"{name}: {problem}")
    return {**writer.table(), "backends": backends, "kept": kept}, sorted(set(left_out))


def _holds_anything(store: Any, depth: int = 2) -> bool:
    """Whether there is anything in the containers of a store, or in those of what it consists of."""
    return any(
        bool(each) if isinstance(each, dict | list | set) else depth > 0 and _holds_anything(each, depth - 1)
        for each in getattr(store, "__dict__", {}).values()
    )


def read(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, Account]:
    """The accounts that tables tell of, as new objects: nothing is changed. Raises Unreadable."""
    readers = {account: Reader(table) for account, table in tables.items()}
    stores = {}
    for account, table in tables.items():
        if not _ACCOUNT.fullmatch(account):
            raise Unreadable(f"{account:.20} is no account")
        for region, written in with_reasons(list, table["backends"]):
            backend = readers[account].read(written)
            stores[_name(type(backend), account, region)] = backend
    outside = _finder(stores)
    return {account: _account(account, readers[account], table, outside) for account, table in tables.items()}


def _account(account: str, reader: Reader, table: Mapping[str, Any], outside: Callable[[str], Any]) -> Account:
    reader.fill(outside)
    backends = []
    for region, written in table["backends"]:
        backend = reader.read(written)
        if not isinstance(backend, BaseBackend):
            raise Unreadable(f"a {type(backend).__name__} is no service")
        _store(type(backend))
        if (vars(backend).get("account_id"), vars(backend).get("region_name")) != (account, region):
            raise Unreadable(f"{name_of(type(backend))} belongs elsewhere")
        backends.append(backend)
    kept = {name: reader.read(written) for name, written in table["kept"].items() if name in OF_ACCOUNTS}
    if wrong := [name for name, value in kept.items() if KINDS[name] not in (object, type(value))]:
        raise Unreadable(f"what it says of {wrong[0]} is of another kind")
    return Account(backends, kept, tuple(reader))


def _name(cls: type, account: str, region: str) -> str:
    return f"{name_of(cls)} {account} {region}"


def _outside(account: str) -> dict[int, str]:
    """The `id` of what an account may hold and does not own → its name."""
    backends = {
        id(backend): _name(type(backend), owner, region)
        for store in _stores()
        for owner in list(store)
        if owner != account
        for region, backend in list(store[owner].items())
    }
    return backends | {id(version): name for name, version in _policy_versions().items()}


def _policy_versions() -> dict[str, Any]:
    """AWS's managed policies, which all accounts share: their documents are most of what IAM holds."""
    policies = managed._policies("aws") if "moto.iam.models" in sys.modules else []
    return {f"policy {each.arn} {version.version_id}": version for each in policies for version in each.versions}


def _finder(stores: Mapping[str, Any]) -> Callable[[str], Any]:
    """Finds what a file only names: stores of other accounts, in it or already here, and AWS's managed policies."""
    policies = _policy_versions()

    def find(name: str) -> Any:
        found = stores.get(name) or policies.get(name)
        if found is not None:
            return found
        cls, account, region = name.split(" ")
        if not _ACCOUNT.fullmatch(account):
            raise Unreadable(f"{account:.20} is no account")
        return _store(class_named(cls))[account][region]

    return find


# --- in its place


def replace(accounts: Mapping[str, Account | None]) -> None:
    """Put accounts into the place of those of that name; None: take it away. Under all locks. Raises Unreadable.

    Nothing is changed if a bucket of theirs would have the name of another account's.
    """
    _check_buckets(accounts)
    for account in accounts:
        for store in _stores():
            if account in list(store):
                for backend in list(dict.values(store[account])):
                    _strike_off(backend)
                dict.pop(store, account)
        for kept in (*OF_ACCOUNTS.values(), *WORKED_OUT):
            kept.pop(account, None)
    for account, new in accounts.items():
        if new is not None:
            for backend in new.backends:
                dict.__setitem__(_store(type(backend))[account], backend.region_name, backend)
                _enlist(backend)
            for name, value in new.kept.items():
                OF_ACCOUNTS[name][account] = value
    clear_backends()


def track(things: Iterator[Any]) -> None:
    """Let moto's list of its objects hold new ones too, as if moto had made them: it keeps them alive."""
    for thing in things:
        if isinstance(thing, BaseModel):
            type(thing).instances_tracked.append(thing)  # type: ignore[attr-defined]


def wake(accounts: Mapping[str, Account]) -> None:
    """Ask each behaviour of the world once what there is to do in these accounts. Under all locks."""
    for account, each in accounts.items():
        regions = {_HOME if backend.region_name == "aws" else backend.region_name for backend in each.backends}
        for region in sorted(regions):
            here = [_store(type(each)).service_name for each in each.backends if each.region_name in (region, "aws")]
            SCHEDULER.reconcile(Backends(account, region), *here)


def _buckets(backend: Any) -> dict[str, Any]:
    """The buckets of a store of S3, whose names are known beside it; none of any other."""
    found: dict[str, Any] = vars(backend).get("buckets", {}) if _is(backend, "moto.s3.models:S3Backend") else {}
    return found


def _members(backend: Any) -> list[str]:
    """The accounts of an organization, its own left out, which are known beside its store."""
    if not _is(backend, "moto.organizations.models:OrganizationsBackend"):
        return []
    return [each.id for each in backend.accounts if each.id != backend.account_id]


def _is(backend: Any, name: str) -> bool:
    return name_of(type(backend)) == name


def _check_buckets(accounts: Mapping[str, Account | None]) -> None:
    for account, new in accounts.items():
        for backend in new.backends if new else ():
            for bucket in with_reasons(list, _buckets(backend)):
                _, owner = _store(type(backend)).bucket_accounts.get(bucket, ("", account))
                if owner not in accounts:
                    raise Unreadable(f"it has a bucket {bucket}, which account {owner} has here")


def _enlist(backend: Any) -> None:
    """Let moto know a store where it keeps more than the store itself."""
    cls = type(backend)
    for name in _REFERENCES:
        if hasattr(cls, name):
            getattr(cls, name)[cls].add(weakref.ref(backend))
    for bucket in _buckets(backend):
        _store(cls).bucket_accounts[bucket] = (backend.partition, backend.account_id)
    for member in _members(backend):
        _store(cls).master_accounts[member] = (backend.account_id, backend.partition)


def _strike_off(backend: Any) -> None:
    cls = type(backend)
    for name in _REFERENCES:
        if hasattr(cls, name):
            getattr(cls, name)[cls].discard(weakref.ref(backend))
    for bucket in _buckets(backend):
        _store(cls).bucket_accounts.pop(bucket, None)
    for member in _members(backend):
        _store(cls).master_accounts.pop(member, None)
