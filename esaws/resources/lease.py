"""A lease: until when a deployment may stand, and what it may cost; kept in Systems Manager as a plain parameter."""

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from esaws.aws import ignore_codes
from esaws.cloud import Cloud
from esaws.errors import InvalidResource
from esaws.resource import Live, Lives, Resource
from esaws.resources import _ssm


@dataclass(frozen=True, kw_only=True)
class Lease(Resource):
    """Until when, as `2026-03-01T18:00:00Z`, and for how many USD in all, counted from `since` on.

    No architecture declares it: it is granted to whatever stands there, and a deploy leaves it as it is. `counted_usd`
    is what was spent up to `counted_at`, and `usd_per_hour` what an hour cost then.
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
    # What costs goes first: a teardown that was interrupted is still under its lease.
    delete_after = frozenset({"AutoScalingGroup", "Broker", "CacheCluster", "DBInstance", "LoadBalancer"})
    icon = _ssm.ICON
    free = _ssm.FREE
    name_pattern = _ssm.NAME_PATTERN
    permissions = _ssm.PERMISSIONS

    def default_name(self) -> str:
        return "lease"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.until is None and self.at_most_usd is None:
            raise InvalidResource(f"{self}: it has neither an end nor a limit in USD, one of them at least")
        if self.at_most_usd is not None and not (math.isfinite(self.at_most_usd) and self.at_most_usd > 0):
            raise InvalidResource(f"{self}: a limit of {self.at_most_usd} USD is none")
        for moment in filter(None, (self.until, self.since, self.counted_at)):
            try:
                datetime.fromisoformat(moment)
            except ValueError:
                raise InvalidResource(f"{self}: {moment!r} is no moment; say it like 2026-03-01T18:00:00Z") from None

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        lives = []
        for name, raw in _ssm.owned(cloud, "String"):
            with ignore_codes("ParameterNotFound"):  # deleted since
                value = cloud.client("ssm").get_parameter(Name=raw["Name"])["Parameter"]["Value"]
                lives.append(Live(cls.kind, name, raw["Name"], fields=granted(value), raw=raw))
        return lives

    def create(self, cloud: Cloud) -> None:
        self.remember_id(cloud, _ssm.put(cloud, self.name, "String", self._value()))

    def update(self, cloud: Cloud, live: Live) -> None:
        """Other terms; what was counted is kept where this one says nothing of it, and always since when."""
        kept = {name: live.fields[name] for name in self.not_compared if name == "since" or self.counted_at is None}
        value = self._value(**{name: value for name, value in kept.items() if value is not None})
        cloud.client("ssm").put_parameter(Name=live.id, Type="String", Value=value, Overwrite=True)

    def _value(self, **kept: Any) -> str:
        return json.dumps({name: getattr(self, name) for name in _FIELDS} | kept)

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        _ssm.delete(cloud, live.id)

    @classmethod
    def example(cls) -> Self:
        return cls(until="2099-12-31T18:00:00Z", at_most_usd=20.0, since="2026-01-01T00:00:00Z")


_MOMENTS = ("until", "since", "counted_at")
_AMOUNTS = ("at_most_usd", "counted_usd", "usd_per_hour")
_FIELDS = (*_MOMENTS, *_AMOUNTS)


def granted(value: str) -> dict[str, Any]:
    """What a parameter's value says, by the names of a lease's fields; None where it does not: people can write it."""
    found = _object(value) or {}
    moments = {name: _moment(found.get(name)) for name in _MOMENTS}
    return moments | {name: _usd(found.get(name), least=name != "at_most_usd") for name in _AMOUNTS}


def nonsense(value: str) -> list[str]:
    """What of a parameter's value can't be read, in words; empty where all can, and it is a lease."""
    found = _object(value)
    if found is None:
        return ["it is no JSON object"]
    said = granted(value)
    wrong = [f"{name} is {found[name]!r}" for name in _FIELDS if found.get(name) is not None and said[name] is None]
    if not wrong and said["until"] is None and said["at_most_usd"] is None:
        wrong = ["it has neither until nor at_most_usd"]
    return wrong


def _object(value: str) -> dict[str, Any] | None:
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _moment(text: Any) -> str | None:
    try:
        datetime.fromisoformat(text).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None
    return str(text)


def _usd(amount: Any, least: bool) -> float | None:
    """An amount above 0, or with `least` from 0 on."""
    if isinstance(amount, bool) or not isinstance(amount, int | float):
        return None
    try:
        usd = float(amount)
    except OverflowError:
        return None
    return usd if math.isfinite(usd) and (usd > 0 or (least and usd == 0)) else None
