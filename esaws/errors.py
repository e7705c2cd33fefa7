"""The errors that esaws raises on purpose, their exit codes, and the text that describes an error."""

from __future__ import annotations

from collections.abc import Iterable

from botocore.exceptions import ClientError


class EsawsError(Exception):
    """Base of all errors that esaws raises on purpose. The command line exits with `exit_code`.

    A message says what failed, where, why, and what to do next.
    """

    exit_code = 1


class UsageError(EsawsError):
    """The request is invalid: an unknown profile, a bad name, an unreachable endpoint, a port in use."""

    exit_code = 2


class Refused(EsawsError):
    """Nothing was done, for safety: the change was not confirmed, or no account was named."""

    exit_code = 3


class WrongAccount(Refused):
    """The credentials belong to another account than the one that the user named."""


class Locked(Refused):
    """Another process changes the deployment now. Nothing was changed."""


class LockLost(EsawsError):
    """The lock of the deployment was removed or taken over during a change. No further change was started."""


class NotDeployed(EsawsError):
    """A resource that the operation needs does not exist yet."""

    @classmethod
    def among(cls, missing: str, existing: Iterable[str]) -> NotDeployed:
        """Return the error for a name that is not among those that exist: choose one of them, or deploy."""
        names = ", ".join(sorted(existing))
        return cls(f"{missing}; " + (f"choose one that it has: {names}" if names else "deploy it with `esaws deploy`"))


class LocalNotRunning(EsawsError):
    """The local AWS is not running."""


class InvalidResource(UsageError):
    """A resource or an architecture was declared in a way that AWS would reject."""


class DeployRefused(EsawsError):
    """The plan has changes that a deploy does not make, or the account does not have what it needs."""


class StalePlan(EsawsError):
    """The account has changed since the plan was made, otherwise than by this plan. Nothing was changed.

    `lines` says for each resource what the plan said and what is there now.
    """

    def __init__(self, message: str, lines: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.lines = tuple(lines)


class EmulatorGap(EsawsError):
    """An emulator that is not the local AWS does not do what AWS does. The message says what it does not do."""


class ApplyFailed(EsawsError):
    """At least one change failed. Running changes were finished, and no new ones were started."""

    interrupted = False
    """Whether Ctrl-C or SIGTERM ended the apply."""


class ApplyInterrupted(ApplyFailed):
    """Ctrl-C ended the apply, or SIGTERM, with exit code 143. Running changes were finished."""

    interrupted = True

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


_NEXT_STEP = {
    "AccessDenied": "ask for the permission",
    "AccessDeniedException": "ask for the permission",
    "UnauthorizedOperation": "ask for the permission",
    **dict.fromkeys(
        (
            "RequestLimitExceeded",
            "RequestThrottled",
            "SlowDown",
            "ThrottledException",
            "Throttling",
            "ThrottlingException",
            "TooManyRequestsException",
        ),
        "AWS limits the rate of calls; try again in a minute",
    ),
    **dict.fromkeys(
        ("ExpiredToken", "ExpiredTokenException", "RequestExpired"),
        "the credentials have expired; renew them, as with `aws sso login`, and run it again",
    ),
    "DependencyViolation": "a resource outside this deployment still uses it",
    "VpcLimitExceeded": "delete a VPC or ask for a higher quota",
    "EndpointConnectionError": "the endpoint stopped answering; run `esaws doctor`",
    **dict.fromkeys(
        ("ConnectionClosedError", "ConnectTimeoutError", "ReadTimeoutError"),
        "the connection failed; check the network with `esaws doctor`, and run it again",
    ),
}


_NOT_FAILURES = ("InsufficientInstanceCapacity", "NotSimulated")
"""Codes with a status of 500 and above after which the same call fails again, for minutes or always."""


def describe_error(error: BaseException) -> str:
    """Describe an error in one line: AWS's code, message and operation, and the next step if there is a known one."""
    if isinstance(error, ClientError):
        code = error.response["Error"]["Code"]
        text = f"{code}: {error.response['Error'].get('Message', '')} ({error.operation_name})"
    else:
        code = type(error).__name__
        text = str(error) if type(error) in (EsawsError, EmulatorGap) else f"{code}: {error}"
    next_step = _NEXT_STEP.get(code) or _next_step_of_kind(error)
    return text + (f" → {next_step}" if next_step else "")


def _next_step_of_kind(error: BaseException) -> str:
    """Return the next step after an error whose code alone has none: a failure of AWS, or a quota; empty otherwise."""
    if not isinstance(error, ClientError):
        return ""
    code, status = error.response["Error"]["Code"], error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if "LimitExceeded" in code or "QuotaExceeded" in code:
        return "a quota is used up; delete what is not needed, or ask for a higher quota"
    return "AWS failed; try again in a minute" if status >= 500 and code not in _NOT_FAILURES else ""
