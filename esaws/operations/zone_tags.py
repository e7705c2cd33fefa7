"""What a drained Auto Scaling group or load balancer was before, kept in a tag of it: AWS is the only state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Self

from esaws.aws import tag_dict
from esaws.cloud import Cloud
from esaws.errors import EsawsError
from esaws.resource import Live

DRAINED_TAG = "esaws:drained-zone"

Phase = Literal["drain", "return"]
_PHASES = ("drain", "return")


@dataclass(frozen=True)
class Before:
    """A group before its zone was drained: its zone, its sizes when the phase began, its subnets.

    `processes` are those of the group that are suspended while it moves.
    """

    zone: str
    phase: Phase
    desired: int
    maximum: int
    processes: tuple[str, ...]
    subnets: tuple[str, ...]

    def to_tag(self) -> str:
        """The text that the tag holds: AWS allows letters, digits, spaces and `+ - = . _ : / @`, at most 256."""
        processes = "+".join(self.processes) or "none"
        return " ".join([self.zone, self.phase, str(self.desired), str(self.maximum), processes, *self.subnets])

    @classmethod
    def of(cls, group: Live) -> Self | None:
        """What the tag of a live AutoScalingGroup says; None if its zone is not drained.

        Raises:
            EsawsError: the tag was changed by hand.
        """
        text = tag_dict(group.raw["Tags"]).get(DRAINED_TAG)
        if text is None:
            return None
        try:
            zone, phase, desired, maximum, processes, *subnets = text.split()
            if phase not in _PHASES or not subnets:
                raise ValueError(text)
            suspended = () if processes == "none" else tuple(processes.split("+"))
            return cls(zone, phase, int(desired), int(maximum), suspended, tuple(subnets))  # type: ignore[arg-type]
        except ValueError:
            raise EsawsError(
                f"AutoScalingGroup {group.name}: its tag {DRAINED_TAG} is damaged ({text}); remove the tag, and run "
                "`esaws deploy` to restore the subnets"
            ) from None


def write_tag(cloud: Cloud, group: str, before: Before) -> None:
    """Write the tag of the group with this name on AWS."""
    cloud.client("autoscaling").create_or_update_tags(Tags=[_tag(group) | {"Value": before.to_tag()}])


def remove_tag(cloud: Cloud, group: str) -> None:
    """Remove the tag of the group with this name on AWS."""
    cloud.client("autoscaling").delete_tags(Tags=[_tag(group)])


def _tag(group: str) -> dict[str, Any]:
    return {
        "ResourceId": group,
        "ResourceType": "auto-scaling-group",
        "Key": DRAINED_TAG,
        "PropagateAtLaunch": False,
    }
