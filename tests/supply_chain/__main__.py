"""Licences, known vulnerabilities, bill of materials and secrets: `python -m tests.supply_chain --tools BIN`.

Each check is fine, wrong, or unknown, with the reason. Exit code 0 if all are fine, 1 if one is wrong, 2 if none is
wrong and one is unknown: what could not be looked up counts as nothing less.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import NamedTuple

from tests.supply_chain.licences import exceptions_of, read_licences

ROOT = Path(__file__).resolve().parents[2]
BASELINE = Path(__file__).with_name("secrets_baseline.json")
SBOM = ROOT / "build" / "sbom.cdx.json"
OURS = ("esaws", "local-aws-server")

FINE, WRONG, UNKNOWN = "fine", "WRONG", "unknown"

_TIMEOUT = 900
_FILES = 500
"""How many names a command line takes."""


class Check(NamedTuple):
    """What a check found: fine, wrong or unknown, in one line, with details below it."""

    name: str
    state: str
    found: str
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n  ".join([f"{self.name}: {self.state}, {self.found}", *self.details])


def exit_code(checks: Sequence[Check]) -> int:
    """Return 0 if all are fine, 1 if one is wrong, else 2."""
    states = {check.state for check in checks}
    return 1 if WRONG in states else 2 if UNKNOWN in states else 0


def check_licences() -> Check:
    found = list(read_licences(each for each in distributions() if each.metadata["Name"] not in OURS))
    wrong = [each for each in found if not each.is_allowed]
    excepted = exceptions_of(found)
    text = f"{len(found)} distributions, {len(excepted)} of them by exception: {', '.join(excepted)}"
    details = tuple(f"{each.name} {each.version}: {each.licence or 'none stated'}" for each in wrong)
    return Check("licences", WRONG if wrong else FINE, text, details)


def check_vulnerabilities(pip_audit: str, pinned: Path) -> Check:
    """Look up the pinned versions in the advisories of the registry, else in those of OSV.

    The first version alone shows whether they are reachable.
    """
    reasons = []
    first = pinned.read_text("utf-8").splitlines()[0]
    for service in ("pypi", "osv"):
        with tempfile.TemporaryDirectory() as folder:
            probe = Path(folder, "first.txt")
            probe.write_text(first + "\n", "utf-8")
            for requirements in (probe, pinned):
                check, reason = _audit(pip_audit, requirements, service)
                if check is None:
                    reasons.append(f"{service}: {reason}")
                    break
            else:
                assert check
                return check
    return Check("vulnerabilities", UNKNOWN, "the advisories are not reachable", tuple(reasons))


def _audit(pip_audit: str, requirements: Path, service: str) -> tuple[Check | None, str]:
    """Return what pip-audit says, or None with the reason why it says nothing."""
    words = ["--no-deps", "--disable-pip", "--requirement", str(requirements), "--format", "json", "--timeout", "10"]
    try:
        done = _run(pip_audit, *words, "--progress-spinner", "off", "--vulnerability-service", service)
    except subprocess.TimeoutExpired:
        return None, f"no answer in {_TIMEOUT // 60} minutes"
    if check := read_audit(done.stdout, service):
        return check, ""
    skipped = re.search(r'"skip_reason": "([^"]+)"', done.stdout)
    lines = [skipped[1]] if skipped else done.stderr.strip().splitlines() or ["no answer"]
    return None, lines[-1][:200]


def read_audit(output: str, service: str) -> Check | None:
    """Return what pip-audit's JSON says; None if no version was looked up."""
    try:
        dependencies = json.loads(output)["dependencies"]
    except (ValueError, KeyError):
        return None
    if all("skip_reason" in each for each in dependencies):
        return None
    skipped = tuple(f"{each['name']}: {each['skip_reason']}" for each in dependencies if "skip_reason" in each)
    wrong = tuple(
        f"{each['name']} {each['version']}: {flaw['id']}, fixed in {', '.join(flaw['fix_versions']) or 'no version'}"
        for each in dependencies
        for flaw in each.get("vulns", ())
    )
    state = WRONG if wrong else UNKNOWN if skipped else FINE
    return Check("vulnerabilities", state, f"{len(dependencies)} versions, advisories of {service}", wrong + skipped)


def write_sbom(cyclonedx: str, python: str) -> Check:
    """Write what is installed as a bill of materials in the format CycloneDX."""
    SBOM.parent.mkdir(exist_ok=True)
    words = ("--output-reproducible", "--output-format", "JSON", "--output-file", str(SBOM))
    done = _run(cyclonedx, "environment", "--pyproject", str(ROOT / "pyproject.toml"), *words, python)
    if done.returncode:
        return Check("bill of materials", WRONG, "it was not written", tuple(done.stderr.splitlines()[-3:]))
    components = json.loads(SBOM.read_text("utf-8"))["components"]
    return Check("bill of materials", FINE, f"{len(components)} components in {SBOM.relative_to(ROOT)}")


def check_secrets(detect_secrets: str, *, update: bool) -> Check:
    """Scan every committed file, notebooks with their outputs too, for what is not in the baseline."""
    files = _run("git", "ls-files", "-z").stdout.split("\0")
    baseline = json.loads(BASELINE.read_text("utf-8")) if BASELINE.exists() else {"results": {}}
    excluded = [word for pattern in EXCLUDED_LINES for word in ("--exclude-lines", pattern)]
    names = [name for name in files if name and name != str(BASELINE.relative_to(ROOT)) and (ROOT / name).exists()]
    results: dict[str, list[dict[str, object]]] = {}
    for start in range(0, len(names), _FILES):
        done = _run(detect_secrets, "scan", *excluded, *names[start : start + _FILES])
        if done.returncode:
            return Check("secrets", UNKNOWN, "the scan failed", tuple(done.stderr.splitlines()[-3:]))
        results |= json.loads(done.stdout)["results"]
    if update:
        known = {name: [_known(each) for each in found] for name, found in sorted(results.items())}
        BASELINE.write_text(json.dumps({"results": known}, indent=1) + "\n", "utf-8")
        return Check("secrets", FINE, f"{sum(map(len, known.values()))} findings are in {BASELINE.name}: read them")
    new = new_secrets(results, baseline["results"])
    return Check("secrets", WRONG if new else FINE, f"{len(names)} files", new)


EXCLUDED_LINES = (
    r'^\s*"(image/png|image/svg\+xml|ttf)": ',  # pictures and fonts in base 64: every one has the look of a key
)


def _known(finding: dict[str, object]) -> dict[str, object]:
    return {name: finding[name] for name in ("type", "hashed_secret")}


def new_secrets(
    results: dict[str, list[dict[str, object]]], baseline: dict[str, list[dict[str, object]]]
) -> tuple[str, ...]:
    """Return the findings that are not in the baseline. Pure."""
    return tuple(
        f"{name}, line {finding['line_number']}: {finding['type']}"
        for name, findings in sorted(results.items())
        for finding in findings
        if _known(finding) not in baseline.get(name, [])
    )


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=_TIMEOUT)


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.supply_chain", description=__doc__)
    parser.add_argument("--tools", type=Path, required=True, help="the folder with the programs of requirements.txt")
    parser.add_argument("--update-baseline", action="store_true", help="accept all that looks like a secret now")
    options = parser.parse_args(words)
    tool = {name: str(options.tools / name) for name in ("cyclonedx-py", "detect-secrets", "pip-audit")}
    checks = []
    for check in (
        check_licences,
        lambda: check_vulnerabilities(tool["pip-audit"], ROOT / "constraints.txt"),
        lambda: write_sbom(tool["cyclonedx-py"], sys.executable),
        lambda: check_secrets(tool["detect-secrets"], update=options.update_baseline),
    ):
        checks.append(check())
        print(checks[-1], flush=True)
    return exit_code(checks)


if __name__ == "__main__":
    sys.exit(main())
