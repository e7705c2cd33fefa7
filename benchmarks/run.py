"""How long `esaws run` takes beside papermill's command line, for the runbook `status` or another notebook.

They run in turn, so that a busy machine slows them alike. The ratio is that of the medians. The local AWS runs already,
with an empty account.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STATUS = ROOT / "notebooks/runbooks/status.ipynb"
AIM = 0.6
TURNS = 5


def measure(*words: str) -> tuple[float, float]:
    """Run a program of this environment and return its wall time and its CPU time, with its kernel's, in seconds."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([str(Path(sys.executable).with_name(words[0])), *words[1:]], check=True, capture_output=True)
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    notebook = sys.argv[1] if len(sys.argv) > 1 else str(STATUS)
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"ESAWS_STATE": folder, "ESAWS_PORT": "0", "ESAWS_RUNS": f"{folder}/runs"}
        measure("esaws", "local", "start")
        try:
            ours, theirs, engine = [], [], []
            for turn in range(TURNS):
                theirs.append(measure("papermill", notebook, f"{folder}/theirs.ipynb"))
                ours.append(measure("esaws", "run", notebook, "-o", f"{folder}/ours{turn}.ipynb"))
                engine.append(measure("papermill", "--engine", "esaws", notebook, f"{folder}/engine.ipynb"))
        finally:
            measure("esaws", "local", "stop", "--discard")
    print(f"{'':27}{'wall, s':>9}{'CPU, s':>9}")
    for name, times in {"papermill": theirs, "papermill --engine esaws": engine, "esaws run": ours}.items():
        wall, cpu = (statistics.median(each) for each in zip(*times, strict=True))
        print(f"{name:27}{wall:9.2f}{cpu:9.2f}")
    ratio = statistics.median(wall for wall, _ in ours) / statistics.median(wall for wall, _ in theirs)
    over = "" if ratio <= AIM else f", over the aim of {AIM}"
    print(f"esaws run takes {ratio:.2f} times as long as papermill{over}")


if __name__ == "__main__":
    main()
