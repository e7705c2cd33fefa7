"""The reference of the public names, from their docstrings."""

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

from docs.api import FACES
from docs.site.contents import API
from docs.site.text import escaped

_HEADS = {"Args": "Arguments", "Returns": "Returns", "Yields": "Yields", "Raises": "Raises"}
_LINE = 88


def api_pages() -> dict[str, str]:
    """Return a page for each public module, by its name on the site."""
    return {f"{API}/{face}": "\n\n".join(module_page(face)) for face in FACES}


def module_page(face: str) -> Iterator[str]:
    """Yield the parts of the page of a module: its docstring, and each public name in alphabetical order."""
    module = import_module(face)
    yield f"# {face}"
    yield docstring(module)
    for name in sorted(module.__all__, key=str.lower):
        value = getattr(module, name)
        if not isinstance(value, ModuleType):
            yield from entry(name, value)


def entry(name: str, value: object) -> Iterator[str]:
    """Yield the heading, signature, docstring and public members of a name."""
    yield f"## {name}"
    if callable(value):
        yield f"```python\n{signature(name, value)}\n```"
    yield docstring(value)
    if inspect.isclass(value):
        members = list(public_members(value))
        if members:
            yield "\n".join(members)


def public_members(owner: type) -> Iterator[str]:
    """Yield a line for each public method and property that the class itself defines."""
    for name, value in vars(owner).items():
        function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        if name.startswith("_") or not inspect.isfunction(function) or not inspect.getdoc(function):
            continue
        shown = name if isinstance(value, property) else f"{name}({', '.join(parameters(function, bound=True))})"
        first = " ".join((inspect.getdoc(function) or "").split("\n\n")[0].split())
        yield f"- `{shown}`: {escaped(first)}"


def signature(name: str, value: object) -> str:
    """Return a call with annotations and defaults; one parameter a line where it is long."""
    found = parameters(value)
    returns = "" if inspect.isclass(value) else annotation(return_annotation(value), " -> ")
    line = f"{name}({', '.join(found)}){returns}"
    if len(line) <= _LINE or not found:
        return line
    return "\n".join([f"{name}(", *(f"    {each}," for each in found), f"){returns}"])


def parameters(value: object, bound: bool = False) -> list[str]:
    """Return the parameters as in source text; values that have no text of their own are `…`."""
    try:
        found = list(inspect.signature(value).parameters.values())  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return []
    if bound and found and found[0].name in ("self", "cls"):
        found = found[1:]
    parts, keyword_only = [], False
    for each in found:
        if each.kind is each.KEYWORD_ONLY and not keyword_only:
            parts.append("*")
        keyword_only = keyword_only or each.kind in (each.KEYWORD_ONLY, each.VAR_POSITIONAL)
        star = {each.VAR_POSITIONAL: "*", each.VAR_KEYWORD: "**"}.get(each.kind, "")
        text = f"{star}{each.name}{annotation(each.annotation, ': ')}"
        if each.default is not each.empty:
            default = repr(each.default)
            default = "…" if default.startswith("<") or len(default) > 40 else default
            text += f" = {default}" if each.annotation is not each.empty else f"={default}"
        parts.append(text)
    return parts


def return_annotation(value: object) -> object:
    try:
        return inspect.signature(value).return_annotation  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return inspect.Signature.empty


def annotation(value: object, before: str) -> str:
    """Return an annotation after its separator; empty where there is none."""
    if value is inspect.Signature.empty:
        return ""
    text = value if isinstance(value, str) else inspect.formatannotation(value)
    return before + re.sub(r"\b(?:[a-z_]\w*\.)+(?=[A-Z])", "", text)


def docstring(value: object) -> str:
    """Return a docstring as Markdown: paragraphs, lists of arguments and errors, and examples."""
    return "\n\n".join(filter(None, map(paragraph, (inspect.getdoc(value) or "").split("\n\n"))))


def paragraph(text: str) -> str:
    """Return a paragraph of a docstring as Markdown."""
    lines = text.splitlines()
    if not lines:
        return ""
    head = lines[0].rstrip(":")
    if lines[0].endswith(":") and head in _HEADS:
        return f"**{_HEADS[head]}**\n\n" + "\n".join(items(lines[1:]))
    if lines[0].startswith((">>>", "    ")):
        return f"```python\n{inspect.cleandoc(text)}\n```"
    if lines[0].startswith("- "):
        return "\n".join(map(escaped, lines))
    return escaped(" ".join(line.strip() for line in lines))


def items(lines: list[str]) -> Iterator[str]:
    """Yield the items of a section of a docstring; lines that are indented further continue an item."""
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    joined: list[str] = []
    for line in lines:
        if joined and line[margin:].startswith(" "):
            joined[-1] += f" {line.strip()}"
        else:
            joined.append(line.strip())
    for item in joined:
        name, colon, rest = item.partition(": ")
        named = colon and re.fullmatch(r"\*{0,2}[\w.]+", name)
        yield f"- `{name}`: {escaped(rest)}" if named else f"- {escaped(item)}"
