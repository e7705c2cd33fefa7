"""The files for Moodle and Canvas, read by the rules that these platforms' importers have.

Moodle 4.x: grade/import/csv/classes/load_data.php and lib/csvlib.class.php. Canvas: lib/gradebook_importer.rb. The two
readers here are written after their rules, and refuse or mistake what those refuse or mistake.
"""

import csv
import io
import re
from pathlib import Path

import pytest

from esaws.course.classroom.folder import Classroom, new_class, open_class
from esaws.course.classroom.gradebook import canvas_csv, moodle_csv
from esaws.course.classroom.grades import GRADED, ExerciseGrade, LearnerGrade
from esaws.errors import UsageError

MOODLE_ROSTER = (
    "First name,Last name,Email address,ID number,Username\n"
    "Ada,Lovelace,ada@example.com,007,ada\n"
    'Émile,"Zola; the\n younger",emile@example.com,,emile\n'
    "=1+1,Hopper,grace@example.com,9,grace\n"
)
CANVAS_ROSTER = (
    "\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,Homework (77)\n"
    "    Points Possible,,,,,20\n"
    '"Lovelace, Ada",4711,S-1,ada,"Mon; late",\n'
    '"Zola,\n Émile",4712,,emile@example.com,Mon,\n'
    '"Student, Test",4799,,,Mon,\n'
)
TOTALS = (66.67, 0.0, 100.0)


def class_of(folder: Path, roster: str, settings: str = "") -> Classroom:
    file = folder / "roster.csv"
    file.write_text(roster, "utf-8")
    new_class(file, folder / "class")
    (folder / "class" / "class.toml").write_text(f'[assignment]\nname = "Homework (77)"\n{settings}')
    return open_class(folder / "class")


def grades_of(classroom: Classroom) -> list[LearnerGrade]:
    exercise = ExerciseGrade("00-block", GRADED, 1, 3)
    return [
        LearnerGrade(learner.id, total, (exercise,), ("1 day late: 10 % less",))
        for learner, total in zip(classroom.learners, TOTALS, strict=False)
    ]


# --- Moodle


def moodle_import(content: bytes, identity: str, known: set[str]) -> dict[str, tuple[float, str]]:
    """Grade and feedback by the identity of the user, as Moodle imports a file with commas in UTF-8.

    It aborts at a row with another number of cells, at an unknown user, and at a grade above 100. A row whose identity
    is empty goes to the user of the row before.
    """
    text = content.decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").strip()
    header, *rows = csv.reader(io.StringIO(text))
    names = [name.strip() for name in header]
    assert len(set(names)) == len(names), "two columns can't be told apart in the mapping"
    found: dict[str, tuple[float, str]] = {}
    user = ""
    for row in rows:
        assert len(row) == len(header), "csvweirdcolumns"
        cells = dict(zip(names, (cell.strip() for cell in row), strict=True))
        user = cells[identity] or user
        assert user in known, "usermappingerror"
        grade = float(cells["Homework (77)"])
        assert grade <= 100, "gradevaluetoobig"
        found[user] = (grade, cells["Homework (77) (feedback)"])
    return found


def test_moodle_finds_each_learner_by_each_column_that_the_file_has(tmp_path: Path) -> None:
    classroom = class_of(tmp_path, MOODLE_ROSTER)
    content = moodle_csv(grades_of(classroom), classroom.learners, classroom.settings).encode()
    by_email = moodle_import(content, "Email address", {"ada@example.com", "emile@example.com", "grace@example.com"})
    assert [grade for grade, _ in by_email.values()] == [66.67, 0, 100]
    assert by_email["ada@example.com"][1] == "00-block: 1 of 3; 1 day late: 10 % less"
    assert len(moodle_import(content, "Username", {"ada", "emile", "grace"})) == 3
    header = content.decode().partition("\n")[0].split(",")
    assert "ID number" not in header, "Émile has none: Moodle would give that grade to Ada"


def test_a_roster_by_which_moodle_finds_not_every_learner_is_refused(tmp_path: Path) -> None:
    classroom = class_of(tmp_path, "name,email\nAda,ada@example.com\nBob,\n")
    with pytest.raises(UsageError, match="Bob has no email address"):
        moodle_csv(grades_of(classroom), classroom.learners, classroom.settings)


# --- Canvas


def canvas_delimiter(lines: list[str]) -> str:
    """The separator by which the first three lines have the same number of cells, if it makes more of them."""
    cells = {}
    for separator in ";,":
        try:
            counts = {len(row) for line in lines for row in csv.reader([line], delimiter=separator, strict=True)}
        except csv.Error:
            counts = set()
        cells[separator] = max(counts) if len(counts) == 1 else 0
    return ";" if cells[";"] > cells[","] else ","


def canvas_import(content: bytes, assignments: dict[int, str]) -> tuple[dict[str, str], dict[int, float]]:
    """Grades by Canvas's id of the student, or else SIS id, login or name; and points by id of the assignment."""
    text = content.decode("utf-8")
    delimiter = canvas_delimiter(text.splitlines()[:3])
    rows = [
        row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if not re.fullmatch("[;, ]+", "".join(row))
    ]
    header = rows[0]
    assert len(header) > 3 and "Student" in header[0] and "ID" in header[1], "InvalidHeaderRow"
    assert re.search(r"SIS\s+User\s+ID", header[2]) and re.search(r"SIS\s+Login\s+ID", header[3])
    assert "Section" in header[4], "InvalidHeaderRow"
    calculated = re.compile(r"(Current|Final) (Score|Points|Grade)|Override (Score|Grade|Status)")
    (column,) = [name for name in header[5:] if not calculated.search(name)]
    number = re.fullmatch(r"(.*)\s\((\d+)\)", column)
    assert number and int(number[2]) in assignments, "a new assignment would be created"
    grades: dict[str, str] = {}
    points: dict[int, float] = {}
    for row in rows[1:]:
        if "Points Possible" in row[0]:
            points[int(number[2])] = float(row[5])
        else:
            grade = row[5].strip()
            assert re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", grade), "digits and one separator: the rest Canvas rearranges"
            grades[next(cell for cell in (row[1], row[2], row[3], row[0]) if cell)] = grade
    return grades, points


def test_canvas_finds_assignment_points_and_students(tmp_path: Path) -> None:
    classroom = class_of(tmp_path, CANVAS_ROSTER, "points = 20\n")
    content = canvas_csv(grades_of(classroom), classroom.learners, classroom.settings).encode()
    grades, points = canvas_import(content, {77: "Homework"})
    assert grades == {"4711": "66.67", "4712": "0"}
    assert points == {77: 20}


def test_canvas_finds_students_of_another_roster_by_login_or_name(tmp_path: Path) -> None:
    classroom = class_of(tmp_path, "name,email\nAda,ada@example.com\nBob,\n")
    content = canvas_csv(grades_of(classroom), classroom.learners, classroom.settings).encode()
    assert canvas_import(content, {77: "Homework"})[0] == {"ada@example.com": "66.67", "Bob": "0"}


@pytest.mark.parametrize("name", ["Final Grade (77)", "Override Status", "=1 (77)", "two\\nlines"])
def test_a_name_that_canvas_does_not_import_is_refused(tmp_path: Path, name: str) -> None:
    class_of(tmp_path, "name\nAda\n")
    (tmp_path / "class" / "class.toml").write_text(f'[assignment]\nname = "{name}"\n')
    with pytest.raises(UsageError, match=r"assignment\.name"):
        open_class(tmp_path / "class")
