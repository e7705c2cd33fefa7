"""The local AWS in a page returns what it returns elsewhere. `make test-lite` sets LITE to the folder of the page."""

import json
import os
import subprocess
from pathlib import Path

TESTS = Path(__file__).parent.parent


def test_a_local_aws_in_a_page_refuses_every_deletion_in_the_wrong_order() -> None:
    program = ["node", str(TESTS / "lite" / "run_cases.mjs"), os.environ["LITE"], str(TESTS)]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["failed"] == []
    assert result["cases"] >= result["edges"], "each order of two deletions has a case"
