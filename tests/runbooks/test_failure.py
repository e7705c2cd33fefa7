"""What the first lines of a failed run say of an error: resource, cause and next step."""

import pytest
from botocore.exceptions import ClientError

from esaws.errors import ApplyFailed, EsawsError, NotDeployed
from esaws.runbooks.failure import RUN_AGAIN, explain
from esaws.runbooks.run import VerifyFailed

POLICY = "`esaws policy deploy` prints all that this runbook needs"


def refused(code: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "PutParameter")


def of_step(error: Exception, resource: str) -> Exception:
    error.resource = resource  # type: ignore[attr-defined]
    return error


DENIED = "User: eve is not authorized to perform: ssm:PutParameter because no policy allows it"
RULE = "SecurityGroupRule ALB-sg ingress tcp 80 0.0.0.0/0"
ERRORS = [
    (
        refused("Throttling"),
        "what",
        "Throttling: no (PutParameter)",
        "AWS limits the rate of calls; try again in a minute",
    ),
    (refused("InternalFailure"), "what", "InternalFailure: no (PutParameter)", RUN_AGAIN),
    (
        refused("AccessDeniedException", DENIED),
        "what",
        f"AccessDeniedException: {DENIED} (PutParameter)",
        f"ask for the permission ssm:PutParameter; {POLICY}",
    ),
    (
        EsawsError("targets are unknown: elasticloadbalancing:DescribeTargetHealth was denied; ask for the permission"),
        "what",
        "targets are unknown: elasticloadbalancing:DescribeTargetHealth was denied",
        f"ask for the permission elasticloadbalancing:DescribeTargetHealth; {POLICY}",
    ),
    (
        ApplyFailed(f"deploy stopped:\n  {RULE}: Throttling: no → wait a minute\nrun it again; the journal is j"),
        RULE,
        "Throttling: no",
        "wait a minute",
    ),
    (VerifyFailed("a: no; b: no; look at b", "look at b"), "what", "a: no; b: no", "look at b"),
    (of_step(refused("Busy"), "Service hdm"), "Service hdm", "Busy: no (PutParameter)", RUN_AGAIN),
    (NotDeployed.among("hdm is not there", ["b", "a"]), "what", "hdm is not there", "choose one that it has: a, b"),
    (NotDeployed.among("hdm is not there", []), "what", "hdm is not there", "deploy it with `esaws deploy`"),
]


@pytest.mark.parametrize(("error", "resource", "cause", "next_step"), ERRORS)
def test_an_error_is_explained_by_resource_cause_and_next_step(
    error: Exception, resource: str, cause: str, next_step: str
) -> None:
    failure = explain(error, "act", "what", "deploy")
    assert (failure.resource, failure.cause, failure.next_step) == (resource, cause, next_step)
