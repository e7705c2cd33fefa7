"""`python -m tests.conformance FILE…` runs files of conformance cases.

The last line is `N passed, M failed`; the exit code is 1 if M > 0.
"""

import json
import sys
from pathlib import Path

from tests.conformance.running import differences, read


def main(names: list[str]) -> int:
    passed = failed = 0
    for name in names:
        try:
            kinds, cases = read(Path(name))
        except (OSError, ValueError, KeyError) as error:
            print(f"{name}: {error}")
            failed += 1
            continue
        for case in cases:
            different = differences(kinds, case)
            passed, failed = passed + (not different), failed + bool(different)
            label = case.get("id") if isinstance(case, dict) else case
            for key, expected, actual in different:
                print(f"{label} {key}: expected {_format(expected)}, actual {_format(actual)}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def _format(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python -m tests.conformance FILE…")
    sys.exit(main(sys.argv[1:]))
