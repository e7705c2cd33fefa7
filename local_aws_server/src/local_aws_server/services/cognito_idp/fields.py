"""The fields of user pools that moto loses or leaves out."""

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.hooks import after, before

BEHAVIOURS = (
    Behaviour(
        service="Cognito",
        statement="A user pool has all standard attributes, and an update keeps the fields that cannot be changed.",
        documentation=("https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html",),
    ),
)

_IMMUTABLE = ("UsernameAttributes", "AliasAttributes", "UsernameConfiguration")


@after("cognito-idp", "CreateUserPool")
def add_standard_attributes(call: Call) -> None:
    from moto.cognitoidp.models import CognitoIdpUserPoolAttribute

    description = call.result["UserPool"]
    pool = call.backends.backend("cognito-idp").user_pools[description["Id"]]
    for name, schema in CognitoIdpUserPoolAttribute.STANDARD_SCHEMA.items():
        if name not in pool.schema_attributes:
            pool.schema_attributes[name] = CognitoIdpUserPoolAttribute(name, False, schema)
    description["SchemaAttributes"] = [attribute.to_json() for attribute in pool.schema_attributes.values()]


@before("cognito-idp", "UpdateUserPool")
def remember_immutable_fields(call: Call) -> None:
    pool = call.backends.backend("cognito-idp").user_pools.get(call.params["UserPoolId"])
    if pool is not None:
        call.notes["immutable"] = {
            name: pool.extended_config[name] for name in _IMMUTABLE if name in pool.extended_config
        }


@after("cognito-idp", "UpdateUserPool")
def restore_immutable_fields(call: Call) -> None:
    pool = call.backends.backend("cognito-idp").user_pools[call.params["UserPoolId"]]
    pool.extended_config.update(call.notes.get("immutable", {}))


@after("cognito-idp", "UpdateUserPool")
def set_mfa_of_update(call: Call) -> None:
    pool = call.backends.backend("cognito-idp").user_pools[call.params["UserPoolId"]]
    pool.mfa_config = pool.extended_config.get("MfaConfiguration") or "OFF"


@after("cognito-idp", "SetUserPoolMfaConfig")
def show_mfa_in_pool(call: Call) -> None:
    pool = call.backends.backend("cognito-idp").user_pools[call.params["UserPoolId"]]
    pool.extended_config["MfaConfiguration"] = pool.mfa_config
