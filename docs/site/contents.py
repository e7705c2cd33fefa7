"""The table of contents: which page is in which section, and which pages are below another one.

A page is named by its path in the repository without the suffix. Pages marked as generated have no file there.
"""

from dataclasses import dataclass
from pathlib import Path

from docs.api import FACES

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Section:
    """A part of the navigation: its caption, and its pages in order."""

    caption: str
    pages: tuple[str, ...]


LABS = "notebooks/labs/index"
RUNBOOKS = "notebooks/runbooks/README"
COMMANDS = "docs/commands"
API = "docs/api"
DECISIONS = "docs/adr/index"
COST = "docs/load_balancer_cost"

QUESTIONS = ("docs/ecs_without_docker", "docs/unhealthy_targets", COST, "docs/ec2_or_fargate", "docs/after_app_runner")
GUIDES = (
    "README",
    "docs/one_click",
    "docs/real_account",
    "docs/other_emulators",
    "docs/teaching",
    "docs/class",
    "docs/jupyterhub",
    "docs/in_a_browser",
    "docs/running",
    "docs/schedulers",
    "docs/run_records",
    "docs/answering",
    "docs/snapshots",
    "docs/services_run",
    "docs/images",
    "docs/load_balancer",
    "docs/stores",
    "docs/local_safety",
)
REFERENCE = (
    "docs/glossary",
    "docs/names",
    "docs/parameters",
    COMMANDS,
    "docs/json",
    API,
    "docs/findings",
    "docs/fidelity",
    "docs/fidelity-measured",
)
PROJECT = (
    "CONTRIBUTING",
    "SECURITY",
    "docs/architecture",
    DECISIONS,
    "local_aws_server/README",
    "benchmarks/README",
    "CHANGELOG",
)


def files(pattern: str) -> tuple[str, ...]:
    """Return the pages of the files that match a pattern, sorted by name."""
    return tuple(sorted(str(path.relative_to(ROOT).with_suffix("").as_posix()) for path in ROOT.glob(pattern)))


def sections() -> tuple[Section, ...]:
    """Return the sections of the navigation in order."""
    return (
        Section("Questions", QUESTIONS),
        Section("Course", files("notebooks/course/*.ipynb")),
        Section("Practice", (LABS, RUNBOOKS, *files("notebooks/costs/*.ipynb"))),
        Section("Guides", GUIDES),
        Section("Reference", REFERENCE),
        Section("The project", PROJECT),
    )


def children() -> dict[str, tuple[str, ...]]:
    """Return the pages below other pages, without those of commands, which `command_pages` gives."""
    return {
        LABS: files("notebooks/labs/*.ipynb"),
        RUNBOOKS: files("notebooks/runbooks/*.ipynb"),
        API: tuple(f"{API}/{face}" for face in FACES),
        DECISIONS: files("docs/adr/*.md"),
    }


def source(page: str) -> Path | None:
    """Return the file of a page in the repository; None for a generated page."""
    for suffix in (".md", ".ipynb"):
        path = ROOT / f"{page}{suffix}"
        if path.exists():
            return path
    return None
