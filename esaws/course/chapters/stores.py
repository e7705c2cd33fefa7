"""Chapter 09: the database and its door, its password, the other stores, and the people who sign in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from esaws import simulation
from esaws.architecture import Architecture
from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Chapter, Exercise, Point, Values, Wrong
from esaws.course.revisions import Revision, newest_revision, tagged
from esaws.course.role_policies import decide, policies_of
from esaws.course.seed import Seed
from esaws.deploy.inventory import inventory
from esaws.deploy.plan import plan_deploy
from esaws.errors import NotDeployed
from esaws.inspect import snapshot
from esaws.inspect.account import Account
from esaws.inspect.network.reach import reach
from esaws.reference.seccom import seccom
from esaws.resource import Live
from esaws.resources.auto_scaling_group import instances_in_service
from esaws.resources.db_instance import DBInstance
from esaws.resources.password_parameter import PasswordParameter
from esaws.resources.role import Role
from esaws.resources.route import Route
from esaws.resources.route_table_association import RouteTableAssociation
from esaws.resources.security_group import SecurityGroup
from esaws.resources.security_group_rule import SecurityGroupRule
from esaws.resources.service import Service
from esaws.resources.user_pool import UserPool

_SITES = "sites-management-api"
_DATABASE = "db/database"
_PORT = 5432
_OTHERS = ("internet", "service/client-web-ui", "service/cameras-api")
_TASKS = "ecs-tasks.amazonaws.com"


def services_without_stores() -> Architecture:
    """Three services of the first build, and their security groups; the pair of the database has no rule yet."""
    system = seccom("ha", services=("client-web-ui", _SITES, "cameras-api"))
    rules = [rule for rule in system.of(SecurityGroupRule) if "rds" not in rule.name]
    return system.just(Route, RouteTableAssociation, SecurityGroup, *rules, Service)


def _until_serving(cloud: Cloud) -> None:
    if not cloud.is_aws:
        simulation.advance(cloud, "10m")


# --- the database, and who reaches it


def _database_values(seed: Seed) -> Mapping[str, Any]:
    return {"gb": seed.between(21, 60)}


def _decision(account: Account, source: str) -> str:
    """Whether a source reaches the database: allow, deny, unknown, or that one of both does not exist."""
    try:
        return reach(account, source, _DATABASE, _PORT).decision
    except NotDeployed as error:
        return str(error)


def _check_database(attempt: Attempt) -> Iterator[Point]:
    mine = attempt.mine
    database = attempt.index.get("DBInstance", "database")
    gb = database.fields["storage_gb"] if database else 0
    yield Point(
        f"The database has {mine.gb} GB, and no public address",
        database is not None and gb == mine.gb and not database.fields["public"],
        f"it has {gb} GB, and is {'public' if database.fields['public'] else 'private'}"
        if database
        else "there is no database",
        "`storage_gb` of the DBInstance",
        is_needed=True,
    )
    now = _decision(attempt.account, f"service/{_SITES}")
    yield Point(
        f"The Sites API reaches it on port {_PORT}",
        now == "allow",
        f"the answer of reach is {now}",
        "the rules of rds-ec2-1, whose peer can be a group",
        is_needed=True,
    )
    let_in = [source for source in _OTHERS if _decision(attempt.account, source) != "deny"]
    yield Point(
        "No other service and no client on the internet reaches it",
        database is not None and not let_in,
        f"{', '.join(let_in)} may reach it" if let_in else "there is no database",
        "the peer of each rule in rds-ec2-1",
    )
    if now != "allow" or attempt.cloud.is_aws:
        return
    with attempt.copy() as copy:
        _replace_and_double(copy)
        later = _decision(snapshot(copy), f"service/{_SITES}")
    yield Point(
        "The Sites API still reaches it after its instances were replaced, and are four",
        later == "allow",
        f"the answer of reach is then {later}: the new instances have other addresses",
        "the peer of the rule: an address belongs to one instance, a group to all that come later",
    )


def _replace_and_double(cloud: Cloud) -> None:
    """Replace the instances of the Sites API, and run four of them with a task each."""
    group, service = cloud.aws_name(f"{_SITES}-asg"), cloud.aws_name(_SITES)
    cloud.client("ec2").terminate_instances(InstanceIds=list(instances_in_service(cloud, group)))
    cloud.client("autoscaling").update_auto_scaling_group(AutoScalingGroupName=group, MinSize=4, MaxSize=4)
    cloud.client("ecs").update_service(cluster=cloud.aws_name(f"{_SITES}-cluster"), service=service, desiredCount=4)
    simulation.advance(cloud, "15m")


def _declare_pair(cloud: Cloud, mine: Values) -> None:
    system = seccom("ha", services=("client-web-ui", "sites-management-api", "cameras-api"))
    database = system.get(DBInstance, "database").replace(storage_gb=mine.gb)
    rules = [rule for rule in system.of(SecurityGroupRule) if "rds" in rule.name]
    plan_deploy([database, *rules], cloud).apply()


def _call_pair(cloud: Cloud, mine: Values) -> None:
    database = seccom("ha").get(DBInstance, "database").replace(storage_gb=mine.gb)
    plan_deploy([database], cloud).apply()
    ours = inventory(cloud)
    pair = {"GroupId": ours["SecurityGroup", "SitesManagementAPI-sg"].id}
    cloud.client("ec2").authorize_security_group_ingress(
        GroupId=ours["SecurityGroup", "rds-ec2-1"].id,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [pair]}],
    )


def _with_peers(cloud: Cloud, mine: Values, peers: list[str]) -> None:
    system = services_without_stores()
    database = seccom("ha").get(DBInstance, "database").replace(storage_gb=mine.gb)
    group = system.get(SecurityGroup, "rds-ec2-1")
    rules = [SecurityGroupRule(group=group, from_port=_PORT, to_port=_PORT, peer=peer) for peer in peers]
    plan_deploy([database, *rules], cloud).apply()


def _addresses_of_instances(cloud: Cloud, mine: Values) -> None:
    ids = instances_in_service(cloud, cloud.aws_name(f"{_SITES}-asg"))
    reservations = cloud.client("ec2").describe_instances(InstanceIds=list(ids))["Reservations"]
    addresses = [raw["PrivateIpAddress"] for each in reservations for raw in each["Instances"]]
    _with_peers(cloud, mine, [f"{address}/32" for address in addresses])


def _the_whole_network(cloud: Cloud, mine: Values) -> None:
    _with_peers(cloud, mine, ["172.31.0.0/16"])


DATABASE = Exercise(
    "09-database",
    prompt=(
        "Create the database of the Sites API with **{mine.gb} GB**. Only the Sites API may reach its port 5432, "
        "today, and after its instances have been replaced and doubled."
    ),
    values=_database_values,
    check=_check_database,
    hints=(
        "What do all instances of the Sites API have in common, those of tomorrow included?",
        "The pair of the team: ec2-rds-1 belongs to the instances, rds-ec2-1 to the database. Neither has a rule yet.",
        '`[rule for rule in system.of(SecurityGroupRule) if "rds" in rule.name]` and '
        '`system.get(DBInstance, "database").replace(storage_gb={mine.gb})` in one plan',
    ),
    solutions=(_declare_pair, _call_pair),
    wrong=(
        Wrong(_addresses_of_instances, "the new instances have other addresses"),
        Wrong(_the_whole_network, "service/cameras-api"),
    ),
    notices=("DBInstance", "SecurityGroupRule:rds-ec2-1 ingress tcp 5432 ec2-rds-1"),
)


# --- its password


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


# --- people


def _owners_values(seed: Seed) -> Mapping[str, Any]:
    return {"name": f"Owners-{seed.letters(3)}", "length": seed.between(9, 16)}


def _check_owners(attempt: Attempt) -> Iterator[Point]:
    mine = attempt.mine
    pool = attempt.index.get("UserPool", mine.name)
    fields = pool.fields if pool else {}
    yield Point(
        f"The user pool {mine.name} exists",
        pool is not None,
        "there is no user pool of this name with the tags of the deployment",
        "UserPool in esaws.resources",
        is_needed=True,
    )
    if pool is None:
        return
    wanted = {"address", "birthdate", "email", "name", "phone_number"}
    missing = sorted(wanted - set(fields["required_attributes"]))
    yield Point(
        "Sign-up asks for e-mail, name, address, birthdate and phone number",
        not missing,
        f"{', '.join(missing)} is not required",
        "`required_attributes`; AWS can't change them later",
    )
    yield Point(
        "The e-mail address is verified, and there is no second factor",
        "email" in fields["verified_attributes"] and fields["mfa"] == "OFF",
        f"verified: {', '.join(fields['verified_attributes']) or 'nothing'}; second factor: {fields['mfa']}",
        "`verified_attributes` and `mfa`",
    )
    if attempt.cloud.is_aws:
        yield _policy_of_passwords(pool, mine.length)
        return
    with attempt.copy() as copy:
        good, *weak = _passwords_taken(copy, pool.id, mine.length)
    yield Point(
        f"It takes a password of {mine.length} characters with upper and lower case, a number and a special character",
        good,
        "on a copy, a sign-up with such a password was refused",
        "the password policy of the pool",
        is_needed=True,
    )
    names = ("a shorter one", "one without a number", "one without a special character", "one without capitals")
    wrong = [name for name, was_taken in zip(names, weak, strict=True) if was_taken]
    yield Point(
        "It refuses a password that lacks any of these",
        not wrong,
        f"on a copy it took {', '.join(wrong)}",
        "the password policy of the pool",
        is_needed=True,
    )


def _policy_of_passwords(pool: Live, length: int) -> Point:
    """The point for the password policy, read and not tried: on AWS no copy can be made."""
    policy = pool.raw["Policies"]["PasswordPolicy"]
    kinds = ("RequireLowercase", "RequireUppercase", "RequireNumbers", "RequireSymbols")
    return Point(
        f"Passwords have at least {length} characters of four kinds",
        policy["MinimumLength"] == length and all(policy.get(kind) for kind in kinds),
        f"the policy is {policy}",
        "the password policy of the pool",
        is_needed=True,
    )


def _passwords_taken(cloud: Cloud, pool: str, length: int) -> list[bool]:
    """Whether people can sign up with a good password, and with one that is short, or lacks a kind of characters."""
    idp = cloud.client("cognito-idp")
    client = idp.create_user_pool_client(UserPoolId=pool, ClientName="check")["UserPoolClient"]["ClientId"]
    given = {"address": "1 Quai", "birthdate": "2000-01-01", "name": "Ada", "phone_number": "+33100000000"}
    rest = "a" * (length - 3)
    passwords = (f"A1!{rest}", f"A1!{rest[1:]}", f"Aa!{rest}", f"A1a{rest}", f"a1!{rest}")
    taken = []
    for number, password in enumerate(passwords):
        email = f"ada{number}@example.com"
        attributes = [{"Name": name, "Value": value} for name, value in {**given, "email": email}.items()]
        try:
            idp.sign_up(ClientId=client, Username=email, Password=password, UserAttributes=attributes)
            taken.append(True)
        except idp.exceptions.InvalidPasswordException:
            taken.append(False)
    return taken


def _declare_pool(cloud: Cloud, mine: Values) -> None:
    pool = UserPool(name=mine.name, minimum_length=mine.length)
    plan_deploy([pool], cloud).apply()


def _call_pool(cloud: Cloud, mine: Values) -> None:
    required = ("address", "birthdate", "email", "name", "phone_number")
    kinds = ("RequireLowercase", "RequireUppercase", "RequireNumbers", "RequireSymbols")
    cloud.client("cognito-idp").create_user_pool(
        PoolName=cloud.aws_name(mine.name),
        Schema=[{"Name": name, "Required": True, "Mutable": True} for name in required],
        Policies={"PasswordPolicy": {"MinimumLength": mine.length, **dict.fromkeys(kinds, True)}},
        AutoVerifiedAttributes=["email"],
        UserPoolTags=cloud.tags(mine.name),
    )


def _pool_with_eight_characters(cloud: Cloud, mine: Values) -> None:
    plan_deploy([UserPool(name=mine.name)], cloud).apply()


def _pool_with_email_only(cloud: Cloud, mine: Values) -> None:
    pool = UserPool(name=mine.name, minimum_length=mine.length, required_attributes=("email",))
    plan_deploy([pool], cloud).apply()


OWNERS = Exercise(
    "09-owners",
    prompt=(
        "Create the user pool `{mine.name}` with the rules of the team: sign-up asks for e-mail, name, address, "
        "birthdate and phone number; the e-mail address is verified; there is no second factor. Passwords have at "
        "least **{mine.length}** characters, with a number, a special, an upper-case and a lower-case one."
    ),
    values=_owners_values,
    check=_check_owners,
    hints=(
        "Which of these rules are the defaults of `UserPool`? `UserPool?` shows its fields.",
        "Only the length of the password differs: look for its field.",
        '`plan_deploy([UserPool(name="{mine.name}", minimum_length={mine.length})], cloud).apply()`',
    ),
    solutions=(_declare_pool, _call_pool),
    wrong=(
        Wrong(_pool_with_eight_characters, "a shorter one"),
        Wrong(_pool_with_email_only, "birthdate"),
    ),
    notices=("UserPool:{mine.name}",),
)


CHAPTER = Chapter(
    "09",
    "Stores and people",
    minutes=30,
    start=services_without_stores,
    prepare=_until_serving,
    exercises=(DATABASE, SECRET, OWNERS),
    predictions=("09-paper", "09-broker", "09-short"),
)
