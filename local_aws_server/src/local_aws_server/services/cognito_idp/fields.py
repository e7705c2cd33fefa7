"""A user pool has every standard attribute whatever its schema adds; an update keeps what can't be changed.

https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html
"""

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after, before

BEHAVIOURS = (
    Behaviour(
        service="Cognito",
        statement="A user pool has every standard attribute whatever its schema adds; an update keeps what can't "
        "be changed.",
        documentation=("https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html",),
    ),
)

_FIXED = ("UsernameAttributes", "AliasAttributes", "UsernameConfiguration")


@after("cognito-idp", "CreateUserPool")
def standard_attributes_are_always_there(call: Call) -> None:
    from moto.cognitoidp.models import CognitoIdpUserPoolAttribute

    shown = call.result["UserPool"]
    pool = call.backends.backend("cognito-idp").user_pools[shown["Id"]]
    for name, schema in CognitoIdpUserPoolAttribute.STANDARD_SCHEMA.items():
        if name not in pool.schema_attributes:
            pool.schema_attributes[name] = CognitoIdpUserPoolAttribute(name, False, schema)
    shown["SchemaAttributes"] = [attribute.to_json() for attribute in pool.schema_attributes.values()]


@before("cognito-idp", "UpdateUserPool")
def remember_what_is_fixed(call: Call) -> None:
    pool = call.backends.backend("cognito-idp").user_pools.get(call.params["UserPoolId"])
    if pool is not None:
        call.notes["fixed"] = {name: pool.extended_config[name] for name in _FIXED if name in pool.extended_config}


@after("cognito-idp", "UpdateUserPool")
def what_is_fixed_stays(call: Call) -> None:
    pool = call.backends.backend("cognito-idp").user_pools[call.params["UserPoolId"]]
    pool.extended_config.update(call.notes.get("fixed", {}))


@after("cognito-idp", "UpdateUserPool")
def an_update_sets_mfa(call: Call) -> None:
    pool = call.backends.backend("cognito-idp").user_pools[call.params["UserPoolId"]]
    pool.mfa_config = pool.extended_config.get("MfaConfiguration") or "OFF"


@after("cognito-idp", "SetUserPoolMfaConfig")
def mfa_is_told_by_the_pool_too(call: Call) -> None:
    pool = call.backends.backend("cognito-idp").user_pools[call.params["UserPoolId"]]
    pool.extended_config["MfaConfiguration"] = pool.mfa_config
