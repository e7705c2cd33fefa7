"""Run `esaws …` as a user's shell does."""

import json
import os
import subprocess
import sys


class Shell:
    """Runs `esaws …` as a user's shell does, without a terminal, in one account."""

    def __init__(self, cloud, folder):
        self.folder = folder
        self.environment = os.environ | {
            "ESAWS_TARGET": cloud.endpoint,
            "ESAWS_ACCOUNT": cloud.account,
            "ESAWS_DEPLOYMENT": cloud.deployment,
            "ESAWS_RUNS": str(folder / "runs"),
        }

    def start(self, *words, **environment):
        return subprocess.Popen(
            [sys.executable, "-m", "esaws.cli", *words],
            env=self.environment | environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *words, code=0, **environment):
        process = self.start(*words, **environment)
        out, err = process.communicate(timeout=300)
        assert process.returncode == code, f"esaws {' '.join(words)} exited with {process.returncode}\n{out}\n{err}"
        return out if code == 0 else err

    def json(self, *words, **environment):
        return json.loads(self(*words, "--json", **environment))


def journal_lines(folder):
    """How many lines the journals in a folder have so far."""
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("runs/*.jsonl"))
