"""One round: deploy, break, find, mend, operate with a runbook, and tear down, with faults of AWS on the way."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from esaws import simulation
from esaws.cloud import Cloud
from esaws.deploy.leftovers import leftovers
from esaws.deploy.plan import plan_deploy, plan_teardown
from esaws.deploy.serving import wait_until_serving
from esaws.errors import EsawsError
from esaws.inspect import findings, health
from esaws.notebooks import run_notebook
from esaws.reference.seccom import seccom
from tests.inspect.breaker import BREAKAGES, Breaker
from tests.resilience.account import Description, describe_account, left, touched

SERVICES = ("client-web-ui", "intrusion-management-api")

FAULTS = ("throttle", "internal-error", "unavailable", "lost-response", "not-found-after-create", "slow")
_CHANCE = 0.03
_TRIES = 8

SEEN_BY_HEALTH = ("rule", "egress", "check_port")
"""Breakages after which targets are unhealthy for good: another path or status may do as well."""

RUNBOOKS: dict[str, dict[str, Any]] = {
    "status": {},
    "is_it_answering": {"requests": 1},
    "security_audit": {},
    "find_leftovers": {},
    "why_is_it_unhealthy": {"hours": 1},
    "what_changed_since": {"since": "1h"},
    "who_can_reach": {"destination": "service/seccom-client-web-ui"},
    "scale_a_service": {"service": "client-web-ui", "desired": 3},
    "park_and_resume": {"action": "park"},
    "replace_an_instance": {},
}
_FOLDER = Path(__file__).parents[2] / "notebooks" / "runbooks"


@dataclass
class Round:
    """What a round did, and what was wrong with it."""

    number: int
    profile: str
    breakage: str = ""
    runbook: str = ""
    struck: int = 0
    """Faults that struck."""
    again: int = 0
    """How often a deploy or a teardown was run again after one."""
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        what = f"round {self.number}: {self.profile}, {self.breakage}, {self.runbook}"
        return f"{what}, {self.struck} faults, {self.again} run again" + "".join(f"\n  {each}" for each in self.wrong)


def play(cloud: Cloud, number: int, seed: int, before: Description, runs: Path) -> Round:
    """Play a round; `before` is what exists when nothing is deployed, `runs` the folder for records of runs."""
    rng = random.Random(f"{seed} {number}")
    result = Round(number, rng.choice(("ha", "ha", "budget")))
    architecture = seccom(result.profile, services=SERVICES)
    try:
        _until_done(cloud, rng, result, lambda: plan_deploy(architecture, cloud).apply(yes=True))
        if unstable := wait_until_serving(cloud):
            result.wrong.append(f"not serving after the deploy: {unstable[0]}")
        _break_and_mend(cloud, rng, result, architecture)
        _operate(cloud, rng, result, runs)
        _until_done(cloud, rng, result, lambda: plan_teardown(cloud).apply(yes=True))
    except (EsawsError, ClientError, BotoCoreError) as error:
        result.wrong.append(f"{type(error).__name__}: {error}")
        simulation.no_faults(cloud)
        plan_teardown(cloud).apply(yes=True)
    result.wrong += [f"left, says esaws: {each}" for each in leftovers(cloud)]
    after = describe_account(cloud)
    result.wrong += [f"left: {each}" for each in left(before, after)]
    result.wrong += [f"touched: {each}" for each in touched(before, after)]
    return result


def _until_done(cloud: Cloud, rng: random.Random, result: Round, act: Callable[[], object]) -> None:
    """Act while calls fail now and then, until it succeeds; the last time nothing fails.

    Raises what the last try raises.
    """
    for number in range(_TRIES):
        simulation.no_faults(cloud)
        is_last = number == _TRIES - 1
        if not is_last:
            kind = rng.choice(FAULTS)
            settings = {"seconds": 0.05} if kind == "slow" else {"seconds": 5} if "not-found" in kind else {}
            simulation.fault(cloud, kind, count=None, probability=_CHANCE, seed=rng.randrange(10**6), **settings)
        try:
            act()
        except (EsawsError, ClientError, BotoCoreError):
            if is_last:
                raise
            result.again += 1
            continue
        finally:
            result.struck += _strikes(cloud)
            simulation.no_faults(cloud)
        return


def _strikes(cloud: Cloud) -> int:
    return sum(fault["struck"] for fault in simulation._call(cloud, "GET", "faults")["faults"])


def _break_and_mend(cloud: Cloud, rng: random.Random, result: Round, architecture: Any) -> None:
    """Break a service, see that it is noticed, and mend it: by a deploy, or by hand if a deploy changes nothing."""
    result.breakage = rng.choice(BREAKAGES) if result.profile == "ha" else "rule"
    undo = getattr(Breaker(cloud, rng, SERVICES), result.breakage)()
    simulation.advance(cloud, "20m")
    states = Counter(state.state for state in health(cloud))
    findings(cloud)
    if result.breakage in SEEN_BY_HEALTH and not states["unhealthy"]:
        result.wrong.append(f"{result.breakage} was not noticed: {dict(states)}")
    plan = plan_deploy(architecture, cloud)
    if result.breakage == "rule" and not plan.changing:
        result.wrong.append("the missing rule is no drift")
    if plan.changing:
        plan.apply(yes=True)
    else:
        undo()
    simulation.advance(cloud, "20m")
    if unstable := wait_until_serving(cloud):
        result.wrong.append(f"not mended after {result.breakage}: {unstable[0]}")


def _operate(cloud: Cloud, rng: random.Random, result: Round, runs: Path) -> None:
    """Run a runbook, in a kernel of its own."""
    result.runbook = rng.choice(sorted(RUNBOOKS) if result.profile == "ha" else ["security_audit", "status"])
    variables = {
        "ESAWS_TARGET": str(cloud.endpoint),
        "ESAWS_ACCOUNT": cloud.account,
        "ESAWS_DEPLOYMENT": cloud.deployment,
        "ESAWS_RUNS": str(runs),
    }
    done = run_notebook(_FOLDER / f"{result.runbook}.ipynb", None, RUNBOOKS[result.runbook], kernel_env=variables)
    if done.status != "ok":
        result.wrong.append(f"runbook {result.runbook}: {done.status}: {done.error}")
