"""A lease: the end date and the spending limit of a deployment, stored as an SSM parameter."""

import json
import math
from dataclasses import dataclass
from typing import Any, Self

from esaws.aws import ignore_codes
from esaws.cloud import Cloud
from esaws.documented import Made, Unchecked
from esaws.resource import Live, Lives, Resource
from esaws.resources import _ssm
from esaws.timestamps import parse_timestamp


@dataclass(frozen=True, kw_only=True)
class Lease(Resource):
    """An end, as `2026-03-01T18:00:00Z`, and a limit in USD, counted since `since`.

    Architectures do not declare it: it is granted to a deployment, and a deploy keeps it. `counted_usd` is the amount
    spent until `counted_at`, and `usd_per_hour` the cost of an hour at that time.
    """

    until: str | None = None
    at_most_usd: float | None = None
    since: str
    counted_at: str | None = None
    counted_usd: float | None = None
    usd_per_hour: float | None = None

    keep_on_deploy = True
    in_place = frozenset({"until", "at_most_usd"})
    not_compared = frozenset({"since", "counted_at", "counted_usd", "usd_per_hour"})
    # Last, so that the lease still limits what an interrupted teardown leaves.
    delete_after = frozenset({"AutoScalingGroup", "Broker", "CacheCluster", "DBInstance", "LoadBalancer"})
    icon = _ssm.ICON
    free = _ssm.FREE
    permissions = _ssm.PERMISSIONS
    documented = (
        _ssm.documented_put("String", Made(Unchecked("up to 4 KB; a lease has a few hundred characters"))),
        _ssm.DOCUMENTED_DELETE,
    )

    def default_name(self) -> str:
        return "lease"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.until is None and self.at_most_usd is None:
            raise self.refusal("set until, at_most_usd or both")
        if self.at_most_usd is not None and not (math.isfinite(self.at_most_usd) and self.at_most_usd > 0):
            raise self.refusal(f"at_most_usd {self.at_most_usd} is not a positive amount")
        for timestamp in filter(None, (self.until, self.since, self.counted_at)):
            try:
                parse_timestamp(timestamp)
            except ValueError:
                raise self.refusal(f"{timestamp!r} is not a timestamp; use the form 2026-03-01T18:00:00Z") from None

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        lives = []
        for name, raw in _ssm.list_owned(cloud, "String"):
            with ignore_codes("ParameterNotFound"):  # deleted meanwhile
                value = cloud.client("ssm").get_parameter(Name=raw["Name"])["Parameter"]["Value"]
                lives.append(Live(cls.kind, name, raw["Name"], fields=parse_terms(value), raw=raw))
        return lives

    def create(self, cloud: Cloud) -> None:
        self.remember_id(cloud, _ssm.put(cloud, self.name, "String", self._value()))

    def update(self, cloud: Cloud, live: Live) -> None:
        """Change the terms. `since` is kept, and so is the count unless this declaration has one."""
        current = {name: live.fields[name] for name in self.not_compared if name == "since" or self.counted_at is None}
        value = self._value(**{name: value for name, value in current.items() if value is not None})
        cloud.client("ssm").put_parameter(Name=live.id, Type="String", Value=value, Overwrite=True)

    def _value(self, **overrides: Any) -> str:
        return json.dumps({name: getattr(self, name) for name in _FIELDS} | overrides)

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        _ssm.delete(cloud, live.id)

    @classmethod
    def example(cls) -> Self:
        return cls(until="2099-12-31T18:00:00Z", at_most_usd=20.0, since="2026-01-01T00:00:00Z")


_TIMESTAMPS = ("until", "since", "counted_at")
_AMOUNTS = ("at_most_usd", "counted_usd", "usd_per_hour")
_FIELDS = (*_TIMESTAMPS, *_AMOUNTS)


def parse_terms(value: str) -> dict[str, Any]:
    """Return the fields of a lease in a parameter's value, which users can edit. Missing and invalid ones are None."""
    fields = _parse_object(value) or {}
    timestamps = {name: _valid_timestamp(fields.get(name)) for name in _TIMESTAMPS}
    return timestamps | {name: _valid_amount(fields.get(name), allow_zero=name != "at_most_usd") for name in _AMOUNTS}


def parse_errors(value: str) -> list[str]:
    """Return what is invalid in a parameter's value, one text each; empty if it is a valid lease."""
    fields = _parse_object(value)
    if fields is None:
        return ["it is not a JSON object"]
    terms = parse_terms(value)
    errors = [f"{name} is {fields[name]!r}" for name in _FIELDS if fields.get(name) is not None and terms[name] is None]
    if not errors and terms["until"] is None and terms["at_most_usd"] is None:
        errors = ["it has neither until nor at_most_usd"]
    return errors


def _parse_object(value: str) -> dict[str, Any] | None:
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _valid_timestamp(text: Any) -> str | None:
    try:
        parse_timestamp(text)
    except (TypeError, ValueError):
        return None
    return str(text)


def _valid_amount(amount: Any, allow_zero: bool) -> float | None:
    """Return a positive amount, or with `allow_zero` also 0; None for anything else."""
    if isinstance(amount, bool) or not isinstance(amount, int | float):
        return None
    try:
        usd = float(amount)
    except OverflowError:
        return None
    return usd if math.isfinite(usd) and (usd > 0 or (allow_zero and usd == 0)) else None
