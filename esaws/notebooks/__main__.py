"""`python -m esaws.notebooks FILE…`: execute notebooks in place, as `make notebooks` does."""

import sys

from esaws.notebooks.run import NotebookRun, run_notebooks


def main(arguments: list[str]) -> int:
    """Execute the notebooks and return the exit code."""
    if not arguments:
        print("usage: python -m esaws.notebooks FILE…", file=sys.stderr)
        return 2
    return 0 if all(run.ok for run in run_notebooks(arguments, in_place=True, on_progress=_report)) else 1


def _report(run: NotebookRun) -> None:
    if run.status != "running":
        print(f"{run.status:6} {run.seconds:6.1f} s  {run.notebook}", *([run.error] if run.error else []), sep="\n  ")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
