"""Rounds of deploy, random break, findings, mend, runbook and teardown on one local AWS, with random faults.

It prints a line for each round, what was wrong with it, and a table of what each round cost at the beginning and at the
end. Exit code 1 if anything was wrong or left, or if time, memory, files or sockets did not stay flat.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import psutil

from esaws.cloud import Cloud
from esaws.environment import environment_variables
from esaws.local_aws import process
from tests.client_pool import clients_are_handed_on
from tests.resilience.account import describe_account
from tests.resilience.foreign import make_foreign_resources
from tests.resilience.process import retry_at_once
from tests.soak.measures import Measures, cpu_seconds, measure, trends
from tests.soak.round import Round, play

ACCOUNT = "123456789012"
FLAT_FROM = 20
"""Fewer rounds say nothing about what grows."""


def parse(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, help="start no round after so many minutes")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    options = parse(words)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the table is printed
    retry_at_once()
    rounds: list[Round] = []
    measures: list[Measures] = []
    with tempfile.TemporaryDirectory(prefix="esaws-soak-") as name:
        state, runs = Path(name, "state"), Path(name, "runs")
        own = {"ESAWS_STATE": str(state), "ESAWS_PORT": "0", "ESAWS_STILL": "1", "ESAWS_RUNS": str(runs)}
        with environment_variables(own):
            status = process.start(owner=os.getpid())
            server = psutil.Process(int(status["pid"]))
            try:
                url, began = str(status["url"]), time.monotonic()
                make_foreign_resources(Cloud.at(url, account=ACCOUNT))
                before = describe_account(Cloud.at(url, account=ACCOUNT))
                for number in range(1, options.rounds + 1):
                    if options.minutes is not None and time.monotonic() - began > 60 * options.minutes:
                        break
                    started, used = time.monotonic(), cpu_seconds(server)
                    with clients_are_handed_on():
                        rounds.append(play(Cloud.at(url, account=ACCOUNT), number, options.seed, before, runs))
                    shutil.rmtree(runs, ignore_errors=True)  # they are to stay
                    measures.append(measure(cpu_seconds(server) - used, server, state))
                    last, seconds = measures[-1], time.monotonic() - started
                    cost = f"{seconds:.1f} s ({last.cpu_seconds:.1f} of processor), server {last.server_mb:.0f} MB"
                    print(f"{rounds[-1]}; {cost}", flush=True)
            except KeyboardInterrupt:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)  # `timeout` sends it to the whole group, once more
                print("interrupted; the table has the rounds until then")
            finally:
                process.stop(discard=True)
    return report(rounds, measures)


def report(rounds: list[Round], measures: list[Measures]) -> int:
    """Print the table, and return the exit code."""
    found = trends(measures) if measures else []
    print(f"\n{'':15}{'begin':>11}{'end':>14}{'most':>14}")
    print(*found, sep="\n")
    wrong = sum(bool(each.wrong) for each in rounds)
    struck, again = sum(each.struck for each in rounds), sum(each.again for each in rounds)
    grown = [each.name for each in found if not each.is_flat] if len(rounds) >= FLAT_FROM else []
    print(f"{len(rounds)} rounds, {struck} faults, {again} run again, {wrong} wrong; not flat: {', '.join(grown) or 0}")
    return 1 if wrong or grown or not rounds else 0


if __name__ == "__main__":
    sys.exit(main())
