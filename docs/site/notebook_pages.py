"""A notebook as a page: its answers folded, its pictures described, nothing executed."""

import json
from pathlib import Path
from typing import Any

from docs.site.contents import ROOT

Cell = dict[str, Any]


def notebook_page(path: Path) -> str:
    """Return a notebook for the site: the starter of each answer, the answer behind a disclosure, all outputs."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = []
    for cell in notebook["cells"]:
        if "yours" in cell["metadata"].get("tags", ()):
            cells.append(starter(cell))
            cell["metadata"]["tags"].append("hide-cell")
        if alternative := alternative_text(cell):
            cell["metadata"]["mystnb"] = {"image": {"alt": alternative}}
        cells.append(cell)
    policy = path.parent / "policies" / f"{path.stem}.json"
    if policy.exists():
        cells.append(markdown(f"policy-{path.stem}", policy_text(policy)))
    notebook["cells"] = cells
    return json.dumps(notebook, ensure_ascii=False)


def starter(cell: Cell) -> Cell:
    """Return what the learner finds in a cell of theirs, as text."""
    given = cell["metadata"]["starter"].rstrip()
    return markdown(f"{cell['id']}-starter", f"::::{{container}} your-turn\nYour turn\n\n```python\n{given}\n```\n::::")


def alternative_text(cell: Cell) -> str:
    """Return the description that the first picture among the outputs brings; empty without a picture."""
    for output in cell.get("outputs", ()):
        for kind, metadata in output.get("metadata", {}).items():
            if kind.startswith("image/"):
                return " ".join(metadata["alt"].split())
    return ""


def policy_text(path: Path) -> str:
    """Return the IAM policy of a runbook as Markdown."""
    text = json.dumps(json.loads(path.read_text(encoding="utf-8")), indent=2)
    name = path.relative_to(ROOT).as_posix()
    return f"## IAM policy\n\n`esaws policy {path.stem}` prints it; the file is `{name}`.\n\n```json\n{text}\n```"


def markdown(name: str, text: str) -> Cell:
    """Return a cell of Markdown."""
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": text}
