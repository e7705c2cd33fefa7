"""What is changed in calls of moto's tests before they reach the local AWS, since AWS refuses them as they are.

The plugin imports it in an environment that has neither this project nor its packages.
"""

from collections.abc import Mapping
from typing import Any

REPLACED = {
    "rds": {"db.m1.small": "db.m5.large", "staging-postgres": "staging_postgres"},
    "iam": {"my-path": "/a-path/"},
    "mq": {
        "dm": "SINGLE_INSTANCE",
        "hit": "mq.m5.large",
        "version": "5.18",
        "adm1n": "adm1n-and-more",
        "us3r1": "us3r1-and-more",
    },
}
"""Service → what it does not take → what is sent in its place; answers are translated back."""
TRUST_POLICY = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, '
    '"Action": "sts:AssumeRole"}]}'
)
LEAST_STORAGE = {"io1": 100, "io2": 100, "standard": 5}
"""Type of storage → the least GiB of a DB instance; 20 of the others."""
WORDS = (
    "A new role whose trust policy is not a policy document gets one, and the path `my-path` is replaced by "
    "`/a-path/`.",
    "The retired class `db.m1.small` is replaced by `db.m5.large`, and the database name `staging-postgres` by "
    "`staging_postgres`; answers are translated back.",
    "In Amazon MQ, the deployment mode `dm`, the instance type `hit`, the version `version` and the passwords `adm1n` "
    "and `us3r1` are replaced by ones that exist or are long enough; answers are translated back.",
    "A new DB instance outside of a cluster gets a master user, its password and `AllocatedStorage`, where they are "
    "absent, a longer password for `hunter2`, and 20 GiB where a test asks for less than its type of storage has.",
    "A load balancer is created without the security groups that the test created in the default VPC, since AWS "
    "refuses groups of another VPC than the subnets'.",
    "moto's switch for permission checks is not used, since the local AWS checks no permissions; the tests that need "
    "it are skipped against any server.",
)
"""The same in words, for the page."""


def adapted(service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a call as AWS would take them."""
    sent: dict[str, Any] = substituted(dict(params), REPLACED[service])
    if operation == "CreateRole" and "Statement" not in sent.get("AssumeRolePolicyDocument", ""):
        sent["AssumeRolePolicyDocument"] = TRUST_POLICY
    if operation == "CreateBroker" and sent["EngineType"].upper() == "RABBITMQ" and sent["EngineVersion"] == "5.18":
        sent["EngineVersion"] = "3.13"
    is_aurora = str(sent.get("Engine", "")).startswith("aurora")
    if operation == "CreateDBInstance" and "DBClusterIdentifier" not in sent and not is_aurora:
        sent.setdefault("MasterUsername", "someone")
        if not sent.get("ManageMasterUserPassword") and sent.get("MasterUserPassword") in (None, "hunter2"):
            sent["MasterUserPassword"] = "something-long"
        least = LEAST_STORAGE.get(sent.get("StorageType", ""), 20)
        sent["AllocatedStorage"] = max(sent.get("AllocatedStorage", 20), least)
    return sent


def translated_back(service: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    """An answer with the names that the test has sent."""
    back: dict[str, Any] = substituted(dict(answer), {sent: own for own, sent in REPLACED[service].items()})
    return back


def substituted(value: Any, names: Mapping[str, str]) -> Any:
    """A value with some strings replaced, at any depth."""
    if isinstance(value, dict):
        return {key: substituted(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [substituted(each, names) for each in value]
    return names.get(value, value) if isinstance(value, str) else value
