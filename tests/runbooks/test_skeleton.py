"""`esaws new runbook` writes a runbook and a test that pass as they are."""

import os
import subprocess
import sys

import pytest

from esaws.errors import UsageError
from esaws.runbooks.catalogue import read_runbook
from esaws.runbooks.skeleton import create_runbook


@pytest.mark.runbooks
@pytest.mark.parametrize("changes", [True, False], ids=["changing", "looking"])
def test_the_test_of_a_new_runbook_passes(runbook_endpoint, tmp_path, changes):
    created = create_runbook("mine", tmp_path / "ops", changes=changes)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", created.test],
        cwd=tmp_path,
        env={**os.environ, "ESAWS_STATE": str(tmp_path / "state"), "ESAWS_PORT": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    subprocess.run(
        [sys.executable, "-m", "esaws.cli", "local", "stop"],
        env={**os.environ, "ESAWS_STATE": str(tmp_path / "state")},
        capture_output=True,
        check=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert f"{4 if changes else 2} passed" in done.stdout


def test_it_has_the_shape_of_the_catalogue(tmp_path):
    create_runbook("drain_it", tmp_path)
    runbook = read_runbook(tmp_path / "drain_it.ipynb")
    assert (runbook.title, runbook.changes) == ("Drain it", True)
    assert {"operator", "ticket", "reason", "dry_run", "approve"} <= set(runbook.declaration.names)


@pytest.mark.parametrize("name", ["Drain", "drain-a-zone", "../drain", "", "1st"])
def test_a_name_that_is_not_one_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match="is not a name for a runbook"):
        create_runbook(name, tmp_path)


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "test_mine.py").write_text("kept", encoding="utf-8")
    with pytest.raises(UsageError, match="already exists"):
        create_runbook("mine", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["test_mine.py"]
