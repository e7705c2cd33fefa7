"""Lifecycles of resources that AWS provisions: operations, states in between, and how long each change takes."""

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
    """A change of state that takes time."""

    via: str
    """The state in between."""
    to: str
    seconds: float
    reason: str


@dataclass(frozen=True)
class Deletion:
    """How a resource is deleted: moto deletes it at the end of the step."""

    operation: str
    step: LifecycleStep
    delete_in_moto: Callable[[Backends, Any], None]


@dataclass(frozen=True)
class WrongStateError:
    """AWS's error for an operation that the resource's state does not allow."""

    code: str
    message: str
    """`{name}` and `{state}` are the resource's, `{required}` the states that allow the operation."""
    status: int = 400


@dataclass(frozen=True)
class Lifecycle:
    """One kind of resource, and the operations that create, change, describe and delete it."""

    service: str
    label: str
    """What to call it in the event log, such as `database`."""
    resources: Callable[[Backends], Iterable[Any]]
    """Returns all of them, as moto's objects."""
    id: tuple[str, str]
    """(name of the id in requests and descriptions, attribute of moto's object)."""
    state: tuple[str, str]
    """(name of the state in descriptions, attribute of moto's object)."""
    result_members: Mapping[str, str]
    """Operation → the member of its result with the description, or a list of them; if missing, the result itself."""
    create_operations: tuple[str, ...]
    creation: LifecycleStep
    describe_operations: tuple[str, ...]
    """These wait until every resource that they show has reached its state."""
    changes: Mapping[str, LifecycleStep] = field(default_factory=dict)
    applies_immediately: Callable[[Call], bool] = lambda call: True
    """Whether a change starts with the call, and not in the next maintenance window."""
    deletion: Deletion | None = None
    required_states: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Operation → the states that allow it."""
    wrong_state: WrongStateError | None = None
    """The error in all other states."""
    hidden_while_creating: tuple[str, ...] = ()
    """Members that a description leaves out while the resource is being created."""
    display_name: Callable[[Any], str] | None = None
    """Returns the name for the event log; by default, the id."""

    def register(self) -> None:
        """Register the hooks."""
        before(self.service, *self.required_states)(self.check_state)
        after(self.service, *self.create_operations)(self.create)
        after(self.service, *self.changes)(self.change)
        after(self.service, *self.create_operations, *self.changes, *self.describe_operations)(self.hide_fields)
        after(self.service, *self.describe_operations)(self.wait)
        if self.deletion:
            replace(self.service, self.deletion.operation)(self.delete)

    def find(self, backends: Backends, id: str) -> Any | None:
        """The resource of an id, which is not case-sensitive."""
        return next((r for r in self.resources(backends) if self._id(r).lower() == id.lower()), None)

    def check_state(self, call: Call) -> None:
        """Raise the error of a state that does not allow the operation."""
        resource = self.find(call.backends, call.params[self.id[0]])
        if resource is None or not self.wrong_state:
            return
        state = self.state_of(resource)
        required = self.required_states[call.operation]
        if state not in required:
            message = self.wrong_state.message.format(
                name=self._id(resource), state=state, required=" or ".join(required)
            )
            raise AwsError(self.wrong_state.code, message, self.wrong_state.status)

    def create(self, call: Call) -> None:
        """Start the creation of a new resource; a repeated, idempotent create changes nothing."""
        for description, resource in self._described(call):
            if "creation" not in sidecar(resource):
                sidecar(resource)["creation"] = "started"
                self.start(resource, self.creation)
            self._set_state(description, resource)

    def change(self, call: Call) -> None:
        """Start the change that an operation makes."""
        if not self.applies_immediately(call):
            return
        for description, resource in self._described(call):
            self.start(resource, self.changes[call.operation])
            self._set_state(description, resource)

    def hide_fields(self, call: Call) -> None:
        """Leave out of descriptions what is unknown during creation."""
        for description, resource in self._described(call):
            if self.state_of(resource) == self.creation.via:
                for name in self.hidden_while_creating:
                    description.pop(name, None)

    def wait(self, call: Call) -> None:
        """Let a describe call wait for the transitions of the resources that it shows."""
        wait_for_transitions(call, [resource for _, resource in self._described(call)])

    def delete(self, call: Call) -> dict[str, Any]:
        """Start the deletion, and return the resource in its new state; a deletion in progress is not restarted."""
        assert self.deletion
        step, resource = self.deletion.step, self.find(call.backends, call.params[self.id[0]])
        if self.state_of(resource) not in (step.via, step.to):
            self.start(resource, step)
        member = self.result_members.get(call.operation)
        return {member: resource} if member else {self.id[0]: self._id(resource)}

    def start(self, resource: Any, step: LifecycleStep) -> None:
        """Start a step of a resource now."""
        setattr(resource, self.state[1], step.via)
        start_transition(resource, step.to, step.seconds, step.reason)

    def finish_due(self, backends: Backends) -> float | None:
        """Put resources whose step is over into their new state; returns when the next step ends."""
        for resource in list(self.resources(backends)):
            transition = pop_finished_transition(resource)
            if transition is None:
                continue
            if self.deletion and transition.to == self.deletion.step.to:
                self.deletion.delete_in_moto(backends, resource)
            else:
                setattr(resource, self.state[1], transition.to)
            name = self.display_name(resource) if self.display_name else self._id(resource)
            took = _format_duration(transition.ends - transition.started)
            record_event(backends, name, f"{self.label} {transition.to.lower()} after {took}", transition.reason)
            SCHEDULER.mark_changed(backends, self.service)
        return next_transition_end(self.resources(backends))

    def state_of(self, resource: Any) -> str:
        return str(getattr(resource, self.state[1]))

    def _id(self, resource: Any) -> str:
        return str(getattr(resource, self.id[1]))

    def _described(self, call: Call) -> list[tuple[dict[str, Any], Any]]:
        """(description in the result, resource) of each; a description without an id is of the request's id."""
        member = self.result_members.get(call.operation)
        value = call.result.get(member, []) if member else call.result
        descriptions = value if isinstance(value, list) else [value]
        resources = {self._id(resource).lower(): resource for resource in self.resources(call.backends)}
        requested = call.params.get(self.id[0], "")
        with_ids = [(description, description.get(self.id[0], requested).lower()) for description in descriptions]
        return [(description, resources[id]) for description, id in with_ids if id in resources]

    def _set_state(self, description: dict[str, Any], resource: Any) -> None:
        state = description.get(self.state[0])
        if isinstance(state, dict):
            state["Code"] = self.state_of(resource)
        elif state is not None:
            description[self.state[0]] = self.state_of(resource)


def _format_duration(seconds: float) -> str:
    """In the largest unit that gives at least one: `6 minutes`, `3.6 seconds`."""
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds >= size), _UNITS[-1])
    number = f"{seconds / size:.1f}".removesuffix(".0")
    return f"{number} {unit}{'' if number == '1' else 's'}"
