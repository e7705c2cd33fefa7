"""The actions of a user on a deployment, what exists before each of them, and how it is known that one is complete."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from esaws import simulation
from esaws.local_aws import control
from tests.resilience.account import Description, describe_account, left, touched
from tests.resilience.foreign import make_foreign_resources
from tests.resilience.process import Forks, Outcome

ACTIONS = ("deploy", "update", "replace", "park", "resume", "teardown")
PROFILES = ("ha", "budget", "fargate")
OTHERS = {"ha": "budget", "budget": "ha", "fargate": "budget"}
"""Profile → the one that replaces it; AWS moves no service from instances to Fargate, or back, in place."""
SMALL = "client-web-ui"

Words = tuple[str, ...]


@dataclass(frozen=True)
class Situation:
    """An action on a deployment of a profile."""

    action: str
    profile: str
    services: str = SMALL

    def __str__(self) -> str:
        return f"{self.action} {self.profile}"

    @property
    def _profile(self) -> Words:
        services = ("--services", self.services) if self.services else ()
        if self.action == "update":
            instances = () if self.profile == "fargate" else ("--instance-type", "t3.micro")
            return "--profile", self.profile, *services, *instances, "--images", "ecr"
        return "--profile", OTHERS[self.profile] if self.action == "replace" else self.profile, *services

    @property
    def before(self) -> tuple[Words, ...]:
        """The commands that make what exists before."""
        if self.action == "deploy":
            return ()
        services = ("--services", self.services) if self.services else ()
        deploy = ("deploy", "--profile", self.profile, *services, "--yes")
        return (deploy, ("park", "--yes")) if self.action == "resume" else (deploy,)

    @property
    def command(self) -> Words:
        """The action."""
        if self.action in ("deploy", "update", "replace"):
            return "deploy", *self._profile, *(("--prune",) if self.action == "replace" else ()), "--yes"
        return self.action, "--yes"

    @property
    def proofs(self) -> tuple[Words, ...]:
        """The commands that all end with 0 if the action is complete."""
        if self.action == "teardown":
            return ()
        plan = ("plan", *self._profile, *(("--prune",) if self.action == "replace" else ()), "--detailed-exitcode")
        return (("resume", "--yes"), plan) if self.action == "park" else (plan,)


class World:
    """A local AWS that is put into the same state again and again."""

    def __init__(self, forks: Forks) -> None:
        self.forks = forks
        self._states: dict[tuple[Words, ...], bytes] = {}
        self.foreign: Description = {}

    def begin(self, situation: Situation) -> None:
        """Bring about what exists before the action, with resources of other owners beside it."""
        self.load(self._state(situation.before))

    def load(self, state: bytes) -> None:
        control.exchange(self.forks.url, "POST", "load", state)
        simulation.no_faults(self.forks.cloud())

    def save(self) -> bytes:
        return control.exchange(self.forks.url, "GET", "save")

    def _state(self, commands: tuple[Words, ...]) -> bytes:
        if commands not in self._states:
            if commands:
                self.load(self._state(commands[:-1]))
                done = self.forks.run(*commands[-1])
                if done.exit_code != 0:
                    raise RuntimeError(str(done))
            else:
                control.call(self.forks.url, "POST", "reset")
                make_foreign_resources(self.forks.cloud())
                self.foreign = describe_account(self.forks.cloud())
            self._states[commands] = self.save()
        return self._states[commands]

    def left_and_touched(self) -> tuple[list[str], list[str]]:
        """Return what exists beside the resources of others, and which of those are gone or differ."""
        now = describe_account(self.forks.cloud())
        return left(self.foreign, now), touched(self.foreign, now)

    def run_all(self, commands: tuple[Words, ...]) -> Iterator[Outcome]:
        """Run commands one after the other."""
        for words in commands:
            yield self.forks.run(*words)
