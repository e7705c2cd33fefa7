"""Nothing that was refused is kept."""

import json
import subprocess
import sys


def test_refused_calls_leave_databases_caches_brokers_secrets_and_identities_as_they_were() -> None:
    command = [sys.executable, "-m", "tests.local.refused_calls", "120"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    report = json.loads(done.stdout)
    assert report["left"] == []
    assert report["refused"] > 50
    assert report["noticed"], "the comparison would notice what is kept"
