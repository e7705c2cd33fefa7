"""A user pool with the rules of the team, tried with good and weak passwords."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Exercise, Point, Values, Wrong
from esaws.course.seed import Seed
from esaws.deploy.plan import plan_deploy
from esaws.resource import Live
from esaws.resources.user_pool import UserPool


def _owners_values(seed: Seed) -> Mapping[str, Any]:
    return {"name": f"Owners-{seed.letters(3)}", "length": seed.between(9, 16)}


def _check_owners(attempt: Attempt) -> Iterator[Point]:
    mine = attempt.mine
    pool = attempt.live("UserPool", mine.name)
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
