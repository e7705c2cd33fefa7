"""Write docs/parameters.md from what the kinds document about their calls: `python docs/parameters.py`."""

from pathlib import Path

from esaws.documented import EVERYTHING_ELSE, OF_ESAWS, Call
from esaws.resource import Resource
from esaws.resources import load_all

PAGE = Path(__file__).with_name("parameters.md")

HEAD = """# Parameters and their limits

Every parameter that esaws sends when it creates, changes or deletes a resource: where the value comes from, what AWS
takes, and the page that documents it. A declaration with another value raises `InvalidResource`, before anything is
created.
Where AWS documents no limit, the table says so; esaws then refuses what makes no sense, such as a negative count. Where
only AWS can check a value, such as a version that it offers
today, the table says what it has to be. Tests compare the limits with the models of AWS's SDK, and the parameters with
those of recorded calls.

`python docs/parameters.py` writes this page."""


def page() -> str:
    """Return the page as Markdown: a table for each kind."""
    sections = [section(kind) for _, kind in sorted(load_all().items(), key=lambda item: item[0].lower())]
    return "\n\n".join([HEAD, *sections]) + "\n"


def section(kind: type[Resource]) -> str:
    """Return the table of a kind. Calls that take the same share a row."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for call in kind.documented:
        for path, parameter in call.parameters.items():
            shown = "everything else" if path == EVERYTHING_ELSE else f"`{path}`"
            takes = str(parameter.takes)
            if besides := getattr(parameter.takes, "besides", ""):
                takes += f" (AWS also takes {besides})"
            sources = rows.setdefault((parameter.origin, shown, takes), [])
            if (link := _link(call, path)) not in sources:
                sources.append(link)
    lines = [
        " | ".join(["", origin, shown, takes.replace("|", "\\|"), ", ".join(sources), ""]).strip()
        for (origin, shown, takes), sources in rows.items()
    ]
    return "\n".join(
        [f"## {kind.kind}\n", "| value | parameter | what AWS takes | source |", "|---|---|---|---|", *lines]
    )


def _link(call: Call, path: str) -> str:
    source = call.source(path)
    if source == OF_ESAWS:
        return "not documented by AWS"
    title = call.operation if source == call.page else source.partition("#")[0].rpartition("/")[2].removesuffix(".html")
    return f"[{title.removeprefix('API_')}]({source})"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print("docs/parameters.md")
