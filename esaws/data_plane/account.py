"""What runs in one account and region: its tasks, health checks, load balancers and stores."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from esaws.cloud import Cloud
from esaws.data_plane.addresses import Addresses
from esaws.data_plane.client_source import Place, source_of
from esaws.data_plane.containers import CannotStart
from esaws.data_plane.desired import Desired, LoadBalancer
from esaws.data_plane.image_store import ImageStore, RunnableImage
from esaws.data_plane.load_balancer import KEYS, AccessLogWriter, LoadBalancerProxy, RequestRecord
from esaws.data_plane.log_streams import LogStreams
from esaws.data_plane.names import NamedPlace, with_places
from esaws.data_plane.probes import Probes
from esaws.data_plane.request_counts import RequestCounts
from esaws.data_plane.retries import Retries
from esaws.data_plane.stores import Stores
from esaws.data_plane.tasks import Tasks
from esaws.data_plane.watchdog import Watchdog
from esaws.errors import EsawsError
from esaws.inspect.account import Account, snapshot
from esaws.inspect.network.reach import reach

ALLOWS_PUSHED = "ESAWS_RUN_PUSHED"
"""Set to 1, it lets images that users have pushed run where the local AWS has several accounts."""

_STORE_ENDS = {"db_instance": "db", "cache_cluster": "cache"}


class AccountRun:
    """Runs what one account and region should run."""

    def __init__(
        self,
        cloud: Cloud,
        folder: Path,
        addresses: Addresses,
        watchdog: Watchdog,
        *,
        now: Callable[[], float],
        factor: float,
        is_shared: Callable[[], bool],
    ) -> None:
        """Run below `folder`.

        `now` returns the time on the clock of AWS; `factor` is the fraction of AWS's time that delays take;
        `is_shared` returns whether the local AWS has several accounts, so that images that users push do not run.
        """
        self._cloud = cloud
        self._addresses = addresses
        self._now = now
        self._factor = factor
        self._images = ImageStore(cloud)
        self._is_shared = is_shared
        self._reports: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self._roles: dict[str, dict[str, str]] = {}
        self._account: Account | None = None
        self._version = -1
        self._refresh: asyncio.Task[None] | None = None
        self._following = Retries(f"load balancers of {cloud.account} in {cloud.region}")
        self._proxies: dict[str, LoadBalancerProxy] = {}
        self._access_logs: dict[str, asyncio.Task[None]] = {}
        self._requests = RequestCounts()
        self._placed: set[str] = set()
        """Load balancers that listen, or can't."""
        self._observed_stores: list[dict[str, Any]] = []
        self._entries: dict[str, Mapping[str, Any]] = {}
        self._logs = LogStreams(lambda region: cloud.in_region(region).client("logs"), now)
        self._probes = Probes(addresses, self._reports["health_checks"].append)
        self._stores = Stores(
            folder / "stores",
            addresses,
            may_reach=self._may_reach_store,
            find_source=self._source_of,
            watchdog=watchdog,
        )
        self._tasks = Tasks(
            cloud.region,
            folder / "tasks",
            addresses,
            watchdog,
            resolve_image=self._resolve_image,
            aws_environment=self._aws_environment,
            name_addresses=lambda environment: with_places(environment, self._places()),
            logs=self._logs,
            report=self._reports["containers"].append,
            report_health=self._reports["container_health"].append,
        )

    async def reconcile(self, desired: Desired, version: int, *, restarted: bool) -> None:
        """Bring what runs in line with what should run; `version` changes whenever the account does."""
        self._entries = {entry["key"]: entry for entry in desired.stores}
        self._observed_stores = await self._stores.reconcile(desired.stores)
        self._reports["db_snapshots"] = [
            {"key": store["key"]}
            for store in self._observed_stores
            if store["state"] in ("available", "failed") and self._entries[store["key"]].get("is_awaited")
        ]
        is_stale = version != self._version or (self._following.has_failed and self._following.is_due)
        if is_stale and (self._refresh is None or self._refresh.done()):
            self._version = version
            self._refresh = asyncio.create_task(self._follow(desired.load_balancers))
        if not self._is_placing(desired.load_balancers):
            self._tasks.reconcile(desired.tasks, restarted=restarted)
        self._probes.reconcile(desired.health_checks)

    async def send_reports(self, send: Callable[..., Awaitable[object]]) -> None:
        """Send the reports since the last call, a list a kind, if there are any; those of a failed call go again."""
        self._reports["requests"] += self._requests.take(time.monotonic())
        reports = {kind: [*listed] for kind, listed in self._reports.items() if listed}
        if not reports:
            return
        ended = self._tasks.ended
        await send(**reports)
        self._tasks.note_reported(ended)
        for kind, listed in reports.items():
            del self._reports[kind][: len(listed)]

    def last_requests(self) -> list[dict[str, Any]]:
        """Return the counts of requests that are left after the end."""
        return [*self._reports["requests"], *self._requests.take(math.inf)]

    def status(self) -> dict[str, Any]:
        """Return {account, region, containers, load_balancers, stores}: a number, and where the others listen."""
        listeners = [listener for proxy in self._proxies.values() for listener in proxy.listeners()]
        return {
            "account": self._cloud.account,
            "region": self._cloud.region,
            "containers": self._tasks.count,
            "load_balancers": listeners,
            "stores": [
                {**store, "name": entry.get("dns_name"), "aws_port": entry.get("port")}
                for store in self._observed_stores
                for entry in (self._entries[store["key"]],)
            ],
        }

    async def close(self) -> None:
        """End everything; the data of stores stay."""
        if self._refresh is not None:
            self._refresh.cancel()
        await asyncio.gather(*(self._close_proxy(arn) for arn in [*self._proxies]), return_exceptions=True)
        self._probes.close()
        await self._tasks.close()
        await self._stores.close()
        await self._logs.close()
        self._addresses.close()

    # --- load balancers

    async def _follow(self, load_balancers: tuple[LoadBalancer, ...]) -> None:
        """Read the account anew, and let the load balancers follow it."""
        try:
            wanted = {each.arn for each in load_balancers}
            for arn in self._proxies.keys() - wanted:
                await self._close_proxy(arn)
            self._account = await asyncio.to_thread(snapshot, self._cloud, *KEYS)
            self._cloud.calls.clear()
            for arn in wanted - self._proxies.keys():
                self._proxies[arn] = proxy = LoadBalancerProxy(
                    arn,
                    self._addresses,
                    find_source=self._source_of,
                    now=lambda: datetime.fromtimestamp(self._now(), UTC),
                    seconds=self._factor,
                )
                writer = AccessLogWriter(self._cloud, proxy)
                proxy.on_request = self._note_requests(writer)
                self._access_logs[arn] = asyncio.create_task(writer.run())
            failures = [failure for arn in self._proxies if (failure := await self._update(arn, self._account))]
        except Exception as error:
            failures = [error]
        if failures:
            self._following.note_failure(*failures)
        else:
            self._following.note_success()

    async def _update(self, arn: str, account: Account) -> Exception | None:
        """Let one load balancer follow; return why it does not, which stops none of the others."""
        try:
            await self._proxies[arn].update(account)
        except Exception as error:
            return error
        finally:
            self._placed.add(arn)
        return None

    def _note_requests(self, writer: AccessLogWriter) -> Callable[[RequestRecord], None]:
        def note(record: RequestRecord) -> None:
            self._requests.add(record)
            writer.add(record)

        return note

    async def _close_proxy(self, arn: str) -> None:
        """End a load balancer, and write the rest of its access log."""
        await self._proxies.pop(arn).close()
        self._access_logs[arn].cancel()
        await asyncio.wait([self._access_logs.pop(arn)])

    def _is_placing(self, load_balancers: tuple[LoadBalancer, ...]) -> bool:
        """Whether a load balancer is about to listen: the tasks that start now could not find it."""
        is_new = any(each.arn not in self._placed for each in load_balancers)
        return is_new and self._refresh is not None and not self._refresh.done()

    # --- stores

    def _may_reach_store(self, entry: Mapping[str, Any], source: str | None) -> bool | None:
        """Return whether a source may connect to a store, as `esaws reach` says; an operator's own program may.

        None: that is unknown, as before the account has been read.
        """
        end = _STORE_ENDS.get(entry["kind"])
        if source is None:
            return True
        if end is None or self._account is None:
            return None
        with suppress(EsawsError):
            decision = reach(self._account, source, f"{end}/{entry['id']}", int(entry["port"])).decision
            return {"allow": True, "deny": False}.get(decision)
        return None

    def _source_of(self, client: Place, here: Place) -> str | None:
        return source_of(client, here, self._tasks.addresses_by_group())

    # --- tasks

    def _resolve_image(self, image: str) -> RunnableImage | None:
        found = self._images.look_up(image)
        if found is not None and found.is_pushed and self._is_shared() and os.environ.get(ALLOWS_PUSHED) != "1":
            raise CannotStart(
                f"CannotStartContainerError: {image} was pushed by a user, and this local AWS has several accounts; "
                f"set {ALLOWS_PUSHED}=1 before `esaws local start --run` to run such images"
            )
        return found

    def _places(self) -> Iterator[NamedPlace]:
        """Yield where the names of load balancers and stores are on this machine."""
        for proxy in self._proxies.values():
            for each in proxy.listeners():
                yield NamedPlace(each["name"], each["port"], each["host"], each["local_port"])
        for entry in self._entries.values():  # also of a store that does not run yet: it will listen there
            if entry["kind"] in _STORE_ENDS and entry.get("dns_name"):
                yield NamedPlace(entry["dns_name"], entry["port"], *self._stores.place_of(entry))

    def _aws_environment(self, role: str | None) -> Mapping[str, str]:
        """Return the variables with which a task reaches AWS, with the credentials of its role."""
        where = {
            "AWS_ENDPOINT_URL": self._cloud.endpoint or "",
            "AWS_REGION": self._cloud.region,
            "AWS_DEFAULT_REGION": self._cloud.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        if role is None:
            return where
        if role not in self._roles:
            session = {"RoleArn": role, "RoleSessionName": "esaws-task", "DurationSeconds": 43200}
            credentials = self._cloud.client("sts").assume_role(**session)["Credentials"]
            self._roles[role] = {
                "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
                "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
                "AWS_SESSION_TOKEN": credentials["SessionToken"],
            }
        return {**where, **self._roles[role]}
