"""Watch a service while it changes: samples of its tasks and healthy targets, and their picture."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from esaws import simulation
from esaws.chart import COLOURS, Chart
from esaws.cloud import Cloud
from esaws.errors import EsawsError
from esaws.interrupts import raise_if_interrupted
from esaws.simulation import cloud_time

if TYPE_CHECKING:
    import pandas

POLL_SECONDS = 10.0
"""Seconds of AWS's time between two looks: a third of the default interval of health checks."""


def let_time_pass(cloud: Cloud, seconds: float = POLL_SECONDS) -> None:
    """Wait so many seconds on AWS. The local AWS advances its clock by them instead, and plays what happens.

    Every operation can be continued from here, so a Ctrl-C or SIGTERM that waits for its step is raised here.
    """
    raise_if_interrupted()
    if cloud.is_aws:
        time.sleep(seconds)
    else:
        simulation.advance(cloud, f"{seconds:g}s")


def wait_for(cloud: Cloud, description: str, condition: Callable[[], object], *, minutes: float) -> None:
    """Look until `condition()` is true; the local AWS advances its clock between two looks.

    Raises:
        EsawsError: it was not true within so many minutes of AWS's time. The message contains `description`.
    """
    deadline = cloud_time(cloud) + timedelta(minutes=minutes)
    while not condition():
        if cloud_time(cloud) > deadline:
            raise EsawsError(
                f"timed out after {minutes:g} minutes: waited until {description}; what is done stays, run it again"
            )
        let_time_pass(cloud)


@dataclass(frozen=True)
class Sample:
    """A service at one moment: `old` and `new` are running tasks before and after the change."""

    seconds: float
    desired: int
    minimum: int
    healthy: int
    old: int
    new: int


@dataclass
class Timeline:
    """What was seen of a service while it changed. Seconds count from the first sample."""

    service: str
    samples: list[Sample] = field(default_factory=list)
    marks: list[tuple[float, str]] = field(default_factory=list)
    """(seconds, what was decided)"""

    @property
    def seconds(self) -> float:
        """The time of the last sample."""
        return self.samples[-1].seconds if self.samples else 0.0

    @property
    def fewest_healthy(self) -> int | None:
        """The fewest healthy targets at any look; None without a look."""
        return min((sample.healthy for sample in self.samples), default=None)

    @property
    def below_minimum(self) -> list[Sample]:
        """The samples with fewer healthy targets than the minimum of that moment."""
        return [sample for sample in self.samples if sample.healthy < sample.minimum]

    def mark(self, text: str) -> None:
        """Note a decision at the time of the last sample."""
        self.marks.append((self.seconds, text))

    def to_frame(self) -> pandas.DataFrame:
        """One row a look: seconds, desired, minimum, healthy, old, new."""
        import pandas

        return pandas.DataFrame([asdict(sample) for sample in self.samples], columns=list(Sample.__annotations__))

    def to_dict(self) -> dict[str, Any]:
        """service, seconds, fewest_healthy, samples: a list of the columns of the frame, marks: {seconds, what}."""
        return {
            "service": self.service,
            "seconds": self.seconds,
            "fewest_healthy": self.fewest_healthy,
            "samples": [asdict(sample) for sample in self.samples],
            "marks": [{"seconds": seconds, "what": what} for seconds, what in self.marks],
        }

    def __repr__(self) -> str:
        if not self.samples:
            return f"{self.service}: not looked at yet"
        last, minutes = self.samples[-1], self.seconds / 60
        counts = f"{last.healthy} of {last.desired} healthy, {last.new} new and {last.old} old tasks run"
        fewest = f"never fewer than {self.fewest_healthy} healthy, at least {last.minimum} are required"
        return f"{self.service}: {'; '.join([text for _, text in self.marks] or ['in progress'])}; {counts} " + (
            f"after {minutes:.1f} minutes; {fewest}"
        )

    def draw(self) -> Chart:
        """A chart of old and new tasks, and of healthy targets above the minimum."""
        from matplotlib.figure import Figure

        frame = self.to_frame()
        minutes = frame["seconds"] / 60
        figure = Figure(figsize=(9, 4), layout="constrained")
        outcome = self.marks[-1][1] if self.marks else "in progress"
        figure.suptitle(f"{self.service}: {outcome}", x=0.01, ha="left", fontsize=11)
        tasks, health = figure.subplots(2, sharex=True)
        top = frame["old"] + frame["new"]
        tasks.fill_between(minutes, frame["old"], step="post", color="#8c9bab", label="old")
        tasks.fill_between(minutes, frame["old"], top, step="post", color=COLOURS[0], label="new")
        tasks.set_title("Running tasks", loc="left", fontsize=9)
        health.step(minutes, frame["healthy"], where="post", color=COLOURS[1], label="healthy")
        health.step(minutes, frame["minimum"], where="post", color="#232f3e", linestyle="--", label="minimum")
        health.set_title(f"Healthy: never fewer than {self.fewest_healthy}", loc="left", fontsize=9)
        health.set_xlabel("Minutes")
        for strip in (tasks, health):
            strip.set_ylim(0, max(top.max(), frame["desired"].max()) + 0.5)
            strip.yaxis.get_major_locator().set_params(integer=True)
            strip.spines[["top", "right"]].set_visible(False)
            strip.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize=8)
            for seconds, _ in self.marks:
                strip.axvline(seconds / 60, color="#232f3e", linewidth=0.8, linestyle=":")
        for seconds, text in self.marks:
            side = ("right", " ") if seconds > self.seconds / 2 else ("left", "")
            place = tasks.get_xaxis_transform()
            tasks.text(seconds / 60, 0.97, f" {text}{side[1]}", transform=place, ha=side[0], va="top", fontsize=8)
        return Chart(figure, f"timeline of {self.service}")

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return self.draw()._repr_mimebundle_() if self.samples else ({}, {})


class RollOutFailed(EsawsError):
    """The new tasks failed. The service runs its previous task definition again, unless the message says otherwise.

    `timeline` has what was seen.
    """

    def __init__(self, message: str, timeline: Timeline, next_step: str) -> None:
        super().__init__(f"{message}; {next_step}")
        self.timeline, self.next_step = timeline, next_step


@contextmanager
def shown(timeline: Timeline) -> Iterator[None]:
    """Show a timeline in a notebook when the block ends, and also when it fails; elsewhere show nothing."""
    try:
        yield
    finally:
        ipython = sys.modules.get("IPython")
        if ipython and timeline.samples and (shell := ipython.get_ipython()) and hasattr(shell, "kernel"):
            ipython.display.display(timeline)
