"""Start, diagnose, check and end a lab. Notebooks and the command line call the same functions."""

from __future__ import annotations

import random

from esaws import simulation
from esaws.cloud import Cloud
from esaws.course.checking import Result, solution_code
from esaws.course.exercises import Attempt
from esaws.course.kept_work import keep_work, saved_state
from esaws.course.labs.baseline import measure
from esaws.course.labs.contents import contents
from esaws.course.labs.diagnosis import grade_diagnosis, missing_diagnosis
from esaws.course.labs.families import all_labs, find_lab
from esaws.course.labs.lab import FAMILIES, LEVELS, Lab
from esaws.course.labs.promises import promises
from esaws.course.labs.record import (
    Record,
    delete_record,
    read_diagnosis_state,
    read_record,
    require_record,
    write_diagnosis_state,
    write_record,
)
from esaws.course.labs.repair import check_repair
from esaws.course.labs.result import LabResult
from esaws.course.labs.routine_changes import break_among_routine_changes
from esaws.course.learner import learner_id
from esaws.course.progress import Progress
from esaws.course.shown import Shown
from esaws.deploy.plan import plan_deploy, plan_teardown
from esaws.errors import EsawsError, Refused, UsageError
from esaws.local_aws.withheld import all_tools, withhold

RANDOM = "random"
SETTLES = "15m"
"""How long the clock runs until a new system serves."""

_WITHHELD: dict[int, tuple[str, ...]] = {
    1: (),
    2: ("findings", "health"),
    3: ("findings", "health", "snapshot", "plan"),
}
"""What each level withholds."""


def choose_lab(name: str, seed: str, family: str | None = None) -> Lab:
    """Return a lab by name; for `random` one that the seed chooses, of a family or of all.

    Raises:
        UsageError: there is no such lab or family.
    """
    if name != RANDOM:
        return find_lab(name)
    if family is not None and family not in FAMILIES:
        raise UsageError(f"no family {family!r}. Choose one of {', '.join(FAMILIES)}")
    labs = [lab for lab in all_labs() if family in (None, lab.family)]
    return random.Random(f"lab {seed}").choice(labs)


def start_lab(cloud: Cloud, lab: Lab, *, level: int = 1, seed: str | None = None, over: bool = False) -> Record:
    """Deploy the system of a lab in an empty account of a local AWS, and break it.

    Args:
        cloud: an account without any resources, or one in which a lab runs.
        lab: which one.
        level: one of `LEVELS`.
        seed: what the values are drawn from; default the learner's id.
        over: delete the lab that runs there.

    Raises:
        UsageError: there is no such level.
        Refused: the cloud is AWS, something else exists in the account, or a lab runs there and `over` is not set.
    """
    if level not in LEVELS:
        raise UsageError(f"no level {level}. Choose one of {', '.join(map(str, LEVELS))}")
    if cloud.is_aws:
        raise Refused("nothing was started: a lab breaks the system that it runs in, so it runs on the local AWS alone")
    cloud.start()
    cloud.check()
    with all_tools():
        _require_room(cloud, over)
        plan_deploy(lab.system(), cloud).apply()
        simulation.advance(cloud, SETTLES)
        return break_system(cloud, lab, level=level, seed=seed or learner_id())


def break_system(cloud: Cloud, lab: Lab, *, level: int, seed: str) -> Record:
    """Break the running system of a lab, wait until that shows, and keep the record.

    Raises:
        EsawsError: the system does not serve, or the fault does not show.
    """
    with all_tools():
        before = measure(cloud)
        if unkept := [f"{promise}: {found}" for promise, found in before.promises.items() if found]:
            raise EsawsError(f"the system of lab {lab.name} does not serve: {'; '.join(unkept)}. Start it again.")
        # A cloud of its own: the learner's call log does not show the fault.
        hidden = Cloud(cloud.target, account=cloud.account, region=cloud.region, deployment=cloud.deployment)
        break_among_routine_changes(hidden, lab, seed)
        simulation.advance(cloud, lab.wait)
        broken = {promise: found for promise, found in promises(cloud).items() if found}
        started = simulation.now(cloud).isoformat()
        record = Record(lab.name, level, seed, started, before, broken)
    withhold(cloud.account, _WITHHELD[level], f"lab {lab.name} runs at level {level} ({LEVELS[level]})")
    write_diagnosis_state(cloud, None)
    return write_record(cloud, record)


def describe_lab(record: Record) -> Shown:
    """Return what the learner is given: the report, the level, the time, and what to do."""
    lab = find_lab(record.lab)
    practice = "The values are not yours: this is practice, which is not in what you hand in.\n\n"
    return Shown(
        f"**{lab.title}**\n\n{lab.report_for(lab.values_of(record.seed))}\n\n"
        f"Level {record.level}: {LEVELS[record.level]}. Time: {lab.minutes} minutes.\n\n"
        f"{'' if _has_own_values(lab, record) else practice}First hand in your diagnosis, then repair."
    )


def watch(cloud: Cloud) -> Shown:
    """Return what a monitor shows: each thing that users need, and whether it works. It does not say why.

    Raises:
        UsageError: no lab runs there.
    """
    record = _running(cloud)
    lab = find_lab(record.lab)
    with all_tools():
        works = {promise: not found for promise, found in promises(cloud).items()}
        works |= {point.what: point.ok for point in lab.symptom(Attempt(cloud, lab.values_of(record.seed)))}
    rows = "\n".join(f"| {'✔' if ok else '✘'} | {what} |" for what, ok in works.items())
    return Shown(f"| | what users need |\n|---|---|\n{rows}")


def proof_of(cloud: Cloud) -> str:
    """Return the fact that the solution hands in as evidence, in one line. The account must still be broken.

    It is a part of the solution, which counts as shown.

    Raises:
        UsageError: no lab runs there.
        EsawsError: the account no longer shows it.
    """
    record = _running(cloud)
    lab = find_lab(record.lab)
    for fact in lab.evidence(cloud, lab.values_of(record.seed)):
        _note_solution(cloud, record)
        return f"{fact.resource[0]}: {fact.value[0]}"
    raise EsawsError(f"the account of lab {lab.name} no longer shows the evidence: start the lab again to see it")


def hand_in(cloud: Cloud, cause: str, evidence: str) -> Result:
    """Grade a diagnosis before the repair, and keep it with the state of the account, which a repair changes.

    Args:
        cloud: the account in which the lab runs.
        cause: a key of `CAUSES`.
        evidence: one fact, at most 300 characters: a resource and the value that was found there.

    Raises:
        UsageError: no lab runs there, the cause is unknown, or the evidence is empty or too long.
        Refused: three diagnoses were handed in already.
    """
    record = _running(cloud)
    lab = find_lab(record.lab)
    with all_tools():
        result = grade_diagnosis(cloud, lab, record, cause, evidence)
    if not record.is_diagnosed:
        graded = {"cause": cause, "evidence": evidence, "points": result.points, "of": result.of}
        write_diagnosis_state(cloud, saved_state(cloud, lab.item) if _has_own_values(lab, record) else None)
        write_record(cloud, record, diagnoses=(*record.diagnoses, graded))
    return result


def check_lab(cloud: Cloud) -> LabResult:
    """Return the points of the diagnosis and of the repair, and keep them in the learner's progress.

    The states of the local AWS at the diagnosis and at the best check are kept, to be handed in.

    Raises:
        UsageError: no lab runs there.
    """
    record = _running(cloud)
    lab, learner = find_lab(record.lab), learner_id()
    with all_tools():
        repair = check_repair(cloud, lab, record)
    diagnosis = (0, missing_diagnosis(lab).of)
    if record.diagnoses:
        diagnosis = (record.diagnoses[-1]["points"], record.diagnoses[-1]["of"])
    result = LabResult(lab.name, record.level, diagnosis, len(record.diagnoses), repair)
    Progress(learner).record_check(lab.item, result.points, result.of)
    if _has_own_values(lab, record):
        points, of, state = result.points, result.of, read_diagnosis_state(cloud)
        keep_work(learner, lab.item, cloud, points=points, of=of, lab=record.to_dict(), diagnosis_state=state)
    return result


def hint_lab(cloud: Cloud) -> Shown:
    """Show the next hint: first a question, then a place to look, then the call.

    Raises:
        UsageError: no lab runs there.
    """
    record = _running(cloud)
    lab = find_lab(record.lab)
    shown = min(record.hints, len(lab.hints) - 1)
    Progress(learner_id()).record_hint(lab.item)
    write_record(cloud, record, hints=record.hints + 1)
    text = lab.hints[shown].format(mine=lab.values_of(record.seed))
    return Shown(f"**Hint {shown + 1} of {len(lab.hints)}.** {text}")


def solve_lab(cloud: Cloud) -> Shown:
    """Show the cause, the evidence and the reference repair as code for a cell with `cloud` and `mine`.

    Raises:
        UsageError: no lab runs there.
    """
    from esaws.course.labs.causes import CAUSES

    record = _note_solution(cloud, _running(cloud))
    lab = find_lab(record.lab)
    values = "\n".join(f"mine.{name} = {value!r}" for name, value in vars(lab.values_of(record.seed)).items())
    return Shown(
        f"**Cause:** {lab.cause}: {CAUSES[lab.cause]}.\n\n"
        f"```python\n{values}\n```\n\n" * bool(values) + f"**Repair:**\n\n```python\n{solution_code(lab.repair)}\n```"
    )


def end_lab(cloud: Cloud) -> Shown:
    """Delete the system of the lab that runs there, if one does, and forget the lab.

    Raises:
        EsawsError: something is left.
    """
    if read_record(cloud) is None:
        return Shown("No lab runs in this account. Nothing was deleted.")
    with all_tools():
        _delete_everything(cloud)
    return Shown("The lab is ended. Nothing of it is left.")


# --- helpers


def _running(cloud: Cloud) -> Record:
    """The lab of an account whose system still exists."""
    record = require_record(cloud)
    with all_tools():
        exists = bool(contents(cloud))
    if not exists:
        raise UsageError(f"the system of lab {record.lab} no longer exists: start the lab again")
    return record


def _has_own_values(lab: Lab, record: Record) -> bool:
    """Whether the values of a lab are those that the learner's id chooses: with others it can't be handed in."""
    return lab.values_of(record.seed) == lab.values_of(learner_id())


def _note_solution(cloud: Cloud, record: Record) -> Record:
    """Keep that the solution was shown: for the lab that runs, and for every later start of it."""
    Progress(learner_id()).record_solution(find_lab(record.lab).item)
    return write_record(cloud, record, solution_shown=True)


def _require_room(cloud: Cloud, over: bool) -> None:
    """Make room for a lab: the account is empty, or has a lab that may be deleted."""
    things = contents(cloud)
    record = read_record(cloud)
    if record is not None and things:
        if not over:
            raise Refused(
                f"nothing was started: lab {record.lab} runs here. Go on with it, or delete it with --over "
                "(`over=True` in a notebook)"
            )
        _delete_everything(cloud)
    elif things:
        raise Refused(
            f"nothing was started: {', '.join(things)} exist in account {cloud.account}, and a lab breaks the "
            "system that it runs in. Use an empty local AWS: `export ESAWS_STATE=$(mktemp -d) ESAWS_PORT=0` gives one"
        )


def _delete_everything(cloud: Cloud) -> None:
    """Delete the lab of an account, what its fault created, and what else the learner created there."""
    if (record := read_record(cloud)) is not None:
        lab = find_lab(record.lab)
        if lab.clean_up is not None:
            lab.clean_up(cloud, lab.values_of(record.seed))
    plan_teardown(cloud).apply()
    delete_record(cloud)
    withhold(cloud.account, (), "")
    if left := contents(cloud):
        raise EsawsError(f"{', '.join(left)} are left in account {cloud.account}; delete them, then start the next lab")
