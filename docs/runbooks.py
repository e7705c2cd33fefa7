"""Write notebooks/runbooks/README.md from the runbooks: `python docs/runbooks.py`."""

from pathlib import Path

from esaws.runbooks.catalogue import Runbook, list_runbooks
from esaws.runbooks.declaration import Parameter
from esaws.runbooks.skeleton import CHANGING, COMMON

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "notebooks" / "runbooks" / "README.md"

HEAD = """\
# The runbooks

Each notebook is a runbook: parameters in, an executed notebook and a record out. Run one with
`esaws run NAME -p PARAMETER VALUE`, with papermill's command line, or cell by cell in JupyterLab.
[docs/running.md](../../docs/running.md) describes dry runs, approval and outputs. `policies/` has the IAM policy of
each. `python docs/runbooks.py` writes this page."""


def page() -> str:
    """Return the page: the runbooks by kind, the parameters of all, and those of each."""
    runbooks = [runbook for runbook in list_runbooks() if runbook.path.parent == PAGE.parent]
    names = {line.split(":")[0] for line in (COMMON + CHANGING).splitlines()}
    shared = [
        item for item in next(each for each in runbooks if each.changes).declaration.parameters if item.name in names
    ]
    parts = [HEAD]
    for title, changes in (("Looking", False), ("Changing", True)):
        parts.append(f"## {title}\n\n| runbook | |\n|---|---|")
        parts[-1] += "".join(
            f"\n| [{each.name}]({each.name}.ipynb) | {each.summary} |" for each in runbooks if each.changes is changes
        )
    parts.append(
        "## Parameters of every runbook\n\n"
        + table(shared)
        + "\n\n`dry_run` and `approve` are those of changing runbooks."
    )
    parts += [section(each, names) for each in runbooks]
    return "\n\n".join(parts) + "\n"


def section(runbook: Runbook, shared: set[str]) -> str:
    """Return the title of a runbook and the table of its own parameters."""
    own = [item for item in runbook.declaration.parameters if item.name not in shared]
    return f"## {runbook.name}\n\n{table(own) if own else 'It has no parameters of its own.'}"


def table(parameters: list[Parameter]) -> str:
    """Return a table of parameters: name, what it takes, default, help."""
    rows = []
    for item in parameters:
        takes = f"**required**: {item.description}" if item.is_required else item.description
        rows.append(f"| `{item.name}` | {takes} | {default(item)} | {item.help} |")
    return "\n".join(["| parameter | takes | default | |", "|---|---|---|---|", *rows])


def default(item: Parameter) -> str:
    """Return the default of a parameter; nothing where it is empty."""
    return "" if item.default in ("", []) else f"`{item.default}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE.relative_to(ROOT))
