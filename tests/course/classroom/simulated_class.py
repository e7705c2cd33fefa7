"""A class that hands in: `python -m tests.course.classroom.simulated_class 60 FOLDER` plays it, and grades it.

Each learner's work is played on a local AWS: solutions and wrong answers as the exercises declare them, some copied
from another learner. The record of the points that each should get is written beside the class. A class that was
played before is graded again. Exercises and labs may be named after the folder, as in `"lab flapping-targets"`.
"""

from __future__ import annotations

import hashlib
import io
import json
import multiprocessing
import os
import random
import sys
import tempfile
import time
import zipfile
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from esaws.cloud import Cloud
from esaws.course.answers import to_data
from esaws.course.chapters import chapters, find_exercise
from esaws.course.classroom.checked import CHECKED
from esaws.course.classroom.class_grading import ClassGrades, grade_class
from esaws.course.classroom.folder import SETTINGS, Classroom, new_class, open_class
from esaws.course.classroom.keys import learner_key
from esaws.course.classroom.similar import similar_answers
from esaws.course.classroom.submission import FORMAT, SUFFIX, pack, pack_submission
from esaws.course.items import find_item
from esaws.course.kept_work import kept_work
from esaws.course.labs import session as labs
from esaws.course.labs.causes import CAUSES
from esaws.course.labs.lab import ITEM_PREFIX
from esaws.course.worlds import COURSE_FOLDER
from esaws.deploy.inventory import inventory
from esaws.environment import environment_variables
from esaws.local_aws import control
from esaws.local_aws.scratch import scratch_server
from tests.course.stage import Stage

HOMEWORK = ("02-third-zone", "02-private", "02-way-out", "07-prefix", "11-zone")
"""Network, a rule of a load balancer, and the loss of a zone, which is checked on a copy."""
RIGHT, WRONG, COPIED = "right", "wrong", "copied"


@dataclass(frozen=True)
class Part:
    """What a learner hands in of an exercise: `how`, with the values of `values_of`."""

    learner: str
    exercise: str
    how: str
    values_of: str


def plan_class(learners: list[str], exercises: tuple[str, ...]) -> list[Part]:
    """A third of the answers is wrong; a tenth of the learners copied one answer each from their neighbour."""
    choose = random.Random("a class")
    parts = []
    neighbours = [*pairwise(learners)]
    copiers = dict(neighbours[::10][: max(1, len(learners) // 10)])
    for learner in learners:
        other = copiers.get(learner)
        copied = choose.choice([name for name in exercises if differs(name, learner, other)]) if other else ""
        for exercise in exercises:
            if other and exercise == copied:
                parts.append(Part(learner, exercise, COPIED, other))
            else:
                parts.append(Part(learner, exercise, WRONG if choose.random() < 1 / 3 else RIGHT, learner))
    return parts


def differs(name: str, one: str, other: str) -> bool:
    item = find_item(name)
    return item.values_of(one) != item.values_of(other)


def _world(item: str) -> str:
    """The name of a lab, or the number of an exercise's chapter: what is played on one local AWS."""
    return item if item.startswith(ITEM_PREFIX) else item[:2]


def play_class(folder: Path, count: int, exercises: tuple[str, ...] = HOMEWORK, processes: int = 2) -> Classroom:
    """Create a class in a folder, and what each learner hands in."""
    roster = folder.with_suffix(".csv")
    names = [f"Learner {number:02d}" for number in range(count)]
    names[0] = '=HYPERLINK("http://example.com")'
    roster.write_text(
        "name;email\n"
        + "".join(
            f'"{name.replace(chr(34), chr(34) * 2)}";l{number:02d}@example.com\n' for number, name in enumerate(names)
        )
    )
    new_class(roster, folder)
    (folder / SETTINGS).write_text(f'[assignment]\nname = "Homework (77)"\nexercises = {json.dumps(exercises)}\n')
    classroom = open_class(folder)
    learners = [learner.id for learner in classroom.learners]
    parts = plan_class(learners, exercises)
    groups = [
        [part for part in parts if _world(part.exercise) == world] for world in dict.fromkeys(map(_world, exercises))
    ]
    if processes > 1:
        with multiprocessing.get_context("spawn").Pool(processes, maxtasksperchild=1) as pool:
            played = [each for group in pool.imap(play_parts, groups, chunksize=1) for each in group]
    else:
        played = [each for group in groups for each in play_parts(group)]
    hand_in(classroom, parts, dict(played))
    return classroom


Played = tuple[dict[str, Any], list[bytes]]
"""What the manifest says of an exercise or a lab, and its saved states."""


def play_parts(parts: list[Part]) -> list[tuple[Part, Played]]:
    """Play the answers to one lab, or to the exercises of one chapter, on one local AWS."""
    os.environ["ESAWS_STILL"] = "1"
    if parts[0].exercise.startswith(ITEM_PREFIX):
        with scratch_server() as url, tempfile.TemporaryDirectory() as folder:
            stage = Stage(url)
            return [(part, play_lab(part, stage, Path(folder, part.learner))) for part in parts]
    chapter = chapters()[parts[0].exercise[:2]]
    with scratch_server(at=chapter.begins, **chapter.settings) as url:
        chapter.set_up(Cloud.at(url))
        start = control.exchange(url, "GET", "save")
        return [(part, play(part, url, start)) for part in parts]


def play(part: Part, url: str, start: bytes) -> Played:
    """Play one answer to an exercise."""
    control.exchange(url, "POST", "load", start)
    exercise, cloud = find_exercise(part.exercise)[1], Cloud.at(url)
    mine = exercise.values_of(part.values_of)
    if exercise.start is not None:
        exercise.start(cloud, exercise.values_of(part.learner))
    before = {f"{live.kind}/{live.name}": live.id for live in inventory(cloud) if not live.foreign}
    ways = [wrong.answer for wrong in exercise.wrong] if part.how == WRONG else [*exercise.solutions]
    answer = ways[_number(part) % len(ways)](cloud, mine)
    state = control.exchange(url, "GET", "save")
    record = {
        "points": 0,
        "of": 0,
        "checked": "2026-12-01T10:00:00+00:00",
        "deployment": cloud.deployment,
        "account": cloud.account,
        "region": cloud.region,
        "before": before,
        "answer": to_data(answer),
        "answer_problem": None,
        "attempts": 1,
        "hints": 0,
        "solution_shown": False,
        "state": hashlib.sha256(state).hexdigest(),
    }
    return record, [state]


def play_lab(part: Part, stage: Stage, folder: Path) -> Played:
    """Play one diagnosis and repair of a lab; who copied handed in the work of the other learner."""
    with environment_variables({COURSE_FOLDER: str(folder), "ESAWS_LEARNER": part.values_of}):
        played = stage.broken(part.exercise.removeprefix(ITEM_PREFIX), part.values_of)
        lab, is_wrong = played.lab, part.how == WRONG
        way = (None, *lab.non_repairs)[_number(part) % (1 + len(lab.non_repairs))] if is_wrong else None
        cause = next(each for each in CAUSES if each != lab.cause) if is_wrong and way is None else lab.cause
        labs.hand_in(played.cloud, cause, played.proof())
        (way.answer if way else lab.repair)(played.cloud, played.mine)
        labs.check_lab(played.cloud)
        _, manifest = pack_submission(part.values_of, b"")
        kept = kept_work(part.values_of)[part.exercise]
        states = [state for state in (kept.state, kept.diagnosis_state) if state is not None]
        return manifest["exercises"][part.exercise], states


def _number(part: Part) -> int:
    """A number that chooses among the ways of an answer: the same in every run."""
    return int(hashlib.sha256(f"{part.learner} {part.exercise}".encode()).hexdigest(), 16)


def hand_in(classroom: Classroom, parts: list[Part], played: dict[Part, Played]) -> None:
    """Write a submission of each learner: five in sixty are damaged in different ways, and one more is malicious."""
    count = len(classroom.learners)
    record = {}
    for number, learner in enumerate(classroom.learners):
        own = {part.exercise: played[part] for part in parts if part.learner == learner.id}
        manifest = {
            "format": FORMAT,
            "esaws": "simulated",
            "learner": learner.id,
            "submitted": "2026-12-01T12:00:00+00:00",
            "exercises": {name: about for name, (about, _) in own.items()},
            "predictions": {},
        }
        key = learner_key(classroom.secret, learner.id)
        content = pack(manifest, [state for _, states in own.values() for state in states], key)
        damage = DAMAGES[number // 12 % len(DAMAGES)] if number % 12 == 5 else None
        target = classroom.folder / "submissions" / f"{learner.name[-2:]}_{learner.id}"
        target.mkdir()
        (target / f"{learner.id}{SUFFIX}").write_bytes(damage(content) if damage else content)
        hows = {
            part.exercise: {"how": part.how, "from": part.values_of} for part in parts if part.learner == learner.id
        }
        record[learner.id] = {"damaged": damage is not None, "exercises": hows}
    for name, content in malicious_files(classroom, count).items():
        (classroom.folder / "submissions" / name).write_bytes(content)
    (classroom.folder / "expected.json").write_text(json.dumps(record, indent=1))


def truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def one_byte_changed(content: bytes) -> bytes:
    position = len(content) // 2
    return content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]


def points_forged(content: bytes) -> bytes:
    """The manifest says that the solution was not looked up; the signature stays."""
    return _repacked(content, lambda name, member: member.replace(b'"hints": 0', b'"hints": 9'))


def empty(content: bytes) -> bytes:
    return b""


def state_missing(content: bytes) -> bytes:
    return _repacked(content, lambda name, member: None if name.startswith("states/") else member)


DAMAGES = (truncated, one_byte_changed, points_forged, empty, state_missing)


def _repacked(content: bytes, change: Any) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as new:
        for entry in old.infolist():
            member = change(entry.filename, old.read(entry))
            if member is not None:
                new.writestr(zipfile.ZipInfo(entry.filename), member)
    return buffer.getvalue()


class Opened:
    """Writes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return (open, (str(self.mark), "w"))


def malicious_files(classroom: Classroom, count: int) -> dict[str, bytes]:
    """Archives that would run or write something if they were unpacked or unpickled."""
    import pickle

    mark = classroom.folder / "HACKED"
    attack = pickle.dumps(Opened(mark))

    def archive(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", compression) as made:
            for name, member in members.items():
                made.writestr(name, member)
        return buffer.getvalue()

    bomb = archive({"manifest.json": b" " * (300 << 20), "signature.txt": b""}, zipfile.ZIP_DEFLATED)
    return {
        "pickle.zip": archive({"manifest.json": attack, "signature.txt": attack}),
        "path.zip": archive({f"../../{mark.name}": b"x", "manifest.json": b"{}", "signature.txt": b"x"}),
        "bomb.zip": bomb,
        "=cmd|calc!A0.zip": attack,
    }


def faults(classroom: Classroom, graded: ClassGrades) -> list[str]:
    """What differs between the grades and the record of the class."""
    expected = json.loads((classroom.folder / "expected.json").read_text())
    found = []
    for grade in graded.grades:
        record = expected[grade.learner]
        if record["damaged"]:
            if grade.file or not any(grade.learner in file for file in graded.errors):
                found.append(f"{grade.learner}: a damaged file was graded, or is not named")
            continue
        for each in grade.exercises:
            how = record["exercises"][each.exercise]["how"]
            is_right = each.status == "graded" and (
                each.points == each.of
                if how == RIGHT
                else each.points == 0
                if how == COPIED
                else (each.points or 0) < (each.of or 0)
            )
            if not is_right:
                found.append(
                    f"{grade.learner} {each.exercise} ({how}): {each.status} {each.points} of {each.of} {each.problem}"
                )
    if (classroom.folder / "HACKED").exists() or (classroom.folder.parent / "HACKED").exists():
        found.append("a malicious file wrote a file")
    return found


def copies(classroom: Classroom) -> set[tuple[str, str, str]]:
    """The copied answers in the files that are not damaged: learner, from whom, exercise."""
    expected = json.loads((classroom.folder / "expected.json").read_text())
    return {
        (learner, how["from"], exercise)
        for learner, record in expected.items()
        if not record["damaged"]
        for exercise, how in record["exercises"].items()
        if how["how"] == COPIED
    }


def main(count: int, folder: Path, exercises: tuple[str, ...] = HOMEWORK) -> None:
    start = time.monotonic()
    if not folder.exists():
        play_class(folder, count, exercises)
        print(f"played a class of {count} in {time.monotonic() - start:.0f} s")
    classroom = open_class(folder)
    (folder / CHECKED).unlink(missing_ok=True)
    start = time.monotonic()
    graded = grade_class(classroom)
    seconds = time.monotonic() - start
    statuses = Counter(each.status for grade in graded.grades for each in grade.exercises)
    print(f"graded in {seconds:.0f} s: {graded}; {dict(statuses)}")
    wrong = faults(classroom, graded)
    start = time.monotonic()
    pairs, _ = similar_answers(classroom)
    named = {(pair.learner, pair.other, pair.exercise) for pair in pairs}
    alone = {(pair.learner, pair.other, pair.exercise) for pair in pairs if "learners have these" not in pair.evidence}
    print(f"compared in {time.monotonic() - start:.0f} s: {len(pairs)} pairs; copied: {len(copies(classroom))}")
    wrong += [f"a copy was not named: {each}" for each in sorted(copies(classroom) - named)]
    wrong += [f"named, and not a copy: {each}" for each in sorted(alone - copies(classroom))]
    print("\n".join(wrong) or "every grade and every pair as recorded")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]).absolute(), tuple(sys.argv[3:]) or HOMEWORK)
