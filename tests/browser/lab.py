"""JupyterLab as a learner uses it: the keyboard, the menus, and what the page shows."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import ConsoleMessage, Page

from tests.browser.server import TOKEN, JupyterServer

MINUTES = 60_000
"""In milliseconds."""

_NOTEBOOK = "window.jupyterapp.shell.currentWidget"
_LOOK = (Path(__file__).parent / "look.js").read_text(encoding="utf-8")


def _at_margin(source: str) -> str:
    """Move closing brackets to the margin: the editor indents one that is typed there."""
    return re.sub(r"(?m)^ +(?=[])}])", "", source)


@dataclass(frozen=True)
class Cell:
    """A code cell as the page has it: its id, its prompt such as [3], and its outputs."""

    id: str
    prompt: str
    outputs: tuple[dict[str, Any], ...]

    @property
    def error(self) -> str:
        """The error it shows, or ""."""
        found = [f"{each['ename']}: {each['evalue']}" for each in self.outputs if each["output_type"] == "error"]
        return "\n".join(found)

    @property
    def text(self) -> str:
        """What its outputs say as plain text."""
        return "\n".join(_plain(each) for each in self.outputs)


@dataclass(frozen=True)
class Seen:
    """What a notebook shows: the number of its pictures, and a sentence for each fault."""

    pictures: int
    faults: list[str]


class Lab:
    """A page with one notebook in it."""

    def __init__(self, page: Page, jupyter: JupyterServer, screenshots: Path, at: str = "lab/tree") -> None:
        """`at` is where the server shows notebooks."""
        self.page = page
        self._at = at
        self.console_errors: list[str] = []
        self._jupyter = jupyter
        self._screenshots = screenshots
        page.set_default_timeout(2 * MINUTES)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.console_errors.append(str(error)))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.console_errors.append(f"{message.text} ({message.location.get('url', '')})")

    # -- opening

    def open(self, path: str) -> None:
        """Open a notebook of the copy, alone, and wait until its kernel is idle."""
        self.page.goto(f"{self._jupyter.url}/{self._at}/{path}?reset&token={TOKEN}")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell")
        self.wait_until_idle()

    def wait_until_idle(self, minutes: float = 5) -> None:
        """Wait until no cell runs or waits."""
        idle = f"""() => {{
            const panel = {_NOTEBOOK};
            const kernel = panel.sessionContext.session?.kernel;
            return kernel?.status === "idle" && panel.sessionContext.isReady
                && panel.content.widgets.every((cell) => cell.promptNode?.textContent !== "[*]:");
        }}"""
        self.page.wait_for_function(idle, timeout=minutes * MINUTES, polling=200)

    # -- the learner's hands

    def menu(self, *names: str) -> None:
        """Choose an entry of a menu."""
        for name in names:
            self.page.get_by_role("menuitem", name=re.compile(f"^{re.escape(name)}")).first.click()

    def run_all(self, minutes: float = 5) -> None:
        """Run > Run All Cells."""
        self.menu("Run", "Run All Cells")
        self.page.wait_for_timeout(500)
        self.wait_until_idle(minutes)

    def restart_kernel(self) -> None:
        """Kernel > Restart Kernel, and confirm."""
        self.menu("Kernel", "Restart Kernel…")
        self.page.locator(".jp-Dialog .jp-mod-accept").click()
        self.page.wait_for_timeout(500)
        self.wait_until_idle()

    def go_to(self, identity: str) -> None:
        """Select a cell with the arrow keys, from where the cursor is; after a click if it is not in the notebook."""
        self.page.keyboard.press("Escape")
        if not self.page.evaluate("() => Boolean(document.activeElement?.closest('.jp-Notebook'))"):
            self.page.locator(".jp-Notebook .jp-Cell .jp-InputPrompt:visible").first.click()
        content = f"{_NOTEBOOK}.content"
        target, active = self.page.evaluate(
            f"(id) => [{content}.widgets.findIndex((cell) => cell.model.id === id), {content}.activeCellIndex]",
            identity,
        )
        assert target >= 0, f"there is no cell {identity}"
        step = 1 if target > active else -1
        for index in range(active + step, target + step, step):
            self.page.keyboard.press("ArrowDown" if step > 0 else "ArrowUp")
            self.page.wait_for_function(f"(index) => {content}.activeCellIndex === index", arg=index)

    def type_into(self, identity: str, source: str) -> None:
        """Replace the text of a cell by typing, line by line."""
        self.go_to(identity)
        keyboard = self.page.keyboard
        # The page draws cells as they come into view, and only then do they have an editor.
        self.page.wait_for_function(
            f"() => {_NOTEBOOK}.content.activeCell.editor && {_NOTEBOOK}.content.activeCell.inViewport"
        )
        keyboard.press("Enter")
        self.page.wait_for_function(f"() => {_NOTEBOOK}.content.activeCell.editor.hasFocus()")
        keyboard.press("Control+a")
        keyboard.press("Delete")
        for number, line in enumerate(source.split("\n")):
            if number:
                keyboard.press("Enter")
                keyboard.press("Shift+Home")  # the editor has indented the line
                keyboard.press("Delete")
            keyboard.insert_text(line)
        keyboard.press("Escape")
        typed = self.source(identity)
        assert _at_margin(typed) == _at_margin(source), f"{identity}: {typed!r} was typed"

    def run_cell(self, identity: str) -> Cell:
        """Run one cell with Shift+Enter, and return it."""
        self.go_to(identity)
        self.page.keyboard.press("Shift+Enter")
        self.page.wait_for_timeout(100)
        self.wait_until_idle()
        return self.cell(identity)

    def put_back(self, sources: dict[str, str]) -> None:
        """Give cells a text, without typing, as a new copy has it."""
        self.page.evaluate(
            f"""(sources) => {_NOTEBOOK}.content.widgets.forEach((cell) => {{
                if (cell.model.id in sources) cell.model.sharedModel.setSource(sources[cell.model.id]);
            }})""",
            sources,
        )

    def choose_theme(self, name: str) -> None:
        """As Settings > Theme > JupyterLab Light or JupyterLab Dark."""
        change = "(theme) => window.jupyterapp.commands.execute('apputils:change-theme', {theme})"
        self.page.evaluate(change, f"JupyterLab {name}")
        self.page.wait_for_selector(
            f"body[data-jp-theme-light={'true' if name == 'Light' else 'false'}]", state="attached"
        )

    def save(self) -> None:
        """File > Save Notebook."""
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("Control+s")
        self.page.wait_for_function(f"() => !{_NOTEBOOK}.context.model.dirty")

    # -- what the page has

    def source(self, identity: str) -> str:
        """The text of a cell."""
        cells = f"{_NOTEBOOK}.content.widgets"
        return str(
            self.page.evaluate(f"(id) => {cells}.find((c) => c.model.id === id).model.sharedModel.source", identity)
        )

    def cell(self, identity: str) -> Cell:
        """One code cell."""
        return next(cell for cell in self.cells() if cell.id == identity)

    def cells(self) -> list[Cell]:
        """The code cells."""
        found = self.page.evaluate(
            f"""() => {_NOTEBOOK}.content.widgets.filter((cell) => cell.model.type === "code").map((cell) =>
                [cell.model.id, cell.promptNode?.textContent ?? "", cell.model.outputs.toJSON()])"""
        )
        return [Cell(identity, prompt, tuple(outputs)) for identity, prompt, outputs in found]

    def look(self, name: str) -> Seen:
        """Scroll through the notebook, keep a picture of each page, and return what a reader sees.

        A fault is a picture that is empty, output that is wider than the page, or text that is hard to read.
        """
        folder = self._screenshots / name
        folder.mkdir(parents=True, exist_ok=True)
        self.page.evaluate(_LOOK)
        found: dict[str, dict[str, Any]] = {}
        number, position = 0, 0.0
        while True:
            self.page.wait_for_function("() => window.esawsLook.settled()")
            for cell in self.page.evaluate("() => window.esawsLook.cells()"):
                found.setdefault(cell["id"], cell)
            self.page.screenshot(path=folder / f"{number:02}.png")
            number += 1
            reached = self.page.evaluate("() => window.esawsLook.nextPage()")
            if reached <= position:
                break
            position = reached
        (folder / "found.json").write_text(json.dumps(list(found.values()), indent=1), encoding="utf-8")
        faults = [f"{cell['id']}: {fault}" for cell in found.values() for fault in cell["faults"]]
        return Seen(sum(cell["pictures"] for cell in found.values()), faults)


def _plain(output: dict[str, Any]) -> str:
    text = output.get("text") or output.get("data", {}).get("text/plain", "")
    return text if isinstance(text, str) else "".join(text)
