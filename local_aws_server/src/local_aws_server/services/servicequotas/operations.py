"""Service Quotas: the quotas that the local AWS enforces, AWS's defaults of others, and requests for an increase."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from local_aws_server.behaviours import REAL, Behaviour
from local_aws_server.billing.calendar import to_datetime
from local_aws_server.billing.quotas import APPROVAL_SECONDS, INCREASES, QUOTAS, Increase, quota_value
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import record_event
from local_aws_server.errors import AwsError
from local_aws_server.hooks import replace
from local_aws_server.services.servicequotas.default_quotas import DEFAULT_QUOTAS, SERVICE_NAMES

BEHAVIOURS = (
    Behaviour(
        service="Service Quotas",
        fidelity=REAL,
        statement="Other quotas of the wrapped services are listed with AWS's default values, and cannot be raised.",
        documentation=("https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html",),
    ),
    Behaviour(
        service="Service Quotas",
        statement="The quotas for vCPUs, VPCs, internet gateways and Elastic IP addresses have the values that are "
        "enforced; the increase of a quota is approved after half an hour.",
        documentation=(
            "https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_RequestServiceQuotaIncrease.html",
            "https://docs.aws.amazon.com/servicequotas/latest/userguide/request-quota-increase.html",
        ),
    ),
)

_OPEN, _APPROVED = "CASE_OPENED", "APPROVED"


@replace("service-quotas", "GetServiceQuota")
def get_service_quota(call: Call) -> dict[str, Any]:
    return {"Quota": _find(_applied(call), call.params["QuotaCode"])}


@replace("service-quotas", "ListServiceQuotas")
def list_service_quotas(call: Call) -> dict[str, Any]:
    return {"Quotas": _applied(call)}


@replace("service-quotas", "GetAWSDefaultServiceQuota")
def get_default_quota(call: Call) -> dict[str, Any]:
    return {"Quota": _find(_defaults(call), call.params["QuotaCode"])}


@replace("service-quotas", "ListAWSDefaultServiceQuotas")
def list_default_quotas(call: Call) -> dict[str, Any]:
    return {"Quotas": _defaults(call)}


@replace("service-quotas", "ListServices")
def list_services(call: Call) -> dict[str, Any]:
    return {"Services": [{"ServiceCode": code, "ServiceName": name} for code, name in SERVICE_NAMES.items()]}


@replace("service-quotas", "RequestServiceQuotaIncrease")
def request_increase(call: Call) -> dict[str, Any]:
    service, code, value = (call.params[name] for name in ("ServiceCode", "QuotaCode", "DesiredValue"))
    quota = _find(_applied(call), code)
    if (service, code) not in QUOTAS:
        raise AwsError("IllegalArgumentException", f"The quota {code} is not simulated, so it can't be raised.", 400)
    if value <= quota["Value"]:
        message = "You must provide a quota value greater than the current quota value."
        raise AwsError("IllegalArgumentException", message, 400)
    requested = INCREASES.setdefault(call.account, [])
    if any(_status(each) == _OPEN and _belongs(each, call) for each in requested):
        message = "Only one open service quota increase request is allowed per quota."
        raise AwsError("ResourceAlreadyExistsException", message, 400)
    number = len(requested) + 1
    increase = Increase(f"{call.account}-{number}", call.region, service, code, value, CLOCK.now())
    requested.append(increase)
    record_event(
        call.backends, quota["QuotaName"], f"increase to {value:g} requested", "it is approved in half an hour"
    )
    return {"RequestedQuota": _requested(call, increase)}


@replace("service-quotas", "GetRequestedServiceQuotaChange")
def get_increase(call: Call) -> dict[str, Any]:
    for increase in INCREASES.get(call.account, ()):
        if increase.id == call.params["RequestId"]:
            return {"RequestedQuota": _requested(call, increase)}
    raise AwsError("NoSuchResourceException", "The request does not exist.", 400)


@replace("service-quotas", "ListRequestedServiceQuotaChangeHistory", "ListRequestedServiceQuotaChangeHistoryByQuota")
def list_increases(call: Call) -> dict[str, Any]:
    wanted = [each for each in INCREASES.get(call.account, ()) if _belongs(each, call)]
    status = call.params.get("Status")
    return {"RequestedQuotas": [_requested(call, each) for each in wanted if status in (None, _status(each))]}


def _belongs(increase: Increase, call: Call) -> bool:
    """Whether a call about requests means this one: in its region, and of the service and quota if it names them."""
    service, code = call.params.get("ServiceCode"), call.params.get("QuotaCode")
    return increase.region == call.region and service in (None, increase.service) and code in (None, increase.code)


def _status(increase: Increase) -> str:
    return _APPROVED if CLOCK.now() >= increase.approved_at else _OPEN


def _defaults(call: Call) -> list[dict[str, Any]]:
    """AWS's default quotas of the service. Raises NoSuchResourceException for a service without simulated quotas."""
    from moto.servicequotas.resources.default_quotas.vpc import VPC_DEFAULT_QUOTAS

    service = call.params["ServiceCode"]
    if service not in SERVICE_NAMES:
        raise AwsError(
            "NoSuchResourceException", "The request failed because the specified service does not exist.", 400
        )
    enforced = [
        _described(call, service, quota.code, quota.name, quota.default, is_global=False)
        for quota in QUOTAS.values()
        if quota.service == service
    ]
    listed = [
        _described(call, service, quota.code, quota.name, quota.value, is_global=quota.is_global)
        for quota in DEFAULT_QUOTAS[service]
    ]
    codes = {quota["QuotaCode"] for quota in enforced}
    stored = VPC_DEFAULT_QUOTAS if service == "vpc" else listed
    return enforced + [quota for quota in stored if quota["QuotaCode"] not in codes]


def _described(call: Call, service: str, code: str, name: str, value: float, *, is_global: bool) -> dict[str, Any]:
    return {
        "ServiceCode": service,
        "ServiceName": SERVICE_NAMES[service],
        "QuotaArn": f"arn:aws:servicequotas:{call.region}::{service}/{code}",
        "QuotaCode": code,
        "QuotaName": name,
        "Value": float(value),
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": is_global,
    }


def _applied(call: Call) -> list[dict[str, Any]]:
    """The quotas of the service with the values that hold for the account; AWS's ARNs of these name the account."""
    service = call.params["ServiceCode"]
    return [
        quota
        | {
            "QuotaArn": f"arn:aws:servicequotas:{call.region}:{call.account}:{service}/{quota['QuotaCode']}",
            "Value": float(quota_value(call.backends, QUOTAS[key])) if key in QUOTAS else quota["Value"],
        }
        for quota in _defaults(call)
        for key in [(service, quota["QuotaCode"])]
    ]


def _find(quotas: Iterable[dict[str, Any]], code: str) -> dict[str, Any]:
    for quota in quotas:
        if quota["QuotaCode"] == code:
            return quota
    raise AwsError("NoSuchResourceException", f"The quota {code} does not exist.", 400)


def _requested(call: Call, increase: Increase) -> dict[str, Any]:
    quota = QUOTAS[increase.service, increase.code]
    status = _status(increase)
    updated = increase.requested_at + (APPROVAL_SECONDS if status == _APPROVED else 0)
    return {
        "Id": increase.id,
        "ServiceCode": increase.service,
        "ServiceName": SERVICE_NAMES[increase.service],
        "QuotaCode": increase.code,
        "QuotaName": quota.name,
        "DesiredValue": increase.value,
        "Status": status,
        "Created": to_datetime(increase.requested_at),
        "LastUpdated": to_datetime(updated),
        "QuotaArn": f"arn:aws:servicequotas:{increase.region}:{call.account}:{increase.service}/{increase.code}",
        "GlobalQuota": False,
        "Unit": "None",
    }
