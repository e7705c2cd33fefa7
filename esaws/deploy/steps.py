"""A plan of steps that change a deployment in place, such as parking it or granting a lease."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from esaws._display import html_table, rich_table
from esaws.cloud import Cloud
from esaws.deploy.lock import deployment_lock
from esaws.interrupts import finish_first
from esaws.progress import progress

if TYPE_CHECKING:
    import pandas
    from rich.console import RenderableType


@dataclass(frozen=True)
class Step:
    """One change to a resource: its states in words, and the function that makes the change."""

    kind: str
    name: str
    before: str
    after: str
    act: Callable[[], Any]

    def to_dict(self) -> dict[str, str]:
        """kind, name, now (the state before), then (the state after)."""
        return {"kind": self.kind, "name": self.name, "now": self.before, "then": self.after}


@dataclass(frozen=True)
class StepPlan:
    """Steps in the order in which they run; nothing changes before `apply`."""

    cloud: Cloud
    purpose: str
    steps: tuple[Step, ...]
    remarks: tuple[str, ...] = ()
    around: Callable[[Cloud], None] | None = None
    """Called before the first and after the last step, if there are any."""

    @property
    def changing(self) -> tuple[Step, ...]:
        return self.steps

    def to_frame(self) -> pandas.DataFrame:
        """One row a step, in order: kind, name, now, then."""
        import pandas

        return pandas.DataFrame([step.to_dict() for step in self.steps], columns=["kind", "name", "now", "then"])

    def to_dict(self) -> dict[str, Any]:
        """purpose, steps: a list of {kind, name, now, then}, remarks."""
        steps = [step.to_dict() for step in self.steps]
        return {"purpose": self.purpose, "steps": steps, "remarks": list(self.remarks)}

    def apply(self) -> int:
        """Run the steps in order and return their number. An interrupted plan can be made and applied again.

        Ctrl-C and SIGTERM let the step that runs end, and start no other; a second one ends the step too.

        Raises:
            WrongAccount: the credentials belong to another account.
            Locked: another process changes the deployment now.
            botocore.exceptions.ClientError: AWS refused a step; those before it are done.

        An error of a step has the kind and the name of its resource as the attribute `resource`.
        """
        self.cloud.check()
        if not self.steps:
            return 0
        around = self.around or (lambda cloud: None)
        with deployment_lock(self.cloud, self.purpose) as lock:
            around(self.cloud)
            with progress(self.purpose, len(self.steps)) as bar:
                for step in self.steps:
                    name = f"{step.kind} {step.name}"
                    lock.check()
                    bar.wait_for([name])
                    try:
                        with finish_first(partial(bar.say, f"{self.purpose}: interrupted; it waits for {name}")):
                            step.act()
                    except Exception as error:
                        error.resource = name  # type: ignore[attr-defined]
                        raise
                    bar.step(name)
            around(self.cloud)
        return len(self.steps)

    def __repr__(self) -> str:
        return f"{self.purpose}: {len(self.steps)} to change" if self.steps else f"{self.purpose}: nothing to do"

    def _repr_html_(self) -> str:
        return html_table(repr(self), self.to_frame())

    def __rich__(self) -> RenderableType:
        return rich_table(repr(self), self.to_frame())
