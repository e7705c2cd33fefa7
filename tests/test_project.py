"""The project keeps its own rules: layers, pinned versions, nothing of one machine, and a README that is true."""

import ast
import itertools
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "esaws"

# From the top down: a module imports its own package and what stands below it.
LAYERS = [
    "cli",
    "doctor",
    "course",
    "runbook",
    "drawing",
    "guards",
    "inspect",
    "costs",
    "timeline",
    "simulation",
    "plan",
    "journal",
    "order",
    "change",
    "leftovers",
    "seccom",
    "architecture",
    "inventory",
    "resources",
    "resource",
    "cloud",
    "ledger",
    "pricelist",
    "progress",
    "chart",
    "errors",
]
ITSELF = ""  # `import esaws`, for its folder or its version
LOCAL_MAY_IMPORT = {ITSELF, "local", "pricelist", "errors"}


def canonical(name: str) -> str:
    """A distribution's name the way that package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def project() -> dict[str, Any]:
    return dict(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"])


def requirements() -> dict[str, str]:
    """Every direct requirement, run time and development, as name → the whole line."""
    extra = project()["optional-dependencies"].values()
    lines = [*project()["dependencies"], *itertools.chain.from_iterable(extra)]
    return {canonical(re.split(r"[^\w.-]", line)[0]): line for line in lines}


def pins() -> dict[str, str]:
    """The versions in constraints.txt by name."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return {canonical(name): version for name, version in (line.split("==") for line in lines)}


def imports(path: Path) -> set[str]:
    """Every absolute module name that a file imports, wherever in it; `from a import b` counts as `a.b`."""
    package = path.relative_to(ROOT).parent.parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            base += [node.module] if node.module else []
            found |= {".".join([*base, alias.name]) for alias in node.names}
    return found


def part(module: str) -> str:
    """The layer of a module of ours: `esaws.costs.bill` is of `costs`."""
    return [*module.split("."), ""][1]


def imported_parts(path: Path) -> set[str]:
    return {part(module) for module in imports(path) if module.split(".")[0] == "esaws"}


def modules() -> Iterator[tuple[str, Path]]:
    """Each file of the package with its layer; the package's own `__init__` and `__main__` have none."""
    for path in sorted(PACKAGE.rglob("*.py")):
        inside = path.relative_to(PACKAGE).with_suffix("").parts
        if inside not in {("__init__",), ("__main__",)}:
            yield inside[0], path


MODULES = [pytest.param(layer, path, id=str(path.relative_to(ROOT))) for layer, path in modules()]


@pytest.mark.parametrize(("layer", "path"), MODULES)
def test_imports_go_downwards_only(layer: str, path: Path) -> None:
    if layer == "local":
        assert imported_parts(path) <= LOCAL_MAY_IMPORT
        return
    assert layer in LAYERS, f"esaws.{layer} has no place in LAYERS yet"
    allowed = {ITSELF, layer, *LAYERS[LAYERS.index(layer) + 1 :]}
    assert imported_parts(path) <= allowed, f"esaws.{layer} imports what stands above it"


@pytest.mark.parametrize(("layer", "path"), MODULES)
def test_moto_stays_inside_the_local_aws(layer: str, path: Path) -> None:
    if layer != "local":
        assert "moto" not in {module.split(".")[0] for module in imports(path)}


@pytest.mark.parametrize(("layer", "path"), MODULES)
def test_resources_need_neither_tables_nor_drawings(layer: str, path: Path) -> None:
    if layer == "resources":
        assert not {"pandas", "diagrams"} & {module.split(".")[0] for module in imports(path)}


def test_importing_the_package_pulls_in_nothing_heavy() -> None:
    heavy = ["moto", "pandas", "diagrams", "papermill", "nbformat", "local_aws_server"]
    code = f"import sys, esaws; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True, cwd=ROOT).strip() == "[]"


def test_the_folder_of_drawings_does_not_shadow_the_library() -> None:
    assert not (ROOT / "diagrams" / "__init__.py").exists()


def test_constraints_are_versions_and_nothing_else() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    wrong = [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.!+]*", line)]
    assert not wrong
    assert lines == sorted(lines, key=str.lower), "run make constraints"
    assert len(pins()) == len(lines), "one line for each package"


def test_constraints_pin_everything_that_pyproject_asks_for() -> None:
    assert not set(requirements()) - set(pins()), "run make constraints"


def test_moto_is_pinned_to_the_version_that_the_wraps_were_written_for() -> None:
    assert requirements()["moto"] == f"moto[server]=={pins()['moto']}"


def test_the_conda_environment_is_the_same_project() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["name"] == project()["name"]
    *conda, pip = environment["dependencies"]
    assert conda == [f"python={project()['requires-python'].removeprefix('>=')}", "pip"]
    assert pip == {"pip": ["-c constraints.txt", "-e .[dev]"]}


def test_make_help_names_every_target() -> None:
    said = subprocess.check_output(["make", "--no-print-directory", "help"], text=True, cwd=ROOT)
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == {line.split()[0] for line in said.splitlines()[1:]}


# Written so that this file does not match itself.
MACHINE = {
    "a path of somebody's machine": rb"(?<![\w/+.:-])/(?:(?:home|Users)/[\w.-]+|ro{2}t|wor[k])/",
    "the address of a package index": rb"(?i)\b(?:https?|file)://[^\s\"'<>]*/simpl[e]\b|\b(?:pypi|pythonhosted)\.or[g]\b",
}


def committed() -> list[Path]:
    """What git holds or would take: tracked files and new ones that are not ignored."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.check_output(command, cwd=ROOT).decode().split("\0")
    return [path for name in names if name and (path := ROOT / name).is_file()]


@pytest.mark.parametrize("what", MACHINE)
def test_no_file_tells_of_one_machine(what: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0].decode(errors='replace')}"
        for path in committed()
        for content in [path.read_bytes()]
        if b"\0" not in content[:8192]
        for match in re.finditer(MACHINE[what], content)
    ]
    assert not found, f"{what} in\n" + "\n".join(found)


def readme_commands() -> set[tuple[str, ...]]:
    """Every `esaws …` in the README's code fences, as words; pipes, comments and settings in front left out."""
    readme = ROOT / "README.md"
    assert readme.is_file(), "there is no README.md yet"
    fences = re.findall(r"^```[^\n]*\n(.*?)^```", readme.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    found = set()
    for line in "\n".join(fences).replace("\\\n", " ").splitlines():
        for simple in re.split(r"\|\||&&|[|;]|\$\(|\)", re.sub(r"(^|\s)#.*", "", line)):
            if words := re.match(r"\s*(?:[$!]\s*)?(?:\w+=\S*\s+)*(?:\.venv/bin/)?esaws(\s.*)?$", simple):
                found.add(tuple(shlex.split(re.sub(r"[<>].*", "", words[1] or ""))))
    return found


@cache
def help_of(*command: str) -> "subprocess.CompletedProcess[str]":
    run = [sys.executable, "-c", "from esaws.cli import main; main()", *command, "--help"]
    return subprocess.run(run, check=False, capture_output=True, text=True, cwd=ROOT)


def what_is_wrong_with(words: tuple[str, ...]) -> list[str]:
    """The command line's own complaint, or the options that its `--help` does not name."""
    done = help_of(*itertools.takewhile(lambda word: not word.startswith("-"), words))
    if done.returncode:
        return [done.stderr]
    options = [word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)]
    return [option for option in options if not re.search(rf"(?<![\w-]){option}(?![\w-])", done.stdout)]


def test_every_command_in_the_readme_exists() -> None:
    commands = readme_commands()
    assert commands, "the README shows no esaws command"
    wrong = {" ".join(["esaws", *words]): bad for words in commands if (bad := what_is_wrong_with(words))}
    assert not wrong


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("local", "start", "--port", "0"), ""),
        (("local", "begin"), "begin"),
        (("plan", "--profile", "ha"), ""),
        (("plan", "--profiel", "ha"), "--profiel"),
        (("paln",), "paln"),
    ],
)
def test_a_command_that_does_not_exist_is_noticed(words: tuple[str, ...], complaint: str) -> None:
    found = " ".join(what_is_wrong_with(words))
    assert complaint in found and bool(complaint) == bool(found)
