"""Instance refreshes: replace the instances of an Auto Scaling group in batches, cancel that, or roll it back.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-overview.html
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import NOT_SIMULATED, Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import record_event
from local_aws_server.clock.isolation import each
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before, reconciler, replace
from local_aws_server.services.autoscaling.capacity import desired_capacity, is_complete, is_suspended, members
from local_aws_server.services.autoscaling.launching import find_template
from local_aws_server.services.autoscaling.termination import remove

BEHAVIOURS = (
    Behaviour(
        service="EC2 Auto Scaling",
        statement="An instance refresh replaces the instances of a group in batches that keep the minimum healthy "
        "percentage, with a warmup after each; it can be cancelled and rolled back.",
        documentation=("https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-overview.html",),
    ),
    Behaviour(
        service="EC2 Auto Scaling",
        fidelity=NOT_SIMULATED,
        statement="Instance refreshes with checkpoints, alarms, a bake time, automatic rollback, a maximum healthy "
        "percentage above 100 or the strategy ReplaceRootVolume.",
        documentation=("https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RefreshPreferences.html",),
    ),
)

_ACTIVE = ("Pending", "InProgress", "RollbackInProgress")
_NOT_SIMULATED = ("AlarmSpecification", "AutoRollback", "BakeTime", "CheckpointPercentages")
_DEFAULT_MIN_HEALTHY = 90


@before("autoscaling", "StartInstanceRefresh")
def check_start(call: Call) -> None:
    group, preferences = _group(call), call.params.get("Preferences") or {}
    unknown = [name for name in _NOT_SIMULATED if preferences.get(name)]
    if (preferences.get("MaxHealthyPercentage") or 100) > 100:
        unknown.append("MaxHealthyPercentage")
    if call.params.get("Strategy", "Rolling") != "Rolling":
        unknown.append(f"Strategy {call.params['Strategy']}")
    if unknown:
        message = f"the local AWS does not simulate an instance refresh with {', '.join(unknown)}"
        raise AwsError("NotSimulated", message, 501)
    if _active(group) is not None:
        message = "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh."
        raise AwsError("InstanceRefreshInProgress", message)
    if specification := (call.params.get("DesiredConfiguration") or {}).get("LaunchTemplate"):
        find_template(call.backends, specification)


@replace("autoscaling", "StartInstanceRefresh")
def start_instance_refresh(call: Call) -> dict[str, Any]:
    group, configuration = _group(call), call.params.get("DesiredConfiguration") or {}
    refresh = {
        "InstanceRefreshId": str(uuid.uuid4()),
        "AutoScalingGroupName": group.name,
        "Status": "Pending",
        "StartTime": _now(),
        "Strategy": "Rolling",
        "Preferences": _preferences(group, call.params.get("Preferences") or {}),
        **({"DesiredConfiguration": configuration} if configuration else {}),
        "previous": _configuration(group),
        "replaced": [],
    }
    if configuration:
        _configure(group, configuration)
    refresh["old"] = [state.instance.id for state in group.instance_states if _is_outdated(group, state, refresh)]
    _refreshes(group).append(refresh)
    record_event(call.backends, group.name, "instance refresh started", f"{len(refresh['old'])} instances to replace")
    return {"InstanceRefreshId": refresh["InstanceRefreshId"]}


@replace("autoscaling", "CancelInstanceRefresh")
def cancel_instance_refresh(call: Call) -> dict[str, Any]:
    group = _group(call)
    refresh = _require_active(group)
    _configure(group, refresh["previous"])
    _end(call.backends, group, refresh, "Cancelled", "Cancelled due to user request.")
    return {"InstanceRefreshId": refresh["InstanceRefreshId"]}


@replace("autoscaling", "RollbackInstanceRefresh")
def rollback_instance_refresh(call: Call) -> dict[str, Any]:
    group = _group(call)
    refresh = _require_active(group)
    version = str((refresh["previous"].get("LaunchTemplate") or {}).get("Version", "$Default"))
    if "DesiredConfiguration" not in refresh or version.startswith("$"):
        raise AwsError(
            "IrreversibleInstanceRefresh",
            "The instance refresh can't be rolled back: it has no desired configuration, or the launch template of the "
            "group is of the version $Latest or $Default.",
        )
    _configure(group, refresh["previous"])
    new = [state.instance.id for state in group.instance_states if state.instance.id not in refresh["old"]]
    refresh.update(Status="RollbackInProgress", old=new, replaced=[])
    record_event(call.backends, group.name, "instance refresh rolls back", "a user request")
    return {"InstanceRefreshId": refresh["InstanceRefreshId"]}


@replace("autoscaling", "DescribeInstanceRefreshes")
def describe_instance_refreshes(call: Call) -> dict[str, Any]:
    group, ids = _group(call), call.params.get("InstanceRefreshIds")
    shown = [each for each in reversed(_refreshes(group)) if not ids or each["InstanceRefreshId"] in ids]
    hidden = ("previous", "old", "replaced")
    return {
        "InstanceRefreshes": [
            {**{key: value for key, value in refresh.items() if key not in hidden}, **_progress(group, refresh)}
            for refresh in shown
        ]
    }


@reconciler("autoscaling", "ec2", order=11)
def advance_refreshes(backends: Backends) -> float | None:
    groups = [group for group in backends.auto_scaling_groups if _active(group) is not None]
    return each(backends, "instance refresh", groups, lambda group: group.name, lambda g: _advance(backends, g))


# --- the steps


def _advance(backends: Backends, group: Any) -> float | None:
    """Replace the next batch, once all instances are in service and warm; return when that is."""
    refresh = _active(group)
    if refresh is None or is_suspended(group, "InstanceRefresh", "Launch", "Terminate"):
        return None
    if refresh["Status"] == "Pending":
        refresh["Status"] = "InProgress"
    left = _left(group, refresh)
    if not is_complete(group):
        return None
    warm_at = max((_in_service_since(state) for state in members(group)), default=0.0)
    warm_at += float(refresh["Preferences"]["InstanceWarmup"])
    if refresh["replaced"] and CLOCK.now() < warm_at:
        return warm_at
    if not left:
        rolled_back = refresh["Status"] == "RollbackInProgress"
        _end(backends, group, refresh, "RollbackSuccessful" if rolled_back else "Successful", "")
        return None
    batch = [state for state in left if _may_replace(refresh, state)][: _batch_size(group, refresh)]
    for state in batch:
        refresh["replaced"].append(state.instance.id)
    reason = "an instance was taken out of service in response to an instance refresh."
    remove(backends, group, batch, reason)
    return None


def _left(group: Any, refresh: dict[str, Any]) -> list[Any]:
    """Return the instances that the refresh has yet to replace, without those that it ignores."""
    preferences = refresh["Preferences"]
    return [
        state
        for state in group.instance_states
        if state.instance.id in refresh["old"]
        and state.instance.id not in refresh["replaced"]
        and (state in members(group) or state.lifecycle_state == "Standby")
        and not (state.protected_from_scale_in and preferences["ScaleInProtectedInstances"] == "Ignore")
        and not (state.lifecycle_state == "Standby" and preferences["StandbyInstances"] == "Ignore")
    ]


def _may_replace(refresh: dict[str, Any], state: Any) -> bool:
    """Return whether a refresh may replace an instance now; it waits for protected ones and those in standby."""
    preferences = refresh["Preferences"]
    if state.protected_from_scale_in and preferences["ScaleInProtectedInstances"] != "Refresh":
        return False
    return state.lifecycle_state != "Standby" or preferences["StandbyInstances"] == "Terminate"


def _batch_size(group: Any, refresh: dict[str, Any]) -> int:
    percentage = 100 - int(refresh["Preferences"]["MinHealthyPercentage"])
    return max(1, desired_capacity(group) * percentage // 100)


def _end(backends: Backends, group: Any, refresh: dict[str, Any], status: str, reason: str) -> None:
    refresh.update(Status=status, EndTime=_now(), **({"StatusReason": reason} if reason else {}))
    refresh["progress"] = _progress(group, refresh)
    record_event(backends, group.name, "instance refresh ended", status)
    SCHEDULER.mark_changed(backends, "autoscaling")


def _progress(group: Any, refresh: dict[str, Any]) -> dict[str, Any]:
    if "progress" in refresh:
        return dict(refresh["progress"])
    total, left = len(refresh["old"]), len(_left(group, refresh))
    return {"PercentageComplete": 100 * (total - left) // total if total else 100, "InstancesToUpdate": left}


def _in_service_since(state: Any) -> float:
    return float(sidecar(state).get("in_service_since", CLOCK.now()))


# --- settings


def _preferences(group: Any, given: dict[str, Any]) -> dict[str, Any]:
    fields = sidecar(group).get("fields", {})
    warmup = fields.get("DefaultInstanceWarmup")
    defaults = {
        "MinHealthyPercentage": _DEFAULT_MIN_HEALTHY,
        "InstanceWarmup": int(group.health_check_grace_period or 0) if warmup is None else warmup,
        "SkipMatching": False,
        "AutoRollback": False,
        "ScaleInProtectedInstances": "Wait",
        "StandbyInstances": "Wait",
    }
    return {**defaults, **given}


def _is_outdated(group: Any, state: Any, refresh: dict[str, Any]) -> bool:
    """Return whether a refresh replaces an instance: all, or with SkipMatching, those of another template version."""
    template = group.ec2_launch_template
    if not refresh["Preferences"]["SkipMatching"] or template is None:
        return True
    current = template.get_version(group.launch_template_version)
    return sidecar(state.instance).get("launch_template_version") != str(current.number)


def _configuration(group: Any) -> dict[str, Any]:
    """Return the launch template or mixed instances policy of a group, as a DesiredConfiguration."""
    if group.mixed_instances_policy:
        return {"MixedInstancesPolicy": copy.deepcopy(group.mixed_instances_policy)}
    return {"LaunchTemplate": dict(group.launch_template)} if group.launch_template else {}


def _configure(group: Any, configuration: dict[str, Any]) -> None:
    if not configuration:
        return
    policy = copy.deepcopy(configuration.get("MixedInstancesPolicy"))
    template = dict(configuration.get("LaunchTemplate") or {})
    for specification in (template, policy["LaunchTemplate"]["LaunchTemplateSpecification"] if policy else {}):
        if "LaunchTemplateId" in specification:  # moto takes either
            specification.pop("LaunchTemplateName", None)
    group.mixed_instances_policy = policy
    group._set_launch_configuration("", template, policy)


# --- the refreshes of a group


def _refreshes(group: Any) -> list[dict[str, Any]]:
    refreshes: list[dict[str, Any]] = sidecar(group).setdefault("refreshes", [])
    return refreshes


def refreshes_of(group: Any) -> Iterable[dict[str, Any]]:
    """Return the refreshes of a group, the oldest first."""
    return _refreshes(group)


def _active(group: Any) -> dict[str, Any] | None:
    return next((refresh for refresh in _refreshes(group) if refresh["Status"] in _ACTIVE), None)


def _require_active(group: Any) -> dict[str, Any]:
    refresh = _active(group)
    if refresh is None:
        message = f"No in progress or pending Instance Refresh found for Auto Scaling group {group.name}"
        raise AwsError("ActiveInstanceRefreshNotFound", message)
    return refresh


def _group(call: Call) -> Any:
    name = call.params["AutoScalingGroupName"]
    group = call.backends.auto_scaling_group(name)
    if group is None:
        raise AwsError("ValidationError", f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found")
    return group


def _now() -> datetime:
    return datetime.fromtimestamp(CLOCK.now(), UTC)
