"""Run notebooks of the page in a Chromium: `python -m tests.lite FOLDER CHROMIUM [--screenshots DIR] NOTEBOOK…`."""

import argparse
import sys
from pathlib import Path

from tests.lite.in_browser import report, run_notebooks


def main() -> int:
    """Print a line for each notebook; 1 if a cell failed for another reason than a package that the page lacks."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("chromium")
    parser.add_argument("notebooks", nargs="+")
    parser.add_argument("--screenshots", type=Path)
    options = parser.parse_args()
    failed = False
    for run in run_notebooks(options.folder, options.chromium, options.notebooks, options.screenshots):
        print(report(run), flush=True)
        failed |= bool(run.errors or run.strangers or not run.cells)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
