"""Users of a Cognito pool sign up, confirm and sign in as on AWS."""

import json
import re
import urllib.request
from typing import Any

import pytest
from joserfc import jwk, jwt

from tests.local.cases import outcome
from tests.local.timing import advance, events

EMAIL, PASSWORD = "ada@example.com", "Correct-horse-7"
ADDRESS = [{"Name": "email", "Value": EMAIL}]


class Pool:
    """A pool that requires and verifies e-mail addresses, with a client."""

    def __init__(self, account: Any):
        self.account, self.idp = account, account.client("cognito-idp")
        schema = [{"Name": "email", "Required": True, "AttributeDataType": "String", "Mutable": True}]
        pool = self.idp.create_user_pool(
            PoolName="people", Schema=schema, AutoVerifiedAttributes=["email"], UsernameAttributes=["email"]
        )
        self.id = pool["UserPool"]["Id"]
        self.client = self.new_client(ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"])

    def new_client(self, **settings: Any) -> str:
        created = self.idp.create_user_pool_client(UserPoolId=self.id, ClientName="web", **settings)
        return str(created["UserPoolClient"]["ClientId"])

    def sign_up(self, password: str = PASSWORD, **settings: Any) -> Any:
        named = {"ClientId": self.client, "Username": EMAIL, "UserAttributes": ADDRESS}
        return outcome(lambda: self.idp.sign_up(**named | settings, Password=password).get("CodeDeliveryDetails"))

    def sign_in(self, client: str = "", **parameters: str) -> Any:
        flow = "REFRESH_TOKEN_AUTH" if "REFRESH_TOKEN" in parameters else "USER_PASSWORD_AUTH"
        parameters = parameters or {"USERNAME": EMAIL, "PASSWORD": PASSWORD}
        call = {"ClientId": client or self.client, "AuthFlow": flow, "AuthParameters": parameters}
        return outcome(lambda: self.idp.initiate_auth(**call)["AuthenticationResult"])

    def code(self) -> str:
        """The code that AWS would have sent last."""
        return str(re.findall(r"code (\d{6})", json.dumps(events(self.account)))[-1])

    def confirm(self, code: str) -> Any:
        call = {"ClientId": self.client, "Username": EMAIL, "ConfirmationCode": code}
        return outcome(lambda: self.idp.confirm_sign_up(**call) and "accepted")


@pytest.fixture
def pool(account: Any) -> Pool:
    return Pool(account)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"password": "Short-1"}, "InvalidPasswordException"),
        ({"password": "correct-horse-7"}, "InvalidPasswordException"),
        ({"password": "Correct-horse-battery"}, "InvalidPasswordException"),
        ({"password": "CorrectHorse7"}, "InvalidPasswordException"),
        ({"UserAttributes": [*ADDRESS, {"Name": "custom:team", "Value": "a"}]}, "InvalidParameterException"),
        ({"Username": "ada", "UserAttributes": []}, "InvalidParameterException"),
    ],
)
def test_a_sign_up_that_the_pool_does_not_allow_is_refused_and_not_kept(
    pool: Pool, settings: dict[str, Any], code: str
) -> None:
    assert pool.sign_up(**settings) == code
    assert pool.idp.list_users(UserPoolId=pool.id)["Users"] == []


def test_a_sign_up_needs_the_required_attributes(account: Any) -> None:
    pool = Pool(account)
    schema = [{"Name": "name", "Required": True, "AttributeDataType": "String"}]
    pool.id = pool.idp.create_user_pool(PoolName="names", Schema=schema)["UserPool"]["Id"]
    pool.client = pool.new_client()
    assert pool.sign_up(Username="ada", UserAttributes=[]) == "InvalidParameterException"
    assert (
        pool.sign_up(Username="ada", UserAttributes=[{"Name": "name", "Value": "Ada"}]) != "InvalidParameterException"
    )


def test_a_user_confirms_with_the_code_that_was_sent(pool: Pool) -> None:
    assert pool.sign_up() == {"Destination": "a***@e***", "DeliveryMedium": "EMAIL", "AttributeName": "email"}
    assert pool.sign_in() == "UserNotConfirmedException"
    code = pool.code()
    assert pool.confirm(wrong(code)) == "CodeMismatchException"
    assert pool.confirm(code) == "accepted"
    assert pool.confirm(code) == "NotAuthorizedException"
    user = pool.idp.admin_get_user(UserPoolId=pool.id, Username=EMAIL)
    attributes = {each["Name"]: each["Value"] for each in user["UserAttributes"]}
    assert (user["UserStatus"], attributes["email_verified"]) == ("CONFIRMED", "true")


def test_a_code_expires_and_is_sent_again(account: Any, pool: Pool) -> None:
    pool.sign_up()
    late = pool.code()
    advance(account, "25h")
    assert pool.confirm(late) == "ExpiredCodeException"
    pool.idp.resend_confirmation_code(ClientId=pool.client, Username=EMAIL)
    assert pool.confirm(pool.code()) == "accepted"


def test_a_forgotten_password_is_replaced_with_a_code(pool: Pool) -> None:
    pool.sign_up()
    pool.confirm(pool.code())
    pool.idp.forgot_password(ClientId=pool.client, Username=EMAIL)
    code, other = pool.code(), "Battery-staple-8"

    def replace(password: str, code: str) -> Any:
        call = {"ClientId": pool.client, "Username": EMAIL, "Password": password, "ConfirmationCode": code}
        return outcome(lambda: pool.idp.confirm_forgot_password(**call) and "accepted")

    assert replace(other, wrong(code)) == "CodeMismatchException"
    assert replace("weak", code) == "InvalidPasswordException"
    assert replace(other, code) == "accepted"
    assert pool.sign_in() == "NotAuthorizedException"
    assert "AccessToken" in pool.sign_in(USERNAME=EMAIL, PASSWORD=other)


@pytest.mark.parametrize(
    ("mechanisms", "sent_to"),
    [
        (None, "+*******9934"),
        (["verified_email", "verified_phone_number"], "a***@e***"),
        (["verified_phone_number", "verified_email"], "+*******9934"),
    ],
)
def test_a_code_for_a_password_goes_where_the_pool_says(
    account: Any, mechanisms: list[str] | None, sent_to: str
) -> None:
    idp, user = account.client("cognito-idp"), {"Username": "ada"}
    recovery = [{"Name": name, "Priority": place} for place, name in enumerate(mechanisms or (), start=1)]
    settings = {"AccountRecoverySetting": {"RecoveryMechanisms": recovery}} if recovery else {}
    pool = idp.create_user_pool(PoolName="people", **settings)["UserPool"]["Id"]
    client = idp.create_user_pool_client(UserPoolId=pool, ClientName="web")["UserPoolClient"]["ClientId"]
    attributes = [{"Name": "email", "Value": EMAIL}, {"Name": "phone_number", "Value": "+15550009934"}]
    idp.admin_create_user(UserPoolId=pool, UserAttributes=attributes, **user)
    details = idp.forgot_password(ClientId=client, **user)["CodeDeliveryDetails"]
    assert details["Destination"] == sent_to


def test_tokens_are_signed_by_the_key_of_the_pool_and_expire(account: Any, pool: Pool) -> None:
    pool.sign_up()
    pool.confirm(pool.code())
    tokens = pool.sign_in()
    host = {"Host": f"cognito-idp.{account.region}.amazonaws.com"}
    keys = urllib.request.Request(f"{account.url}/{pool.id}/.well-known/jwks.json", headers=host)
    with urllib.request.urlopen(keys) as response:
        key_set = jwk.KeySet.import_key_set(json.load(response))
    claims = jwt.decode(tokens["AccessToken"], key_set).claims
    assert (claims["token_use"], claims["client_id"]) == ("access", pool.client)
    advance(account, "61m")
    assert outcome(lambda: pool.idp.get_user(AccessToken=tokens["AccessToken"])) == "NotAuthorizedException"
    assert "AccessToken" in pool.sign_in(REFRESH_TOKEN=tokens["RefreshToken"])
    advance(account, "30d")
    assert pool.sign_in(REFRESH_TOKEN=tokens["RefreshToken"]) == "NotAuthorizedException"


def test_users_sign_in_by_the_flows_of_their_client(pool: Pool) -> None:
    pool.sign_up()
    pool.confirm(pool.code())
    assert pool.sign_in(pool.new_client()) == "InvalidParameterException"


def test_a_client_has_https_addresses(pool: Pool) -> None:
    assert outcome(lambda: pool.new_client(CallbackURLs=["http://example.com"])) == "InvalidParameterException"
    assert outcome(lambda: pool.new_client(CallbackURLs=["http://localhost:8080"])) != "InvalidParameterException"
