"""Accounts as saved: moto's backends of all services, and the data kept beside them; written, read and replaced."""

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
from local_aws_server.snapshots.aws_owned import AwsObjects, unchanged_objects, unload_public_parameters
from local_aws_server.snapshots.class_allowlist import CODE_RUNNING_SERVICES, class_name, find_class
from local_aws_server.snapshots.errors import Unreadable, Unsaveable
from local_aws_server.snapshots.object_reader import ObjectReader, as_unreadable
from local_aws_server.snapshots.object_writer import ObjectWriter
from local_aws_server.snapshots.registry import ACCOUNT_DATA, ACCOUNT_DATA_CLASSES, DERIVED, UPGRADES

_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_STATELESS_SERVICES = {"sts"}
_GLOBAL_RECONCILER_REGION = "us-east-1"
"""Reconcilers run here for global services."""
_REFERENCES = ("vpc_refs", "vpc_pcx_refs", "backend_refs")
"""Class attributes in which moto's EC2 backends register themselves."""


@dataclass(frozen=True)
class Account:
    """The objects of one account."""

    backends: list[Any]
    """moto's backends, of each service and region."""
    data: dict[str, Any]
    """Name in the registry → the account's data."""
    new_objects: tuple[Any, ...] = ()
    """All objects that were created for it, if it was read from a file."""


def known_accounts() -> list[str]:
    """The accounts that have backends or registered data."""
    return sorted({account for by_account in (*_stores(), *ACCOUNT_DATA.values()) for account in list(by_account)})


def is_used(account: str) -> bool:
    """Whether an account has any backend but that of STS."""
    return any(account in list(store) for store in _stores() if store.service_name not in _STATELESS_SERVICES)


def current(account: str) -> Account:
    """The account's present objects, not copies."""
    backends = [backend for store in _stores() if account in list(store) for backend in list(store[account].values())]
    data = {name: by_account[account] for name, by_account in ACCOUNT_DATA.items() if account in by_account}
    return Account(backends, data)


def _stores() -> list[Any]:
    """moto's stores: each has the backends of a service, by account and region."""
    return list(BackendDict._instances)  # type: ignore[misc]


def _store(cls: Any) -> Any:
    """The store of a backend's class. Raises Unreadable if it is not the class of a backend."""
    values = vars(sys.modules[cls.__module__]).values()
    store = next((value for value in values if isinstance(value, BackendDict) and value.backend is cls), None)
    if store is None:
        raise Unreadable(f"{class_name(cls)} is not the backend of a service")
    return store


# --- as data


def write(account: str) -> tuple[dict[str, Any], list[str]]:
    """(the account as plain data, what is left out and why). The caller holds the account's lock."""
    now, left_out = current(account), []
    for backend in now.backends:
        if _is(backend, "moto.ssm.models:SimpleSystemManagerBackend"):
            unload_public_parameters(backend)
    writer = ObjectWriter(_external_objects(account, now.backends))
    backends, data = [], {}
    for backend in now.backends:
        service = type(backend).__module__.split(".")[1]
        if service in CODE_RUNNING_SERVICES:
            if _has_content(backend):
                left_out.append(f"{service}, which runs code")
            continue
        try:
            backends.append([backend.region_name, writer.write(backend)])
        except Unsaveable as error:
            left_out.append(f"{service} in {backend.region_name}: {error}")
    for name, value in now.data.items():
        try:
            data[name] = writer.write(value)
        except Unsaveable as error:
            left_out.append(f"{name}: {error}")
    return {**writer.table(), "backends": backends, "kept": data}, sorted(set(left_out))


def _has_content(backend: Any, depth: int = 2) -> bool:
    """Whether a container in a backend, or in one of its parts, has any content."""
    return any(
        bool(value) if isinstance(value, dict | list | set) else depth > 0 and _has_content(value, depth - 1)
        for value in getattr(backend, "__dict__", {}).values()
    )


def read(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, Account]:
    """The accounts of a file's tables, as new objects; replaces nothing. Raises Unreadable."""
    readers = {account: ObjectReader(table) for account, table in tables.items()}
    backends = {}
    for account, table in tables.items():
        if not _ACCOUNT.fullmatch(account):
            raise Unreadable(f"{account:.20} is not an account id")
        for region, row in as_unreadable(list, table["backends"]):
            backend = readers[account].read(row)
            backends[_backend_name(type(backend), account, region)] = backend
    find_external = _external_finder(backends)
    return {account: _account(account, readers[account], table, find_external) for account, table in tables.items()}


def _account(
    account: str, reader: ObjectReader, table: Mapping[str, Any], find_external: Callable[[str], Any]
) -> Account:
    reader.fill(find_external)
    backends = []
    for region, row in table["backends"]:
        backend = reader.read(row)
        if not isinstance(backend, BaseBackend):
            raise Unreadable(f"a {type(backend).__name__} is not the backend of a service")
        _store(type(backend))
        if (vars(backend).get("account_id"), vars(backend).get("region_name")) != (account, region):
            raise Unreadable(f"{class_name(type(backend))} belongs to another account or region")
        backends.append(backend)
    data = {name: _upgraded(name, reader.read(row)) for name, row in table["kept"].items() if name in ACCOUNT_DATA}
    if wrong := [name for name, value in data.items() if ACCOUNT_DATA_CLASSES[name] not in (object, type(value))]:
        raise Unreadable(f"the data {wrong[0]!r} is of another class")
    return Account(backends, data, tuple(reader))


def _upgraded(name: str, value: Any) -> Any:
    upgrade = UPGRADES.get((name, type(value)))
    return as_unreadable(upgrade, value) if upgrade else value


def _backend_name(cls: type, account: str, region: str) -> str:
    return f"{class_name(cls)} {account} {region}"


def _external_objects(account: str, own_backends: list[Any]) -> dict[int, str]:
    """`id` → name of the objects that an account refers to and does not own."""
    backends = {
        id(backend): _backend_name(type(backend), owner, region)
        for store in _stores()
        for owner in list(store)
        if owner != account
        for region, backend in list(store[owner].items())
    }
    return backends | unchanged_objects(account, own_backends)


def _external_finder(backends: Mapping[str, Any]) -> Callable[[str], Any]:
    """A function that finds external objects by name: backends in the file or here, and objects of AWS."""
    aws_objects = AwsObjects(backends)

    def find(name: str) -> Any:
        found = backends.get(name) or aws_objects.find(name)
        if found is not None:
            return found
        cls, account, region = name.split(" ")
        if not _ACCOUNT.fullmatch(account):
            raise Unreadable(f"{account:.20} is not an account id")
        return _store(find_class(cls))[account][region]

    return find


# --- replacing


def replace(accounts: Mapping[str, Account | None]) -> None:
    """Replace accounts; None removes one. The caller holds all locks.

    Raises Unreadable, and changes nothing, if a bucket has the name of another account's bucket.
    """
    _check_buckets(accounts)
    for account in accounts:
        for store in _stores():
            if account in list(store):
                for backend in list(dict.values(store[account])):
                    _unregister(backend)
                dict.pop(store, account)
        for by_account in (*ACCOUNT_DATA.values(), *DERIVED):
            by_account.pop(account, None)
    for account, new in accounts.items():
        if new is not None:
            for backend in new.backends:
                dict.__setitem__(_store(type(backend))[account], backend.region_name, backend)
                _register(backend)
            for name, value in new.data.items():
                ACCOUNT_DATA[name][account] = value
    clear_backends()


def remove_all() -> None:
    """Remove every account. moto's own reset first creates each backend that it removes anew, with all of AWS's images.

    A backend that has files or threads to end, such as that of S3, ends them.
    """
    for account in known_accounts():
        for backend in current(account).backends:
            if type(backend).reset is not BaseBackend.reset:
                backend.reset()
    replace(dict.fromkeys(known_accounts()))


def add_to_tracked_instances(objects: Iterator[Any]) -> None:
    """Add new objects to moto's list of its instances, as moto's constructors do: it keeps them alive."""
    for moto_object in objects:
        if isinstance(moto_object, BaseModel):
            type(moto_object).instances_tracked.append(moto_object)  # type: ignore[attr-defined]


def run_reconcilers(accounts: Mapping[str, Account]) -> None:
    """Run the reconcilers of all services of the accounts. The caller holds all locks."""
    for name, account in accounts.items():
        regions = {
            _GLOBAL_RECONCILER_REGION if backend.region_name == "aws" else backend.region_name
            for backend in account.backends
        }
        for region in sorted(regions):
            services = [
                _store(type(backend)).service_name
                for backend in account.backends
                if backend.region_name in (region, "aws")
            ]
            SCHEDULER.reconcile(Backends(name, region), *services)


def _check_buckets(accounts: Mapping[str, Account | None]) -> None:
    for account, new in accounts.items():
        for backend in new.backends if new else ():
            for bucket in as_unreadable(list, _buckets(backend)):
                _, owner = _store(type(backend)).bucket_accounts.get(bucket, ("", account))
                if owner not in accounts:
                    raise Unreadable(f"account {owner} already has a bucket named {bucket}")


def _register(backend: Any) -> None:
    """Register a backend where moto refers to it outside of its store."""
    cls = type(backend)
    for name in _REFERENCES:
        if hasattr(cls, name):
            getattr(cls, name)[cls].add(weakref.ref(backend))
    for bucket in _buckets(backend):
        _store(cls).bucket_accounts[bucket] = (backend.partition, backend.account_id)
    for member in _organization_members(backend):
        _store(cls).master_accounts[member] = (backend.account_id, backend.partition)


def _unregister(backend: Any) -> None:
    cls = type(backend)
    for name in _REFERENCES:
        if hasattr(cls, name):
            getattr(cls, name)[cls].discard(weakref.ref(backend))
    for bucket in _buckets(backend):
        _store(cls).bucket_accounts.pop(bucket, None)
    for member in _organization_members(backend):
        _store(cls).master_accounts.pop(member, None)


def _buckets(backend: Any) -> dict[str, Any]:
    """The buckets of an S3 backend, which moto also registers in the store; empty for other backends."""
    buckets: dict[str, Any] = vars(backend).get("buckets", {}) if _is(backend, "moto.s3.models:S3Backend") else {}
    return buckets


def _organization_members(backend: Any) -> list[str]:
    """The member accounts of an organization, which moto also registers in the store."""
    if not _is(backend, "moto.organizations.models:OrganizationsBackend"):
        return []
    return [account.id for account in backend.accounts if account.id != backend.account_id]


def _is(backend: Any, name: str) -> bool:
    return class_name(type(backend)) == name
