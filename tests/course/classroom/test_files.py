"""A class without any server: rosters, keys, files that are handed in, settings, and tables."""

import base64
import csv
import hashlib
import io
import json
import stat
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from esaws.course import kept_work as kept
from esaws.course.answers import NotData, from_data, to_data
from esaws.course.classroom import checked
from esaws.course.classroom import submission as container
from esaws.course.classroom.folder import new_class, open_class
from esaws.course.classroom.gradebook import canvas_csv, grades_csv, moodle_csv, totals_csv
from esaws.course.classroom.grades import (
    GRADED,
    NOT_GRADED,
    ExerciseGrade,
    LearnerGrade,
    choose_files,
    learner_grade,
)
from esaws.course.classroom.keys import KEY_VARIABLE, learner_key, own_key, sign_in, sign_in_code
from esaws.course.classroom.roster import read_roster
from esaws.course.classroom.settings import read_settings
from esaws.course.classroom.submission import BadSubmission, Submission, pack, pack_submission, read_submission
from esaws.course.classroom.tables import csv_text
from esaws.course.progress import Progress
from esaws.course.worlds import COURSE_FOLDER
from esaws.errors import EsawsError, Refused, UsageError
from esaws.reference.seccom import seccom

SECRET = b"s" * 32
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


# --- rosters


@pytest.mark.parametrize(
    "content",
    [
        "name,email\nAda Lovelace,ada@example.com\nÉmile,emile@example.com\n".encode(),
        "name;email\r\nAda Lovelace;ada@example.com\r\nÉmile;emile@example.com\r\n".encode("utf-8-sig"),
        "First name\tLast name\tEmail address\nAda\tLovelace\tada@example.com\nÉmile\t\temile@example.com\n".encode(
            "utf-16"
        ),
        "Name;E-Mail\nAda Lovelace;ada@example.com\nÉmile;emile@example.com\n".encode("cp1252"),
    ],
    ids=["commas", "semicolons and a byte order mark", "Moodle's names, tabs, UTF-16", "Windows-1252"],
)
def test_a_roster_is_read_as_spreadsheets_write_it(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "roster.csv"
    file.write_bytes(content)
    assert [(each.id, each.name) for each in read_roster(file)] == [("ada", "Ada Lovelace"), ("emile", "Émile")]


def test_an_export_of_canvas_is_a_roster(tmp_path: Path) -> None:
    file = tmp_path / "export.csv"
    file.write_text(
        "Student,ID,SIS User ID,SIS Login ID,Section,Quiz (1)\n"
        "    Points Possible,,,,,10\n"
        '"Lovelace, Ada",4711,S-1,ada,Monday,\n'
        '"Student, Test",99,,,Monday,\n'
    )
    (ada,) = read_roster(file)
    assert (ada.id, ada.canvas_id, ada.sis_login_id, ada.section) == ("lovelace-ada", "4711", "ada", "Monday")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("name\n", "no learners"),
        ("email\nada@example.com\n", "no column `name`"),
        ("name,email\n,ada@example.com\n", "line 2 has no name"),
        ("name,email\nAda,a@x.org\nAda,A@x.org\n", "line 3 has the email A@x.org of line 2"),
        ("name\nAda\nAda\n", "line 3 has the name Ada of line 2"),
        ("id,name\nada,Ada\nADA,Other\n", "line 3 has the id ADA of line 2"),
        ("id,name\n../x,Ada\n", "the id '../x' is not valid"),
        ("name,full name\nAda,Ada\n", "two columns mean 'name'"),
        ("name,email\nAda,a@x.org,more\n", "line 2 has 3 cells"),
        ('name\n"Ada\n', "can't be read as CSV"),
    ],
)
def test_a_bad_roster_is_refused_with_the_line(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "roster.csv"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"roster\.csv") as error:
        read_roster(file)
    assert words in str(error.value)


def test_a_class_keeps_ids_and_keys_when_its_roster_changes(tmp_path: Path) -> None:
    roster, folder = tmp_path / "roster.csv", tmp_path / "class"
    roster.write_text("name,email\nAda,ada@x.org\nBob,bob@x.org\n")
    new_class(roster, folder)
    (folder / "class.toml").write_text('name = "mine"\n')
    before = open_class(folder)
    roster.write_text("name,email\nAda,ada@y.org\nAda Byron,ADA@x.org\nCy,cy@x.org\n")
    again = new_class(roster, folder)
    after = open_class(folder)
    assert [each.id for each in after.learners] == ["ada-2", "ada", "cy"] and again.added == 2
    assert (after.secret, after.settings.name) == (before.secret, "mine")
    for name in ("class.key", "sign_in.csv", "roster.csv"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    lines = {row["id"]: row["line"] for row in csv.DictReader((folder / "sign_in.csv").open())}
    assert lines["ada"] == f"esaws course sign-in {sign_in_code(after.secret, 'ada')}"
    with pytest.raises(UsageError, match="has other files"):
        new_class(roster, tmp_path)


# --- keys


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(COURSE_FOLDER, str(tmp_path / "course"))
    monkeypatch.delenv("ESAWS_LEARNER", raising=False)
    return tmp_path / "course"


def test_a_sign_in_keeps_id_and_key(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert own_key() is None
    assert sign_in(sign_in_code(SECRET, "ada")) == "ada"
    assert own_key() == learner_key(SECRET, "ada") != learner_key(SECRET, "bob")
    assert stat.S_IMODE((folder / "class_key").stat().st_mode) == 0o600
    monkeypatch.setenv("ESAWS_LEARNER", "bob")
    assert own_key() is None, "the key belongs to ada"
    with pytest.raises(Refused, match="ESAWS_LEARNER is bob"):
        sign_in(sign_in_code(SECRET, "ada"))
    monkeypatch.setenv(KEY_VARIABLE, base64.urlsafe_b64encode(learner_key(SECRET, "bob")).decode().rstrip("="))
    assert own_key() == learner_key(SECRET, "bob")
    monkeypatch.setenv(KEY_VARIABLE, "abc")
    with pytest.raises(UsageError, match="does not hold a class key"):
        own_key()


@pytest.mark.parametrize(
    "change", [lambda code: code[:-1], lambda code: code.replace("ada", "bob"), lambda code: "ada"]
)
def test_a_mistyped_code_is_refused(folder: Path, change: Any) -> None:
    with pytest.raises(UsageError, match="incomplete or mistyped"):
        sign_in(change(sign_in_code(SECRET, "ada")))


# --- answers


def test_answers_are_data_and_come_back() -> None:
    from esaws.costs import Variation

    for answer in (None, 3, 2.5, "Redis-sg", True, [1, "a"], {"/a": ["b", None]}, {1, 2}, Variation(hours_a_day=8)):
        assert from_data(json.loads(json.dumps(to_data(answer)))) == answer
    assert from_data(json.loads(json.dumps(to_data((1, 2))))) == [1, 2]
    with pytest.raises(NotData, match="type object"):
        to_data(object())


@pytest.mark.parametrize("build", ["ha", "budget"])
def test_an_architecture_comes_back_with_every_field_and_reference(build: str) -> None:
    declared = seccom(build)
    written = to_data(declared)
    read = from_data(json.loads(json.dumps(written)))
    assert list(read) == list(declared)
    assert [each.after for each in read] == [each.after for each in declared]
    assert to_data(read) == written


def test_a_diagram_comes_back_with_title_nodes_groups_and_edges() -> None:
    from diagrams import Cluster, Edge
    from diagrams.aws import network

    from esaws import Diagram

    with Diagram("Mine") as drawn:
        outside = network.InternetGateway("gateway")
        with Cluster("VPC"):
            outside >> Edge(label="80") >> network.ELB("alb")
    graph = from_data(json.loads(json.dumps(to_data(drawn)))).graph
    assert graph == drawn.graph
    assert graph.title == "Mine" and graph.edges[0].label == "80" and graph.nodes[1].groups == ("VPC",)


def subnet_of(number: int) -> dict[str, Any]:
    """A subnet as data, whose VPC is the resource of that number."""
    return {"kind": "Subnet", "fields": {"name": "a", "vpc": {"resource": number}, "cidr": "10.0.0.0/24", "zone": "a"}}


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"kind": "pickle", "value": "x"},
        {"kind": "variation", "value": {"nothing": 1}},
        {"kind": "diagram", "value": {"nodes": [{"icon": "os.path; x", "label": "", "groups": []}], "edges": []}},
        {"kind": "diagram", "value": {"nodes": [], "edges": [{"source": 3, "target": 4, "label": ""}]}},
        {"kind": "architecture", "value": {"name": "a", "resources": [{"kind": "Path", "fields": {}}]}},
        {"kind": "architecture", "value": {"name": "a", "resources": [{"kind": "VPC", "fields": {"kind": "x"}}]}},
        {"kind": "architecture", "value": {"name": "a", "resources": [subnet_of(0)]}},
        {"kind": "architecture", "value": {"name": "a", "resources": [subnet_of(-1)]}},
    ],
)
def test_foreign_answers_are_refused(data: dict[str, Any]) -> None:
    with pytest.raises(EsawsError, match="the answer is"):
        from_data(data)


# --- the file


def record(**changes: Any) -> dict[str, Any]:
    about = {"points": 3, "of": 3, "checked": "2026-12-01T10:00:00+00:00", "deployment": "seccom", "account": "1"}
    about |= {"region": "eu-west-3", "before": {}, "answer": {"kind": "value", "value": None}, "answer_problem": None}
    return {**about, "attempts": 1, "hints": 0, "solution_shown": False, **changes}


def manifest(learner: str = "ada", **exercises: dict[str, Any]) -> dict[str, Any]:
    state = hashlib.sha256(b"state").hexdigest()
    named = {name.replace("_", "-"): {**about, "state": state} for name, about in exercises.items()}
    return {
        "format": 1,
        "learner": learner,
        "submitted": NOON.isoformat(),
        "exercises": named,
        "predictions": {},
        "diagrams": {},
    }


def key_of(learner: str) -> bytes:
    return learner_key(SECRET, learner)


def test_what_is_handed_in_is_what_was_kept(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept.control, "exchange", lambda *words: b"a saved state")
    cloud: Any = type("Cloud", (), {"endpoint": "x", "deployment": "seccom", "account": "1", "region": "eu-west-3"})
    before = {"Vpc/vpc": "vpc-1"}
    for points, answer in ((1, 7), (3, 8), (2, 9)):
        kept.keep_work("ada", "00-block", cloud, points=points, of=3, answer=answer, before=before)
    kept.keep_work("guest", "00-block", cloud, points=3, of=3, answer=1, before={})
    kept.keep_work("ada", "18-small", cloud, points=1, of=3, answer=object(), before={})
    progress = Progress("ada")
    progress.record_check("00-block", 3, 3)
    progress.record_hint("00-block")
    progress.record_prediction("00-lines", 6)
    file = tmp_path / "ada.zip"
    content, _ = pack_submission("ada", key_of("ada"))
    file.write_bytes(content)
    read = read_submission(file, key_of)
    about = read.exercises["00-block"]
    assert (read.learner, about["points"], about["hints"], about["before"]) == ("ada", 3, 1, before)
    assert about["answer"] == {"kind": "value", "value": 8}, "the best check is kept"
    assert read.state("00-block") == b"a saved state" and read.predictions == {"00-lines": 6}
    assert "type object" in read.exercises["18-small"]["answer_problem"]
    with pytest.raises(EsawsError, match="nothing to hand in"):
        pack_submission("guest", b"k")


def test_of_a_lab_the_best_check_is_kept_with_the_state_of_its_diagnosis(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = iter([b"first", b"best"])
    monkeypatch.setattr(kept.control, "exchange", lambda *words: next(saved))
    cloud: Any = type("Cloud", (), {"endpoint": "x", "deployment": "seccom", "account": "1", "region": "eu-west-3"})
    name = "lab wrong-page"
    kept.keep_work("ada", name, cloud, points=3, of=16, lab={"level": 1})
    assert kept.kept_work("ada")[name].diagnosis_state is None
    kept.keep_work("ada", name, cloud, points=16, of=16, lab={"level": 2}, diagnosis_state=b"broken")
    kept.keep_work("ada", name, cloud, points=4, of=16, lab={"level": 3}, diagnosis_state=b"later")
    work = kept.kept_work("ada")[name]
    assert (work.state, work.diagnosis_state, work.record["lab"]) == (b"best", b"broken", {"level": 2})
    _, manifest = pack_submission("ada", key_of("ada"))
    about = manifest["exercises"][name]
    digests = [hashlib.sha256(state).hexdigest() for state in (b"best", b"broken")]
    assert [about["state"], about[container.DIAGNOSIS_STATE]] == digests


def archive(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return buffer.getvalue()


GOOD = pack(manifest("ada", **{"00_block": record()}), [b"state"], key_of("ada"))


def resigned(content: dict[str, Any], key: bytes, **named: bytes) -> bytes:
    """A file whose learner has signed a content that esaws never writes."""
    members = {}
    with zipfile.ZipFile(io.BytesIO(pack({"learner": "ada"} | content, [b"state"], key))) as packed:
        members = {name: packed.read(name) for name in packed.namelist()}
    return archive(members | named)


def swapped() -> bytes:
    """Ada's work under Bob's name, signed with Ada's key."""
    return pack(manifest("bob", **{"00_block": record()}), [b"state"], key_of("ada"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "damaged"),
        (b"not a zip", "damaged"),
        (GOOD[: len(GOOD) // 2], "damaged"),
        (GOOD.replace(b'"points": 3', b'"points": 4'), "damaged"),
        (swapped(), "not that of bob"),
        (pack(manifest("eve"), [], key_of("ada")), "not in the class"),
        (archive({"manifest.json": b"{}"}), "no manifest or no signature"),
        (archive({"../../x": b"", "manifest.json": b"{}", "signature.txt": b""}), "a member '../../x'"),
        (
            archive({"manifest.json": b"{}" + b" " * 9999, "signature.txt": b""}, zipfile.ZIP_DEFLATED),
            "another program",
        ),
        (archive({"manifest.json": b"{}", "signature.txt": b"x"}), "signature is damaged"),
        (resigned({}, key_of("ada")), "not of the documented form (KeyError"),
        (resigned(manifest() | {"submitted": "2026-12-01"}, key_of("ada")), "the time has no zone"),
        (resigned(manifest() | {"exercises": []}, key_of("ada")), "documented form"),
        (resigned(manifest("ada", **{"00_block": record(hints="9")}), key_of("ada")), "hints of 00-block"),
        (
            resigned(
                manifest("ada", **{"00_block": {**record()}}), key_of("ada"), **{f"states/{'0' * 64}.esaws": b"x"}
            ),
            "damaged",
        ),
    ],
)
def test_another_file_is_refused_with_the_reason(tmp_path: Path, content: bytes, words: str) -> None:
    def key(learner: str) -> bytes:
        if learner == "eve":
            raise BadSubmission("eve is not in the class")
        return key_of(learner)

    file = tmp_path / "x.zip"
    file.write_bytes(content)
    with pytest.raises(BadSubmission) as error:
        read_submission(file, key)
    assert words in str(error.value)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "x.zip"
    with file.open("wb") as made:
        made.truncate(container.MAX_FILE + 1)
    monkeypatch.setattr(Path, "read_bytes", None)
    with pytest.raises(BadSubmission, match="at most 200 MB"):
        read_submission(file, key_of)
    many = archive({f"states/{number:064x}.esaws": b"" for number in range(container.MAX_MEMBERS + 1)})
    with pytest.raises(BadSubmission, match="501 members"):
        container._members(many)


# --- settings


def settings(tmp_path: Path, text: str) -> Any:
    file = tmp_path / "class.toml"
    file.write_text(text)
    return read_settings(file, ["ada", "bob", "cy"])


def test_the_settings_that_a_new_class_gets_are_valid(tmp_path: Path) -> None:
    from esaws.course.classroom.settings import TEMPLATE

    plain = settings(tmp_path, TEMPLATE.format(name="c"))
    live = "\n".join(
        line.removeprefix("# ") if line.startswith("# ") and "=" in line else line for line in TEMPLATE.splitlines()
    )
    everything = settings(
        tmp_path, live.replace("grace", "bob").replace("bob_minutes", "grace_minutes").format(name="c")
    )
    assert plain.exercises[0].startswith("00-") and plain.due is None
    assert everything.weights["01-sites-api"] == 2 and everything.groups == {"red": ("ada", "bob")}
    assert everything.due is not None and everything.extra == {"ada": 1}
    assert settings(tmp_path, "").points == 100 and len(settings(tmp_path, "").exercises) > 60


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("points = [", "can't be read as TOML"),
        ("[asignment]", "asignment: there is no such key; do you mean 'assignment'?"),
        ("[late]\nper_dya = 1", "late.per_dya: there is no such key; do you mean 'per_day'?"),
        ("late = 3", "late: write a table"),
        ("[late]\nper_day = 10", "late.per_day: write a part between 0 and 1"),
        ("[assignment]\nexercises = ['2']", "no chapter, exercise or lab '2'"),
        ("[assignment]\nexercises = ['02-third-zoo']", "do you mean '02-third-zone'?"),
        ("[assignment]\nexercises = ['lab wrong-pge']", "do you mean 'lab wrong-page'?"),
        ("[assignment]\nexercises = ['wrong-page']", "do you mean 'lab wrong-page'?"),
        ("[assignment]\nexercises = ['lab 7']", "no chapter, exercise or lab 'lab 7'; choose from another-service, "),
        ("[assignment]\nexercises = ['99']", "choose from 00, 01, "),
        (
            "[assignment]\nexercises = ['00']\n[weights]\n'lab wrong-page' = 2",
            "weights.lab wrong-page: it is not in assignment.exercises",
        ),
        ("[assignment]\npoints = 0", "assignment.points: write a number above 0"),
        ("[assignment]\npoints = true", "assignment.points: write a number above 0, not True"),
        ("[assignment]\ndue = 2026-12-04", "assignment.due: write a time with its zone"),
        (
            "[assignment]\nexercises = ['00']\n[weights]\n01-request = 2",
            "weights.01-request: it is not in assignment.exercises",
        ),
        ("[assignment]\nexercises = ['00']\n[weights]\n00 = 0", "at least one exercise needs a weight above 0"),
        ("[tries]\nkeep = 'first'", "tries.keep: choose from last, best"),
        ("[tries]\nallowed = 0", "tries.allowed: write a whole number of at least 1"),
        ("[groups]\nred = ['ada', 'adb']", "groups.red: 'adb' is not in the roster; do you mean 'ada'?"),
        ("[groups]\nred = ['ada']\nblue = ['ada']", "groups.blue: ada is in red, too"),
        ("[extensions]\nada = 'tomorrow'", "extensions.ada: write a time with its zone"),
    ],
)
def test_a_bad_setting_is_refused_with_its_key(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=r"class\.toml") as error:
        settings(tmp_path, text)
    assert words in str(error.value)


def test_labs_are_graded_only_where_they_are_named_and_come_after_the_exercises(tmp_path: Path) -> None:
    assert not any(name.startswith("lab ") for name in settings(tmp_path, "").exercises)
    text = "[assignment]\nexercises = ['lab wrong-page', '00-block', 'lab another-service']\n[weights]\n00 = 2\n"
    chosen = settings(tmp_path, text + "'lab wrong-page' = 3")
    assert chosen.exercises == ("00-block", "lab another-service", "lab wrong-page")
    assert chosen.weights == {"00-block": 2, "lab another-service": 1, "lab wrong-page": 3}


# --- grades


def handed_in(learner: str = "ada", hours: float = 0, digest: str = "", predictions: Any = ()) -> Submission:
    made = NOON + timedelta(hours=hours)
    return Submission("f.zip", learner, made, digest or f"{learner}{hours}", {}, dict.fromkeys(predictions, 1))


def graded(name: str, points: int | None, of: int | None, **more: Any) -> ExerciseGrade:
    return ExerciseGrade(name, NOT_GRADED if points is None else GRADED, points, of, **more)


TWO = "[assignment]\nexercises = ['00-block', '00-association']\npoints = 10\n"


@pytest.mark.parametrize(
    ("more", "points", "help", "hours", "total"),
    [
        ("", (3, 3), {}, 0, 10),
        ("", (3, 0), {}, 0, 5),
        ("[weights]\n00-block = 3", (3, 0), {}, 0, 7.5),
        ("", (3, 3), {"solution_shown": True}, 0, 5),
        ("[help]\nhint = 0.1", (3, 3), {"hints": 2}, 0, 8),
        ("[help]\nhint = 0.9", (3, 3), {"hints": 2}, 0, 0),
        ("[late]\nper_day = 0.1", (3, 3), {}, 25, 8),
        ("[late]\nper_day = 0.1\nat_most = 0.15", (3, 3), {}, 25, 8.5),
        ("[late]\nper_day = 0.1\ngrace_minutes = 60", (3, 3), {}, 1, 10),
        ("[late]\nper_day = 0.1\ndays = 1", (3, 3), {}, 25, 0),
        ("[late]\nper_day = 0.1\n[extensions]\nada = 2026-12-02T13:00:00Z", (3, 3), {}, 25, 10),
        ("[late]\nper_day = 0.1\n[received]\nada = 2026-12-01T12:00:00Z", (3, 3), {}, 25, 10),
        ("[predictions]\nshare = 0.2", (3, 3), {}, 0, 8),
    ],
)
def test_the_total_of_a_learner(tmp_path: Path, more: str, points: Any, help: Any, hours: float, total: float) -> None:
    due = "due = 2026-12-01T12:00:00Z\n"
    chosen = settings(tmp_path, TWO + due + more)
    exercises = tuple(graded(name, n, 3, **help) for name, n in zip(chosen.exercises, points, strict=True))
    # The exercises are in the order of the course; the weight of 00-block needs its points.
    exercises = tuple(sorted(exercises, key=lambda each: -(each.points or 0)))
    by_name = {"00-block": exercises[0], "00-association": exercises[1]}
    named = tuple(graded(name, by_name[name].points, 3, **help) for name in chosen.exercises)
    assert learner_grade("ada", handed_in("ada", hours), named, chosen).total == total


def test_exercises_and_labs_add_up_with_help_and_weights(tmp_path: Path) -> None:
    text = (
        "[assignment]\nexercises = ['00-block', 'lab wrong-page']\n[weights]\n'lab wrong-page' = 3\n[help]\nhint = 0.1"
    )
    chosen = settings(tmp_path, text)
    exercise, lab = graded("00-block", 3, 3), graded("lab wrong-page", 12, 16, hints=1, solution_shown=True)
    total = learner_grade("ada", handed_in(), (exercise, lab), chosen).total
    assert total == pytest.approx(100 * (1 + 3 * (12 / 16 * 0.5 - 0.1)) / 4, abs=0.01)


def test_what_could_not_be_graded_makes_the_total_unknown(tmp_path: Path) -> None:
    chosen = settings(tmp_path, TWO)
    grade = learner_grade("ada", handed_in(), (graded("00-association", None, None), graded("00-block", 3, 3)), chosen)
    assert grade.total is None
    assert learner_grade("ada", None, (), chosen).total == 0


def test_tries_groups_and_copies_of_one_file(tmp_path: Path) -> None:
    files = [handed_in("ada", 2), handed_in("bob", 1), handed_in("ada", 3, digest="x"), handed_in("ada", 3, digest="x")]
    group = "[groups]\nred = ['ada', 'bob']\n"

    def times(text: str) -> dict[str, list[float]]:
        chosen = choose_files(files, settings(tmp_path, text))
        return {key: [(each.submitted - NOON) / timedelta(hours=1) for each in of] for key, of in chosen.items()}

    assert times("") == {"bob": [1], "ada": [3]}
    assert times("[tries]\nkeep = 'best'") == {"bob": [1], "ada": [2, 3]}
    assert times("[tries]\nallowed = 1") == {"bob": [1], "ada": [2]}
    assert times("[tries]\nallowed = 1\n[tries.extra]\nada = 1") == {"bob": [1], "ada": [3]}
    assert times("[tries]\nallowed = 1\n" + group) == {"ada": [1]}


# --- tables


def test_a_cell_is_never_a_formula() -> None:
    rows = csv_text(["a"], [["=1+1"], ["+x"], ["-x"], ["@x"], ["\t=x"], [" =x"], [-3], ["x=1"]])
    assert [row[0] for row in csv.reader(io.StringIO(rows, newline=""))][1:] == [
        "'=1+1",
        "'+x",
        "'-x",
        "'@x",
        "'\t=x",
        "' =x",
        "-3",
        "x=1",
    ]


def test_tables_for_moodle_and_canvas_have_their_columns(tmp_path: Path) -> None:
    roster = tmp_path / "roster.csv"
    roster.write_text(
        "Student,ID,SIS User ID,SIS Login ID,Section,email\n"
        '"=Love, Ada",4711,S1,ada,Mon,ada@x.org\nBob,4712,S2,bob,Mon,bob@x.org\nCy,4713,S3,cy,Mon,cy@x.org\n'
    )
    learners = read_roster(roster)
    chosen = settings(tmp_path, TWO + 'name = "Homework (77)"')
    both = tuple(graded(name, 2, 3, failed=({"what": "w", "found": "=f", "look_at": ""},)) for name in chosen.exercises)
    grades = [
        LearnerGrade("ada", 6.67, both, ("1 day late",), "a.zip", NOON),
        LearnerGrade("bob", 0.0, ()),
        LearnerGrade("cy", None, (graded("00-block", None, None, problem="=x"),)),
    ]
    moodle = list(csv.reader(io.StringIO(moodle_csv(grades, learners, chosen))))
    assert moodle[0] == [
        "Email address",
        "Full name",
        "Homework (77)",
        "Homework (77) (feedback)",
    ]
    assert [row[0] for row in moodle[1:]] == ["ada@x.org", "bob@x.org"], "an unknown grade is not imported"
    assert moodle[1][2:] == ["6.67", "00-association: 2 of 3; 00-block: 2 of 3; 1 day late"]
    canvas = list(csv.reader(io.StringIO(canvas_csv(grades, learners, chosen))))
    assert canvas[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Homework (77)"]
    assert canvas[1] == ["    Points Possible", "", "", "", "", "10"]
    assert canvas[2] == ["'=Love, Ada", "4711", "S1", "ada", "Mon", "6.67"] and len(canvas) == 4
    rows = list(csv.DictReader(io.StringIO(grades_csv(grades, {"=evil.zip": "damaged"}, learners, chosen))))
    assert (rows[0]["status"], rows[0]["file"], rows[0]["learner"]) == ("error", "'=evil.zip", "")
    assert (rows[1]["points"], rows[1]["of"], rows[1]["reasons"]) == ("2", "3", "not: w (found: =f)")
    assert (rows[-1]["status"], rows[-1]["points"], rows[-1]["reasons"]) == ("not graded", "", "'=x")
    totals = list(csv.DictReader(io.StringIO(totals_csv(grades[:1], learners, chosen))))
    assert (totals[0]["total"], totals[0]["00-block"]) == ("6.67", "2 of 3")


# --- results that were found before

FOUND = {"points": 2, "of": 3, "passed": ["a"], "failed": [], "problem": "", "misses": False}


def of_ada(**changes: Any) -> Submission:
    about = record(state="0" * 64) | changes
    return Submission("ada.zip", changes.get("learner", "ada"), NOON, "digest", {BLOCK: about}, {})


BLOCK = "00-block"


def test_what_was_checked_is_found_again_until_anything_of_it_changes(tmp_path: Path) -> None:
    results = checked.Checked(tmp_path)
    results.keep(of_ada(), BLOCK, FOUND)
    results.save()
    again = checked.Checked(tmp_path)
    assert again.find(of_ada(), BLOCK) == FOUND
    assert again.find(of_ada(points=1, attempts=9), BLOCK) == FOUND, "a check does not look at these"
    changes: list[dict[str, Any]] = [
        {"state": "1" * 64},
        {"answer": {"kind": "value", "value": 3}},
        {"before": {"VPC/vpc": "vpc-1"}},
        {"region": "eu-west-1"},
        {"learner": "bob"},
    ]
    for change in changes:
        assert again.find(of_ada(**change), BLOCK) is None, change
    assert again.find(of_ada(), BLOCK, ["bob"]) is None, "with the values of others"
    assert stat.S_IMODE((tmp_path / checked.CHECKED).stat().st_mode) == 0o600


def test_what_could_not_be_graded_is_checked_again(tmp_path: Path) -> None:
    results = checked.Checked(tmp_path)
    results.keep(of_ada(), BLOCK, {**FOUND, "problem": "the check took more than 120 seconds"})
    assert results.find(of_ada(), BLOCK) is None


def test_results_of_other_code_and_damaged_results_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = checked.Checked(tmp_path)
    results.keep(of_ada(), BLOCK, FOUND)
    results.save()
    monkeypatch.setattr(checked, "fingerprint", lambda: "another esaws")
    assert checked.Checked(tmp_path).find(of_ada(), BLOCK) is None
    monkeypatch.undo()
    assert checked.Checked(tmp_path).find(of_ada(), BLOCK) == FOUND
    for damage in ("", "{}", "[]", '{"made_by": 1}'):
        (tmp_path / checked.CHECKED).write_text(damage)
        assert checked.Checked(tmp_path).find(of_ada(), BLOCK) is None, damage
