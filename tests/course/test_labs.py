"""Every lab is played: the fault shows, the diagnosis is graded, the repair passes, tempting answers do not.

The first lab is played with all tests, the others with `make test-course`.
"""

import re
import runpy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.course.checking import solution_code
from esaws.course.exercises import Wrong
from esaws.course.labs.causes import CAUSES
from esaws.course.labs.contents import contents
from esaws.course.labs.diagnosis import LONGEST_EVIDENCE
from esaws.course.labs.families import find_lab
from esaws.course.labs.lab import Lab
from esaws.course.labs.session import end_lab
from esaws.inspect.checks.report import findings
from esaws.local_aws.withheld import all_tools
from esaws.reference.seccom import SERVICES
from tests.course.stage import LABS, LEARNER, Stage, labs, other_seed

pytestmark = [pytest.mark.slow, pytest.mark.server]

SCRIPT: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[2] / "docs" / "labs.py"))
BALANCED = {name: f"{service.path}/" for name, service in SERVICES.items() if service.target_group}
"""The path of each service behind the load balancer."""


def is_seen_by_requests(lab: Lab) -> bool:
    """Whether the fault always breaks what a client gets from the load balancer."""
    return lab.broken[:1] != () and lab.broken[0].startswith("GET ")


def non_repairs() -> Any:
    return [
        pytest.param(
            lab.name,
            number,
            id=f"{lab.name}-{wrong.answer.__name__}",
            marks=pytest.mark.course if number else parameter.marks,
        )
        for lab, parameter in zip(LABS, labs(), strict=True)
        for number, wrong in enumerate(lab.non_repairs)
    ]


# --- declarations


def test_names_are_unique_words_that_do_not_give_the_cause_away() -> None:
    assert len({lab.name for lab in LABS}) == len(LABS)
    for lab in LABS:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", lab.name) and lab.cause not in lab.name


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_a_lab_has_a_report_hints_by_degrees_and_a_solution(lab: Lab) -> None:
    mine = lab.values_of(LEARNER)
    assert mine == lab.values_of(LEARNER), "the values of a learner stay the same"
    assert len(lab.report_for(mine).split()) >= 12
    assert len(lab.hints) == 3 and "?" in lab.hints[0] and "`" in lab.hints[2]
    assert all(hint.format(mine=mine) for hint in lab.hints)
    assert "cloud.client" in solution_code(lab.repair) or "plan_deploy" in solution_code(lab.repair)


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_the_report_does_not_give_the_cause_away(lab: Lab) -> None:
    assert lab.cause not in lab.report_for(lab.values_of(LEARNER)).lower().replace(" ", "-")


def test_every_lab_has_a_notebook_that_is_written_from_it() -> None:
    written = {path.stem for path in SCRIPT["FOLDER"].glob("*.ipynb")}
    assert written == {lab.name for lab in LABS}
    for lab in LABS:
        path = SCRIPT["FOLDER"] / f"{lab.name}.ipynb"
        assert SCRIPT["is_current"](path, SCRIPT["cells_of"](lab)), f"run python docs/labs.py {lab.name}"


# --- the fault


@pytest.mark.parametrize("name", labs())
def test_the_fault_shows_and_only_where_it_should(stage: Stage, name: str) -> None:
    played = stage.broken(name)
    broken, expected = played.record.broken, played.lab.broken_for(played.mine)
    if expected:
        assert any(promise.startswith(expected[0]) for promise in broken), broken
        assert all(promise.startswith(expected) for promise in broken), broken
    else:
        assert not broken and not all(point.ok for point in played.lab.symptom(played.attempt()))


@pytest.mark.parametrize("name", [each for each in labs() if is_seen_by_requests(find_lab(each.values[0]))])
def test_requests_of_a_client_fail_until_the_repair(stage: Stage, name: str) -> None:
    played = stage.broken(name)
    simulation.traffic(
        played.cloud, rows=[{"at": 0, "path": path, "requests_per_second": 2} for path in BALANCED.values()]
    )
    assert any(answered(played.cloud, service) < 1 for service in BALANCED), "no request fails"
    played.lab.repair(played.cloud, played.mine)
    simulation.advance(played.cloud, "30m")
    assert {service: answered(played.cloud, service) for service in BALANCED} == dict.fromkeys(BALANCED, 1.0)


def answered(cloud: Cloud, service: str) -> float:
    """The share of two requests a second that containers of a service answer with 200 in ten minutes from now."""
    start = simulation.advance(cloud, to=simulation.now(cloud).replace(second=0, microsecond=0) + timedelta(minutes=2))
    simulation.advance(cloud, "12m")
    elbv2 = cloud.client("elbv2")
    name = cloud.aws_name(str(SERVICES[service].target_group))
    group = elbv2.describe_target_groups(Names=[name])["TargetGroups"][0]["TargetGroupArn"]
    balancer = elbv2.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
    found = cloud.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/ApplicationELB",
        MetricName="HTTPCode_Target_2XX_Count",
        Dimensions=[
            {"Name": "LoadBalancer", "Value": balancer.split(":loadbalancer/")[1]},
            {"Name": "TargetGroup", "Value": group.split(":")[-1]},
        ],
        StartTime=start,
        EndTime=start + timedelta(minutes=10),
        Period=60,
        Statistics=["Sum"],
    )
    return sum(float(point["Sum"]) for point in found["Datapoints"]) / (2 * 600)


@pytest.mark.parametrize("name", labs())
def test_an_unrepaired_lab_is_refused_with_a_reason(stage: Stage, name: str) -> None:
    result = stage.broken(name).check()
    assert not result.ok
    assert any(point.found for point in result.all_points if not point.ok), str(result)


# --- the diagnosis


@pytest.mark.parametrize("name", labs())
def test_a_diagnosis_is_graded_by_its_cause_and_its_evidence(stage: Stage, name: str) -> None:
    played = stage.broken(name)
    cause, proof = played.lab.cause, played.proof()
    assert len(proof) <= LONGEST_EVIDENCE
    assert played.diagnose(cause, proof).ok, str(played.diagnose(cause, proof))
    for fact in played.lab.evidence(played.cloud, played.mine):
        for resource in fact.resource:
            assert played.diagnose(cause, f"{resource} {fact.value[-1]}").ok, (resource, fact.value[-1])
    wrong = next(each for each in CAUSES if each != cause)
    assert played.diagnose(wrong, proof).points == 3
    assert played.diagnose(cause, "it does not work").points == 2
    assert played.diagnose(cause, proof.partition(":")[0]).points == 3


@pytest.mark.parametrize("name", labs())
def test_a_diagnosis_after_the_repair_scores_nothing(stage: Stage, name: str) -> None:
    played = stage.broken(name)
    proof = played.proof()
    played.lab.repair(played.cloud, played.mine)
    result = played.diagnose(played.lab.cause, proof)
    assert result.points == 0 and "before anything is changed" in str(result)


# --- the repair


@pytest.mark.parametrize("name", labs())
def test_the_reference_repair_passes(stage: Stage, name: str) -> None:
    played = stage.broken(name)
    played.lab.repair(played.cloud, played.mine)
    played.lab.repair(played.cloud, played.mine)  # a notebook's cell can be run twice
    result = played.check()
    assert result.ok, str(result)


@pytest.mark.parametrize(("name", "number"), non_repairs())
def test_a_tempting_answer_is_refused_with_the_reason(stage: Stage, name: str, number: int) -> None:
    played = stage.broken(name)
    wrong: Wrong = played.lab.non_repairs[number]
    wrong.answer(played.cloud, played.mine)
    result = played.check()
    assert not result.ok
    reasons = " ".join(f"{p.what} {p.found} {p.look_at}" for p in result.all_points if not p.ok)
    assert wrong.words.lower() in reasons.lower(), str(result)


@pytest.mark.parametrize("name", labs())
def test_fixing_all_findings_alone_does_not_pass(stage: Stage, name: str) -> None:
    played = stage.broken(name)
    with all_tools():
        fixes = findings(played.cloud).fixes()
    for fix in fixes:
        fix.apply(played.cloud)
    assert not played.check().ok


@pytest.mark.parametrize("name", [each for each in labs() if other_seed(find_lab(each.values[0]))])
def test_diagnosis_and_repair_of_another_learner_do_not_pass(stage: Stage, name: str) -> None:
    other = other_seed(find_lab(name))
    proof = stage.broken(name, other).proof()
    played = stage.broken(name)
    diagnosis = played.diagnose(played.lab.cause, proof)
    played.lab.repair(played.cloud, played.lab.values_of(other))
    assert not (diagnosis.ok and played.check().ok)


@pytest.mark.parametrize("name", [each for each in labs() if find_lab(each.values[0]).clean_up])
def test_a_lab_that_is_not_repaired_ends_with_nothing_left(stage: Stage, name: str) -> None:
    cloud = stage.broken(name).cloud
    assert "Nothing of it is left" in str(end_lab(cloud))
    assert contents(cloud) == []
    assert "No lab runs" in str(end_lab(cloud))
