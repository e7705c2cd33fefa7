"""One trial: an action is disturbed at one call; the same action completes it, and a teardown leaves nothing."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass, field

from esaws import simulation
from tests.resilience.disturbance import BROKEN, CAPACITY, IN_USE, KILLS, NO_ROOM, STUCK, Disturbance
from tests.resilience.process import Outcome
from tests.resilience.situation import Situation, World

TEARDOWN = ("teardown", "--yes")

_CODES = {
    "throttle": r"Throttl|RequestLimitExceeded|SlowDown|TooManyRequests|RequestThrottled",
    "internal-error": r"Internal|ServerException|ServiceFailure",
    "unavailable": r"Unavailable",
    "expired-token": r"Expired",
    "access-denied": r"Denied|UnauthorizedOperation",
    "quota-exceeded": r"LimitExceeded|TooMany|QuotaExceeded|ClusterQuota|Forbidden",
    "not-found-after-create": r"NotFound|NoSuchEntity|not found",
    CAPACITY: r"InsufficientInstanceCapacity",
    NO_ROOM: r"RESOURCE:MEMORY",
    IN_USE: r"InUse|DependencyViolation|DeleteConflict|ClusterContains|InvalidDBSubnetGroupState",
    STUCK: r"timed out after|Max attempts exceeded|DependencyViolation|left: ",
    "connection reset": r"ConnectionClosedError",
    "connect time-out": r"ConnectTimeoutError",
    "read time-out": r"ReadTimeoutError",
}
"""Kind of fault → what a message about it contains."""

_NEXT_STEP = re.compile(r"→|again|look |check |run |ask |choose |delete |`esaws", re.IGNORECASE)


@dataclass
class Result:
    """What a trial found. `problems` says what is wrong, by the columns of the table."""

    situation: Situation
    disturbance: Disturbance
    operation: str = ""
    struck: bool = True
    exit_code: int = 0
    completed: bool = False
    """Whether the action, run again, ended with 0, and everything is as declared."""
    left: list[str] = field(default_factory=list)
    touched: list[str] = field(default_factory=list)
    wrong_exits: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)
    longest: float = 0.0
    """Seconds of the slowest command."""
    notes: list[str] = field(default_factory=list)

    @property
    def is_right(self) -> bool:
        return self.completed and not (self.left or self.touched or self.wrong_exits or self.unclear)

    def __str__(self) -> str:
        wrong = [f"{name}: {', '.join(found)}" for name, found in self._wrong() if found]
        return "\n".join([f"{self.situation}, {self.disturbance} ({self.operation}): " + "; ".join(wrong), *self.notes])

    def _wrong(self) -> list[tuple[str, list[str]]]:
        return [
            ("not completed", [] if self.completed else ["see below"]),
            ("left", self.left),
            ("touched", self.touched),
            ("wrong exit codes", self.wrong_exits),
            ("unclear", self.unclear),
        ]


def try_one(world: World, situation: Situation, disturbance: Disturbance) -> Result:
    """Disturb an action once. Then, from where it ended, run it again; and, from there too, tear everything down."""
    result = Result(situation, disturbance)
    world.begin(situation)
    disturbed = world.forks.run(*situation.command, disturbance=disturbance)
    simulation.no_faults(world.forks.cloud())
    result.operation, result.exit_code = disturbed.struck, disturbed.exit_code
    is_killed = disturbance.kind in KILLS
    if (is_killed and disturbed.exit_code != -signal.SIGKILL) or (not is_killed and not disturbed.struck):
        result.struck = False  # it ended before that call, as threads happened to run
    _judge(result, disturbed)
    where_it_ended = world.save()

    # Run it again, unless it has said that it is complete; that must be true then.
    again = () if disturbed.exit_code == 0 else (situation.command,)
    result.completed = _all_succeed(world, result, (*again, *situation.proofs))
    if disturbed.exit_code == 0 and not result.completed:
        result.wrong_exits.append(f"0 of {situation.action}, which is not complete")
    if disturbance.number % 4 == 0 or not again or situation.action == "teardown":
        # What is complete is like any deployment, so a part of the trials is enough.
        _tear_down(world, result, "after it was run again")
    if again and situation.action != "teardown":
        world.load(where_it_ended)
        _tear_down(world, result, "from where it ended")
    return result


def _judge(result: Result, disturbed: Outcome) -> None:
    result.longest = disturbed.seconds
    kind = result.disturbance.kind
    if disturbed.exit_code == -signal.SIGKILL:
        return
    if "Traceback" in disturbed.stderr:
        result.unclear.append("a traceback")
        result.notes.append(str(disturbed))
    # An endpoint that does not answer at the first call is a usage error: a wrong URL.
    allowed = (0, 1, 2) if kind in BROKEN and disturbed.struck == "GetCallerIdentity" else (0, 1)
    if disturbed.exit_code not in allowed:
        result.wrong_exits.append(f"{disturbed.exit_code} of the disturbed command")
        result.notes.append(str(disturbed))
    elif disturbed.exit_code and kind in _CODES:
        # What a teardown could not check is in its output, with the reason.
        names_code = re.search(_CODES[kind], disturbed.stdout + disturbed.stderr)
        if not names_code or not _NEXT_STEP.search(disturbed.stderr):
            result.unclear.append("no next step" if names_code else "no code")
            result.notes.append(str(disturbed))


def _all_succeed(world: World, result: Result, commands: tuple[tuple[str, ...], ...]) -> bool:
    for outcome in world.run_all(commands):
        result.longest = max(result.longest, outcome.seconds)
        if outcome.exit_code != 0:
            result.notes.append(str(outcome))
            return False
    return True


def _tear_down(world: World, result: Result, when: str) -> None:
    if not _all_succeed(world, result, (TEARDOWN,)):
        result.wrong_exits.append(f"not 0 of a teardown {when}")
    left, touched = world.left_and_touched()
    result.left += left
    result.touched += touched
