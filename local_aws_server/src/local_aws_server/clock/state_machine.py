"""Things of one kind that AWS provisions: which operations send them from state to state, and how long each takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.call import Call
from local_aws_server.clock.event_log import record_event
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.clock.transitions import (
    next_transition_end,
    pop_finished_transition,
    start_transition,
    wait_for_transitions,
)
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before, replace

_UNITS = ((3600, "hour"), (60, "minute"), (1, "second"))


@dataclass(frozen=True)
class LifecycleStep:
    """The way from an operation to the state that it leads to."""

    via: str
    """The state meanwhile."""
    to: str
    seconds: float
    reason: str


@dataclass(frozen=True)
class Deletion:
    """How a thing is deleted: moto is asked to do it at the end of the step."""

    operation: str
    step: LifecycleStep
    delete_in_moto: Callable[[Backends, Any], None]


@dataclass(frozen=True)
class WrongStateError:
    """The error for an operation on a thing that is in no state for it."""

    code: str
    message: str
    """`{name}` and `{state}` are the thing's."""
    status: int = 400


@dataclass(frozen=True)
class Lifecycle:
    """One kind of thing, and what creates, changes, shows and deletes it."""

    service: str
    label: str
    """What people call such a thing, as `database`."""
    resources: Callable[[Backends], Iterable[Any]]
    """All of them, as moto's own objects."""
    id: tuple[str, str]
    """(what requests and descriptions call its id, the attribute of moto's object)."""
    state: tuple[str, str]
    """(what descriptions call its state, the attribute of moto's object)."""
    result_members: Mapping[str, str]
    """Operation → the member of its result that holds the thing, or a list of them; without one, the result itself."""
    create_operations: tuple[str, ...]
    creation: LifecycleStep
    describe_operations: tuple[str, ...]
    """The operations that are answered once everything has arrived that they show."""
    changes: Mapping[str, LifecycleStep] = field(default_factory=dict)
    applies_immediately: Callable[[Call], bool] = lambda call: True
    """Whether a change begins with the call, and not in the next maintenance window."""
    deletion: Deletion | None = None
    required_states: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Operation → the states of the thing in which it can be asked for."""
    wrong_state: WrongStateError | None = None
    """What is answered in all the other states."""
    hidden_while_creating: tuple[str, ...] = ()
    """What a description leaves out while the thing is being created."""
    display_name: Callable[[Any], str] | None = None
    """The name that people know a thing by; without it, its id."""

    def register(self) -> None:
        """Enter the hooks for it into the seam."""
        before(self.service, *self.required_states)(self.check_state)
        after(self.service, *self.create_operations)(self.create)
        after(self.service, *self.changes)(self.change)
        after(self.service, *self.create_operations, *self.changes, *self.describe_operations)(self.hide_fields)
        after(self.service, *self.describe_operations)(self.wait)
        if self.deletion:
            replace(self.service, self.deletion.operation)(self.delete)

    def find(self, world: Backends, id: str) -> Any | None:
        """The thing of an id, in whatever case that is written."""
        return next((thing for thing in self.resources(world) if self._id(thing).lower() == id.lower()), None)

    def check_state(self, call: Call) -> None:
        thing = self.find(call.backends, call.params[self.id[0]])
        if thing is not None and self.wrong_state and self.state_of(thing) not in self.required_states[call.operation]:
            message = self.wrong_state.message.format(name=self._id(thing), state=self.state_of(thing))
            raise AwsError(self.wrong_state.code, message, self.wrong_state.status)

    def create(self, call: Call) -> None:
        """Begin to create what a call has made; one that asks once more for the same changes nothing."""
        for described, thing in self._described(call):
            if "creation" not in sidecar(thing):
                sidecar(thing)["creation"] = "begun"
                self.start(thing, self.creation)
            self._show(described, thing)

    def change(self, call: Call) -> None:
        if not self.applies_immediately(call):
            return
        for described, thing in self._described(call):
            self.start(thing, self.changes[call.operation])
            self._show(described, thing)

    def hide_fields(self, call: Call) -> None:
        for described, thing in self._described(call):
            if self.state_of(thing) == self.creation.via:
                for name in self.hidden_while_creating:
                    described.pop(name, None)

    def wait(self, call: Call) -> None:
        wait_for_transitions(call, [thing for _, thing in self._described(call)])

    def delete(self, call: Call) -> dict[str, Any]:
        """Gives the thing as it is being deleted; one that is on this way, or has gone it, stays there."""
        assert self.deletion
        step, thing = self.deletion.step, self.find(call.backends, call.params[self.id[0]])
        if self.state_of(thing) not in (step.via, step.to):
            self.start(thing, step)
        member = self.result_members.get(call.operation)
        return {member: thing} if member else {self.id[0]: self._id(thing)}

    def start(self, thing: Any, step: LifecycleStep) -> None:
        """Let a thing go a step, from now on."""
        setattr(thing, self.state[1], step.via)
        start_transition(thing, step.to, step.seconds, step.reason)

    def finish_due(self, world: Backends) -> float | None:
        """Whatever has come to the end of its step is in its new state; gives the moment of the next."""
        for thing in list(self.resources(world)):
            way = pop_finished_transition(thing)
            if way is None:
                continue
            if self.deletion and way.to == self.deletion.step.to:
                self.deletion.delete_in_moto(world, thing)
            else:
                setattr(thing, self.state[1], way.to)
            name = self.display_name(thing) if self.display_name else self._id(thing)
            record_event(
                world, name, f"{self.label} {way.to.lower()} after {_duration(way.ends - way.started)}", way.reason
            )
            SCHEDULER.mark_changed(world, self.service)
        return next_transition_end(self.resources(world))

    def state_of(self, thing: Any) -> str:
        return str(getattr(thing, self.state[1]))

    def _id(self, thing: Any) -> str:
        return str(getattr(thing, self.id[1]))

    def _described(self, call: Call) -> list[tuple[dict[str, Any], Any]]:
        """Each description in the result of a call, with the thing; one without an id is of the thing asked for."""
        member = self.result_members.get(call.operation)
        found = call.result.get(member, []) if member else call.result
        things = {self._id(thing).lower(): thing for thing in self.resources(call.backends)}
        asked = call.params.get(self.id[0], "")
        shown = [(each, each.get(self.id[0], asked)) for each in (found if isinstance(found, list) else [found])]
        return [(each, things[id.lower()]) for each, id in shown if id.lower() in things]

    def _show(self, described: dict[str, Any], thing: Any) -> None:
        shown = described.get(self.state[0])
        if isinstance(shown, dict):
            shown["Code"] = self.state_of(thing)
        elif shown is not None:
            described[self.state[0]] = self.state_of(thing)


def _duration(seconds: float) -> str:
    """In the largest unit of which it is at least one: `6 minutes`, `3.6 seconds`."""
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds >= size), _UNITS[-1])
    number = f"{seconds / size:.1f}".removesuffix(".0")
    return f"{number} {unit}{'' if number == '1' else 's'}"
