"""What can go wrong, and with which exit code the command line says so."""


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
