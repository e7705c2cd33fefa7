"""Ask an account what AWS documents, and compare the answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from esaws.local_aws.conformance_probes import REFUSALS, Client, Probe
from esaws.local_aws.conformance_resources import RESOURCE_PROBES

PROBES = (*REFUSALS, *RESOURCE_PROBES)
"""All probes; none costs anything."""


@dataclass(frozen=True)
class Answer:
    """What came back to one probe."""

    probe: Probe
    came: str
    """The code of the error, or what the calls led to."""

    @property
    def agrees(self) -> bool:
        """Whether it is what AWS documents."""
        return self.came == self.probe.expected

    def to_dict(self) -> dict[str, str | bool]:
        """{probe, expected, came, agrees, source}."""
        return {
            "probe": self.probe.name,
            "expected": self.probe.expected,
            "came": self.came,
            "agrees": self.agrees,
            "source": self.probe.source,
        }


def compare(client: Client, probes: Iterable[Probe] = PROBES) -> Iterator[Answer]:
    """Run the probes one after the other, and yield each answer; an unexpected error is an answer, too."""
    for probe in probes:
        try:
            yield Answer(probe, probe.ask(client))
        except ClientError as error:
            yield Answer(probe, str(error.response["Error"]["Code"]))
        except BotoCoreError as error:
            yield Answer(probe, f"{type(error).__name__}: {error}")
