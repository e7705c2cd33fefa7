"""The matrix: each action of each profile, with each kind of disturbance at each call, and a table of what came out.

`python -m tests.resilience --help` lists how to choose a part of it.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from esaws.environment import environment_variables
from esaws.local_aws.scratch import scratch_server
from esaws.progress import progress
from tests.resilience.disturbance import DELETES, FAULTS, KILLS, KINDS, RETRIED, STUCK, Disturbance, can_strike
from tests.resilience.process import Forks
from tests.resilience.situation import ACTIONS, PROFILES, SMALL, Situation, World
from tests.resilience.trial import Result, try_one

ACCOUNT = "123456789012"

GROUPS = {"kills": KILLS, "retried": RETRIED, "faults": FAULTS, "deletes": DELETES}
"""Names of several kinds at once."""


def disturbances(calls: Iterable[tuple[str, bool]], kinds: Iterable[str]) -> Iterator[Disturbance]:
    """Every disturbance of these kinds at every call of a command, in which it can strike."""
    operations: dict[bool, list[str]] = defaultdict(list)
    for operation, changing in calls:
        operations[changing].append(operation)
    for kind in kinds:
        for changing in sorted(operations, reverse=True):
            for number, operation in enumerate(operations[changing], 1):
                if not can_strike(kind, operation, changing):
                    continue
                if kind != STUCK:
                    yield Disturbance(kind, number, changing)
                if kind in FAULTS and kind != "not-found-after-create":
                    yield Disturbance(kind, number, changing, lasting=True)


def chosen(
    situation: Situation, calls: Iterable[tuple[str, bool]], kinds: Iterable[str], options: argparse.Namespace
) -> list[Disturbance]:
    """The disturbances that are tried: all, or a part that the seed chooses."""
    chance = random.Random(f"{options.seed} {situation}")
    part = [
        each
        for each in disturbances(calls, kinds)
        if chance.random() < options.sample * (1 if each.changing else options.reads)
    ]
    return part if options.trials is None else chance.sample(part, min(options.trials, len(part)))


def run(
    world: World, situations: Iterable[Situation], kinds: Iterable[str], options: argparse.Namespace
) -> Iterator[Result]:
    """Yield the result of each trial, and show the progress."""
    for situation in situations:
        world.begin(situation)
        undisturbed = world.forks.run(*situation.command)
        if undisturbed.exit_code != 0:
            raise RuntimeError(str(undisturbed))
        trials = chosen(situation, undisturbed.calls, kinds, options)
        with progress(str(situation), len(trials)) as bar:
            for disturbance in trials:
                result = try_one(world, situation, disturbance)
                bar.step(str(disturbance))
                if result.struck:
                    yield result


COLUMNS = ("action", "kind", "trials", "completed", "left over", "foreign touched", "wrong exits", "unclear", "longest")


def table(results: Iterable[Result]) -> str:
    """The results as a table: a row for each action and kind of disturbance, and the sums."""
    groups: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for result in results:
        kind = result.disturbance.kind + (", lasting" if result.disturbance.lasting else "")
        groups[str(result.situation), kind].append(result)
        groups["all", ""].append(result)
    everything = groups.pop(("all", ""), [])
    rows = [COLUMNS, *(_row(name, kind, group) for (name, kind), group in groups.items()), _row("all", "", everything)]
    widths = [max(len(str(row[column])) for row in rows) for column in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(str(cell).ljust(width) if number < 2 else str(cell).rjust(width)
                  for number, (cell, width) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    )  # fmt: skip


def _row(name: str, kind: str, group: list[Result]) -> tuple[str, ...]:
    return (
        name,
        kind,
        str(len(group)),
        str(sum(result.completed for result in group)),
        str(sum(len(result.left) for result in group)),
        str(sum(len(result.touched) for result in group)),
        str(sum(len(result.wrong_exits) for result in group)),
        str(sum(len(result.unclear) for result in group)),
        f"{max((result.longest for result in group), default=0):.1f} s",
    )


def parse(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.resilience", description=__doc__)
    parser.add_argument("--action", action="append", choices=ACTIONS, help="one action; repeat it for several")
    parser.add_argument("--profile", action="append", choices=PROFILES, help="one profile")
    parser.add_argument("--kind", action="append", choices=[*KINDS, *GROUPS], help="one kind")
    parser.add_argument("--services", default=SMALL, help="services of the system; empty for all")
    parser.add_argument("--sample", type=float, default=1.0, help="the part of all trials, chosen at random")
    parser.add_argument(
        "--reads", type=float, default=1.0, help="the part of the trials at calls that change nothing, in addition"
    )
    parser.add_argument("--trials", type=int, help="so many trials of each action and profile, chosen at random")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    options = parse(words)
    kinds = [each for kind in options.kind or KINDS for each in GROUPS.get(kind, (kind,))]
    situations = [
        Situation(action, profile, options.services)
        for action in options.action or ACTIONS
        for profile in options.profile or PROFILES
    ]
    results: list[Result] = []
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the table is printed
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="esaws-resilience-") as folder,
        environment_variables({"ESAWS_STILL": "1"}),
        scratch_server(owner=os.getpid()) as url,
    ):
        world = World(Forks(url, Path(folder), ACCOUNT))
        try:
            for result in run(world, situations, kinds, options):
                results.append(result)
                if not result.is_right:
                    print(result, flush=True)
        except KeyboardInterrupt:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # `timeout` sends it to the whole group, once more
            print("interrupted; the table has the trials until then")
        print(table(results))
        wrong = sum(not result.is_right for result in results)
        print(f"{len(results)} trials, {wrong} wrong, in {(time.monotonic() - began) / 60:.1f} minutes", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
