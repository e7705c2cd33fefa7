"""Open every page of the site from disk in a Chromium without a network, and report what is wrong with it."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, ViewportSize, sync_playwright

LAPTOP: ViewportSize = {"width": 1366, "height": 768}
PHONE: ViewportSize = {"width": 360, "height": 740}
LOOK = Path(__file__).with_name("look.js")
TABS = 12
"""The presses of the Tab key within which a reader reaches the search and the navigation."""


class Visit:
    """Every page in one window; counts what was looked at."""

    def __init__(self, folder: Path, axe: Path, screenshots: Path | None) -> None:
        self.folder = folder.resolve()
        self.scripts = axe.read_text(encoding="utf-8") + LOOK.read_text(encoding="utf-8")
        self.screenshots = screenshots
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []

    def all(self, chromium: str, pages: Iterable[Path]) -> None:
        """Open the pages, each once, and search."""
        arguments = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND"]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
            page = self.watched(browser.new_context(offline=True, reduced_motion="reduce"))
            for path in pages:
                self.one(page, path)
                if self.counts["pages"] % 25 == 0:
                    print(f"site: {self.counts['pages']} pages", flush=True)
            page.set_viewport_size(LAPTOP)
            self.search(page)
            browser.close()

    def watched(self, context: BrowserContext) -> Page:
        """Return a page that reports errors, and requests that leave the folder."""
        page = context.new_page()
        page.on("console", lambda message: message.type == "error" and self.fault(page, f"console: {message.text}"))
        page.on("pageerror", lambda error: self.fault(page, f"script: {error}"))
        page.on("request", lambda request: self.requested(page, request.url))
        page.on("requestfailed", lambda request: self.fault(page, f"not loaded: {request.url}"))
        return page

    def requested(self, page: Page, url: str) -> None:
        self.counts["requests"] += 1
        if not url.startswith((self.folder.as_uri() + "/", "data:")):
            self.counts["requests outside"] += 1
            self.fault(page, f"a request leaves the folder: {url}")

    def fault(self, page: Page, text: str) -> None:
        """Print a fault of the page that is open, once."""
        self.report(f"{page.url.removeprefix(self.folder.as_uri() + '/')}: {text}")

    def report(self, line: str) -> None:
        """Print a fault unless it was printed."""
        if line not in self.faults:
            self.faults.append(line)
            print(line, flush=True)

    def one(self, page: Page, path: Path) -> None:
        """Look at a page: light and dark, on a laptop and on a phone."""
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(LAPTOP)
        page.goto(path.as_uri())
        page.evaluate(self.scripts)
        page.add_style_tag(content="* { transition: none !important; }")
        self.counts["pages"] += 1
        self.counts["pictures"] += page.evaluate("siteLook.pictures()")
        self.keyboard(page)
        page.evaluate("siteLook.openAll()")
        page.wait_for_function("siteLook.settled()")
        for scheme, rules in (("light", None), ("dark", ["color-contrast"])):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_function("scheme => document.documentElement.dataset.theme === scheme", arg=scheme)
            for text in page.evaluate("rules => siteLook.accessibility(rules)", rules):
                self.fault(page, f"{scheme}: {text}")
            for size in (LAPTOP, PHONE):
                page.set_viewport_size(size)
                for text in page.evaluate("siteLook.faults()"):
                    self.fault(page, f"{size['width']} px: {text}")
                self.picture_of(page, path, f"{scheme}-{size['width']}")
            page.set_viewport_size(LAPTOP)

    def keyboard(self, page: Page) -> None:
        """Tab reaches the search and the navigation, and a link to the glossary shows its definition."""
        page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
        reached = set()
        for _ in range(TABS):
            page.keyboard.press("Tab")
            reached.add(page.evaluate(REACHED))
        for part in {"search", "navigation"} - reached:
            self.fault(page, f"{TABS} presses of Tab do not reach the {part}")
        for number in range(page.locator("a.term").count()):
            self.counts["terms"] += 1
            term = page.locator("a.term").nth(number)
            term.focus()
            if not page.evaluate(TIP):
                self.fault(page, f"the term {term.inner_text()!r} shows no definition on focus")
            page.keyboard.press("Escape")
            if page.evaluate(TIP):
                self.fault(page, f"Escape does not close the definition of {term.inner_text()!r}")

    def search(self, page: Page) -> None:
        """Words typed into the field of the first page lead to pages that have them."""
        for words, expected in QUERIES.items():
            page.goto((self.folder / "index.html").as_uri())
            field = page.locator(".bd-sidebar-primary input[type=search]").first
            field.fill(words)
            field.press("Enter")
            page.wait_for_url("**/search.html?q=*")
            page.wait_for_function(
                "/finished|did not match/.test(document.querySelector('#search-results')?.innerText)"
            )
            found = page.locator("#search-results li a").evaluate_all("links => links.map((link) => link.href)")
            self.counts["searches"] += 1
            if not any(expected in link for link in found[:3]):
                self.fault(page, f"the search for {words!r} does not have {expected} among its first three")
        self.picture_of(page, self.folder / "search-results.html", "light-1366")

    def picture_of(self, page: Page, path: Path, name: str) -> None:
        """Keep a picture of the whole page, where pictures are wanted."""
        if self.screenshots:
            target = self.screenshots / name / path.relative_to(self.folder).with_suffix(".png")
            page.evaluate("window.scrollTo(0, 0)")
            page.screenshot(path=target, full_page=page.evaluate("document.body.scrollHeight < 12000"))


QUERIES = {
    "unhealthy": "docs/unhealthy_targets.html",
    "without Docker": "docs/ecs_without_docker.html",
    "drain zone": "notebooks/runbooks/drain_a_zone.html",
    "health check": "docs/glossary.html#health-check",
    "security group": "docs/glossary.html#security-group",
    "esaws deploy": "docs/commands/deploy.html",
}
"""What readers search for, and the page that they need."""

REACHED = """() => {
  const at = document.activeElement;
  if (at.matches("input[type=search], .search-button, .search-button-field")) return "search";
  return at.closest("nav") ? "navigation" : at.tagName;
}"""
TIP = "() => { const tip = document.querySelector('#term-tip'); return !tip.hidden && tip.innerText.length > 20; }"
