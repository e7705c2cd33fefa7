"""The password of the database, which a task definition takes from SSM."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Exercise, Point, Values, Wrong
from esaws.course.revisions import Revision, newest_revision, tagged
from esaws.course.role_policies import decide, policies_of
from esaws.course.seed import Seed
from esaws.deploy.inventory import inventory
from esaws.deploy.plan import plan_deploy
from esaws.resources.password_parameter import PasswordParameter
from esaws.resources.role import Role

_SITES = "sites-management-api"


def _secret_values(seed: Seed) -> Mapping[str, Any]:
    return {
        "parameter": f"{seed.letters(4)}-password",
        "variable": seed.choice(("DB_PASSWORD", "DATABASE_PASSWORD", "PGPASSWORD")),
    }


def _check_secret(attempt: Attempt) -> Iterator[Point]:
    mine, cloud = attempt.mine, attempt.cloud
    name = f"/{cloud.deployment}/{mine.parameter}"
    found = _parameter(cloud, name)
    yield Point(
        f"The SSM parameter {name} is a SecureString",
        found.get("Type") == "SecureString",
        f"its type is {found['Type']}" if found else "there is no such parameter",
        "PasswordParameter in esaws.resources",
        is_needed=True,
    )
    revision = newest_revision(cloud, _SITES)
    secrets = {pair["name"]: pair["valueFrom"] for pair in revision.container.get("secrets", ())} if revision else {}
    source = secrets.get(mine.variable, "")
    yield Point(
        f"The newest revision of {_SITES} takes {mine.variable} from it",
        bool(found) and source in (name, found.get("ARN")),
        f"{mine.variable} comes from {source}" if source else f"{mine.variable} is not one of its secrets",
        "`secrets` of the container definition, beside `environment`",
        is_needed=True,
    )
    if revision:
        yield tagged(cloud, revision)
    role = _execution_role(revision)
    decision = decide(policies_of(cloud, role), "ssm:GetParameters", found.get("ARN", "")) if role else "deny"
    yield Point(
        "Its execution role may read the parameter",
        bool(found) and decision == "allow",
        f"the policies of {role} say {decision}" if role else "the revision has no execution role",
        "`executionRoleArn`, and a policy with ssm:GetParameters",
    )
    clear = sorted(_in_clear(revision, found.get("Value", ""), mine.variable))
    yield Point(
        "No environment variable has the password in clear",
        revision is not None and not clear,
        f"it is in {', '.join(clear)}, which each reader of the task definition sees"
        if clear
        else f"there is no task definition {_SITES}",
        "`environment` of the container definition",
    )


def _parameter(cloud: Cloud, name: str) -> Mapping[str, Any]:
    """A parameter with its decrypted value, or an empty dict."""
    ssm = cloud.client("ssm")
    found = ssm.get_parameters(Names=[name], WithDecryption=True)["Parameters"]
    return dict(found[0]) if found else {}


def _execution_role(revision: Revision | None) -> str:
    """The name of the execution role of a revision; empty without one."""
    return revision.raw.get("executionRoleArn", "").rpartition("/")[2] if revision else ""


def _in_clear(revision: Revision | None, password: str, variable: str) -> set[str]:
    """The environment variables that have a password, or the name of the variable that should be secret."""
    environment = revision.environment if revision else {}
    return {name for name, value in environment.items() if name == variable or (password and value == password)}


def _declare_secret(cloud: Cloud, mine: Values) -> None:
    password = PasswordParameter(name=mine.parameter)
    role = Role(name="reads-passwords", service="ecs-tasks.amazonaws.com")
    plan_deploy([password, role], cloud).apply()
    ours, region = inventory(cloud), cloud.region
    arn = f"arn:aws:ssm:{region}:{cloud.account}:parameter/{cloud.deployment}/{mine.parameter}"
    statement = {"Effect": "Allow", "Action": "ssm:GetParameters", "Resource": arn}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role_name = ours["Role", "reads-passwords"].id
    iam, ecs = cloud.client("iam"), cloud.client("ecs")
    iam.put_role_policy(RoleName=role_name, PolicyName="password", PolicyDocument=document)
    family = cloud.aws_name("sites-management-api")
    known = ecs.describe_task_definition(taskDefinition=family, include=["TAGS"])
    container = known["taskDefinition"]["containerDefinitions"][0]
    container["secrets"] = [{"name": mine.variable, "valueFrom": arn}]
    ecs.register_task_definition(
        family=family,
        networkMode="bridge",
        containerDefinitions=[container],
        executionRoleArn=iam.get_role(RoleName=role_name)["Role"]["Arn"],
        tags=known["tags"],
    )


def _call_secret(cloud: Cloud, mine: Values) -> None:
    iam, ecs, family = cloud.client("iam"), cloud.client("ecs"), cloud.aws_name("sites-management-api")
    parameter = f"/{cloud.deployment}/{mine.parameter}"
    cloud.client("ssm").put_parameter(Name=parameter, Type="SecureString", Value="Correct-horse-9-battery")
    trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName=cloud.aws_name("passwords"),
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        Tags=[{"Key": key, "Value": value} for key, value in cloud.tags("passwords").items()],
    )["Role"]
    iam.attach_role_policy(RoleName=role["RoleName"], PolicyArn="arn:aws:iam::aws:policy/AmazonSSMReadOnlyAccess")
    known = ecs.describe_task_definition(taskDefinition=family, include=["TAGS"])
    container = known["taskDefinition"]["containerDefinitions"][0]
    container["secrets"] = [{"name": mine.variable, "valueFrom": parameter}]
    ecs.register_task_definition(
        family=family,
        networkMode="bridge",
        containerDefinitions=[container],
        executionRoleArn=role["Arn"],
        tags=known["tags"],
    )


def _register(cloud: Cloud, **changes: Any) -> None:
    ecs, family = cloud.client("ecs"), cloud.aws_name(_SITES)
    raw = ecs.describe_task_definition(taskDefinition=family)["taskDefinition"]
    container = {**raw["containerDefinitions"][0], **changes}
    role = {"executionRoleArn": raw["executionRoleArn"]} if "executionRoleArn" in raw else {}
    ecs.register_task_definition(family=family, networkMode="bridge", containerDefinitions=[container], **role)


def _password_in_the_environment(cloud: Cloud, mine: Values) -> None:
    plan_deploy([PasswordParameter(name=mine.parameter)], cloud).apply()
    value = _parameter(cloud, f"/{cloud.deployment}/{mine.parameter}")["Value"]
    _register(cloud, environment=[{"name": mine.variable, "value": value}])


def _role_without_permission(cloud: Cloud, mine: Values) -> None:
    _declare_secret(cloud, mine)
    role = inventory(cloud)["Role", "reads-passwords"].id
    cloud.client("iam").delete_role_policy(RoleName=role, PolicyName="password")


SECRET = Exercise(
    "09-secret",
    prompt=(
        "Give the Sites API its password as the variable `{mine.variable}`, and write it down nowhere. It is in the "
        "SSM parameter `{mine.parameter}` of your deployment, a SecureString. A new revision of `sites-management-api` "
        "takes it from there, with an execution role that may read it."
    ),
    values=_secret_values,
    check=_check_secret,
    hints=(
        "Who reads the parameter when a task starts: the container, or ECS on its behalf?",
        "A container definition has `secrets` beside `environment`, and a task definition has `executionRoleArn`.",
        '`"secrets": [{{"name": "{mine.variable}", "valueFrom": arn}}]`, '
        "and a policy with "
        "`ssm:GetParameters` on this ARN",
    ),
    solutions=(_declare_secret, _call_secret),
    wrong=(
        Wrong(_password_in_the_environment, "is not one of its secrets"),
        Wrong(_role_without_permission, "a policy with ssm:GetParameters"),
    ),
    notices=("PasswordParameter:{mine.parameter}", "Role:reads-passwords"),
)
