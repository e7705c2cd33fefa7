"""A run of each runbook that does something: the system it works on, what is done to it first, and the parameters."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from esaws import simulation
from esaws.cloud import Cloud
from esaws.deploy.inventory import inventory
from esaws.inspect.account import snapshot
from esaws.leases.lease import grant
from esaws.operations.replace_instance import list_members
from esaws.runbooks.catalogue import read_runbook

RUNBOOKS = {
    path.stem: read_runbook(path)
    for path in sorted((Path(__file__).resolve().parents[2] / "notebooks" / "runbooks").glob("*.ipynb"))
}
PROFILES = ("ha", "budget")
SERVICES = ("client-web-ui", "sites-management-api")
"""The services of the system that the runbooks run on: one without a database, and one with it."""

Prepare = Callable[[Cloud, str], Mapping[str, Any]]


def _drifted(cloud: Cloud, profile: str) -> Mapping[str, Any]:
    """Close what the load balancer listens on: a deploy opens it again."""
    name = cloud.aws_name("ALB-sg")
    ec2 = cloud.client("ec2")
    (group,) = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": [name]}])["SecurityGroups"]
    ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=group["IpPermissions"][:1])
    return {"profile": profile, "services": list(SERVICES)}


def _past_its_lease(cloud: Cloud, profile: str) -> Mapping[str, Any]:
    grant(cloud, until="1h")
    simulation.advance(cloud, "2h")
    return {}


PREPARED: dict[str, Prepare] = {
    "budget_guard": _past_its_lease,
    "deploy": _drifted,
    "open_a_port": lambda cloud, profile: {"group": "ClientWeb-sg", "source": "203.0.113.9/32"},
    "replace_an_instance": lambda cloud, profile: {"instance": min(member.id for member in list_members(cloud))},
    "roll_out_an_image": lambda cloud, profile: {"image": "nginx:2"},
    "scale_a_service": lambda cloud, profile: {"desired": 3},
    "trace_a_request": lambda cloud, profile: {"url": "http://seccom/sites-management-api/"},
    "what_changed_since": lambda cloud, profile: {"profile": profile},
}
"""Runbook → prepares the account, and returns the parameters. The others need none of it."""


def prepare(name: str, cloud: Cloud, profile: str) -> dict[str, Any]:
    """Prepare the account for a run that does something, and return the parameters of the run."""
    return dict(PREPARED.get(name, lambda cloud, profile: {})(cloud, profile))


def described(cloud: Cloud) -> dict[str, Any]:
    """Return the answers of every describe call and listing, as text. Nothing in it follows the clock by itself."""
    account = snapshot(cloud)
    assert not account.missing
    answers = {key: _to_text(account[key]) for key in account.descriptions}
    answers["DBInstances"] = re.sub(r'"LatestRestorableTime": "[^"]*"', "", answers["DBInstances"])
    return answers | {f"{live.kind} {live.name}": f"{live} {_to_text(live.fields)}" for live in inventory(cloud)}


def _to_text(value: Any) -> str:
    def text(item: Any) -> Any:
        return sorted(map(str, item)) if isinstance(item, set | frozenset) else str(item)

    return json.dumps(value, default=text, sort_keys=True)
