"""Idempotency tokens that come back with other parameters, in a table of operations."""

from collections.abc import Callable
from typing import Any

from tests.local.cases import case, outcome
from tests.local.cases_ec2 import IMAGE
from tests.local.cases_ended import later
from tests.local.cases_errors_containers import Site

Calls = tuple[Callable[..., Any], dict[str, Any], dict[str, Any]]
"""An operation, the parameters of its first call, and what the second one has in their place."""


def _run_instances(account: Any, site: Site) -> Calls:
    first = {"ImageId": IMAGE, "MinCount": 1, "MaxCount": 1, "ClientToken": "once"}
    return site.ec2.run_instances, first, {"InstanceType": "t3.micro"}


def _create_volume(account: Any, site: Site) -> Calls:
    first = {"Size": 1, "AvailabilityZone": account.zones()[0], "ClientToken": "once"}
    return account.client("ec2").create_volume, first, {"Size": 2}


def _create_route_table(account: Any, site: Site) -> Calls:
    first = {"VpcId": account.network()[0], "ClientToken": "once"}
    tags = [{"ResourceType": "route-table", "Tags": [{"Key": "k", "Value": "v"}]}]
    return account.client("ec2").create_route_table, first, {"TagSpecifications": tags}


def _create_service(account: Any, site: Site) -> Calls:
    return site.create_service, {"desiredCount": 0, "clientToken": "once"}, {"desiredCount": 1}


def _run_task(account: Any, site: Site) -> Calls:
    return site.run, {"clientToken": "once"}, {"startedBy": "another"}


def _create_patch_baseline(account: Any, site: Site) -> Calls:
    return account.client("ssm").create_patch_baseline, {"Name": "base", "ClientToken": "once"}, {"Name": "other"}


def _put_secret_value(account: Any, site: Site) -> Calls:
    secrets, token = account.client("secretsmanager"), "12345678-1234-1234-1234-123456789012"
    secrets.create_secret(Name="s")
    first = {"SecretId": "s", "SecretString": "one", "ClientRequestToken": token}
    return secrets.put_secret_value, first, {"SecretString": "two"}


MISMATCHES: dict[str, tuple[Callable[[Any, Site], Calls], str]] = {
    "RunInstances": (_run_instances, "IdempotentParameterMismatch"),
    "CreateVolume": (_create_volume, "IdempotentParameterMismatch"),
    "CreateRouteTable": (_create_route_table, "IdempotentParameterMismatch"),
    "CreateService": (_create_service, "InvalidParameterException"),
    "RunTask": (_run_task, "ConflictException"),
    "CreatePatchBaseline": (_create_patch_baseline, "IdempotentParameterMismatch"),
    "PutSecretValue": (_put_secret_value, "ResourceExistsException"),
}


def _play(account: Any) -> dict[str, Any]:
    """The outcomes of the same call again, and of one with other parameters, for each operation."""
    found, site = {}, Site(account, instances=1)
    for operation, (prepare, _) in MISMATCHES.items():
        call, first, other = prepare(account, site)
        call(**first)
        again = outcome(lambda: call(**first) and "accepted")  # noqa: B023
        found[operation] = again, outcome(lambda: call(**first | other) and "accepted")  # noqa: B023
    return found


@case(
    "a client token is accepted again with the same parameters, and refused with others",
    aws={operation: ("accepted", code) for operation, (_, code) in MISMATCHES.items()},
    stock=dict.fromkeys(MISMATCHES, ("accepted", "accepted")),
)
def case_other_parameters(account: Any) -> Any:
    return _play(account)


@case(
    "the client token of a terminated instance launches nothing for a day",
    aws=["IdempotentInstanceTerminated", "IdempotentInstanceTerminated", "launched"],
    stock=["launched"] * 3,
)
def case_token_of_a_terminated_instance(account: Any) -> Any:
    ec2, (call, first, _) = account.client("ec2"), _run_instances(account, Site(account, instances=0))
    instance = call(**first)["Instances"][0]["InstanceId"]
    ec2.terminate_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance])
    found = []
    for duration in ("1s", "2h", "1d"):
        later(account, duration)
        found.append(outcome(lambda: call(**first) and "launched"))
    return found


@case("tokens of different secrets are different ones", aws=2, stock=2)
def case_tokens_of_secrets(account: Any) -> Any:
    secrets, token = account.client("secretsmanager"), "12345678-1234-1234-1234-123456789012"
    for name in ("a", "b"):
        secrets.create_secret(Name=name, SecretString="x", ClientRequestToken=token)
    return len(secrets.list_secrets()["SecretList"])
