"""A local AWS on which tests play the labs."""

from typing import Any

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.course.checking import Result
from esaws.course.exercises import Attempt
from esaws.course.labs.diagnosis import grade_diagnosis
from esaws.course.labs.families import all_labs, find_lab
from esaws.course.labs.lab import Lab
from esaws.course.labs.record import Record, write_record
from esaws.course.labs.repair import check_repair
from esaws.course.labs.session import SETTLES, break_system
from esaws.deploy.plan import plan_deploy
from esaws.local_aws import control
from esaws.local_aws.withheld import all_tools

LABS = all_labs()
ALWAYS = "flapping-targets"
LEARNER = "ada"
SEEDS = 50


def labs(*others: Any) -> Any:
    """A parameter for each lab; all but one are in the long tests."""
    return [
        pytest.param(lab.name, *others, id=lab.name, marks=() if lab.name == ALWAYS else pytest.mark.course)
        for lab in LABS
    ]


def other_seed(lab: Lab) -> str:
    """The learner of many whose values differ most; empty if the lab has no values."""
    mine = vars(lab.values_of(LEARNER))

    def differences(learner: str) -> int:
        return sum(value != mine[name] for name, value in vars(lab.values_of(learner)).items())

    other = max((f"learner-{number}" for number in range(SEEDS)), key=differences)
    return other if differences(other) else ""


class Stage:
    """A local AWS with the systems of the labs, each saved when it serves."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._systems: dict[Any, bytes] = {}
        self._broken: dict[tuple[str, str], bytes] = {}
        self._records: dict[tuple[str, str], Record] = {}

    def system(self, architecture: Any) -> Cloud:
        """Load a running system; deploy it the first time."""
        if architecture not in self._systems:
            control.exchange(self.url, "POST", "reset", b"{}")
            cloud = Cloud.at(self.url)
            plan_deploy(architecture(), cloud).apply()
            simulation.advance(cloud, SETTLES)
            self._systems[architecture] = control.exchange(self.url, "GET", "save")
        control.exchange(self.url, "POST", "load", self._systems[architecture])
        return Cloud.at(self.url)

    def broken(self, name: str, seed: str = LEARNER) -> "Played":
        """Load the broken system of a lab."""
        lab = find_lab(name)
        if (name, seed) not in self._broken:
            cloud = self.system(lab.system)
            self._records[name, seed] = break_system(cloud, lab, level=1, seed=seed)
            self._broken[name, seed] = control.exchange(self.url, "GET", "save")
        control.exchange(self.url, "POST", "load", self._broken[name, seed])
        cloud = Cloud.at(self.url)
        return Played(cloud, lab, write_record(cloud, self._records[name, seed]))


class Played:
    """A lab that has been started."""

    def __init__(self, cloud: Cloud, lab: Lab, record: Record) -> None:
        self.cloud, self.lab, self.record = cloud, lab, record
        self.mine = lab.values_of(record.seed)

    def check(self) -> Result:
        with all_tools():
            return check_repair(self.cloud, self.lab, self.record)

    def attempt(self) -> Attempt:
        return Attempt(self.cloud, self.mine)

    def diagnose(self, cause: str, evidence: str) -> Result:
        with all_tools():
            return grade_diagnosis(self.cloud, self.lab, self.record, cause, evidence)

    def proof(self) -> str:
        fact = next(iter(self.lab.evidence(self.cloud, self.mine)))
        return f"{fact.resource[0]}: {fact.value[0]}"
