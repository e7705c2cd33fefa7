"""What runs in one account and region: its tasks, health checks, load balancers and stores."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from esaws.cloud import Cloud
from esaws.data_plane.addresses import Addresses
from esaws.data_plane.desired import Desired
from esaws.data_plane.image_store import ImageStore
from esaws.data_plane.log_streams import LogStreams
from esaws.data_plane.probes import Probes
from esaws.data_plane.tasks import Tasks
from esaws.data_plane.watchdog import Watchdog

OBSERVER = {"X-Esaws-Observer": "1"}
"""A call with this header never advances the clock of the local AWS."""


class AccountRun:
    """Runs what one account and region should run."""

    def __init__(
        self, cloud: Cloud, folder: Path, addresses: Addresses, watchdog: Watchdog, now: Callable[[], float]
    ) -> None:
        cloud.headers.update(OBSERVER)
        self._cloud = cloud
        self._addresses = addresses
        self._reports: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self._roles: dict[str, dict[str, str]] = {}
        self._logs = LogStreams(lambda region: cloud.in_region(region).client("logs"), now)
        self._probes = Probes(addresses, self._reports["health_checks"].append)
        self._tasks = Tasks(
            cloud.region,
            folder / "tasks",
            addresses,
            watchdog,
            resolve_image=ImageStore(cloud).look_up,
            aws_environment=self._aws_environment,
            name_addresses=lambda environment: environment,
            logs=self._logs,
            report=self._reports["containers"].append,
        )

    async def reconcile(self, desired: Desired, version: int, *, restarted: bool) -> None:
        """Bring what runs in line with what should run; `version` changes whenever the account does."""
        self._tasks.reconcile(desired.tasks, restarted=restarted)
        self._probes.reconcile(desired.health_checks)

    def take_reports(self) -> dict[str, list[dict[str, Any]]]:
        """Return the reports since the last call, by kind; {} if there are none."""
        taken = {kind: list(reports) for kind, reports in self._reports.items() if reports}
        for reports in self._reports.values():
            reports.clear()
        return taken

    def status(self) -> dict[str, Any]:
        """Return {account, region, containers: their number}."""
        return {"account": self._cloud.account, "region": self._cloud.region, "containers": self._tasks.count}

    async def close(self) -> None:
        """End everything."""
        self._probes.close()
        await self._tasks.close()
        await self._logs.close()

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
