"""Close accounts when their free plan ends, refuse their calls, and open them again after an upgrade.

https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/free-tier.html
"""

from __future__ import annotations

from decimal import Decimal
from math import floor

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.billing.account import GLOBAL_REGION, get_customer
from local_aws_server.billing.bill import get_bill
from local_aws_server.billing.calendar import DAY, HOUR
from local_aws_server.billing.meter import METER_READERS, USAGE_LOGS
from local_aws_server.billing.month_to_date import next_hour_usage
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK, format_timestamp
from local_aws_server.clock.event_log import record_account_event
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.errors import AwsError
from local_aws_server.hooks import reconciler

BEHAVIOURS = (
    Behaviour(
        service="Billing",
        statement="A free plan ends when its credits are spent or after six months. The account is closed; an "
        "upgrade within 90 days opens it again.",
        documentation=("https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/free-tier.html",),
    ),
)

_CREDIT_SPENDERS = (
    "ec2",
    "autoscaling",
    "elbv2",
    "rds",
    "elasticache",
    "mq",
    "s3",
    "ecr",
    "logs",
    "cloudwatch",
    "freetier",
)
"""The services whose changes may change how fast credits are spent."""
_MIN_INTERVAL_SECONDS = 60

_ALLOWED_WHEN_CLOSED = {
    ("sts", "GetCallerIdentity"),
    ("freetier", "GetAccountPlanState"),
    ("freetier", "UpgradeAccountPlan"),
}
"""The calls that a closed account can still make."""

_NOT_SUBSCRIBED = "The AWS Access Key Id needs a subscription for the service"
_CLOSED_ERRORS = {
    "ec2": (
        "OptInRequired",
        "You are not subscribed to this service. Please go to http://aws.amazon.com to subscribe.",
        401,
    ),
    "s3": (
        "NotSignedUp",
        "Your account is not signed up for the S3 service. You must sign up before you can use S3.",
        403,
    ),
}
"""Service → (code, message, HTTP status).

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""


def check_account_open(call: Call) -> None:
    """Raise AwsError if the account of a call is closed and the call is not one of the few it may still make.

    AWS documents no error for closed accounts. These are the errors of an account that is not signed up for a service.
    """
    customer = get_customer(call.account)
    if customer.closed_at is None and customer.is_on_free_plan and CLOCK.now() >= customer.free_plan_end:
        _close(call.account, customer.free_plan_end, "the six months of its free plan are over")
    if customer.closed_at is not None and (call.service, call.operation) not in _ALLOWED_WHEN_CLOSED:
        raise _closed_error(call.service)


def _closed_error(service: str) -> AwsError:
    from moto.core.utils import get_service_model

    if service in _CLOSED_ERRORS:
        return AwsError(*_CLOSED_ERRORS[service])
    if str(get_service_model(service).metadata["protocol"]) in ("query", "rest-xml"):
        return AwsError("OptInRequired", _NOT_SUBSCRIBED, 403)
    return AwsError("SubscriptionRequiredException", _NOT_SUBSCRIBED, 400)


@reconciler(*_CREDIT_SPENDERS, order=96)
def close_when_free_plan_ends(backends: Backends) -> float | None:
    account, customer = backends.account, get_customer(backends.account)
    if not customer.is_on_free_plan or customer.closed_at is not None:
        return None
    now, left = CLOCK.now(), get_bill(account).credits_left()
    if now >= customer.free_plan_end:
        _close(account, customer.free_plan_end, "the six months of its free plan are over")
    elif left <= 0:
        _close(account, floor(now), f"its {customer.credits_granted(now)} USD of credits are used up")
    else:
        return min(float(customer.free_plan_end), _next_check(account, left))
    return None


def watch(account: str) -> None:
    """Check an account whose plan or regime has just been changed."""
    SCHEDULER.reconcile(Backends(account, GLOBAL_REGION), "freetier")


def _next_check(account: str, credits_left: Decimal) -> float:
    """When the credits are spent at the current rate, but at most a day ahead, because allowances run out."""
    usage = next_hour_usage(account)
    if not usage:
        return float("inf")
    cost = sum((charge.cost for charge in get_bill(account).estimate(usage) if charge.kind == "Usage"), Decimal(0))
    seconds = float(credits_left / cost) * HOUR if cost else DAY
    return CLOCK.now() + max(_MIN_INTERVAL_SECONDS, min(DAY, seconds))


def _close(account: str, timestamp: int, reason: str) -> None:
    get_customer(account).closed_at = timestamp
    USAGE_LOGS[account].close(timestamp)
    record_account_event(account, account, "account closed", reason)


def reopen(account: str) -> None:
    """Open a closed account and meter again what ran when it was closed."""
    customer = get_customer(account)
    closed_at, customer.closed_at = customer.closed_at, None
    if closed_at is None:
        return
    record_account_event(
        account, account, "account opened again", f"it had been closed since {format_timestamp(closed_at)}"
    )
    services = sorted({service for _, read in METER_READERS for service in read})
    for region in sorted({span.meter.region for span in USAGE_LOGS[account].spans if span.end == closed_at}):
        SCHEDULER.reconcile(Backends(account, region), *services)
