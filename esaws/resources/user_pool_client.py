"""A client of a user pool: an application whose users sign in with it."""

from dataclasses import dataclass
from typing import Any, Self

from esaws.aws import ignore_codes, pages
from esaws.cloud import Cloud
from esaws.documented import BOOLEAN, DESCRIBED, EVERYTHING_ELSE, ITSELF, Call, Each, Field, Name, OneOf
from esaws.resource import Live, Lives, Ref, Resource
from esaws.resources._cognito import COGNITO_NAME, update_parameters
from esaws.resources.user_pool import UserPool

_FLOWS = Each(
    OneOf(
        "ALLOW_ADMIN_USER_PASSWORD_AUTH",
        "ALLOW_CUSTOM_AUTH",
        "ALLOW_REFRESH_TOKEN_AUTH",
        "ALLOW_TOKEN_EXCHANGE_DELEGATION",
        "ALLOW_TOKEN_EXCHANGE_IMPERSONATION",
        "ALLOW_USER_AUTH",
        "ALLOW_USER_PASSWORD_AUTH",
        "ALLOW_USER_SRP_AUTH",
        besides="those before, without ALLOW_, which can't be mixed with these",
    ),
    1,
)


@dataclass(frozen=True, kw_only=True)
class UserPoolClient(Resource):
    """An application of `pool`. One that runs in a browser gets no secret, since it can't keep it."""

    pool: UserPool
    generate_secret: bool = False
    auth_flows: tuple[str, ...] = ("ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH")

    in_place = frozenset({"auth_flows"})
    icon = "aws.security.Cognito"
    free = "Cognito charges for users, not for applications"
    permissions = (
        "cognito-idp:CreateUserPoolClient",
        "cognito-idp:DeleteUserPoolClient",
        "cognito-idp:DescribeUserPool",
        "cognito-idp:DescribeUserPoolClient",
        "cognito-idp:ListUserPoolClients",
        "cognito-idp:ListUserPools",
        "cognito-idp:UpdateUserPoolClient",
    )
    documented = (
        Call(
            "https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html",
            {
                "UserPoolId": Field("pool"),
                "ClientName": Name(COGNITO_NAME),
                "GenerateSecret": Field("generate_secret", BOOLEAN),
                "ExplicitAuthFlows[]": Field("auth_flows", _FLOWS),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_UpdateUserPoolClient.html",
            {
                "UserPoolId": Field("pool"),
                "ExplicitAuthFlows[]": Field("auth_flows", _FLOWS),
                EVERYTHING_ELSE: DESCRIBED,
            },
        ),
        Call(
            "https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_DeleteUserPoolClient.html",
            {"UserPoolId": Field("pool"), "ClientId": ITSELF},
        ),
    )

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        lives = []
        for pool in UserPool.listed(cloud):
            with ignore_codes("ResourceNotFoundException"):
                summaries = pages(
                    cloud, "cognito-idp", "list_user_pool_clients", "UserPoolClients", UserPoolId=pool.id, MaxResults=60
                )
                for summary in [*summaries]:
                    raw = _describe(cloud, pool.id, summary["ClientId"])
                    lives.append(cls._live(cloud, raw))
        return lives

    @classmethod
    def _live(cls, cloud: Cloud, raw: dict[str, Any]) -> Live:
        # Clients have no tags. In our pool, those with our prefix are ours.
        prefix, name = cloud.aws_name(""), raw["ClientName"]
        return Live(
            cls.kind,
            name.removeprefix(prefix),
            raw["ClientId"],
            parents=frozenset({Ref("UserPool", raw["UserPoolId"])}),
            fields={
                "pool": raw["UserPoolId"],
                "generate_secret": "ClientSecret" in raw,
                "auth_flows": frozenset(raw.get("ExplicitAuthFlows", ())),
            },
            raw={key: value for key, value in raw.items() if key != "ClientSecret"},
            foreign=not name.startswith(prefix),
        )

    def desired(self) -> dict[str, Any]:
        return super().desired() | {"auth_flows": frozenset(self.auth_flows)}

    def create(self, cloud: Cloud) -> None:
        created = cloud.client("cognito-idp").create_user_pool_client(
            UserPoolId=self.pool.id_in(cloud),
            ClientName=cloud.aws_name(self.name),
            GenerateSecret=self.generate_secret,
            ExplicitAuthFlows=[*self.auth_flows],
        )["UserPoolClient"]
        self.remember_id(cloud, created["ClientId"])

    def update(self, cloud: Cloud, live: Live) -> None:
        raw = _describe(cloud, live.fields["pool"], live.id)
        settings = update_parameters(cloud, "UpdateUserPoolClient", raw) | {"ExplicitAuthFlows": [*self.auth_flows]}
        cloud.client("cognito-idp").update_user_pool_client(**settings)

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        with ignore_codes("ResourceNotFoundException"):
            cloud.client("cognito-idp").delete_user_pool_client(UserPoolId=live.fields["pool"], ClientId=live.id)

    @classmethod
    def example(cls) -> Self:
        return cls(name="manager-web-ui", pool=UserPool.example())


def _describe(cloud: Cloud, pool: str, client: str) -> dict[str, Any]:
    response = cloud.client("cognito-idp").describe_user_pool_client(UserPoolId=pool, ClientId=client)
    described: dict[str, Any] = response["UserPoolClient"]
    return described
