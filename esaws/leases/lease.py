"""The lease of a deployment: read, grant, recount and end it.

The SSM parameter keeps, beside the terms, what was spent up to a time and the cost of an hour then (`recount`). A later
count continues from there, so that what esaws has deleted stays counted. Every command can tell from one call about how
much is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from esaws.aws import error_code
from esaws.cloud import Cloud
from esaws.deploy.steps import Step, StepPlan
from esaws.errors import EsawsError, UsageError, describe_error
from esaws.leases.estimate import estimate_spend
from esaws.leases.expiry_tags import tag_expiry
from esaws.leases.parked import is_parked
from esaws.leases.terms import LeaseStatus, LeaseTerms, Spend, evaluate_lease, parse_until
from esaws.resource import Live
from esaws.resources.lease import Lease, parse_errors, parse_terms
from esaws.simulation import cloud_time
from esaws.timestamps import format_iso, format_utc, parse_timestamp

NO_LEASE = "no end and no limit is agreed; `esaws lease --until 8h --at-most-usd 5` grants a lease"
_NAME = "lease"
_NO_LIMIT = Spend(None, None, "not counted: the lease has no limit in USD")


def lease_status(cloud: Cloud) -> LeaseStatus:
    """Read the lease of the deployment, and count spending if the lease limits it.

    It takes one call, and some 25 more where the lease has a limit in USD; all are free. A lease that can't be read,
    because the call is denied or the parameter is damaged, is unknown.

    Raises:
        LocalNotRunning, WrongAccount: the local AWS does not run, or the account is another one.
    """
    cloud.check()
    try:
        value = _parameter_value(cloud)
    except ClientError as error:
        return LeaseStatus(cloud.deployment, "unknown", f"its lease can't be read: {describe_error(error)}")
    if value is None:
        return LeaseStatus(cloud.deployment, "none", NO_LEASE)
    now, fields = cloud_time(cloud), parse_terms(value)
    terms = _terms(fields, value)
    spent = _count_spending(cloud, fields, now) if terms.at_most_usd is not None or terms.errors else _NO_LIMIT
    return evaluate_lease(cloud.deployment, terms, now, spent)


def plan_lease(
    cloud: Cloud, *, until: str | None = None, at_most_usd: float | None = None, usd_per_hour: float | None = None
) -> StepPlan:
    """Plan to grant a lease, or to change the terms of an existing one; other terms and the spending stay.

    `until` is a date, to its end, a timestamp, or a duration from now. `usd_per_hour` is the known cost of what is
    about to be deployed. A limit can be granted where spending is not known.

    Raises:
        UsageError: there is neither an end nor a limit; `until` has passed; the limit is already spent.
        LocalNotRunning, WrongAccount: the local AWS does not run, or the account is another one.
    """
    cloud.check()
    now, live = cloud_time(cloud), _find(cloud)
    old = dict(live.fields) if live else parse_terms("{}")
    if until is None and at_most_usd is None:
        raise UsageError("a lease needs an end or a limit: --until 8h, --at-most-usd 5, or both")
    fields = old | {"since": old["since"] or format_iso(now)}
    if until is not None:
        fields["until"] = format_iso(parse_until(until, now))
    if at_most_usd is not None:
        fields["at_most_usd"] = at_most_usd
    Lease(name=_NAME, **fields)  # validates the terms
    spent = _count_spending(cloud, fields, now)
    limit = fields["at_most_usd"]
    if limit is not None and spent.usd is not None and spent.usd >= limit:
        raise UsageError(
            f"a limit of {limit:.2f} USD can't be granted: about {spent.usd:.2f} are spent since {fields['since']}; "
            f"choose more with --at-most-usd, or remove the lease with `esaws lease --end` and count anew"
        )
    rate = max((usd for usd in (spent.usd_per_hour, usd_per_hour) if usd is not None), default=None)
    before, after = _describe(_terms(old)) if live else "", _describe(_terms(fields))

    def act() -> None:
        _put(cloud, live, fields, spent, now, rate)
        tag_expiry(cloud, fields["until"] or "")

    return StepPlan(cloud, "lease", (Step("Lease", _NAME, before, after, act),))


def grant(cloud: Cloud, *, until: str | None = None, at_most_usd: float | None = None) -> LeaseStatus:
    """Grant a lease as `plan_lease` plans it, and return its status."""
    plan_lease(cloud, until=until, at_most_usd=at_most_usd).apply()
    return lease_status(cloud)


def plan_end(cloud: Cloud) -> StepPlan:
    """Plan to remove the lease; without a lease there are no steps. Resources are not touched."""
    cloud.check()
    live = _find(cloud)
    if live is None:
        return StepPlan(cloud, "end the lease", ())

    def act() -> None:
        tag_expiry(cloud, "")  # first: without the lease there is nothing left to end, so no second run would do it
        Lease.delete(cloud, live)

    step = Step("Lease", live.name, _describe(_terms(live.fields)), "none", act)
    return StepPlan(cloud, "end the lease", (step,))


def recount(cloud: Cloud) -> None:
    """Store in the lease, if there is one, what was spent until now.

    It is called before and after changes to what an hour costs. Errors are ignored: a failed count is made later.
    """
    try:
        if (live := _find(cloud)) and not parse_errors(_parameter_value(cloud) or ""):
            now = cloud_time(cloud)
            spent = _count_spending(cloud, live.fields, now)
            if spent.usd is not None:
                _put(cloud, live, live.fields, spent, now, spent.usd_per_hour)
    except (BotoCoreError, ClientError, EsawsError):
        return


def reminder(cloud: Cloud) -> str | None:
    """A line about a lease that is past or ending; None for all others, and where the lease can't be read.

    It takes one call, and a second one if the lease is past. Spending is extrapolated from the last count.
    """
    try:
        value = _parameter_value(cloud)
        if value is None:
            return None
        now, fields = cloud_time(cloud), parse_terms(value)
        status = evaluate_lease(cloud.deployment, _terms(fields, value), now, _extrapolate_spending(fields, now))
        if status.state == "ending":
            return f"{cloud.deployment} is about to be past its lease: {status.reason}; `esaws lease` shows more"
        if status.state != "past":
            return None
        action = "teardown --yes' deletes it" if _is_parked(cloud) else "park --yes' stops what costs"
        return f"{cloud.deployment} is past its lease: {status.reason}; 'esaws lease --enforce {action}"
    except Exception:  # a failed reminder must not fail the command
        return None


def _is_parked(cloud: Cloud) -> bool:
    try:
        return is_parked(cloud)
    except ClientError:
        return False


# -- the parameter ---------------------------------------------------------------------------------------------------


def _parameter_value(cloud: Cloud) -> str | None:
    """The value of the parameter, or None where it does not exist."""
    try:
        response = cloud.client("ssm").get_parameter(Name=f"/{cloud.deployment}/{_NAME}")
    except ClientError as error:
        if error_code(error) == "ParameterNotFound":
            return None
        raise
    return str(response["Parameter"]["Value"])


def _find(cloud: Cloud) -> Live | None:
    return next((live for live in Lease.list(cloud) if live.name == _NAME), None)


def _put(
    cloud: Cloud,
    live: Live | None,
    fields: Mapping[str, Any],
    spent: Spend,
    now: datetime,
    rate: float | None,
) -> None:
    count = {}
    if spent.usd is not None:
        count = {"counted_at": format_iso(now), "counted_usd": spent.usd, "usd_per_hour": rate}
    lease = Lease(name=_NAME, **{**fields, **count})
    if live is None:
        lease.create(cloud)
    else:
        lease.update(cloud, Live(live.kind, live.name, live.id, fields={**live.fields, "since": fields["since"]}))


def _describe(terms: LeaseTerms) -> str:
    parts = [f"until {format_utc(terms.until)}"] if terms.until else []
    if terms.at_most_usd is not None:
        parts.append(f"at most {terms.at_most_usd:.2f} USD")
    return ", ".join(parts) or "unreadable"


def _terms(fields: Mapping[str, Any], value: str | None = None) -> LeaseTerms:
    until, since = (None if fields[name] is None else parse_timestamp(fields[name]) for name in ("until", "since"))
    return LeaseTerms(until, fields["at_most_usd"], since, tuple(parse_errors(value)) if value is not None else ())


# -- spending --------------------------------------------------------------------------------------------------------


def _count_spending(cloud: Cloud, fields: Mapping[str, Any], now: datetime) -> Spend:
    """The last count, and an estimate of what was spent since."""
    start, counted_usd = _last_count(fields)
    if start is None:
        return Spend(None, None, "the lease has no start to count from; grant it again")
    spend = estimate_spend(cloud, start, now)
    return spend if spend.usd is None else Spend(counted_usd + spend.usd, spend.usd_per_hour, spend.source)


def _extrapolate_spending(fields: Mapping[str, Any], now: datetime) -> Spend:
    """The last count, continued at the cost of an hour of that time."""
    start, counted_usd = _last_count(fields)
    rate = fields["usd_per_hour"]
    if start is None or rate is None:
        return Spend(None, None, "it was not counted yet")
    hours = max((now - start) / timedelta(hours=1), 0.0)
    return Spend(counted_usd + rate * hours, rate, "extrapolated from the last count")


def _last_count(fields: Mapping[str, Any]) -> tuple[datetime | None, float]:
    if fields["counted_at"] is not None and fields["counted_usd"] is not None:
        return parse_timestamp(fields["counted_at"]), fields["counted_usd"]
    return (None if fields["since"] is None else parse_timestamp(fields["since"])), 0.0
