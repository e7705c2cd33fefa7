"""The project's own rules: layers, names, plain English, versions, and a README whose commands exist."""

import ast
import importlib.metadata
import itertools
import re
import runpy
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from packaging.specifiers import SpecifierSet

from esaws.cli import cli

ROOT = Path(__file__).resolve().parents[1]
ARCHITECTURE: dict[str, Any] = runpy.run_path(str(ROOT / "docs" / "architecture.py"))
PACKAGES: dict[str, tuple[Path, list[list[str]]]] = ARCHITECTURE["PACKAGES"]
SHARED = {"pricelist", "errors"}
"""What the server may import of esaws."""


# --- layers


def order(package: str) -> list[str]:
    """The rooms of a package from the top down."""
    return list(itertools.chain.from_iterable(PACKAGES[package][1]))


def imports() -> Iterator[tuple[str, str, Path, str, str]]:
    """Every import between rooms: package and room of a file, the file, package and room that it imports."""
    for package in PACKAGES:
        for room, path in ARCHITECTURE["modules"](package):
            for other, imported in ARCHITECTURE["imported_rooms"](path):
                yield package, room, path, other, imported


def top_level_imports(path: Path) -> set[str]:
    """The first parts of all module names that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_every_room_has_a_place_in_the_picture() -> None:
    missing = {(package, room) for package in PACKAGES for room, _ in ARCHITECTURE["modules"](package)} - {
        (package, room) for package in PACKAGES for room in order(package)
    }
    assert not missing, "add them to docs/architecture.py"


def test_imports_go_downwards_only() -> None:
    upwards = []
    for package, room, path, other, imported in imports():
        rank = order(package)
        if other == package and imported in rank and rank.index(imported) < rank.index(room):
            upwards.append(f"{path.relative_to(ROOT)} imports {imported}")
    assert not upwards


def test_the_server_and_esaws_share_only_prices_and_errors() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {other}.{imported}"
        for package, _, path, other, imported in imports()
        if other != package and not (package == "local_aws_server" and imported in SHARED)
    ]
    assert not wrong
    assert not [path for _, path in ARCHITECTURE["modules"]("esaws") if "moto" in top_level_imports(path)]


def test_resources_need_neither_tables_nor_drawings() -> None:
    folder = PACKAGES["esaws"][0] / "resources"
    assert not [path for path in folder.glob("*.py") if {"pandas", "diagrams"} & top_level_imports(path)]


def test_the_picture_of_the_architecture_is_up_to_date() -> None:
    assert ARCHITECTURE["PICTURE"].read_text(encoding="utf-8") == ARCHITECTURE["svg"](), "run make drawings"


def test_the_core_works_without_the_optional_packages() -> None:
    optional = ["moto", "duckdb", "ibis", "pyarrow", "matplotlib", "diagrams", "resvg_py", "papermill", "nbclient"]
    optional += [
        "pygraphviz",
        "nbformat",
        "nbconvert",
        "jupyterlab",
        "ipykernel",
        "flask",
        "local_aws_server",
        "cfnlint",
        "sympy",
    ]
    code = f"""
import sys
sys.modules.update(dict.fromkeys({optional}))
import pkgutil, importlib, esaws
from esaws import Cloud, costs, inspect, plan_deploy, seccom
from esaws.cli import main
assert costs.forecast(seccom("ha"), regime="none").total_usd > 100
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize(
    ("words", "package", "extra"),
    [
        (("draw", "--profile", "budget", "-o", "x.png"), "resvg_py", "draw"),
        (("cost", "bill", "setup.py"), "duckdb", "bills"),
        (("run", "tests/runbooks/owned.ipynb"), "jupyter_core", "notebooks"),
    ],
)
def test_a_missing_optional_package_is_named_with_its_extra(words: tuple[str, ...], package: str, extra: str) -> None:
    code = f"import sys; sys.modules[{package!r}] = None; from esaws.cli import main; main({list(words)})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, f'pip install "esaws[{extra}]"' in done.stderr) == (2, True), done.stderr


# --- names and English

OLD_NAMES = re.findall(
    r"\w+",
    """
    way standing ends place places pieces overview named fix describing drawn seen deciding distinct listening
    asking explorer understanding outlook where forgotten chosen assembled canonical clean moments
    footers sums assumed manifests replaced overlaps duplicates spans holding live warehoused reports
    decided billed_by mine home outcome curve words embedded below guards spent order ledger timeline a_spring
    a_morning expect bill_told forecast_told focus_written machine guarding seam world clockwork story
    kept absent twins tagged saving beside leaves keeper refusal unseen told today lettering
    """,
)
"""Names of modules that said nothing about their content."""


def source_files() -> Iterator[Path]:
    for folder, _ in PACKAGES.values():
        yield from sorted(folder.rglob("*.py"))


def test_no_module_has_one_of_the_old_names() -> None:
    stems = {path.stem: path for path in source_files()} | {path.parent.name: path for path in source_files()}
    assert not [str(stems[name].relative_to(ROOT)) for name in OLD_NAMES if name in stems]
    assert not [path for path in source_files() if path.stem.strip("_").count("_") > 3], "a name is not a sentence"


def test_every_module_has_a_docstring() -> None:
    without = [path for path in source_files() if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert not without


BANNED = re.compile(
    r"\b(told|whoever|somebody|nobody|whatever it is|is asked|are asked|(?<!here )is no (?!longer|more)|TODO)\b"
)


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Line number and text of docstrings, comments and strings of a Python file; the whole of any other."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield from enumerate(text.splitlines(), 1)
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r"\s*#", line):
            yield number, line


def test_no_dataclass_with_slots_calls_super_without_arguments() -> None:
    """Before Python 3.14, `dataclass(slots=True)` makes a second class, of which `super()` knows nothing."""
    wrong = {
        f"{path}: {node.name}"
        for package in PACKAGES
        for _, path in ARCHITECTURE["modules"](package)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        and any("slots=True" in ast.unparse(decorator) for decorator in node.decorator_list)
        and "super()" in ast.unparse(node)
    }
    assert wrong == set()


def test_prose_is_plain_english() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "local_aws_server").glob("*.md")]
    found = [
        f"{path.relative_to(ROOT)}:{line}: {match[0]}"
        for path in [*source_files(), *pages]
        for line, text in prose(path)
        for match in BANNED.finditer(text)
    ]
    assert not found, "\n".join(found)


# --- versions


def canonical(name: str) -> str:
    """A distribution's name in the form that package indexes compare."""
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def project(folder: str = ".") -> dict[str, Any]:
    return dict(tomllib.loads((ROOT / folder / "pyproject.toml").read_text(encoding="utf-8"))["project"])


def requirements() -> dict[str, str]:
    """Every direct requirement of both distributions by name, as its whole line."""
    lines: list[str] = []
    for folder in (".", "local_aws_server"):
        extra = project(folder).get("optional-dependencies", {}).values()
        lines += [*project(folder)["dependencies"], *itertools.chain.from_iterable(extra)]
    return {canonical(re.split(r"[^\w.-]", line)[0]): line for line in lines}


def pins() -> dict[str, str]:
    """The versions in constraints.txt by name."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return {canonical(name): version for name, version in (line.split("==") for line in lines)}


def test_constraints_are_versions_and_nothing_else() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    wrong = [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.!+]*", line)]
    assert not wrong
    assert lines == sorted(lines, key=str.lower), "run make constraints"
    assert len(pins()) == len(lines), "one line for each package"


def test_constraints_pin_every_direct_requirement() -> None:
    assert not set(requirements()) - set(pins()) - {"esaws", "local-aws-server"}, "run make constraints"


def test_every_pinned_version_installs_on_the_oldest_python_that_the_readme_names() -> None:
    oldest = f"{project()['requires-python'].removeprefix('>=')}.0"
    too_new = []
    for each in importlib.metadata.distributions():
        needs = ",".join(each.metadata.get_all("Requires-Python") or [])
        if canonical(each.name) in pins() and not SpecifierSet(needs).contains(oldest):
            too_new.append(
                f"{each.name} {each.version} needs Python {needs}: bound it in the extra dev, then run make constraints"
            )
    assert not too_new


def test_only_moto_is_pinned_outside_constraints() -> None:
    assert [name for name, line in requirements().items() if "==" in line] == ["moto"]
    assert requirements()["moto"] == f"moto[server]=={pins()['moto']}"


def test_the_conda_environment_installs_the_same_project() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert environment["name"] == project()["name"]
    *conda, pip = environment["dependencies"]
    assert conda == [f"python={project()['requires-python'].removeprefix('>=')}", "pip"]
    assert pip == {"pip": ["-c constraints.txt", "-e .[dev]", "-e ./local_aws_server"]}


def test_the_folder_of_drawings_does_not_hide_the_library() -> None:
    assert not (ROOT / "diagrams" / "__init__.py").exists()


def test_make_has_every_development_command() -> None:
    from esaws.dev import COMMANDS

    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    listed = re.search(r"^COMMANDS := (.+)$", makefile, re.MULTILINE)
    assert listed is not None
    assert listed[1].split() == list(COMMANDS)


# Written so that this file does not match itself.
MACHINE = {
    "a path of one machine": rb"(?<![\w/+.:-])/(?:(?:home|Users)/[\w.-]+|ro{2}t|wor[k])/",
    "the address of a package index": rb"(?i)\b(?:https?|file)://[^\s\"'<>]*/simpl[e]\b|\b(?:pypi|pythonhosted)\.or[g]\b",
}


def committed() -> list[Path]:
    """Tracked files, and new ones that are not ignored."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.check_output(command, cwd=ROOT).decode().split("\0")
    return [path for name in names if name and (path := ROOT / name).is_file()]


@pytest.mark.parametrize("what", MACHINE)
def test_no_file_contains(what: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0].decode(errors='replace')}"
        for path in committed()
        for content in [path.read_bytes()]
        if b"\0" not in content[:8192]
        for match in re.finditer(MACHINE[what], content)
    ]
    assert not found, f"{what} in\n" + "\n".join(found)


# --- README


def readme_commands() -> set[tuple[str, ...]]:
    """Every `esaws …` in the README's code blocks, as words; pipes, comments and variables are left out."""
    fences = re.findall(r"^```[^\n]*\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    found = set()
    for line in "\n".join(fences).replace("\\\n", " ").splitlines():
        for simple in re.split(r"\|\||&&|[|;]|\$\(|\)", re.sub(r"(^|\s)#.*", "", line)):
            if words := re.match(r"\s*(?:[$!]\s*)?(?:\w+=\S*\s+)*(?:\.venv/bin/)?esaws(\s.*)?$", simple):
                found.add(tuple(shlex.split(re.sub(r"[<>].*", "", words[1] or ""))))
    return found


def complaints(words: tuple[str, ...]) -> list[str]:
    """The commands and options among words of a command line that do not exist."""
    command: click.Command = cli
    context = click.Context(command)
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(context, rest[0])
        if found is None:
            return [rest[0]]
        command, context = found, click.Context(found, parent=context)
        rest.pop(0)
    known = {
        option for parameter in command.get_params(context) for option in parameter.opts + parameter.secondary_opts
    }
    return [word for word in rest if re.match(r"--?[a-z]", word) and word.split("=")[0] not in known]


def test_every_command_in_the_readme_exists() -> None:
    commands = readme_commands()
    assert len(commands) > 20
    assert not {" ".join(["esaws", *words]): wrong for words in commands if (wrong := complaints(words))}


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (("local", "start", "--port", "0"), []),
        (("local", "begin"), ["begin"]),
        (("plan", "--profile", "ha"), []),
        (("plan", "--profiel", "ha"), ["--profiel"]),
        (("paln",), ["paln"]),
    ],
)
def test_a_command_that_does_not_exist_is_noticed(words: tuple[str, ...], wrong: list[str]) -> None:
    assert complaints(words) == wrong
