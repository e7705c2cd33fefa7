"""JupyterLab and Notebook 7 on a copy of the course, and a Chromium. `make test-browser` sets CHROMIUM."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from esaws.cloud import Cloud
from esaws.course.working_copy import make_working_copy
from esaws.course.worlds import stop_all
from esaws.deploy.plan import plan_deploy
from esaws.environment import environment_variables
from esaws.local_aws import process
from esaws.reference.seccom import seccom
from tests.browser.server import TOKEN, JupyterServer, free_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

    from tests.browser.lab import Lab

collect_ignore_glob = [] if "CHROMIUM" in os.environ else ["test_*.py"]

ROOT = Path(__file__).resolve().parents[2]
ERROR_OF_NOTEBOOK = "Cannot read properties of undefined (reading 'schema')"
"""From Notebook 7.6 itself, while it loads its settings."""
LAPTOP = {"width": 1366, "height": 768}


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that keeps the pictures of this run: SCREENSHOTS, or one of pytest's."""
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the learner's copy."""
    return tmp_path_factory.mktemp("learner") / "work"


@contextmanager
def serving(folder: Path, copy: Path, *words: str) -> Iterator[JupyterServer]:
    """A Jupyter server on a copy of the course, with settings and a local AWS of its own in a folder."""
    port = free_port()
    words = (
        *(sys.executable, "-m", *words, "--no-browser", "--allow-root", f"--port={port}", "--expose-app-in-browser"),
        *(f"--IdentityProvider.token={TOKEN}", "--ServerApp.port_retries=0"),
    )
    variables = {
        "ESAWS_STATE": str(folder / "state"),
        "ESAWS_LEARNER": "guest",
        "IPYTHONDIR": str(folder / "ipython"),
        **{f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")},
        **{f"JUPYTERLAB_{name}_DIR": str(folder / name.lower()) for name in ("SETTINGS", "WORKSPACES")},
    }
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(words, cwd=ROOT, env={**os.environ, **variables}, stdout=log, stderr=log) as running,
    ):
        server = JupyterServer(f"http://127.0.0.1:{port}", copy, folder / "state")
        try:
            server.wait_until_ready(running)
            yield server
        finally:
            running.terminate()
            running.wait(60)
            with environment_variables({"ESAWS_COURSE": f"{folder}/state/course"}):
                stop_all()


@pytest.fixture(scope="session")
def jupyter(copy: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """JupyterLab on the copy, as `esaws course lab` opens it. One serves all tests."""
    folder = tmp_path_factory.mktemp("jupyter")
    with serving(folder, copy, "esaws.cli", "course", "lab", str(copy), "--") as server:
        yield server


@pytest.fixture(scope="session")
def notebook_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """Jupyter Notebook 7 on a copy, as its own command opens it: no setting of esaws reaches it."""
    folder, copy = tmp_path_factory.mktemp("notebook"), tmp_path_factory.mktemp("learner7") / "work"
    make_working_copy(copy)
    with serving(folder, copy, "notebook", f"--ServerApp.root_dir={copy}") as server:
        yield server


@pytest.fixture(scope="session")
def running_system(jupyter: JupyterServer) -> Iterator[Cloud]:
    """A service of SecCom in the local AWS that notebooks of this JupyterLab use by default."""
    with environment_variables({"ESAWS_STATE": str(jupyter.state)}):
        process.start()
        cloud = Cloud.local()
        plan_deploy(seccom("ha", services=("client-web-ui",)), cloud).apply()
        yield cloud
        process.stop(discard=True)


@pytest.fixture(scope="session")
def playwright() -> "Iterator[Playwright]":
    """Playwright, of which a process can have one."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def chromium(playwright: "Playwright") -> "Iterator[Browser]":
    """A browser that reaches this machine alone, as on a network without internet."""
    only_here = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    browser = playwright.chromium.launch(executable_path=os.environ["CHROMIUM"], args=["--no-sandbox", only_here])
    yield browser
    browser.close()


@pytest.fixture
def lab(jupyter: JupyterServer, chromium: "Browser", screenshots: Path) -> "Iterator[Lab]":
    """JupyterLab in a new window of a small laptop."""
    from tests.browser.lab import Lab

    with chromium.new_context(viewport=LAPTOP) as window:  # type: ignore[arg-type]
        lab = Lab(window.new_page(), jupyter, screenshots)
        yield lab
        jupyter.shut_down_kernels()
    assert not lab.console_errors


@pytest.fixture
def notebook7(notebook_server: JupyterServer, chromium: "Browser", screenshots: Path) -> "Iterator[Lab]":
    """Notebook 7 in a new window of a small laptop. It is made of JupyterLab's parts."""
    from tests.browser.lab import Lab

    with chromium.new_context(viewport=LAPTOP) as window:  # type: ignore[arg-type]
        page = Lab(window.new_page(), notebook_server, screenshots, at="notebooks")
        yield page
        notebook_server.shut_down_kernels()
    assert not [error for error in page.console_errors if error != ERROR_OF_NOTEBOOK]
