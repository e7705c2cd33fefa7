"""The checks of `esaws doctor`."""

from pathlib import Path

import pytest

from esaws.cloud import Cloud
from esaws.doctor import Check, CheckReport, run_checks

CHECKS = ["python", "graphviz", "disk", "process", "port", "endpoint", "account"]


def test_without_a_local_aws_all_checks_pass_and_nothing_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ESAWS_STATE", str(tmp_path / "state"))
    report = run_checks(Cloud.local())
    assert [check.check for check in report] == CHECKS
    assert report.failed == [] and str(report) == "all checks passed"
    assert not (tmp_path / "state").exists()


def test_an_endpoint_that_does_not_answer_fails_with_a_fix() -> None:
    report = run_checks(Cloud.at("http://127.0.0.1:9"))
    assert {check.check for check in report.failed} == {"endpoint", "account"}
    assert all(check.fix for check in report.failed) and str(report) == "2 checks failed"


def test_a_taken_port_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setenv("ESAWS_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("ESAWS_PORT", endpoint.rpartition(":")[2])
    assert [check.check for check in run_checks(Cloud.local()).failed] == ["port"]


def test_a_report_is_a_table() -> None:
    report = CheckReport([Check("disk", False, "0.1 GB free here", "free 1 GB")])
    assert list(report.to_frame().columns) == ["check", "ok", "detail", "fix"]
    assert report.to_dict() == [{"check": "disk", "ok": False, "detail": "0.1 GB free here", "fix": "free 1 GB"}]
    assert "1 checks failed" in report._repr_html_()
