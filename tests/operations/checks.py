"""What does not hold, as text that a failed test shows."""

from collections.abc import Sequence

from esaws.operations.checks import Check, failed_checks


def broken(checks: Sequence[Check]) -> list[str]:
    """The checks that do not hold."""
    return [str(check) for check in failed_checks(checks)]
