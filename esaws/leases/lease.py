"""The lease of a deployment: granted, looked at, held against the clock of the place, and enforced.

The parameter keeps, beside the terms, what was spent up to a moment and what an hour cost then (`recount`). A later
count goes on from there, so that what esaws has deleted stays counted; and every command can tell from one call,
without looking at anything that costs, about how much is left.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from esaws import simulation
from esaws.aws import error_code
from esaws.cloud import Cloud
from esaws.deploy.inventory import inventory
from esaws.deploy.plan import Plan, plan_teardown
from esaws.errors import EsawsError, UsageError, describe_error
from esaws.leases.estimate import estimate_spend
from esaws.leases.park import StepPlan, Step, is_parked, plan_park
from esaws.leases.terms import LeaseStatus, Spend, LeaseTerms, parse_until, format_iso, evaluate_lease, parse_timestamp
from esaws.leases.terms import format_utc as told_moment
from esaws.resource import Live
from esaws.resources.lease import Lease, granted, nonsense

if TYPE_CHECKING:
    from collections.abc import Mapping

By = Literal["park", "teardown"]

NO_LEASE = "nothing says until when it may stand or what it may cost; `esaws lease --until 8h --at-most-usd 5` does"
_NAME = "lease"
_NO_LIMIT = Spend(None, None, "not asked: the lease has no limit in USD")


def cloud_time(cloud: Cloud) -> datetime:
    """The time of the place: of the local AWS's clock, or on AWS of this machine; in UTC, to the second."""
    there = datetime.now(UTC) if cloud.is_aws else simulation.now(cloud)
    return there.astimezone(UTC).replace(microsecond=0)


def lease_status(cloud: Cloud) -> LeaseStatus:
    """Whether the deployment is within its lease; what was spent is counted anew if that is limited.

    One call, and some 25 more, all free, where the lease limits what may be spent. What can't be read, because
    it is denied or because somebody wrote nonsense into the parameter, is unknown, and said.

    Raises:
        LocalNotRunning, WrongAccount: there is no such place, or it is somebody else's.
    """
    cloud.check()
    try:
        value = _value(cloud)
    except ClientError as error:
        return LeaseStatus(cloud.deployment, "unknown", f"its lease can't be read: {describe_error(error)}")
    if value is None:
        return LeaseStatus(cloud.deployment, "none", NO_LEASE)
    now, said = cloud_time(cloud), granted(value)
    terms = _terms(said, value)
    spent = _counted(cloud, said, now) if terms.at_most_usd is not None or terms.errors else _NO_LIMIT
    return evaluate_lease(cloud.deployment, terms, now, spent)


def plan_grant(
    cloud: Cloud, *, until: str | None = None, at_most_usd: float | None = None, usd_per_hour: float | None = None
) -> StepPlan:
    """What a lease, or other terms of the one that is there, change: what is not said stays, and what was spent, too.

    `until` is a date, to its last second, a moment or a span from now; `usd_per_hour` what is about to be deployed
    costs, where that is known before it stands there. A limit is granted where what was spent is not known, too.

    Raises:
        UsageError: nothing was agreed; `until` has passed; as much as `at_most_usd` is spent already.
        LocalNotRunning, WrongAccount: there is no such place, or it is somebody else's.
    """
    cloud.check()
    now, live = cloud_time(cloud), _live(cloud)
    was = dict(live.fields) if live else granted("{}")
    if until is None and at_most_usd is None:
        raise UsageError("a lease needs an end or a limit: --until 8h, --at-most-usd 5, or both")
    said = was | {"since": was["since"] or format_iso(now)}
    if until is not None:
        said["until"] = format_iso(parse_until(until, now))
    if at_most_usd is not None:
        said["at_most_usd"] = at_most_usd
    Lease(name=_NAME, **said)  # refuses what is none
    spent = _counted(cloud, said, now)
    limit = said["at_most_usd"]
    if limit is not None and spent.usd is not None and spent.usd >= limit:
        raise UsageError(
            f"a limit of {limit:.2f} USD can't be granted: about {spent.usd:.2f} are spent since {said['since']}; "
            f"agree on more with --at-most-usd, or take the lease away with `esaws lease --end` and count anew"
        )
    rate = max((each for each in (spent.usd_per_hour, usd_per_hour) if each is not None), default=None)
    step = Step(
        "Lease",
        _NAME,
        _in_words(_terms(was)) if live else "",
        _in_words(_terms(said)),
        lambda: _put(cloud, live, said, spent, now, rate),
    )
    return StepPlan(cloud, "lease", (step,))


def grant(cloud: Cloud, *, until: str | None = None, at_most_usd: float | None = None) -> LeaseStatus:
    """Grant a lease, as `plan_grant` says, and look at it."""
    plan_grant(cloud, until=until, at_most_usd=at_most_usd).apply()
    return lease_status(cloud)


def plan_end(cloud: Cloud) -> StepPlan:
    """What it takes to take the lease away: nothing where there is none; what stands there goes on standing."""
    cloud.check()
    live = _live(cloud)
    if live is None:
        return StepPlan(cloud, "end the lease", ())
    was = _in_words(_terms(live.fields))
    return StepPlan(cloud, "end the lease", (Step("Lease", live.name, was, "none", lambda: Lease.delete(cloud, live)),))


def recount(cloud: Cloud) -> None:
    """Keep in the lease what was spent until now, if there is one: before and after what changes what an hour costs.

    Nothing fails for it: a count that can't be made is made later.
    """
    try:
        if (live := _live(cloud)) and not nonsense(_value(cloud) or ""):
            now = cloud_time(cloud)
            spent = _counted(cloud, live.fields, now)
            if spent.usd is not None:
                _put(cloud, live, live.fields, spent, now, spent.usd_per_hour)
    except (BotoCoreError, ClientError, EsawsError):
        return


def plan_enforce(cloud: Cloud, by: By = "park") -> StepPlan | Plan | None:
    """What it takes to park or to end a deployment that is past its lease; None while it is within, or is gone.

    Raises:
        EsawsError: it is not known whether it is past; or it stands there without a lease.
        LocalNotRunning, WrongAccount: there is no such place, or it is somebody else's.
    """
    judged = lease_status(cloud)
    if judged.state == "unknown":
        raise EsawsError(f"nothing was changed: {judged!r}")
    if judged.state == "none" and len(inventory(cloud)):
        raise EsawsError(
            f"nothing was changed: {cloud.deployment} has no lease to be past; {NO_LEASE}, and `esaws teardown` ends it"
        )
    if judged.state != "past":
        return None
    return plan_park(cloud) if by == "park" else plan_teardown(cloud)


def reminder(cloud: Cloud) -> str | None:
    """A line for a deployment that is past its lease or about to be; None for all others, and where it can't be told.

    One call, a second one when it is past; what was spent is carried on from the last count, not looked at.
    """
    try:
        value = _value(cloud)
        if value is None:
            return None
        now, said = cloud_time(cloud), granted(value)
        judged = evaluate_lease(cloud.deployment, _terms(said, value), now, _carried_on(said, now))
        if judged.state == "ending":
            return f"{cloud.deployment} is about to be past its lease: {judged.reason}; `esaws lease` tells more"
        if judged.state != "past":
            return None
        by = "--enforce teardown --yes' ends it" if _is_parked(cloud) else "--enforce park --yes' stops what costs"
        return f"{cloud.deployment} is past its lease: {judged.reason}; 'esaws lease {by}"
    except Exception:  # whatever is wrong with a lease, it is not what was asked
        return None


def _is_parked(cloud: Cloud) -> bool:
    try:
        return is_parked(cloud)
    except ClientError:
        return False


# -- what is kept ----------------------------------------------------------------------------------------------------


def _value(cloud: Cloud) -> str | None:
    """What the parameter says, or None where there is none."""
    try:
        answer = cloud.client("ssm").get_parameter(Name=f"/{cloud.deployment}/{_NAME}")
    except ClientError as error:
        if error_code(error) == "ParameterNotFound":
            return None
        raise
    return str(answer["Parameter"]["Value"])


def _live(cloud: Cloud) -> Live | None:
    return next((live for live in Lease.list(cloud) if live.name == _NAME), None)


def _put(
    cloud: Cloud, live: Live | None, said: Mapping[str, Any], spent: Spend, now: datetime, rate: float | None
) -> None:
    counted = {"counted_at": format_iso(now), "counted_usd": spent.usd, "usd_per_hour": rate} if spent.usd is not None else {}
    kept = Lease(name=_NAME, **{**said, **counted})
    if live is None:
        kept.create(cloud)
    else:
        kept.update(cloud, Live(live.kind, live.name, live.id, fields={**live.fields, "since": said["since"]}))


def _in_words(terms: LeaseTerms) -> str:
    words = [f"until {told_moment(terms.until)}"] if terms.until else []
    if terms.at_most_usd is not None:
        words.append(f"at most {terms.at_most_usd:.2f} USD")
    return ", ".join(words) or "nothing that can be read"


def _terms(said: Mapping[str, Any], value: str | None = None) -> LeaseTerms:
    until, since = (None if said[name] is None else parse_timestamp(said[name]) for name in ("until", "since"))
    return LeaseTerms(until, said["at_most_usd"], since, tuple(nonsense(value)) if value is not None else ())


def _counted(cloud: Cloud, said: Mapping[str, Any], now: datetime) -> Spend:
    """What was counted before, and what was spent since then."""
    start, before = _last_count(said)
    if start is None:
        return Spend(None, None, "the lease does not say since when to count; grant it anew")
    found = estimate_spend(cloud, start, now)
    return found if found.usd is None else Spend(before + found.usd, found.usd_per_hour, found.source)


def _carried_on(said: Mapping[str, Any], now: datetime) -> Spend:
    """What was counted before, going on at the price of an hour as it was then."""
    start, before = _last_count(said)
    rate = said["usd_per_hour"]
    if start is None or rate is None:
        return Spend(None, None, "it was not counted yet")
    return Spend(before + rate * max((now - start) / timedelta(hours=1), 0.0), rate, "carried on from the last count")


def _last_count(said: Mapping[str, Any]) -> tuple[datetime | None, float]:
    if said["counted_at"] is not None and said["counted_usd"] is not None:
        return parse_timestamp(said["counted_at"]), said["counted_usd"]
    return (None if said["since"] is None else parse_timestamp(said["since"])), 0.0
