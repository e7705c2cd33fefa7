"""A lease: until when a deployment may stand, and what it may cost; kept in Systems Manager as a plain parameter."""

import json
import math
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from esaws.cloud import DEPLOYMENT_TAG, Cloud
from esaws.errors import InvalidResource
from esaws.resource import Live, Lives, Resource, absent, pages, tag_dict, tag_list


@dataclass(frozen=True, kw_only=True)
class Lease(Resource):
    """Until when, as `2026-03-01T18:00:00Z`, and for how many USD in all, counted from the day of `since` on.

    No architecture declares it: it is granted to whatever stands there, and a deploy leaves it as it is.
    """

    until: str | None = None
    at_most_usd: float | None = None
    since: str

    undeclared = True
    in_place = frozenset({"until", "at_most_usd"})
    not_compared = frozenset({"since"})
    # What costs goes first: a teardown that was interrupted is still under its lease.
    outlives = frozenset({"AutoScalingGroup", "Broker", "CacheCluster", "DBInstance", "LoadBalancer"})
    icon = "aws.management.SystemsManagerParameterStore"
    free = "standard parameters cost nothing"
    name_pattern = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
    permissions = (
        "ssm:AddTagsToResource",
        "ssm:DeleteParameter",
        "ssm:DescribeParameters",
        "ssm:GetParameter",
        "ssm:ListTagsForResource",
        "ssm:PutParameter",
    )

    def part_name(self) -> str:
        return "lease"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.until is None and self.at_most_usd is None:
            raise InvalidResource(f"{self}: it has neither an end nor a limit in USD, one of them at least")
        if self.at_most_usd is not None and not (math.isfinite(self.at_most_usd) and self.at_most_usd > 0):
            raise InvalidResource(f"{self}: a limit of {self.at_most_usd} USD is none")
        for moment in filter(None, (self.until, self.since)):
            try:
                datetime.fromisoformat(moment)
            except ValueError:
                raise InvalidResource(f"{self}: {moment!r} is no moment; say it like 2026-03-01T18:00:00Z") from None

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        ssm = cloud.client("ssm")
        filters = [{"Key": f"tag:{DEPLOYMENT_TAG}", "Values": [cloud.deployment]}]
        lives = []
        for raw in pages(cloud, "ssm", "describe_parameters", "Parameters", ParameterFilters=filters):
            if raw["Type"] != "String":
                continue
            with absent("InvalidResourceId", "ParameterNotFound"):  # deleted since
                tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=raw["Name"])["TagList"]
                if name := cloud.owned_name(tag_dict(tags)):
                    value = ssm.get_parameter(Name=raw["Name"])["Parameter"]["Value"]
                    lives.append(Live(cls.kind, name, raw["Name"], fields=granted(value), raw=raw))
        return lives

    def create(self, cloud: Cloud) -> None:
        parameter = f"/{cloud.deployment}/{self.name}"
        cloud.client("ssm").put_parameter(
            Name=parameter, Type="String", Value=self._value(self.since), Tags=tag_list(cloud.tags(self.name))
        )
        self.made(cloud, parameter)

    def update(self, cloud: Cloud, live: Live) -> None:
        value = self._value(live.fields["since"] or self.since)
        cloud.client("ssm").put_parameter(Name=live.id, Type="String", Value=value, Overwrite=True)

    def _value(self, since: str) -> str:
        return json.dumps({"until": self.until, "at_most_usd": self.at_most_usd, "since": since})

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        with absent("ParameterNotFound"):
            cloud.client("ssm").delete_parameter(Name=live.id)

    @classmethod
    def example(cls) -> Self:
        return cls(until="2099-12-31T18:00:00Z", at_most_usd=20.0, since="2026-01-01T00:00:00Z")


def granted(value: str) -> dict[str, Any]:
    """until, at_most_usd and since of a parameter's value, each None where that does not say: people can write it."""
    try:
        found = json.loads(value)
    except ValueError:
        found = None
    found = found if isinstance(found, dict) else {}
    return {name: _moment(found.get(name)) for name in ("until", "since")} | {"at_most_usd": _usd(found)}


def _moment(text: Any) -> str | None:
    try:
        datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return str(text)


def _usd(found: dict[str, Any]) -> float | None:
    usd = found.get("at_most_usd")
    return float(usd) if isinstance(usd, int | float) and math.isfinite(usd) and usd > 0 else None
