"""Errors that a notebook shows on purpose."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError

from esaws._display import in_lines
from esaws.errors import EsawsError

_MAX_LINES = 4
_ID = re.compile(r"\b([a-z]+)-[0-9a-f]{17}\b")


@contextmanager
def expected_error() -> Iterator[None]:
    """Print the error that the block raises. Of an AWS error, print the code and the operation: its message has ids.

    In other messages `vpc-…` stands for an id, and the path of a journal is left out: both differ between runs.

    Raises:
        AssertionError: the block raised no error.
    """
    try:
        yield
    except ClientError as error:
        print(f"{error.response['Error']['Code']} ({error.operation_name})")
    except EsawsError as error:
        lines = _ID.sub(r"\1-…", re.sub(r"; the journal is .*", "", str(error))).splitlines()
        hidden = len(lines) - _MAX_LINES
        ending = [f"  … and {hidden} more"] if hidden > 0 else []
        print(in_lines(f"{type(error).__name__}: " + "\n".join([*lines[:_MAX_LINES], *ending])))
    else:
        raise AssertionError("this was expected to fail, and it did not")
