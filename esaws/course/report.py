"""How far a learner is: points of each chapter, as a table, a bar, and a certificate page."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from esaws.course.chapters import chapters
from esaws.course.labs.families import all_labs
from esaws.course.learner import learner_id
from esaws.course.progress import Progress
from esaws.errors import Refused

_BAR = 20


@dataclass(frozen=True)
class ChapterStatus:
    """The exercises of one chapter: how many are solved, of how many."""

    number: str
    title: str
    solved: int
    of: int


@dataclass(frozen=True)
class CourseStatus:
    """How far a learner is."""

    learner: str
    chapters: tuple[ChapterStatus, ...]
    exercises: tuple[dict[str, Any], ...]
    """name, chapter, points, of, attempts, hints and solution_shown of each; `of` is 0 before the first check."""
    labs: tuple[dict[str, Any], ...] = ()
    """name, points, of, attempts, hints and solution_shown of each lab that was checked."""

    @property
    def solved(self) -> int:
        """The number of solved exercises."""
        return sum(chapter.solved for chapter in self.chapters)

    @property
    def of(self) -> int:
        """The number of all exercises."""
        return sum(chapter.of for chapter in self.chapters)

    def to_dict(self) -> dict[str, Any]:
        """learner, solved, of, exercises [{name, chapter, points, of, attempts, hints, solution_shown}].

        The labs are in `labs`, with the same keys but for the chapter.
        """
        counts = {"learner": self.learner, "solved": self.solved, "of": self.of}
        return {**counts, "exercises": list(self.exercises), "labs": list(self.labs)}

    def __str__(self) -> str:
        rows = [f"  {_bar(each.solved, each.of)}  {each.number} {each.title}" for each in self.chapters]
        labs = [self._about_labs] if self.labs else []
        return "\n".join([f"{self.learner}: {self.solved} of {self.of} exercises solved", *rows, *labs])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><td style="text-align: left">{each.number} {escape(each.title)}</td>'
            f'<td><progress max="{each.of}" value="{each.solved}"></progress></td>'
            f"<td>{each.solved} of {each.of}</td></tr>"
            for each in self.chapters
        )
        head = f"<p><b>{escape(self.learner)}</b>: {self.solved} of {self.of} exercises solved</p>"
        labs = f"<p>{escape(self._about_labs)}</p>" if self.labs else ""
        return f"{head}<table>{rows}</table>{labs}"

    @property
    def _about_labs(self) -> str:
        passed = [lab["name"] for lab in self.labs if lab["points"] == lab["of"]]
        begun = [lab for lab in self.labs if lab["name"] not in passed]
        points = [f"{lab['name']} {lab['points']} of {lab['of']} points" for lab in begun]
        return "; ".join([f"labs passed: {', '.join(passed) or 'none'}", *points])


def status(learner: str | None = None) -> CourseStatus:
    """Return how far a learner is; by default the one of this computer."""
    learner = learner or learner_id()
    progress = Progress(learner)
    exercises, rows = [], []
    for chapter in chapters().values():
        results = [
            {"name": exercise.name, "chapter": chapter.number, **progress.exercise(exercise.name)}
            for exercise in chapter.exercises
        ]
        solved = sum(result["points"] == result["of"] > 0 for result in results)
        rows.append(ChapterStatus(chapter.number, chapter.title, solved, len(results)))
        exercises += results
    tried = [{"name": lab.name, **progress.exercise(lab.item)} for lab in all_labs()]
    return CourseStatus(learner, tuple(rows), tuple(exercises), tuple(lab for lab in tried if lab["of"]))


def certificate(state: CourseStatus) -> str:
    """Return an HTML page that states what a learner has solved. It needs no network.

    Raises:
        Refused: not all exercises of any chapter are solved yet.
    """
    finished = [chapter for chapter in state.chapters if chapter.solved == chapter.of > 0]
    if not finished:
        raise Refused(
            f"{state.learner} has solved {state.solved} of {state.of} exercises, and no chapter completely. "
            "Solve all exercises of a chapter first; `esaws course status` lists them."
        )
    shown = sum(bool(exercise["solution_shown"]) for exercise in state.exercises)
    rows = "".join(
        f"<tr><td>{each.number}</td><td>{escape(each.title)}</td><td>{each.solved} of {each.of}</td></tr>"
        for each in state.chapters
    )
    return _PAGE.format(
        learner=escape(state.learner),
        solved=state.solved,
        of=state.of,
        finished=len(finished),
        chapters=len(state.chapters),
        shown=shown,
        rows=rows,
    )


def _bar(solved: int, of: int) -> str:
    full = _BAR * solved // of if of else 0
    return "█" * full + "░" * (_BAR - full)


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>esaws: certificate of {learner}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 17px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem; }}
main {{ border: 2px solid #0b6e99; border-radius: 12px; padding: 2rem 2.5rem; }}
h1 {{ margin-top: 0; }}
table {{ border-collapse: collapse; width: 100%; }}
td, th {{ padding: .25rem .5rem; border-bottom: 1px solid #8886; text-align: left; }}
small {{ opacity: .8; }}
@media print {{ body {{ margin: 0; }} }}
</style>
</head>
<body>
<main>
<h1>Containers on AWS</h1>
<p><b>{learner}</b> solved {solved} of {of} exercises, and completed {finished} of {chapters} chapters. Each exercise
was checked against the state of an account.</p>
<table>
<tr><th></th><th>chapter</th><th>exercises solved</th></tr>
{rows}
</table>
<p><small>The solution was looked up for {shown} exercises. This page states what this computer recorded; it is not
signed.</small></p>
</main>
</body>
</html>
"""
