"""Wheels in an empty environment and an empty folder: the course is there, and it runs."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels of both distributions, built from a copy of the tracked files."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    names = subprocess.check_output(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT)
    for name in filter(None, names.decode().split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("tests/", "benchmarks/")):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    for project in (source, source / "local_aws_server"):
        subprocess.run([*pip, "--wheel-dir", target, project], check=True, capture_output=True)
    return target


@pytest.fixture(scope="module")
def environment(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a new virtual environment with the wheels; other packages come from this one."""
    venv = tmp_path_factory.mktemp("empty") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    packages = next(venv.glob("lib/python*/site-packages"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile"]
    prefix = ["--prefix", str(venv), "--ignore-installed"]
    subprocess.run([*pip, *prefix, *map(str, wheels.glob("*.whl"))], check=True, capture_output=True)
    # A line of a .pth file is added to sys.path, but .pth files there are not read: this checkout stays out.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    programs = venv / "bin"
    for script in programs.iterdir():
        if not script.is_symlink() and script.read_bytes().startswith(b"#!"):
            lines = script.read_text(encoding="utf-8").splitlines(keepends=True)
            script.write_text("".join([f"#!{programs / 'python'}\n", *lines[1:]]), encoding="utf-8")
    return programs


def run(programs: Path, folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a program of the environment in a folder, with a state of its own."""
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    settings = {"ESAWS_STATE": str(folder.parent / "state"), "ESAWS_PORT": "0", "PATH": path}
    command = [str(programs / words[0]), *words[1:]]
    done = subprocess.run(command, cwd=folder, env=os.environ | settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_the_wheels_hold_the_notebooks_and_the_types(wheels: Path) -> None:
    names = {name for wheel in wheels.glob("*.whl") for name in zipfile.ZipFile(wheel).namelist()}
    assert {"esaws/py.typed", "local_aws_server/py.typed", "esaws/data/prices.json"} <= names
    notebooks = {path.name for path in (ROOT / "notebooks").rglob("*.ipynb")}
    assert notebooks <= {Path(name).name for name in names if name.startswith("esaws/course/notebooks/")}
    assert not [name for name in names if "rules/" in name or name.startswith("tests/")]


def test_the_environment_does_not_see_this_checkout(environment: Path, tmp_path: Path) -> None:
    code = "import esaws, local_aws_server; print(esaws.__file__, local_aws_server.__file__)"
    files = run(environment, tmp_path, "python", "-c", code).stdout.split()
    assert all(str(environment.parent) in name for name in files)


def test_a_new_course_runs_in_an_empty_folder(environment: Path, tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    run(environment, folder, "esaws", "course", "new", "x")
    assert sorted(path.name for path in (folder / "x" / "notebooks" / "course").glob("*.ipynb")) == sorted(
        path.name for path in (ROOT / "notebooks" / "course").glob("*.ipynb")
    )
    done = run(environment, folder / "x", "esaws", "course", "run", "00")
    assert "1 notebooks run" in done.stdout and "0 resources left" in done.stdout
    run(environment, folder, "esaws", "course", "new", "x")  # updates the copy
    assert (folder / "x" / "docs" / "glossary.md").exists() and (folder / "x" / "diagrams" / "seccom-ha.png").exists()


def test_the_server_runs_alone_with_one_command(environment: Path, tmp_path: Path) -> None:
    listing = run(environment, tmp_path, "local-aws-server", "fidelity", "--json").stdout
    assert '"NotSimulated"' in listing or "NotSimulated" in listing
