"""Codespaces, Binder and Colab: each command, extra, path and version in their configurations exists."""

import json
import os
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from packaging.requirements import Requirement

from esaws.dev import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
POST_BUILD = ROOT / ".binder" / "postBuild"
PAGE = ROOT / "docs" / "one_click.md"


def project(folder: Path = ROOT) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    return found


def dev_container() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text("utf-8"))
    return found


def supported_pythons() -> set[str]:
    return {line.rpartition(" ")[2] for line in project()["classifiers"] if line.startswith("Programming Language")}


def packages(extra: str) -> Iterator[str]:
    """The packages of an extra, with those of the extras that it names."""
    for line in project()["optional-dependencies"][extra]:
        requirement = Requirement(line)
        if requirement.name == project()["name"]:
            for other in requirement.extras:
                yield from packages(other)
        else:
            yield requirement.name


def editable_installs(line: str, root: Path) -> list[tuple[str, set[str]]]:
    """Name and extras of each project that a pip command installs from a folder."""
    words = shlex.split(line)
    installs = [words[number + 1] for number, word in enumerate(words) if word == "--editable"]
    found = []
    for install in installs:
        path, _, extras = install.partition("[")
        found.append((project(root / path)["name"], set(filter(None, extras.rstrip("]").split(",")))))
    return found


# --- Codespaces and editors


def test_the_dev_container_runs_commands_that_exist() -> None:
    make, course = dev_container()["postCreateCommand"].split(" && ")
    assert make.split() == ["make", "install"] and "install" in COMMANDS
    assert course == ".venv/bin/esaws course new work"
    assert dev_container()["waitFor"] == "postCreateCommand", "a notebook that is opened earlier finds no kernel"


def test_the_dev_container_has_a_supported_python_and_opens_a_notebook() -> None:
    image, _, version = dev_container()["image"].rpartition(":")
    assert image.endswith("devcontainers/python") and version in supported_pythons()
    custom = dev_container()["customizations"]
    assert custom["vscode"]["settings"]["python.defaultInterpreterPath"].endswith("/.venv/bin/python")
    for file in custom["codespaces"]["openFiles"]:
        assert (ROOT / Path(file).relative_to("work")).exists()
    assert str(dev_container()["forwardPorts"][0]) in (ROOT / "esaws" / "cli" / "course.py").read_text("utf-8")


# --- Binder


def test_binder_has_a_supported_python_and_nothing_but_a_script() -> None:
    assert {file.name for file in POST_BUILD.parent.iterdir()} == {"runtime.txt", "postBuild"}
    assert (POST_BUILD.parent / "runtime.txt").read_text().strip().removeprefix("python-") in supported_pythons()


@pytest.mark.skipif(os.name == "nt", reason="the script runs on Linux")
def test_the_script_of_binder_can_be_run_and_stops_at_an_error() -> None:
    assert os.access(POST_BUILD, os.X_OK)
    subprocess.run(["bash", "-n", POST_BUILD], check=True)
    assert "set -euo pipefail" in POST_BUILD.read_text()


def test_the_script_of_binder_installs_both_projects_as_pinned() -> None:
    lines = POST_BUILD.read_text().replace("\\\n", "").splitlines()
    (pip,) = [line for line in lines if " pip install " in line]
    assert editable_installs(pip, ROOT) == [("esaws", {"all"}), ("local-aws-server", set())]
    assert "--constraint constraints.txt" in pip
    assert "awscli" in pip.split(), "notebooks call `!aws`, and only the extra `dev` has it"
    assert "esaws course new work" in POST_BUILD.read_text()


# --- Colab


def colab_cell() -> list[str]:
    (cell,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [line for line in cell.splitlines() if line]


def test_colab_keeps_its_own_kernel() -> None:
    clone, pip = colab_cell()
    folder = clone.split()[-1]
    assert not folder.isidentifier(), "Python would take the folder for a package"
    installs = editable_installs(pip.replace(f'"{folder}[', '".[').replace(f"{folder}/", "./"), ROOT)
    assert [name for name, _ in installs] == ["esaws", "local-aws-server"] and "awscli" in pip.split()
    extras = installs[0][1]
    wanted = {name for extra in extras for name in packages(extra)}
    assert not wanted & {"ipykernel", "jupyterlab", "nbclient", "notebook"}
    rest = set(packages("all")) - wanted
    assert rest <= {*packages("notebooks"), *packages("fleet")}, "all that a notebook of the course needs is there"


# --- links


@pytest.mark.parametrize("page", [PAGE, ROOT / "README.md"], ids=lambda page: page.name)
def test_the_links_lead_to_notebooks_that_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    binder = re.findall(r"https://mybinder\.org/v2/\S+?(?=\))", text)
    colab = re.findall(r"https://colab\.research\.google\.com/github/\S+?(?=\))", text)
    assert binder
    for link in binder:
        (path,) = parse_qs(urlsplit(link).query)["urlpath"]
        assert (ROOT / Path(path).relative_to("lab/tree/work")).exists(), link
    for link in colab:
        assert (ROOT / urlsplit(link).path.partition("/blob/HEAD/")[2]).is_file(), link
