"""Build the page: `build/lite`, one static folder with JupyterLite, Pyodide, all wheels and the notebooks."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from packaging.utils import parse_wheel_filename

from docs.lite import notebooks
from docs.lite.packages import Packages, collect, for_page

ROOT = Path(__file__).parent.parent.parent
_PLUGIN = "@jupyterlite/pyodide-kernel-extension"
_PYODIDE_FILES = ("pyodide.asm.mjs", "pyodide.asm.wasm", "pyodide.mjs", "python_stdlib.zip")
_JAVASCRIPT = {
    "@viz-js/viz/dist/viz.js": "viz.js",
    "@resvg/resvg-wasm/index.mjs": "resvg.mjs",
    "@resvg/resvg-wasm/index_bg.wasm": "resvg.wasm",
}
"""File of a package of npm → its name in the wheel."""
_FIRST = ("micropip", "piplite", "ipykernel", "pyodide-kernel", "browser-machine", "esaws", "local-aws-server")


def build(work: Path, output: Path, node_modules: Path, jupyter: Path) -> Packages:
    """Build the page in `output`; `work` keeps downloads for the next time.

    `jupyter` is the program of the environment that has JupyterLite, `node_modules` has what package.json lists.

    Returns the packages of the page, with those that could not be had.

    Raises:
        RuntimeError: a download or a build failed.
    """
    packages = collect(work / "wheels", node_modules)
    own = _own_wheels(work / "own", node_modules)
    lite = work / "lite"
    shutil.rmtree(lite, ignore_errors=True)
    kernel = _kernel_wheels(jupyter)
    _write_pyodide(lite / "static" / "pyodide", node_modules, packages, [*own, *kernel])
    notebooks.write(lite / "contents", packages.missing)
    _write_settings(lite)
    command = [jupyter, "lite", "build", "--lite-dir", lite, "--contents", lite / "contents", "--output-dir", output]
    shutil.rmtree(output, ignore_errors=True)
    with (work / "jupyterlite.log").open("w") as log:
        options = ["--no-sourcemaps", "--no-unused-shared-packages"]
        done = subprocess.run([*map(str, command), *options], check=False, cwd=lite, stdout=log, stderr=log)
    if done.returncode:
        raise RuntimeError(f"JupyterLite could not be built; {log.name} has its output")
    return packages


def _own_wheels(folder: Path, node_modules: Path) -> list[Path]:
    """The wheels of esaws, of the local AWS and of what they need of a machine."""
    shutil.rmtree(folder, ignore_errors=True)
    machine = folder / "browser_machine"
    shutil.copytree(Path(__file__).parent / "in_browser", machine, ignore=shutil.ignore_patterns("__pycache__"))
    for source, name in _JAVASCRIPT.items():
        shutil.copy(node_modules / source, machine / "browser_machine" / name)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    sources = [ROOT, ROOT / "local_aws_server", machine]
    subprocess.run([*pip, "--wheel-dir", str(folder), *map(str, sources)], check=True)
    return [for_page(wheel, parse_wheel_filename(wheel.name)[0]) for wheel in sorted(folder.glob("*.whl"))]


def _kernel_wheels(jupyter: Path) -> list[Path]:
    """The wheels that come with JupyterLite's kernel."""
    folder = jupyter.parent.parent / "share" / "jupyter" / "labextensions" / _PLUGIN / "static" / "pypi"
    names = ("ipykernel", "piplite", "pyodide_kernel")
    return sorted(wheel for wheel in folder.glob("*.whl") if wheel.name.startswith(names))


def _write_pyodide(folder: Path, node_modules: Path, packages: Packages, more: Iterable[Path]) -> None:
    """Write Pyodide with a lock file that lists the wheels of the page, and nothing else."""
    folder.mkdir(parents=True)
    source = node_modules / "pyodide"
    for name in _PYODIDE_FILES:
        shutil.copy(source / name, folder)
    entries = dict(packages.of_pyodide)
    for wheel in (*packages.wheels, *more):
        shutil.copy(wheel, folder)
        entry = _entry(wheel)
        entries.setdefault(str(entry["name"]), entry)
    lock = json.loads((source / "pyodide-lock.json").read_text(encoding="utf-8"))
    lock["packages"] = dict(sorted(entries.items()))
    (folder / "pyodide-lock.json").write_text(json.dumps(lock, indent=1), encoding="utf-8")


def _entry(wheel: Path) -> dict[str, Any]:
    """The entry of a wheel in Pyodide's lock file. All are loaded at the start, so what they need is left out."""
    name, version, _, _ = parse_wheel_filename(wheel.name)
    return {
        "name": str(name),
        "version": str(version),
        "file_name": wheel.name,
        "install_dir": "site",
        "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "package_type": "package",
        "imports": [],
        "depends": [],
        "unvendored_tests": False,
    }


def _write_settings(lite: Path) -> None:
    """Write the settings of JupyterLite: nothing comes from another host, and the kernel starts with all packages."""
    lock = json.loads((lite / "static" / "pyodide" / "pyodide-lock.json").read_text(encoding="utf-8"))["packages"]
    site_packages = "/lib/python3.14/site-packages"
    kernel = {
        "disablePyPIFallback": True,
        "loadPyodideOptions": {
            "packages": sorted(lock, key=lambda name: (name not in _FIRST, name)),
            "env": {"PYTHONDONTWRITEBYTECODE": "1", "TZ": "UTC", "IPYTHONDIR": f"{site_packages}/browser_machine"},
        },
    }
    config = {
        "jupyter-lite-schema-version": 0,
        "jupyter-config-data": {
            "appName": "esaws",
            "litePluginSettings": {f"{_PLUGIN}:kernel": kernel},
            # The editors of cells that are not seen take no part in the layout: 20 MB less for a chapter.
            "settingsOverrides": {"@jupyterlab/notebook-extension:tracker": {"windowingMode": "full"}},
            "exposeAppInBrowser": True,
        },
    }
    (lite / "jupyter-lite.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
