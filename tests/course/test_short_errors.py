"""A notebook shows what happened and the next step in one sentence."""

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from esaws.course.short_errors import explain
from esaws.errors import EsawsError, LocalNotRunning

DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutParameter")
UNREACHABLE = EndpointConnectionError(endpoint_url="http://127.0.0.1:4747/")
BEGIN_AGAIN = "is not running. Run the cell with `course.begin` or `course.lab` again"


def raised_from(cause: Exception) -> EsawsError:
    error = EsawsError("the lock was not taken")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("target", "error", "words"),
    [
        ("local", LocalNotRunning("the local AWS is not running"), BEGIN_AGAIN),
        ("local", UNREACHABLE, BEGIN_AGAIN),
        ("local", raised_from(UNREACHABLE), BEGIN_AGAIN),
        ("local", raised_from(ValueError("x")), "the lock was not taken"),
        ("aws", UNREACHABLE, "the endpoint stopped answering; run `esaws doctor`"),
        ("aws", raised_from(UNREACHABLE), "the lock was not taken"),
        ("local", NameError("name 'cloud' is not defined", name="cloud"), "`cloud` does not exist yet"),
        (
            "local",
            ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutParameter"),
            "AccessDenied: no",
        ),
    ],
)
def test_an_error_is_explained_by_its_cause(
    monkeypatch: pytest.MonkeyPatch, target: str, error: Exception, words: str
) -> None:
    monkeypatch.setenv("ESAWS_TARGET", target)
    assert words in explain(error)
