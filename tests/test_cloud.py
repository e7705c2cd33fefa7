"""The cloud: names, targets, credentials, the account check, waiting and retries."""

import os
import subprocess
import sys

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from esaws import cloud as cloud_module
from esaws.cloud import Cloud
from esaws.errors import LocalNotRunning, Refused, UsageError, WrongAccount


@pytest.mark.parametrize("name", ["a", "seccom", "abcdefgh", "a1"])
def test_a_deployment_name_of_one_to_eight_letters_and_digits_is_accepted(name):
    assert Cloud.local(deployment=name).aws_name("alb") == f"{name}-alb"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "1a",
        "Seccom",
        "abcdefghi",
        "a-b",
        "a_b",
        "aws",
        "ecs",
        "internal",
        "sg",
        "ecs2",
        "awsome",
        "ssmy",
        "fargate1",
        "ä",
        "a\n",
    ],
)
def test_any_other_deployment_name_is_rejected(name):
    with pytest.raises(UsageError, match="1 to 8 lower-case letters"):
        Cloud.local(deployment=name)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ESAWS_TARGET", "moon"),
        ("ESAWS_TARGET", "ftp://127.0.0.1"),
        ("ESAWS_REGION", "paris"),
        ("ESAWS_ACCOUNT", "123"),
        ("ESAWS_DEPLOYMENT", "aws"),
    ],
)
def test_an_invalid_setting_is_in_the_error_message(monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError, match=value):
        Cloud.from_env()


def test_the_environment_sets_target_region_and_deployment(monkeypatch):
    monkeypatch.setenv("ESAWS_TARGET", "http://127.0.0.1:1")
    monkeypatch.setenv("ESAWS_REGION", "us-east-1")
    monkeypatch.setenv("ESAWS_DEPLOYMENT", "other")
    cloud = Cloud.from_env()
    assert (cloud.endpoint, cloud.region, cloud.deployment) == ("http://127.0.0.1:1", "us-east-1", "other")


def test_real_credentials_of_the_environment_never_reach_an_endpoint(monkeypatch, tmp_path):
    config = tmp_path / "config"
    config.write_text(
        "[profile work]\naws_access_key_id = AKIAREAL\naws_secret_access_key = real\nregion = us-west-2\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://example.com")
    cloud = Cloud.at("http://127.0.0.1:1")
    client = cloud.client("ec2")
    used = client._request_signer._credentials
    assert (used.access_key, used.secret_key, used.token) == ("123456789012", "local", None)
    assert (client.meta.endpoint_url, client.meta.region_name) == ("http://127.0.0.1:1", "eu-west-3")


def test_a_local_target_ignores_a_missing_profile(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "gone")
    assert Cloud.at("http://127.0.0.1:1").client("sts")


def test_a_configured_endpoint_url_is_ignored_on_aws(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    client = Cloud.aws(account="123456789012").client("ec2")
    assert client.meta.endpoint_url == "https://ec2.eu-west-3.amazonaws.com"


def test_no_call_to_aws_is_made_before_an_account_is_named(monkeypatch):
    monkeypatch.setenv("ESAWS_TARGET", "aws")
    cloud = Cloud.from_env()
    with pytest.raises(Refused, match="name the account"):
        cloud.check()
    assert len(cloud.calls) == 0


def test_an_account_other_than_the_named_one_is_refused_on_aws(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    cloud = Cloud.aws(account="123456789012")
    with Stubber(cloud.client("sts")) as sts:
        sts.add_response("get_caller_identity", {"Account": "999999999999"})
        with pytest.raises(WrongAccount, match="belong to account 999999999999, but 123456789012 was named"):
            cloud.check()


def test_an_endpoint_that_does_not_answer_is_in_the_error_message():
    with pytest.raises(UsageError, match=r"nothing answers at http://127.0.0.1:1"):
        Cloud.at("http://127.0.0.1:1").check()


def test_the_local_aws_has_to_run(tmp_path, monkeypatch):
    monkeypatch.setenv("ESAWS_STATE", str(tmp_path))
    with pytest.raises(LocalNotRunning, match="nothing was looked at"):
        Cloud.local().check()


def test_the_inventory_command_exits_with_1_if_the_local_aws_does_not_run(tmp_path):
    command = [sys.executable, "-c", "from esaws.cli import main; main(['inventory', '--json'])"]
    environment = os.environ | {"ESAWS_STATE": str(tmp_path)}
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 1
    assert "not running, nothing was looked at" in finished.stderr
    assert finished.stdout == ""


def test_a_client_is_created_once():
    cloud = Cloud.at("http://127.0.0.1:1")
    assert cloud.client("ec2") is cloud.client("ec2")


def test_a_timeout_names_the_condition():
    with pytest.raises(Exception, match="until the broker runs"):
        Cloud.local().wait_until("the broker runs", lambda: False, minutes=0)


def test_tags_identify_the_deployment_and_the_resource():
    cloud = Cloud.local(deployment="mine")
    tags = cloud.tags("ALB-sg")
    assert tags == {"esaws:deployment": "mine", "esaws:name": "ALB-sg", "Name": "mine-ALB-sg"}
    assert cloud.owned_name(tags) == "ALB-sg"
    assert Cloud.local(deployment="other").owned_name(tags) is None
    assert cloud.owned_name({"esaws:deployment": "mine"}) is None


# -- retry ---------------------------------------------------------------------------------------------------------


class Answers:
    """A call that raises these AWS error codes one after the other; None returns."""

    def __init__(self, *codes):
        self.codes, self.calls = codes, 0

    def __call__(self):
        code = self.codes[min(self.calls, len(self.codes) - 1)]
        self.calls += 1
        if code:
            raise ClientError({"Error": {"Code": code, "Message": ""}}, "DeleteSubnet")
        return "deleted"


@pytest.fixture(params=["local", "aws"])
def waiting(request, monkeypatch):
    """A cloud whose polls take 5 seconds of a fake clock, and that clock."""
    clock = [0.0]
    monkeypatch.setattr(cloud_module.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(cloud_module.time, "sleep", lambda seconds: clock.__setitem__(0, clock[0] + 5))
    return Cloud.local() if request.param == "local" else Cloud.aws(account="123456789012"), clock


def test_retry_repeats_a_call_while_aws_answers_one_of_the_codes(waiting):
    cloud, _ = waiting
    call = Answers("DependencyViolation", "ResourceInUse", None)
    assert cloud.retry(call, "DependencyViolation", "ResourceInUse") == "deleted"
    assert call.calls == 3


@pytest.mark.parametrize("before", [(), ("DependencyViolation",)], ids=["first", "after-a-retry"])
def test_retry_raises_any_other_error_at_once(waiting, before):
    cloud, clock = waiting
    call = Answers(*before, "UnauthorizedOperation", None)
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        cloud.retry(call, "DependencyViolation")
    assert call.calls == len(before) + 1
    assert clock[0] == 5 * len(before)


def test_retry_without_codes_calls_once(waiting):
    cloud, _ = waiting
    call = Answers("Throttling", None)
    with pytest.raises(ClientError, match="Throttling"):
        cloud.retry(call)
    assert call.calls == 1


def test_retry_raises_the_last_error_after_its_time(waiting):
    cloud, clock = waiting
    with pytest.raises(ClientError, match="DependencyViolation"):
        cloud.retry(Answers("DependencyViolation"), "DependencyViolation", minutes=2)
    assert clock[0] == (125 if cloud.is_aws else 15)


def test_wait_until_returns_as_soon_as_the_condition_is_true(waiting):
    cloud, clock = waiting
    results = iter([False, False, True])
    cloud.wait_until("it is there", lambda: next(results))
    assert clock[0] == 10
