"""What can go wrong, with which exit code the command line says so, and how an error is told."""

from botocore.exceptions import ClientError


class EsawsError(Exception):
    """The base of every error that esaws raises on purpose: the thing failed (exit code 1).

    A message names the thing, the place and the next step.
    """

    exit_code = 1


class UsageError(EsawsError):
    """What was asked for can't be: an unknown profile, a bad name, an unreachable endpoint, a port in use."""

    exit_code = 2


class Refused(EsawsError):
    """Not done, for safety: nobody confirmed, or the account was not named."""

    exit_code = 3


class WrongAccount(Refused):
    """The credentials belong to another account than the one that was named."""


class NotDeployed(EsawsError):
    """Something that is needed does not exist yet."""


class LocalNotRunning(EsawsError):
    """The local AWS is not running, so there is nothing to look at."""


class InvalidResource(UsageError):
    """A resource or an architecture was declared in a way that AWS would not accept."""


class DeployRefused(EsawsError):
    """A plan holds changes that a deploy does not make by itself."""


class ApplyFailed(EsawsError):
    """At least one change failed; what was running was finished and nothing new was started."""


_NEXT_STEP = {
    "AccessDenied": "ask for the permission",
    "AccessDeniedException": "ask for the permission",
    "UnauthorizedOperation": "ask for the permission",
    "DependencyViolation": "something that this deployment does not own still uses it",
    "VpcLimitExceeded": "delete a VPC or ask for a higher quota",
    "EndpointConnectionError": "the endpoint went away; `esaws doctor` looks at it",
}


def told(error: BaseException) -> str:
    """An error in one line: AWS's code and message, and what to do where that is known."""
    if isinstance(error, ClientError):
        code = error.response["Error"]["Code"]
        text = f"{code}: {error.response['Error'].get('Message', '')} ({error.operation_name})"
    else:
        code = type(error).__name__
        text = f"{code}: {error}"
    return text + (f" → {_NEXT_STEP[code]}" if code in _NEXT_STEP else "")
