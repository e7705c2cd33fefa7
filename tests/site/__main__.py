"""Check a folder of the site: `python -m tests.site FOLDER --axe FILE --chromium PATH`; `--help` has the options.

Prints what it looked at and each fault; exits with 1 if there is a fault.
"""

import argparse
import sys
import time
from pathlib import Path

from tests.site.html_links import broken_links, is_internal, read_pages
from tests.site.in_browser import Visit


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.site", description=__doc__)
    parser.add_argument("folder", type=Path, help="the site: a folder with index.html")
    parser.add_argument("--only", nargs="*", metavar="PART", help="open only pages whose path contains one of these")
    parser.add_argument("--axe", type=Path, required=True, help="the file axe.min.js of axe-core")
    parser.add_argument("--chromium", required=True, help="the path of a Chromium")
    parser.add_argument("--screenshots", type=Path, help="keep a picture of each page here")
    options = parser.parse_args()
    if not (options.folder / "index.html").exists():
        parser.error(f"{options.folder} has no index.html; run make site")
    started = time.monotonic()
    pages = read_pages(options.folder)
    visit = Visit(options.folder, options.axe, options.screenshots)
    for page in pages.values():
        for text in broken_links(page, pages, options.folder):
            visit.report(f"{page.path.relative_to(visit.folder).as_posix()}: {text}")
    chosen = [path for path in pages if not options.only or any(part in str(path) for part in options.only)]
    visit.all(options.chromium, chosen)
    links = [link for page in pages.values() for link in page.links]
    inside = [link for link in links if is_internal(link)]
    counts = (
        f"{visit.counts['pages']} pages, each light and dark, at 1366 and 360 px",
        f"{len(inside):,} links in the folder, {sum('#' in link for link in inside):,} of them to a place in a page",
        f"{len(links) - len(inside):,} links to the web, not followed",
        f"{visit.counts['pictures']} pictures",
        f"{visit.counts['terms']} terms with a definition on focus",
        f"{visit.counts['searches']} searches",
        f"{visit.counts['requests']:,} requests, {visit.counts['requests outside']} of them out of the folder",
        f"{len(visit.faults)} faults, {time.monotonic() - started:.0f} s",
    )
    print("site:", *counts, sep="\n  ")
    return 1 if visit.faults else 0


if __name__ == "__main__":
    sys.exit(main())
