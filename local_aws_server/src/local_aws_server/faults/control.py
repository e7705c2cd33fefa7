"""The control routes `/_esaws/faults`: add, list and clear the faults of an account."""

from __future__ import annotations

import difflib
import math
import random
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from local_aws_server.call import DEFAULT_ACCOUNT
from local_aws_server.control import BadRequest, control_route
from local_aws_server.faults.api_faults import CAPACITY, FAULTS, KINDS, NOT_FOUND, SLOW, Fault
from local_aws_server.faults.capacity import LAUNCH_OPERATIONS
from local_aws_server.faults.eventual_consistency import CREATE_OPERATIONS
from local_aws_server.faults.outages import find_region, find_zone

_PARAMETERS = ("account", "region", "service", "operation", "kind", "count", "probability", "seed", "seconds", "zone")
_MAX_SECONDS = 600.0


@control_route("POST", "faults")
def add_fault(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Add a fault; returns {id}."""
    account = str(parameters.get("account", DEFAULT_ACCOUNT))
    if unknown := [name for name in parameters if name not in _PARAMETERS]:
        raise BadRequest(f"fault: unknown parameter {unknown[0]!r}. Choose from {', '.join(_PARAMETERS)}")
    kind = parameters.get("kind")
    if kind not in KINDS:
        raise BadRequest(f"fault: unknown kind {kind!r}. Choose from {', '.join(KINDS)}")
    service = parameters.get("service") or ("ec2" if kind == CAPACITY else "*")
    operation = parameters.get("operation") or "*"
    _check_operation(kind, service, operation)
    if (zone := parameters.get("zone")) is not None:
        if kind != CAPACITY:
            raise BadRequest(f"fault: only {CAPACITY} has a zone")
        find_zone(account, str(zone))
    if (region := parameters.get("region")) is not None:
        find_region(account, str(region))
    seconds = _number(parameters, "seconds", None, 0.0, None if kind == NOT_FOUND else _MAX_SECONDS)
    if seconds is not None and kind not in (SLOW, NOT_FOUND):
        raise BadRequest(f"fault: only {SLOW} and {NOT_FOUND} have `seconds`")
    probability = _number(parameters, "probability", 1.0, 0.0, 1.0)
    is_once = "probability" not in parameters and not (kind == NOT_FOUND and seconds is not None)
    count = _number(parameters, "count", 1 if is_once else None, 1.0, None)
    if count is not None and not float(count).is_integer():
        raise BadRequest(f"fault: count must be a whole number, not {count!r}")
    faults = FAULTS.setdefault(account, [])
    fault = Fault(
        id=max((fault.id for fault in faults), default=0) + 1,
        kind=kind,
        service=service,
        operation=operation,
        region=region,
        zone=zone,
        seconds=seconds,
        count=None if count is None else int(count),
        probability=1.0 if probability is None else probability,
        chance=random.Random(str(parameters.get("seed", 0))),
    )
    faults.append(fault)
    return {"id": fault.id}


@control_route("GET", "faults")
def list_faults(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The faults of an account, with how often each has struck."""
    return {"faults": [fault.to_dict() for fault in FAULTS.get(parameters.get("account", DEFAULT_ACCOUNT), ())]}


@control_route("DELETE", "faults")
def delete_faults(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Clear all faults of an account, or the one of an `id`; returns {cleared}, their number."""
    faults = FAULTS.get(parameters.get("account", DEFAULT_ACCOUNT), [])
    cleared = [fault for fault in faults if "id" not in parameters or str(fault.id) == str(parameters["id"])]
    if "id" in parameters and not cleared:
        ids = ", ".join(str(fault.id) for fault in faults) or "none"
        raise BadRequest(f"fault {parameters['id']} does not exist. Existing faults: {ids}")
    faults[:] = [fault for fault in faults if fault not in cleared]
    return {"cleared": len(cleared)}


def _check_operation(kind: str, service: str, operation: str) -> None:
    if kind == CAPACITY:
        _check_choice("service", service, ["ec2"])
        _check_choice("operation", operation, ["*", *LAUNCH_OPERATIONS])
    elif service == "*":
        if operation != "*":
            raise BadRequest(f"fault: which service has the operation {operation}? Add `service`")
    else:
        _check_choice("service", service, CREATE_OPERATIONS if kind == NOT_FOUND else _services())
        _check_choice("operation", operation, ["*", *_operations(service)])


def _services() -> Iterator[str]:
    from botocore.session import get_session

    yield from get_session().get_available_services()


def _operations(service: str) -> list[str]:
    from moto.core.utils import get_service_model

    return list(get_service_model(service).operation_names)


def _check_choice(label: str, value: Any, choices: Iterable[str]) -> None:
    names = [name for name in choices if name != "*"]
    if value in names or value == "*":
        return
    some = difflib.get_close_matches(str(value), names, n=5, cutoff=0.5) or names
    more = f" and {len(names) - len(some)} more" if len(some) < len(names) else ""
    raise BadRequest(f"fault: unknown {label} {value!r}. Choose from {', '.join(some)}{more}")


def _number(
    parameters: Mapping[str, Any], name: str, default: float | None, least: float, most: float | None
) -> float | None:
    """A parameter that is a number within bounds."""
    value = parameters.get(name, default)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadRequest(f"fault: {name} must be a number, not {value!r}")
    if not least <= value <= (math.inf if most is None else most):
        limit = "" if most is None else f" and at most {most:g}"
        raise BadRequest(f"fault: {name} must be at least {least:g}{limit}")
    return value
