"""Operations change a running deployment: each has a plan, and checks that prove that it worked.

    from esaws import Cloud, operations

    operations.failed_checks(checks)                    # the checks that do not hold, or whose answer is unknown

A plan has the steps that are still missing, so that an interrupted operation is finished by running it again.
"""

from typing import TYPE_CHECKING

from esaws._lazy import lazy_names

if TYPE_CHECKING:
    from esaws.operations.checks import Check, failed_checks

__all__ = ["Check", "failed_checks"]

_SOURCES = {
    "esaws.operations.checks": ("Check", "failed_checks"),
}

__getattr__, __dir__ = lazy_names(__name__, {name: module for module, names in _SOURCES.items() for name in names})
