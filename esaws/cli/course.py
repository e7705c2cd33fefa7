"""`esaws course …`."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from esaws.cli.common import JSON_HELP, cloud_options, print_json, print_result, print_table
from esaws.cli.root import cli

if TYPE_CHECKING:
    from esaws.cloud import Cloud


@cli.group()
def course() -> None:
    """Create, run or check the course."""


def folder_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `folder`, where the course is."""
    return click.option(
        "--folder",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Folder of the course.  [default: the working directory, or the course that comes with esaws]",
    )(command)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help=JSON_HELP)(command)


# --- the learner's copy


@course.command("new")
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
def new_command(folder: Path, as_json: bool) -> None:
    """Copy the notebooks of the course into a new folder, or update such a copy.

    The copy has no outputs, and empty cells for your answers. An update brings new texts and keeps your cells.
    """
    from esaws.course.working_copy import make_working_copy

    created = make_working_copy(folder)
    print_result(created.to_dict(), str(created), as_json)


@course.command("lab", context_settings={"ignore_unknown_options": True})
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
@click.option("--port", type=int, help="Port of JupyterLab.  [default: 8888, or the next free one]")
@click.option("--no-browser", is_flag=True, help="Do not open a browser.")
@json_option
def lab_command(folder: Path, options: Sequence[str], port: int | None, no_browser: bool, as_json: bool) -> None:
    """Open JupyterLab on a copy of the course, which is created or updated first.

    OPTIONS that are not below are passed on to `jupyter lab`. With --json, print the command that opens it instead.
    """
    import os
    import subprocess

    from esaws.course.working_copy import first_notebook, jupyter_environment, make_working_copy

    copied = make_working_copy(folder)
    if copied.kept:
        click.echo(f"esaws: {copied.kept} cells of yours were kept", err=True)
    where = f"--LabApp.default_url=/lab/tree/{first_notebook(folder)}"
    words = [sys.executable, "-m", "jupyterlab", where, f"--ServerApp.root_dir={folder.resolve()}"]
    words += [f"--port={port}"] * (port is not None) + ["--no-browser"] * no_browser + [*options]
    if as_json:
        print_json({**copied.to_dict(), "command": words})
        return
    environment = {**os.environ, **jupyter_environment(folder)}
    if os.name == "posix":
        os.execve(words[0], words, environment)  # so that Ctrl-C and SIGTERM reach JupyterLab alone
    sys.exit(subprocess.run(words, env=environment, check=False).returncode)


# --- a chapter that has begun


@course.command("env")
@click.argument("chapter")
@json_option
def env_command(chapter: str, as_json: bool) -> None:
    """Print `export` lines that point a terminal at the local AWS of a chapter.

    Its notebook must have begun. `eval "$(esaws course env 07)"` lets `esaws` and `aws` in this terminal work there.
    """
    import os
    import shlex

    from esaws.course.session import resume

    session = resume(chapter, stays=True)
    names = ("ESAWS_", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_S")
    variables = {name: value for name, value in sorted(os.environ.items()) if name.startswith(names)}
    variables["ESAWS_DEPLOYMENT"] = session.cloud.deployment
    text = "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())
    print_result(variables, text, as_json)


@course.command("check")
@click.argument("exercise")
@click.option("--answer", help="Your answer, for an exercise that asks for a number or a name.")
@json_option
def check_command(exercise: str, answer: str | None, as_json: bool) -> None:
    """Check an exercise against the state of the account of its chapter.

    Exit code 1 if it is not solved.
    """
    import json

    from esaws.course import session

    try:
        value = None if answer is None else json.loads(answer)
    except ValueError:
        value = answer
    session.resume(exercise.partition("-")[0])
    result = session.check(exercise, value)
    print_result(result.to_dict(), str(result), as_json)
    if not result.ok:
        sys.exit(1)


@course.command("hint")
@click.argument("exercise")
@json_option
def hint_command(exercise: str, as_json: bool) -> None:
    """Print the next hint of an exercise: a question, then a place to look, then the call."""
    from esaws.course import session

    shown = session.hint(exercise)
    print_result({"exercise": exercise, "hint": shown.markdown}, str(shown), as_json)


@course.command("solution")
@click.argument("exercise")
@json_option
def solution_command(exercise: str, as_json: bool) -> None:
    """Print different ways to solve an exercise."""
    from esaws.course import session

    shown = session.solution(exercise)
    print_result({"exercise": exercise, "solution": shown.markdown}, str(shown), as_json)


@course.command("stop")
@json_option
def stop_command(as_json: bool) -> None:
    """Stop the local AWS of every chapter, and keep their states."""
    from esaws.course.worlds import stop_all

    stopped = stop_all()
    print_result({"stopped": stopped}, f"stopped: {', '.join(stopped) or 'none ran'}", as_json)


# --- in a class


@course.command("sign-in")
@click.argument("code")
@json_option
def sign_in_command(code: str, as_json: bool) -> None:
    """Keep the id and key of a learner on this computer. CODE is in the line that the instructor gave you."""
    from esaws.course.classroom.keys import sign_in

    learner = sign_in(code)
    print_result({"learner": learner}, f"signed in as {learner}", as_json)


@course.command("submit")
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="File to write.")
@json_option
def submit_command(output: Path | None, as_json: bool) -> None:
    """Write one file to hand in: the account at the best check of each exercise and lab, and your predictions.

    The default file is named after your id. It is signed with the key of your sign-in.
    """
    from esaws.course.classroom.keys import own_key
    from esaws.course.classroom.submission import SUFFIX, pack_submission
    from esaws.course.labs.lab import ITEM_PREFIX
    from esaws.course.learner import learner_id
    from esaws.errors import Refused, UsageError
    from esaws.files import write_atomically

    learner, key = learner_id(), own_key()
    if key is None:
        raise Refused(
            f"{learner} has no class key: run the line `esaws course sign-in …` that your instructor gave you"
        )
    output = output or Path(f"{learner}{SUFFIX}")
    content, manifest = pack_submission(learner, key)
    try:
        write_atomically(output, content, private=True)
    except OSError as error:
        raise UsageError(f"{output}: can't be written ({error.strerror}). Choose another file with -o.") from error
    names = sorted(manifest["exercises"])
    done = {"file": str(output), "learner": learner, "exercises": names, "bytes": len(content)}
    labs = sum(name.startswith(ITEM_PREFIX) for name in names)
    counts = {"exercise": len(names) - labs, "lab": labs}
    what = " and ".join(f"{count} {kind}{'s' * (count > 1)}" for kind, count in counts.items() if count)
    text = f"{output}: {what} of {learner}, {len(content) / 1e6:.1f} MB. Hand in this file."
    print_result(done, text, as_json)


# --- all of it


@course.command("run")
@cloud_options
@click.argument("names", nargs=-1)
@folder_option
def run_command(cloud: "Cloud", names: Sequence[str], folder: Path | None, as_json: bool) -> None:
    """Run all notebooks of the course in order, or those whose names start with NAMES."""
    from esaws.course.run import run_course

    cloud.on_start = lambda url: None  # it is the run's own and ends with it
    result = run_course(cloud, names, folder=folder, report=None if as_json else click.echo)
    print_result(result.to_dict(), str(result), as_json)
    if not result.ok:
        sys.exit(1)


@course.command("status")
@cloud_options
@folder_option
def status_command(cloud: "Cloud", folder: Path | None, as_json: bool) -> None:
    """Show your progress, and the result of each notebook's last run with `esaws course run`."""
    from esaws.course.report import status
    from esaws.course.run import course_status

    state, runs = status(), course_status(folder)
    if as_json:
        print_json({**runs, **state.to_dict()})
        return
    click.echo(f"{state}\n")
    print_table(runs["notebooks"], f"{runs['failed']} failed, {runs['left']} resources left", as_json=False)


@course.command("certificate")
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("certificate.html"),
    show_default=True,
    help="The page to write.",
)
@json_option
def certificate_command(output: Path, as_json: bool) -> None:
    """Write a page that states which exercises you have solved.

    Exit code 3 until all exercises of a chapter are solved.
    """
    from esaws.course.report import certificate, status
    from esaws.errors import UsageError
    from esaws.files import write_atomically

    state = status()
    page = certificate(state)
    try:
        write_atomically(output, page)
    except OSError as error:
        raise UsageError(f"{output}: can't be written ({error.strerror}). Choose another file with -o.") from error
    done = {"file": str(output), "learner": state.learner, "solved": state.solved, "of": state.of}
    print_result(done, f"{output}: {state.solved} of {state.of} exercises", as_json)
