"""Servers that refuse to be root's run as another user, wherever their program is."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from esaws.data_plane.stores.unprivileged import before_exec, user_instead_of_root

IS_ROOT = os.name == "posix" and os.geteuid() == 0


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program in a folder that only its user can enter: it says who it is, and writes a file beside itself."""
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    program = folder / "program"
    program.write_text('#!/bin/sh\ntest -x "$0" || exit 3\nid -u\necho made > "$(dirname "$0")/made"\n')
    program.chmod(0o755)
    return program


@pytest.mark.skipif(IS_ROOT, reason="root has another user for them")
def test_others_than_root_stay_who_they_are(program: Path) -> None:
    assert user_instead_of_root(program) is None


@pytest.mark.skipif(not (IS_ROOT and sys.platform == "linux"), reason="only root on Linux needs another user")
def test_root_runs_a_program_of_a_private_folder_as_another_user_who_can_use_it(program: Path) -> None:
    user = user_instead_of_root(program)
    assert user is not None and user.is_namespaced
    done = subprocess.run(
        [program], preexec_fn=before_exec(user, signal.SIGKILL), capture_output=True, text=True, check=False
    )
    if "no user namespaces" in done.stderr:
        pytest.skip("this system has no user namespaces")
    assert (done.returncode, done.stdout) == (0, f"{user.uid}\n")
    assert program.with_name("made").stat().st_uid == 0


@pytest.mark.skipif(not (IS_ROOT and sys.platform == "linux"), reason="only root on Linux needs another user")
def test_root_runs_a_program_of_an_open_folder_as_the_user_without_rights() -> None:
    user = user_instead_of_root(Path("/bin/sh"))
    assert user is not None and (user.uid, user.is_namespaced) == (65534, False)
