"""The Python packages of the page: what esaws and the local AWS need, as wheels that Pyodide can install.

A package is taken from the first of these that has it: a wheel without compiled code; a wheel for Pyodide, from the
package index or from Pyodide's own distribution; the part in Python of a wheel for another platform, where the package
works without its compiled part. What none of them has is missing, and is named.
"""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from importlib.metadata import distribution
from inspect import getsource
from pathlib import Path
from typing import Any
from zlib import crc32

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

ROOTS = (
    "awscli",
    "boto3",
    "click",
    "comm",
    "cryptography",
    "diagrams",
    "filelock",
    "flask",
    "flask-cors",
    "graphviz",
    "ipython",
    "jinja2",
    "joserfc",
    "matplotlib",
    "moto",
    "numpy",
    "pandas",
    "platformdirs",
    "psutil",
    "pydantic",
    "pyyaml",
    "regex",
    "rich",
    "time-machine",
)
"""What esaws, the local AWS and the kernel import in the page."""

KERNEL_PACKAGES = ("micropip",)
"""What Pyodide's kernel loads besides, which nothing else of the project needs."""

NOT_NEEDED = ("pre-commit",)
"""Packages that others require and do not import."""

PYTHON_PARTS = ("markupsafe", "pyyaml")
"""Packages whose compiled part only makes them faster."""

UNUSED_PARTS = {
    "awscli": r"awscli/(examples|botocore)/",
    "botocore": r"botocore/data/.*/examples-\d+\.json",
    "diagrams": r"resources/(?!aws/)",
    "esaws": r"esaws/course/(diagrams|docs|notebooks/(?!course/))",
    "jedi": r"jedi/third_party/(django-stubs|typeshed/(stubs|third_party))/",
}
"""Package → pattern of its files that the page does not need. The second botocore alone is 118 MB."""

MODELS = re.compile(r"botocore/data/.*/service-\d+\.json\.gz")
"""AWS's models of its services. Three quarters of them are texts for readers, which nothing in the page shows."""

_COMPILED = r".*\.(so|pyd|dylib)"

_PAGE = {
    "python_version": "3.14",
    "python_full_version": "3.14.2",
    "sys_platform": "emscripten",
    "platform_system": "Emscripten",
    "platform_machine": "wasm32",
    "os_name": "posix",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
}

_PIP_TARGET = [
    *("--python-version", "3.14", "--implementation", "cp", "--abi", "cp314", "--abi", "abi3", "--abi", "none"),
    *("--platform", "pyemscripten_2026_0_wasm32"),
]


@dataclass(frozen=True)
class Packages:
    """The wheels of the page, and what could not be had."""

    wheels: tuple[Path, ...]
    of_pyodide: dict[str, dict[str, object]]
    """Entries of Pyodide's own lock file, by name; their wheels are among `wheels`."""
    missing: tuple[str, ...]


def collect(cache: Path, node_modules: Path) -> Packages:
    """Download the wheels into the folder `cache`, unless they are there.

    Raises:
        PackageNotFoundError: a package is not in the environment of the project.
        RuntimeError: a download failed for another reason than that there is no such wheel.
    """
    cache.mkdir(parents=True, exist_ok=True)
    wheels: dict[str, Path] = {}
    compiled: list[str] = []
    waiting = [*ROOTS, *KERNEL_PACKAGES]
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in wheels or name in compiled or name in NOT_NEEDED:
            continue
        version = None if name in KERNEL_PACKAGES else distribution(name).version
        if wheel := _download(cache, name, version, page=True):
            wheels[name] = for_page(wheel, name)
        elif name in PYTHON_PARTS:
            wheel = _download(cache / "this-machine", name, version, page=False)
            if wheel is None:
                raise RuntimeError(f"{name}: the package index has no wheel for this machine")
            wheels[name] = for_page(wheel, name)
        else:
            compiled.append(name)
            continue
        waiting += [] if name in KERNEL_PACKAGES else _needs(name)
    entries = _from_pyodide(cache, node_modules, compiled)
    added = {name: entry for name, entry in entries.items() if name not in wheels}
    return Packages(
        wheels=(*wheels.values(), *(cache / str(entry["file_name"]) for entry in added.values())),
        of_pyodide=added,
        missing=tuple(sorted(name for name in compiled if name not in entries)),
    )


def _needs(name: str) -> list[str]:
    """What a package needs in the page."""
    requirements = map(Requirement, distribution(name).requires or ())
    environment = {**_PAGE, "extra": ""}
    return [each.name for each in requirements if each.marker is None or each.marker.evaluate(environment)]


def _download(cache: Path, name: str, version: str | None, *, page: bool) -> Path | None:
    """The wheel of a package: for the page, or for this machine. None if the package index has none."""
    cache.mkdir(exist_ok=True)
    for wheel in cache.glob("*.whl"):
        found, of_version, _, _ = parse_wheel_filename(wheel.name)
        if found == name and (not version or str(of_version) == version):
            return wheel
    known = set(cache.glob("*.whl"))
    pinned = f"{name}=={version}" if version else name
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    target = _PIP_TARGET if page else []
    command = [*pip, "--only-binary", ":all:", *target, "--dest", str(cache), pinned]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return next(iter(set(cache.glob("*.whl")) - known))
    if "No matching distribution" in done.stderr:
        return None
    raise RuntimeError(f"{pinned} can't be downloaded:\n{done.stderr.strip()}")


def for_page(wheel: Path, name: str) -> Path:
    """The wheel without what the page does not need: files, texts of AWS's models, code for another platform."""
    patterns = [UNUSED_PARTS[name]] if name in UNUSED_PARTS else []
    if name in PYTHON_PARTS:
        patterns.append(_COMPILED)
    if not patterns:
        return wheel
    _, version, _, _ = parse_wheel_filename(wheel.name)
    unused = re.compile("|".join(patterns))
    rules = unused.pattern + MODELS.pattern + getsource(without_documentation)
    folder = wheel.parent / f"without-{crc32(rules.encode()):08x}"
    slim = folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    if not slim.exists():
        folder.mkdir(exist_ok=True)
        with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(slim, "w", zipfile.ZIP_DEFLATED) as target:
            for member in source.infolist():
                content = source.read(member)
                if MODELS.fullmatch(member.filename):
                    content = without_documentation(content)
                elif member.filename.endswith(".dist-info/RECORD"):
                    content = _record(content.decode(), unused).encode()
                if not unused.match(member.filename):
                    target.writestr(member, content)
    return slim


def without_documentation(model: bytes) -> bytes:
    """A compressed model whose shapes and operations have no texts for readers.

    A member of a request may have their name; it stays. botocore needs the texts of other parts, which are few.
    """

    def stripped(value: Any) -> Any:
        if isinstance(value, list):
            return [stripped(each) for each in value]
        if not isinstance(value, dict):
            return value
        return {
            key: stripped(each) for key, each in value.items() if key != "documentation" or not isinstance(each, str)
        }

    content = json.loads(gzip.decompress(model))
    parts = {part: stripped(content[part]) for part in ("shapes", "operations") if part in content}
    text = json.dumps(content | parts, separators=(",", ":"))
    return gzip.compress(text.encode(), mtime=0)


def _record(rows: str, unused: re.Pattern[str]) -> str:
    """The list of a wheel's files, without those that are left out, and without the checksums of changed ones."""
    kept = [row for row in rows.splitlines() if not unused.match(row)]
    return "".join(f"{row.split(',')[0]},,\n" if MODELS.match(row) else f"{row}\n" for row in kept)


def _from_pyodide(cache: Path, node_modules: Path, names: list[str]) -> dict[str, dict[str, object]]:
    """Fetch packages of Pyodide's distribution with its own loader, which knows where they are, and what they need.

    Returns the entries of its lock file of those that came; none where the distribution can't be reached.
    """
    node = ["node", str(Path(__file__).with_name("fetch_packages.mjs")), str(node_modules), str(cache), *names]
    done = subprocess.run(node, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"Pyodide's packages can't be fetched:\n{done.stderr.strip()}")
    return dict(json.loads(done.stdout.splitlines()[-1]))
