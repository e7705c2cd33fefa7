"""A Cognito user pool: a directory of users who sign up and sign in."""

from dataclasses import dataclass
from typing import Any, Literal, Self

from esaws.aws import ignore_codes, pages
from esaws.cloud import Cloud
from esaws.documented import (
    ANY_TAG,
    BOOLEAN,
    DESCRIBED,
    EVERYTHING_ELSE,
    ITSELF,
    Always,
    Between,
    Call,
    Each,
    Field,
    Name,
    OneOf,
    Parameter,
    tag_map,
)
from esaws.resource import Live, Lives, Resource
from esaws.resources._cognito import COGNITO_NAME, update_parameters

_STANDARD_ATTRIBUTES = frozenset(
    {"address", "birthdate", "email", "family_name", "gender", "given_name", "locale", "middle_name", "name"}
    | {"nickname", "phone_number", "picture", "preferred_username", "profile", "website", "zoneinfo"}
)


_REQUIRED = Each(
    OneOf(*sorted(_STANDARD_ATTRIBUTES), besides="custom attributes, which can't be required"),
    1,
    50,
)
_PASSWORD = "Policies.PasswordPolicy"
_SETTINGS: dict[str, Parameter] = {
    f"{_PASSWORD}.MinimumLength": Field(
        "minimum_length",
        Between(6, 99),
        "https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_PasswordPolicyType.html",
    ),
    f"{_PASSWORD}.RequireLowercase": Always(True, BOOLEAN),
    f"{_PASSWORD}.RequireUppercase": Always(True, BOOLEAN),
    f"{_PASSWORD}.RequireNumbers": Always(True, BOOLEAN),
    f"{_PASSWORD}.RequireSymbols": Always(True, BOOLEAN),
    "AutoVerifiedAttributes[]": Field("verified_attributes", Each(OneOf("email", besides="phone_number"))),
}


@dataclass(frozen=True, kw_only=True)
class UserPool(Resource):
    """Passwords need upper and lower case, a number and a symbol. The second factor is an authenticator app."""

    required_attributes: tuple[str, ...] = ("address", "birthdate", "email", "name", "phone_number")
    minimum_length: int = 8
    mfa: Literal["OFF", "OPTIONAL", "ON"] = "OFF"
    verified_attributes: tuple[str, ...] = ("email",)

    in_place = frozenset({"minimum_length", "mfa", "verified_attributes"})
    icon = "aws.security.Cognito"
    free = "below Cognito's always-free monthly active users"
    permissions = (
        "cognito-idp:CreateUserPool",
        "cognito-idp:DeleteUserPool",
        "cognito-idp:DeleteUserPoolDomain",
        "cognito-idp:DescribeUserPool",
        "cognito-idp:ListUserPools",
        "cognito-idp:SetUserPoolMfaConfig",
        "cognito-idp:TagResource",
        "cognito-idp:UpdateUserPool",
    )
    documented = (
        Call(
            "https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPool.html",
            {
                "PoolName": Name(COGNITO_NAME),
                "Schema[].Name": Field("required_attributes", _REQUIRED),
                "Schema[].Required": Always(True, BOOLEAN),
                "Schema[].Mutable": Always(True, BOOLEAN),
                **_SETTINGS,
                **tag_map("UserPoolTags", ANY_TAG),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_UpdateUserPool.html",
            {"UserPoolId": ITSELF, **_SETTINGS, EVERYTHING_ELSE: DESCRIBED},
        ),
        Call(
            "https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_SetUserPoolMfaConfig.html",
            {
                "UserPoolId": ITSELF,
                "MfaConfiguration": Field("mfa", OneOf("OFF", "OPTIONAL", "ON")),
                "SoftwareTokenMfaConfiguration.Enabled": Always(True, BOOLEAN),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_DeleteUserPool.html",
            {"UserPoolId": ITSELF},
        ),
        Call(
            "https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_DeleteUserPoolDomain.html",
            {"UserPoolId": ITSELF, "Domain": DESCRIBED},
        ),
    )

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        lives = []
        for summary in pages(cloud, "cognito-idp", "list_user_pools", "UserPools", MaxResults=60):
            if summary["Name"].startswith(cloud.aws_name("")):  # only the describe call has the tags
                with ignore_codes("ResourceNotFoundException"):
                    raw = _describe(cloud, summary["Id"])
                    if name := cloud.owned_name(raw.get("UserPoolTags", {})):
                        lives.append(cls._live(name, raw))
        return lives

    @classmethod
    def _live(cls, name: str, raw: dict[str, Any]) -> Live:
        # `sub`, the user's id, is always required.
        required = {item["Name"] for item in raw["SchemaAttributes"] if item.get("Required")} - {"sub"}
        return Live(
            cls.kind,
            name,
            raw["Id"],
            fields={
                "required_attributes": frozenset(required),
                "minimum_length": raw["Policies"]["PasswordPolicy"]["MinimumLength"],
                "mfa": raw.get("MfaConfiguration", "OFF"),
                "verified_attributes": frozenset(raw.get("AutoVerifiedAttributes", ())),
            },
            raw=raw,
        )

    def desired(self) -> dict[str, Any]:
        sets = {name: frozenset(getattr(self, name)) for name in ("required_attributes", "verified_attributes")}
        return super().desired() | sets

    def create(self, cloud: Cloud) -> None:
        created = cloud.client("cognito-idp").create_user_pool(
            PoolName=cloud.aws_name(self.name),
            Schema=[{"Name": name, "Required": True, "Mutable": True} for name in self.required_attributes],
            Policies={"PasswordPolicy": self._password_policy()},
            AutoVerifiedAttributes=[*self.verified_attributes],
            UserPoolTags=cloud.tags(self.name),
        )["UserPool"]
        pool = self.remember_id(cloud, created["Id"])
        if self.mfa != "OFF":
            self._set_mfa(cloud, pool)

    def update(self, cloud: Cloud, live: Live) -> None:
        raw = _describe(cloud, live.id)
        settings = update_parameters(cloud, "UpdateUserPool", raw)
        # The same number is in the password policy, and AWS accepts only one of them.
        settings.get("AdminCreateUserConfig", {}).pop("UnusedAccountValidityDays", None)
        settings["Policies"] = raw["Policies"] | {
            "PasswordPolicy": raw["Policies"]["PasswordPolicy"] | self._password_policy()
        }
        settings["AutoVerifiedAttributes"] = [*self.verified_attributes]
        cloud.client("cognito-idp").update_user_pool(**settings | {"UserPoolId": live.id})
        if live.fields["mfa"] != self.mfa:
            self._set_mfa(cloud, live.id)

    def _password_policy(self) -> dict[str, Any]:
        kinds = ("RequireLowercase", "RequireUppercase", "RequireNumbers", "RequireSymbols")
        return {"MinimumLength": self.minimum_length, **dict.fromkeys(kinds, True)}

    def _set_mfa(self, cloud: Cloud, pool: str) -> None:
        # Separate, because creating a pool with a second factor would need a role that sends text messages.
        app = {} if self.mfa == "OFF" else {"SoftwareTokenMfaConfiguration": {"Enabled": True}}
        cloud.client("cognito-idp").set_user_pool_mfa_config(UserPoolId=pool, MfaConfiguration=self.mfa, **app)

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        cognito = cloud.client("cognito-idp")
        with ignore_codes("ResourceNotFoundException"):
            # A pool with a domain can't be deleted.
            raw = _describe(cloud, live.id)
            for domain in filter(None, (raw.get("Domain"), raw.get("CustomDomain"))):
                cognito.delete_user_pool_domain(Domain=domain, UserPoolId=live.id)
            cloud.wait_until(
                f"{live.name} has no domain",
                lambda: not {"Domain", "CustomDomain"} & _describe(cloud, live.id).keys(),
            )
            cognito.delete_user_pool(UserPoolId=live.id)

    @classmethod
    def example(cls) -> Self:
        return cls(name="Managers")


def _describe(cloud: Cloud, pool: str) -> dict[str, Any]:
    described: dict[str, Any] = cloud.client("cognito-idp").describe_user_pool(UserPoolId=pool)["UserPool"]
    return described
