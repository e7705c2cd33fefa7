"""The checks of `make audit`: what is not known is never fine."""

import json
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest

from tests.supply_chain.__main__ import (
    BASELINE,
    FINE,
    OURS,
    ROOT,
    UNKNOWN,
    WRONG,
    Check,
    check_vulnerabilities,
    exit_code,
    new_secrets,
    read_audit,
)
from tests.supply_chain.licences import is_allowed, read_licences, stated_licence


def test_every_installed_distribution_has_an_allowed_licence() -> None:
    found = read_licences(each for each in distributions() if each.metadata["Name"] not in OURS)
    assert [(each.name, each.licence) for each in found if not each.is_allowed] == []


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("MIT", True),
        ("Apache-2.0 OR GPL-3.0-only", True),
        ("(MIT AND BSD-3-Clause) OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("AGPL-3.0-only", False),
        ("Proprietary", False),
        ("", False),
    ],
)
def test_one_licence_of_an_or_and_all_of_an_and_must_be_allowed(licence: str, allowed: bool) -> None:
    assert is_allowed(licence) is allowed


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ("License-Expression: MIT OR Apache-2.0\nLicense: something", "MIT OR Apache-2.0"),
        ("Classifier: License :: OSI Approved :: MIT License\nLicense: a long text", "MIT"),
        ("Classifier: License :: OSI Approved\nLicense: Apache License, Version 2.0", "Apache-2.0"),
        ("License: Own terms", "Own terms"),
        ("Summary: none", ""),
    ],
)
def test_a_licence_is_read_from_expression_classifiers_or_text(tmp_path: Path, metadata: str, licence: str) -> None:
    folder = tmp_path / "one-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: one\nVersion: 1\n{metadata}\n")
    assert stated_licence(Distribution.at(folder)) == licence


def audited(*dependencies: dict[str, object]) -> str:
    return json.dumps({"dependencies": dependencies})


def test_a_version_that_could_not_be_looked_up_is_unknown_and_a_vulnerable_one_wrong() -> None:
    good = {"name": "a", "version": "1", "vulns": []}
    skipped = {"name": "b", "skip_reason": "not found"}
    bad = {"name": "c", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}]}
    states = [read_audit(audited(*each), "osv") for each in ([good], [good, skipped], [good, skipped, bad])]
    assert [check and check.state for check in states] == [FINE, UNKNOWN, WRONG]
    assert states[2] and states[2].details == ("c 2: CVE-1, fixed in 3", "b: not found")
    assert read_audit(audited(skipped), "osv") is None, "nothing was looked up"
    assert read_audit("", "osv") is None and read_audit("{}", "osv") is None


SKIPPED = audited({"name": "b", "skip_reason": "not there"})


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo no route to host >&2; exit 1", "no route to host"),
        (f"echo No known vulnerabilities found >&2; echo '{SKIPPED}'", "not there"),
    ],
)
def test_advisories_that_are_not_reachable_are_unknown(tmp_path: Path, script: str, reason: str) -> None:
    program = tmp_path / "pip-audit"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    check = check_vulnerabilities(str(program), ROOT / "constraints.txt")
    assert check.state == UNKNOWN
    assert check.details == (f"pypi: {reason}", f"osv: {reason}")


def test_the_exit_code_says_wrong_before_unknown_and_unknown_before_fine() -> None:
    fine, unknown, wrong = (Check("", state, "") for state in (FINE, UNKNOWN, WRONG))
    assert [exit_code(each) for each in ([fine], [fine, unknown], [fine, unknown, wrong])] == [0, 2, 1]


def test_a_secret_that_is_not_in_the_baseline_is_new() -> None:
    known = {"type": "AWS Access Key", "hashed_secret": "1"}
    other = {"type": "AWS Access Key", "hashed_secret": "2", "line_number": 7}
    results = {"a.ipynb": [known | {"line_number": 3}, other], "b.py": [known | {"line_number": 1}]}
    assert new_secrets(results, {"a.ipynb": [known]}) == (
        "a.ipynb, line 7: AWS Access Key",
        "b.py, line 1: AWS Access Key",
    )


def test_no_notebook_needs_the_baseline() -> None:
    assert [name for name in json.loads(BASELINE.read_text("utf-8"))["results"] if name.endswith(".ipynb")] == []
