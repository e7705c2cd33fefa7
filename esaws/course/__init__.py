"""Helpers of the course: errors shown on purpose, and sample data.

    from esaws import Cloud, course

    with course.expected_error():
        cloud.client("ec2").delete_vpc(VpcId=vpc)
    log = course.sample_access_log()
    bill = course.run_six_weeks(Cloud.local())

The sample data is made up, and the same on every run.
"""

from esaws._lazy import lazy_names

__all__ = ["clean_up", "expected_error", "run_six_weeks", "sample_access_log"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "clean_up": "esaws.course.samples.six_weeks",
        "expected_error": "esaws.course.errors",
        "run_six_weeks": "esaws.course.samples.six_weeks",
        "sample_access_log": "esaws.course.samples.access_log",
    },
)
