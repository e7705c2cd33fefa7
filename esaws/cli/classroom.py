"""`esaws class …`."""

import sys
from pathlib import Path

import click

from esaws.cli.common import JSON_HELP, print_json, print_result, print_table
from esaws.cli.root import cli


@cli.group("class")
def class_group() -> None:
    """Give learners ids, grade what they hand in, and compare it."""


CLASS_FOLDER = click.argument("folder", type=click.Path(path_type=Path))
SUBMISSIONS_OPTION = click.option(
    "--submissions",
    type=click.Path(path_type=Path),
    help="Folder with what learners handed in.  [default: FOLDER/submissions]",
)
WORKERS_OPTION = click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=2,
    show_default=True,
    help="Checks that run at the same time, each with two local AWS of 250 MB.",
)
JSON_OPTION = click.option("--json", "as_json", is_flag=True, help=JSON_HELP)
FILE = click.Path(dir_okay=False, path_type=Path)


@class_group.command("new")
@click.argument("roster", type=FILE)
@click.option("--output", "-o", "folder", type=click.Path(path_type=Path), required=True, help="Folder of the class.")
@JSON_OPTION
def new_command(roster: Path, folder: Path, as_json: bool) -> None:
    """Create the folder of a class from a roster: an id and a sign-in line for each learner, and the settings.

    ROSTER is a CSV file with a column `name`, or an export of Moodle or Canvas. With the folder of a class, update its
    roster: ids, keys and settings are kept.
    """
    from esaws.course.classroom.folder import new_class

    created = new_class(roster, folder)
    print_result(created.to_dict(), str(created), as_json)


@class_group.command("grade")
@CLASS_FOLDER
@click.option("--output", "-o", type=FILE, default=Path("grades.csv"), show_default=True, help="Points by exercise.")
@click.option("--totals", type=FILE, help="Also write the total of each learner, with its notes.")
@click.option("--moodle", type=FILE, help="Also write a file for Moodle's grade import.")
@click.option("--canvas", type=FILE, help="Also write a file for Canvas's gradebook.")
@SUBMISSIONS_OPTION
@WORKERS_OPTION
@JSON_OPTION
def grade_command(
    folder: Path,
    output: Path,
    totals: Path | None,
    moodle: Path | None,
    canvas: Path | None,
    submissions: Path | None,
    workers: int,
    as_json: bool,
) -> None:
    """Grade what learners handed in, and write points, reasons and evidence as CSV.

    Each saved state is checked on a local AWS of its own. Exit code 1 if a file can't be read or an exercise not be
    graded; everything else is graded.
    """
    from esaws.course.classroom.class_grading import grade_class
    from esaws.course.classroom.folder import open_class
    from esaws.course.classroom.gradebook import canvas_csv, grades_csv, moodle_csv, moodle_identities, totals_csv

    classroom = open_class(folder)
    if moodle is not None:
        moodle_identities(classroom.learners)  # refused before the checks, which take a minute
    graded = grade_class(classroom, submissions, workers=workers)
    learners, settings = classroom.learners, classroom.settings
    _write(output, grades_csv(graded.grades, graded.errors, learners, settings))
    for file, table in ((totals, totals_csv), (moodle, moodle_csv), (canvas, canvas_csv)):
        if file is not None:
            _write(file, table(graded.grades, learners, settings))
    written = [str(file) for file in (output, totals, moodle, canvas) if file is not None]
    for file_name, problem in sorted(graded.errors.items()):
        click.echo(f"esaws: {file_name}: {problem}", err=True)
    print_result({**graded.to_dict(), "files": written}, f"{graded}. Wrote {', '.join(written)}.", as_json)
    if not graded.ok:
        sys.exit(1)


@class_group.command("similar")
@CLASS_FOLDER
@SUBMISSIONS_OPTION
@WORKERS_OPTION
@JSON_OPTION
def similar_command(folder: Path, submissions: Path | None, workers: int, as_json: bool) -> None:
    """List pairs of learners whose answers fit each other's values, or whose accounts are copies.

    Exit code 1 if a file can't be read.
    """
    from esaws.course.classroom.folder import open_class
    from esaws.course.classroom.similar import similar_answers

    pairs, errors = similar_answers(open_class(folder), submissions, workers=workers)
    rows = [pair.to_dict() for pair in pairs]
    for file_name, problem in sorted(errors.items()):
        click.echo(f"esaws: {file_name}: {problem}", err=True)
    if as_json:
        problems = [{"file": file_name, "problem": problem} for file_name, problem in sorted(errors.items())]
        print_json({"pairs": rows, "errors": problems})
    else:
        print_table(rows, f"{len(rows)} similar answers", as_json=False)
    if errors:
        sys.exit(1)


def _write(file: Path, text: str) -> None:
    from esaws.errors import UsageError
    from esaws.files import write_atomically

    try:
        write_atomically(file, text, private=True)
    except OSError as error:
        raise UsageError(f"{file}: can't be written ({error.strerror}). Choose another file.") from error
