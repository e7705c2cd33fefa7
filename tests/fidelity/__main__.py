"""Run the tests of moto and LocalStack on stock moto and on the local AWS, and write docs/fidelity-measured.md.

`python -m tests.fidelity --moto FOLDER --localstack FOLDER`: each is a checkout or a bare git directory. The outcomes
are kept in `build/fidelity`; `--only-write` writes the page from them, `--service` runs some services and keeps the
others' outcomes.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.fidelity.page import Measured, page
from tests.fidelity.review import classify, lost, read_reviews
from tests.fidelity.suites import ADVANCING, LOCAL, STOCK, SUITES, Suite, read_outcomes, run_tests

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "fidelity-measured.md"
RESULTS = ROOT / "build" / "fidelity"


def main() -> None:
    parser = argparse.ArgumentParser(prog="make fidelity", description="Measure the local AWS by the tests of others.")
    for name in SUITES:
        parser.add_argument(f"--{name}", type=Path, metavar="FOLDER", help="sources: a checkout, or a git directory")
        parser.add_argument(f"--{name}-python", metavar="PROGRAM", default=sys.executable, help=argparse.SUPPRESS)
    parser.add_argument("--service", action="append", help="only this service; may be repeated")
    parser.add_argument("--only-write", action="store_true", help="write the page from the outcomes of the last runs")
    options = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    if not options.only_write:
        for name, suite in SUITES.items():
            sources = getattr(options, name)
            if sources is not None:
                with tempfile.TemporaryDirectory(prefix=f"fidelity-{name}-") as folder:
                    commit = check_out(sources, suite.sources, Path(folder))
                    for file, content in suite.generated.items():
                        (Path(folder) / file).write_text(content, encoding="utf-8")
                    (RESULTS / f"{name}.version").write_text(commit, encoding="utf-8")
                    python = getattr(options, f"{name}_python")
                    for service in options.service or suite.services:
                        if service in suite.services:
                            measure(suite, Path(folder), python, service)
    today = f"{datetime.now(UTC):%-d %B %Y}"
    PAGE.write_text(page(collect(), versions(), today), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")


def check_out(sources: Path, parts: Sequence[str], folder: Path) -> str:
    """Unpack parts of a git directory or checkout into a folder, and return the commit's abbreviated name."""
    with tempfile.TemporaryDirectory(prefix="fidelity-index-") as own:
        index = {**os.environ, "GIT_INDEX_FILE": f"{own}/index"}  # the sources' own stays as it is
        unpack = ["git", "-C", sources, "--work-tree", folder, "checkout", "--quiet", "HEAD", "--", *parts]
        subprocess.run(unpack, check=True, env=index)
    name = ["git", "-C", sources, "log", "-1", "--format=%h of %cs"]
    return subprocess.check_output(name, text=True).strip()


def measure(suite: Suite, sources: Path, python: str, service: str) -> None:
    """Run the tests of a service on both servers, and those that fail once more with an advancing clock."""
    outcomes = {}
    for against in (STOCK, LOCAL):
        outcomes[against] = run_tests(suite, sources, python, service, against, _file(suite, service, against))
    tests = [each.test for each in lost(outcomes[STOCK], outcomes[LOCAL])]
    results = _file(suite, service, ADVANCING)
    results.unlink(missing_ok=True)
    if tests:
        run_tests(suite, sources, python, service, ADVANCING, results, tests)
    passed = {against: sum(each.outcome == "passed" for each in each_of) for against, each_of in outcomes.items()}
    print(f"{suite.name} {service}: {len(outcomes[LOCAL])} tests, passed {passed}, {len(tests)} lost", flush=True)


def collect() -> list[Measured]:
    """What was measured of all suites so far."""
    reviews = read_reviews()
    measured = []
    for suite in SUITES.values():
        for service in suite.services:
            stock, local, advancing = (
                read_outcomes(_file(suite, service, against)) for against in (STOCK, LOCAL, ADVANCING)
            )
            if local:
                losses = classify(suite.name, service, lost(stock, local), advancing, reviews)
                measured.append(Measured(suite.name, service, stock, local, losses))
    return measured


def versions() -> dict[str, str]:
    """Name → version of what was measured."""
    of_tests = {
        f"{name}'s tests at": file.read_text(encoding="utf-8").strip()
        for name in SUITES
        if (file := RESULTS / f"{name}.version").exists()
    }
    return {"moto": version("moto"), "boto3": version("boto3"), **of_tests}


def _file(suite: Suite, service: str, against: str) -> Path:
    return RESULTS / f"{suite.name}-{service}-{against}.jsonl"


if __name__ == "__main__":
    main()
