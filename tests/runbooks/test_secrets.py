"""Planted secrets are in no file of any run, in no notification, in no log of the local AWS, and in no process list.

Run with `make test-runbooks`.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from esaws.cloud import Cloud
from esaws.deploy.plan import plan_deploy
from esaws.deploy.serving import wait_until_serving
from esaws.environment import environment_variables
from esaws.local_aws import process
from esaws.reference.seccom import seccom
from tests.runbooks.cases import RUNBOOKS

pytestmark = pytest.mark.runbooks

BY_VALUE = "planted-by-value-7Qd"
TOKEN = "planted-webhook-3Zk"
ENVIRONMENT = {
    "DB_PASSWORD": 'planted"variable\\8Lm',
    "SITE_KEY": "planted-by-name-5Wv",
    "WEBHOOK": f"http://127.0.0.1:{{port}}/{TOKEN}",
}
SERVICES = ("client-web-ui", "sites-management-api", "hdm")
"""Services with the database and the broker."""

PRINTS_ALL = [
    ("parameters", 'password: "Secret" = ""  # its name\nnotify: "Notification" = ""  # where'),
    ("", "import os\nfrom esaws import runbooks\nrun = runbooks.begin()\nrun"),
    ("account", "run.account()"),
    ("look", "print(os.environ['DB_PASSWORD'], os.environ['SITE_KEY'], os.environ['WEBHOOK'])\nrun.look(os_environ)"),
    ("", "print({name: run.cloud.client('ssm').get_parameter(Name=f'/seccom/{name}', WithDecryption=True)\n"
         "       for name in ('database-password', 'broker-password')})"),
    ("", "raise ValueError(os.environ['SITE_KEY'])"),
]  # fmt: skip
PRINTS_ALL[1] = ("", PRINTS_ALL[1][1] + "\ndef os_environ(cloud):\n    return dict(os.environ)")


class Bodies(ThreadingHTTPServer):
    """A webhook that keeps what it receives."""

    def __init__(self) -> None:
        received: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                received.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Print nothing."""

        super().__init__(("127.0.0.1", 0), Handler)
        self.received = received


class Site:
    """A local AWS of its own in a folder, with a deployed system, and what runs there print."""

    def __init__(self, folder: Path, url: str, environment: Mapping[str, str], webhook: Bodies) -> None:
        self.folder, self.webhook = folder, webhook
        self.environment = {
            **os.environ,
            **environment,
            "ESAWS_TARGET": url,
            "ESAWS_ACCOUNT": "123456789012",
            "ESAWS_RUNS": str(folder / "runs"),
        }
        self.cloud = Cloud.at(url, account="123456789012")
        self.printed: list[str] = []
        self.command_lines: set[str] = set()

    def start(self, *words: str) -> int:
        """Run a Python module to its end and return its exit code. Command lines of all processes are kept."""
        started = subprocess.Popen(
            [sys.executable, "-m", *words],
            env=self.environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        reader = threading.Thread(target=lambda: self.printed.append(started.communicate()[0]))
        reader.start()
        while reader.is_alive():
            for each in psutil.process_iter():
                with suppress(psutil.Error):
                    self.command_lines.add(" ".join(each.cmdline()))
            time.sleep(0.3)
        reader.join()
        return int(started.returncode)

    def passwords(self) -> list[str]:
        """The passwords of the database and of the broker, as they are now."""
        get = self.cloud.client("ssm").get_parameter
        names = ("database-password", "broker-password")
        return [get(Name=f"/seccom/{name}", WithDecryption=True)["Parameter"]["Value"] for name in names]

    def texts(self) -> dict[str, str]:
        """Everything that remains of the runs, by where it is."""
        files = [path for path in self.folder.rglob("*") if path.is_file() and path.suffix != ".esaws"]
        return {
            **{str(path.relative_to(self.folder)): path.read_bytes().decode(errors="replace") for path in files},
            **{f"printed {number}": text for number, text in enumerate(self.printed)},
            **{f"notification {number}": text for number, text in enumerate(self.webhook.received)},
            "ps": "\n".join(self.command_lines),
        }


def spellings(secret: str) -> set[str]:
    """A secret as it is, and as JSON writes it, once and twice."""
    once = json.dumps(secret)[1:-1]
    return {secret, once, json.dumps(once)[1:-1]}


def check_absent(texts: Mapping[str, str], secrets: list[str]) -> None:
    """No text has any of the secrets."""
    found = {
        (where, secret)
        for where, text in texts.items()
        for secret in secrets
        if any(s in text for s in spellings(secret))
    }
    assert sorted(found) == []


@contextmanager
def webhook() -> Iterator[Bodies]:
    server = Bodies()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    variables = {"ESAWS_STATE": str(folder / "state"), "ESAWS_PORT": "0", "ESAWS_RUNS": str(folder / "runs")}
    with webhook() as server, environment_variables(variables):
        environment = {name: value.replace("{port}", str(server.server_port)) for name, value in ENVIRONMENT.items()}
        site = Site(folder, str(process.start()["url"]), environment, server)
        try:
            plan_deploy(seccom("budget", services=SERVICES), site.cloud).apply()
            assert wait_until_serving(site.cloud) == []
            yield site
        finally:
            process.stop(discard=True)


@pytest.fixture(scope="module")
def book(site: Site) -> Path:
    """A notebook of a user that prints secrets on purpose."""
    nb = new_notebook(metadata={"kernelspec": {"name": "python3", "language": "python", "display_name": "Python"}})
    nb.cells = [new_code_cell(source, metadata={"tags": [tag] if tag else []}) for tag, source in PRINTS_ALL]
    path = site.folder / "prints_all.ipynb"
    nbformat.write(nb, path)
    return path


def as_words(parameters: Mapping[str, Any]) -> list[str]:
    return [word for name, value in parameters.items() for word in ("-p", name, str(value))]


def test_planted_secrets_are_nowhere_after_any_run(site: Site, book: Path) -> None:
    secrets = [*site.passwords(), ENVIRONMENT["DB_PASSWORD"], ENVIRONMENT["SITE_KEY"], TOKEN]
    notified = ["-p", "notify", "env:WEBHOOK"]
    (site.folder / "papermill").mkdir()
    runs: list[tuple[int, str, list[str]]] = [
        (0, "rotate_the_database_password", ["-p", "every", "0s"]),
        (0, "deploy", as_words({"services": ",".join(SERVICES)})),
        (0, "status", []),
        (0, "why_is_it_unhealthy", []),
    ]
    for code, name, words in runs:
        assert site.start("esaws.cli", "run", name, *words, *notified) == code, site.printed[-1]
        secrets += site.passwords()
        out = str(site.folder / "papermill" / f"{name}.ipynb")
        assert site.start("papermill", str(RUNBOOKS[name].path), out, *words, *notified) == code, site.printed[-1]
        secrets += site.passwords()
    named = ["-p", "password", "env:SITE_KEY", *notified]
    assert site.start("esaws.cli", "run", str(book), *named) == 1
    assert site.start("papermill", str(book), str(site.folder / "papermill" / "prints_all.ipynb"), *named) == 1
    assert site.start("esaws.cli", "runs", "index") == 0
    assert site.start("esaws.cli", "runs", "list") == 0
    texts = site.texts()
    assert len({*secrets}) == 2 + 3 + 2, "the database had three passwords, the broker one"
    assert len(site.webhook.received) == 10
    assert {Path(where).suffix for where in texts} >= {".ipynb", ".json", ".jsonl", ".html"}, sorted(texts)
    assert any(where.startswith("state/") for where in texts)
    assert sum("***" in text for where, text in texts.items() if where.endswith("prints_all.ipynb")) == 1
    assert '"evalue": "***"' in texts["papermill/prints_all.ipynb"]
    check_absent(texts, secrets)


def test_a_secret_given_by_value_is_refused_and_not_repeated(site: Site, book: Path) -> None:
    words = ["-p", "password", BY_VALUE]
    assert site.start("esaws.cli", "run", str(book), *words) == 2
    assert "never its value" in site.printed[-1]
    out = site.folder / "papermill" / "by_value.ipynb"
    out.parent.mkdir(exist_ok=True)
    assert site.start("papermill", "--engine", "esaws", str(book), str(out), *words) == 1
    assert "never its value" in out.read_text(encoding="utf-8")
    texts = {where: text for where, text in site.texts().items() if where != "ps"}
    check_absent(texts, [BY_VALUE])
