"""The course: chapters that begin on a local AWS of their own, exercises, checks of the account, and progress.

    from esaws import course

    cloud = course.begin("02")
    mine = course.exercise("02-third-zone")     # shows what to do, with the learner's own values
    course.check("02-third-zone")               # what holds, what does not, and where to look
    course.hint("02-third-zone")
    course.end()                                # deletes everything, and proves it

`begin` comes first: the other functions work on the chapter that has begun.
"""

from esaws._lazy import lazy_names

__all__ = [
    "begin",
    "build_image",
    "check",
    "clean_up",
    "delete_nat_gateways",
    "end",
    "exercise",
    "expected_error",
    "hint",
    "lab",
    "predict",
    "reveal",
    "run_six_weeks",
    "sample_access_log",
    "solution",
    "status",
]

_SESSION = ("begin", "check", "end", "exercise", "hint", "predict", "reveal", "solution")

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        **dict.fromkeys(_SESSION, "esaws.course.session"),
        "build_image": "esaws.course.images",
        "clean_up": "esaws.course.samples.six_weeks",
        "delete_nat_gateways": "esaws.course.nat_gateways",
        "expected_error": "esaws.course.errors",
        "lab": "esaws.course.labs.notebook",
        "run_six_weeks": "esaws.course.samples.six_weeks",
        "status": "esaws.course.report",
        "sample_access_log": "esaws.course.samples.access_log",
    },
)
