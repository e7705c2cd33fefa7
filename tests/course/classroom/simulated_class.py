"""A class that hands in: `python -m tests.course.classroom.simulated_class 60 FOLDER` plays it, and grades it.

Each learner's work is played on a local AWS: solutions and wrong answers as the exercises declare them, some copied
from another learner. The record of the points that each should get is written beside the class. A class that was
played before is graded again.
"""

from __future__ import annotations

import hashlib
import io
import json
import multiprocessing
import os
import random
import sys
import time
import zipfile
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from esaws.cloud import Cloud
from esaws.course.answers import to_data
from esaws.course.chapters import chapters
from esaws.course.classroom.checked import CHECKED
from esaws.course.classroom.class_grading import ClassGrades, grade_class
from esaws.course.classroom.folder import SETTINGS, Classroom, new_class, open_class
from esaws.course.classroom.keys import learner_key
from esaws.course.classroom.similar import similar_answers
from esaws.course.classroom.submission import FORMAT, SUFFIX, pack
from esaws.course.exercises import Chapter, Exercise
from esaws.deploy.inventory import inventory
from esaws.local_aws import control
from esaws.local_aws.scratch import scratch_server

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
    exercise = _exercise(name)
    return exercise.values_of(one) != exercise.values_of(other)


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
        [part for part in parts if part.exercise.startswith(number)]
        for number in dict.fromkeys(name[:2] for name in exercises)
    ]
    if processes > 1:
        with multiprocessing.get_context("spawn").Pool(processes, maxtasksperchild=1) as pool:
            played = [each for group in pool.imap(play_parts, groups, chunksize=1) for each in group]
    else:
        played = [each for group in groups for each in play_parts(group)]
    hand_in(classroom, parts, dict(played))
    return classroom


Played = tuple[dict[str, Any], bytes]


def play_parts(parts: list[Part]) -> list[tuple[Part, Played]]:
    """Play the answers of one chapter on one local AWS."""
    os.environ["ESAWS_STILL"] = "1"
    chapter = chapters()[parts[0].exercise[:2]]
    with scratch_server(at=chapter.begins, **chapter.settings) as url:
        chapter.set_up(Cloud.at(url))
        start = control.exchange(url, "GET", "save")
        return [(part, play(part, url, start)) for part in parts]


def play(part: Part, url: str, start: bytes) -> Played:
    """The record and the saved state of one answer."""
    control.exchange(url, "POST", "load", start)
    exercise, cloud = _exercise(part.exercise), Cloud.at(url)
    mine = exercise.values_of(part.values_of)
    if exercise.start is not None:
        exercise.start(cloud, exercise.values_of(part.learner))
    before = {f"{live.kind}/{live.name}": live.id for live in inventory(cloud) if not live.foreign}
    number = int(hashlib.sha256(f"{part.learner} {part.exercise}".encode()).hexdigest(), 16)
    ways = [wrong.answer for wrong in exercise.wrong] if part.how == WRONG else [*exercise.solutions]
    answer = ways[number % len(ways)](cloud, mine)
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
    }
    return record, control.exchange(url, "GET", "save")


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
            "exercises": {
                name: {**about, "state": hashlib.sha256(state).hexdigest()} for name, (about, state) in own.items()
            },
            "predictions": {},
        }
        key = learner_key(classroom.secret, learner.id)
        content = pack(manifest, [state for _, state in own.values()], key)
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


def _exercise(name: str) -> Exercise:
    chapter: Chapter = chapters()[name[:2]]
    return next(exercise for exercise in chapter.exercises if exercise.name == name)


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


def main(count: int, folder: Path) -> None:
    start = time.monotonic()
    if not folder.exists():
        play_class(folder, count)
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
    main(int(sys.argv[1]), Path(sys.argv[2]).absolute())
