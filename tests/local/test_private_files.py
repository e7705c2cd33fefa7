"""The files of the local AWS are for its user alone, whatever the umask, and older ones become so."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from esaws.files import make_private_folder, open_private
from tests.local.conftest import Program

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.stat().st_mode))


def modes(folder: Path) -> dict[str, str]:
    """The mode of a folder and of each file in it."""
    return {path.name: mode(path) for path in [folder, *folder.iterdir()]}


@pytest.mark.usefixtures("umask")
def test_the_state_folder_and_its_files_are_private(program: Program, tmp_path: Path) -> None:
    assert not program.state.exists()
    program.json("start")
    program.json("save", str(tmp_path / "saved.esaws"))
    names = ("port", "server.json", "server.lock", "server.log", "state.esaws.token")
    assert modes(program.state) == {"state": "0o700"} | dict.fromkeys(names, "0o600")
    assert mode(tmp_path / "saved.esaws") == "0o600"
    program.json("stop")
    assert modes(program.state)["state.esaws"] == "0o600"


def test_an_older_wider_folder_is_mended(program: Program) -> None:
    program.state.mkdir(mode=0o755)
    program.state.chmod(0o777)
    log = program.state / "server.log"
    log.write_text("of before")
    log.chmod(0o666)
    program.json("start")
    assert (mode(program.state), mode(log), log.read_text()) == ("0o700", "0o600", "")


@pytest.mark.usefixtures("umask")
def test_missing_folders_above_are_private_too(tmp_path: Path) -> None:
    before = mode(tmp_path)
    make_private_folder(tmp_path / "a" / "b")
    assert (mode(tmp_path), mode(tmp_path / "a"), mode(tmp_path / "a" / "b")) == (before, "0o700", "0o700")


def test_a_shared_folder_and_the_home_folder_keep_their_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared, home = tmp_path / "shared", tmp_path / "home"
    for folder, wanted in ((shared, 0o1777), (home, 0o755)):
        folder.mkdir()
        folder.chmod(wanted)
    monkeypatch.setenv("HOME", str(home))
    make_private_folder(shared)
    make_private_folder(home)
    assert (mode(shared), mode(home)) == ("0o1777", "0o755")


@pytest.mark.usefixtures("umask")
def test_a_log_is_private_from_its_first_moment(tmp_path: Path) -> None:
    with open_private(tmp_path / "log") as log:
        log.write(b"x")
        assert mode(tmp_path / "log") == "0o600"
