"""Rehearse a changing runbook: run it on a local AWS that is made like the target. Nothing is written to the target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from esaws import simulation
from esaws.cloud import Cloud
from esaws.durations import humanize
from esaws.errors import UsageError
from esaws.local_aws.scratch import scratch_server
from esaws.notebooks.execution import CellEvent
from esaws.runbooks.declaration import Declaration, read_declaration
from esaws.runbooks.replica import Replica, make_replica
from esaws.runbooks.runner import RunbookRun, run_runbook
from esaws.simulation import cloud_time
from esaws.timestamps import format_iso

_OF_THE_TARGET = ("account", "approve", "dry_run", "notify", "region")
"""Parameters that a rehearsal sets itself, or that mean nothing in a copy."""


@dataclass(frozen=True)
class Rehearsal:
    """A rehearsal that has ended: the run in the copy, how the copy differs, and how long the run took on its clock."""

    run: RunbookRun
    replica: Replica
    duration: timedelta

    def to_dict(self) -> dict[str, Any]:
        """The record of the run, with `rehearsal`: profile, unlike (sentences) and seconds_on_the_clock."""
        about = {
            "profile": self.replica.profile,
            "unlike": list(self.replica.unlike),
            "seconds_on_the_clock": self.duration.total_seconds(),
        }
        return self.run.record | {"rehearsal": about}

    def __str__(self) -> str:
        record = self.run.record
        before, after = record["usd"]["month_before"], record["usd"]["month_after"]
        lines = [
            f"Rehearsed on a copy of the deployment (profile {self.replica.profile or 'none: nothing is deployed'})"
        ]
        lines += [f"  not alike: {sentence}" for sentence in self.replica.unlike]
        lines += [f"  {_change(row)}" for row in record["changed"]] or ["  nothing changed"]
        lines.append(f"  on the clock: {humanize(self.duration)}")
        if before is not None and after is not None:
            lines.append(f"  a month at list price: {before:.2f} USD before, {after:.2f} USD after")
        return "\n".join(lines)


def rehearse(
    path: Path,
    values: Mapping[str, Any],
    cloud: Cloud,
    *,
    profile: str | None = None,
    output: str | None = None,
    on_cell: Callable[[CellEvent], None] | None = None,
) -> Rehearsal:
    """Run a runbook with these parameters on a local AWS that is made like the deployment of `cloud`.

    Args:
        path: the runbook.
        values: checked values of its parameters. Instance ids are translated to those of the copy.
        cloud: the target, which is only read.
        profile: the profile of the deployment; by default the one that it differs least from.
        output: where the executed notebook is written; see `run_runbook`.
        on_cell: called before and after each code cell.

    Raises:
        UsageError: the runbook changes nothing.
        EsawsError: the deployment can't be listed or copied.
    """
    declaration = read_declaration(path)
    if "dry_run" not in declaration.names:
        raise UsageError(f"{path.stem} changes nothing, so there is nothing to rehearse; run it without --rehearse")
    cloud.check()
    with scratch_server(at=format_iso(cloud_time(cloud))) as url:
        copy = Cloud.at(url, account=cloud.account, region=cloud.region, deployment=cloud.deployment)
        replica = make_replica(cloud, copy, profile)
        began = simulation.now(copy)
        run = run_runbook(
            path,
            _translate(values, declaration, replica) | {"dry_run": False},
            output=output,
            kernel_env={
                "ESAWS_TARGET": url,
                "ESAWS_ACCOUNT": cloud.account,
                "ESAWS_REGION": cloud.region,
                "ESAWS_DEPLOYMENT": cloud.deployment,
            },
            on_cell=on_cell,
        )
        return Rehearsal(run, replica, simulation.now(copy) - began)


def _translate(values: Mapping[str, Any], declaration: Declaration, replica: Replica) -> dict[str, Any]:
    """The values for the copy: without those of the target, and with the copy's instances."""
    return {
        name: replica.instances.get(value, value) if "InstanceId" in declaration[name].type else value
        for name, value in values.items()
        if name not in _OF_THE_TARGET
    }


def _change(row: Mapping[str, Any]) -> str:
    if not row["field"]:
        return f"{'creates' if row['after'] else 'deletes'} {row['kind']} {row['name']}"
    return f"{row['kind']} {row['name']}: {row['field']} {row['before']} → {row['after']}"
