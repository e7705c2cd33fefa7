"""Run `esaws` commands in tests."""

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from esaws.cli import main
from tests.client_pool import clients_are_handed_on


class Shell:
    """Runs `esaws` commands without a terminal, in one account and one working directory.

    Calling it runs a command in this process, which is much faster. `start` runs it in a process of its own.
    """

    def __init__(self, cloud, folder):
        self.folder = folder
        self.environment = {
            "ESAWS_TARGET": cloud.endpoint,
            "ESAWS_ACCOUNT": cloud.account,
            "ESAWS_DEPLOYMENT": cloud.deployment,
            "ESAWS_RUNS": str(folder / "runs"),
        }

    @classmethod
    def local(cls, folder):
        """Return a shell whose target is a local AWS of its own, with its state in the folder."""
        shell = cls.__new__(cls)
        shell.folder = folder
        shell.environment = {
            "ESAWS_TARGET": "local",
            "ESAWS_STATE": str(folder / "state"),
            "ESAWS_PORT": "0",
            "ESAWS_RUNS": str(folder / "runs"),
        }
        return shell

    def start(self, *words, **environment):
        """Start a command in a process of its own and return the process."""
        return subprocess.Popen(
            [sys.executable, "-m", "esaws.cli", *words],
            env=os.environ | self.environment | environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *words, code=0, **environment):
        """Run a command, check its exit code, and return its output: stderr if `code` is a failure."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, Path(os.devnull).open() as nothing:
            for name, value in (self.environment | environment).items():
                patch.setenv(name, value)
            patch.chdir(self.folder)
            patch.setattr(sys, "stdin", nothing)
            with redirect_stdout(out), redirect_stderr(err), clients_are_handed_on(), pytest.raises(SystemExit) as end:
                main(words)
        exit_code = end.value.code or 0
        assert exit_code == code, f"esaws {' '.join(words)} exited with {exit_code}\n{out.getvalue()}\n{err.getvalue()}"
        return out.getvalue() if code == 0 else err.getvalue()

    def json(self, *words, **environment):
        """Run a command with `--json` and return its result."""
        return json.loads(self(*words, "--json", **environment))


def journal_lines(folder):
    """Return the number of lines in the journals of a folder."""
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("runs/*.jsonl"))
