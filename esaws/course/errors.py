"""Errors that a notebook shows on purpose."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError

from esaws.errors import EsawsError

_LINES = 4


@contextmanager
def expected_error() -> Iterator[None]:
    """Print the error that the block is meant to end in; of AWS's the code and the operation, since its words hold ids.

    Raises:
        AssertionError: the block ended without an error.
    """
    try:
        yield
    except ClientError as error:
        print(f"{error.response['Error']['Code']} ({error.operation_name})")
    except EsawsError as error:
        lines = str(error).splitlines()
        more = len(lines) - _LINES
        print(f"{type(error).__name__}: " + "\n".join(lines[:_LINES] + ([f"  … and {more} more"] if more > 0 else [])))
    else:
        raise AssertionError("this was expected to fail, and it did not")
