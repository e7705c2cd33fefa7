"""Write docs/api.md from the public names and their docstrings: `python docs/api.py`."""

import inspect
from importlib import import_module
from pathlib import Path
from types import ModuleType

PAGE = Path(__file__).with_name("api.md")

FACES = (
    "esaws",
    "esaws.resources",
    "esaws.inspect",
    "esaws.costs",
    "esaws.operations",
    "esaws.simulation",
    "esaws.course",
    "esaws.runbooks",
)

HEAD = """# Public names

Import from these eight places only; everything else may move. Names are imported on first use: `import esaws` is fast.
Results convert with `.to_frame()` (pandas) and `.to_dict()` (JSON), and draw with `.draw()`, where that makes sense.

This page is written by `python docs/api.py`.
"""


def signature(name: str, value: object) -> str:
    """A function with its parameters' names, defaults left out; anything else as its name."""
    if not inspect.isfunction(value):
        return name
    parts, keyword_only = [], False
    for parameter in inspect.signature(value).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            parts.append("*")
        star = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        keyword_only = keyword_only or star == "*"
        parts.append(f"{star}{parameter.name}" + "=…" * (parameter.default is not parameter.empty))
    return f"{name}({', '.join(parts)})"


def first_line(value: object) -> str:
    """The first paragraph of a docstring, in one line."""
    return (inspect.getdoc(value) or "").split("\n\n")[0].replace("\n", " ").replace("|", "\\|")


def page() -> str:
    """The page as Markdown."""
    parts = [HEAD]
    for face in FACES:
        module = import_module(face)
        parts += [f"## {face}\n", f"{inspect.getdoc(module)}\n", "| name | |", "|---|---|"]
        for name in sorted(module.__all__, key=str.lower):
            value = getattr(module, name)
            if not isinstance(value, ModuleType):
                parts.append(f"| `{signature(name, value)}` | {first_line(value)} |")
        parts.append("")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print("docs/api.md")
