"""Where and as whom: names, targets, credentials and the account guard."""

import os
import subprocess
import sys

import pytest
from botocore.stub import Stubber

from esaws.cloud import Cloud
from esaws.errors import LocalNotRunning, Refused, UsageError, WrongAccount


@pytest.mark.parametrize("name", ["a", "seccom", "abcdefgh", "a1"])
def test_a_deployment_name_of_one_to_eight_letters_and_digits_is_taken(name):
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
def test_any_other_deployment_name_is_refused(name):
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
def test_a_setting_that_cannot_be_is_named(monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError, match=value):
        Cloud.from_env()


def test_the_environment_chooses_target_region_deployment_and_account(monkeypatch):
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


def test_a_profile_that_does_not_exist_is_no_matter_for_a_local_target(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "gone")
    assert Cloud.at("http://127.0.0.1:1").client("sts")


def test_on_aws_a_configured_endpoint_never_gets_the_credentials(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    client = Cloud.aws(account="123456789012").client("ec2")
    assert client.meta.endpoint_url == "https://ec2.eu-west-3.amazonaws.com"


def test_on_aws_nothing_is_asked_before_an_account_is_named(monkeypatch):
    monkeypatch.setenv("ESAWS_TARGET", "aws")
    cloud = Cloud.from_env()
    with pytest.raises(Refused, match="name the account"):
        cloud.check()
    assert len(cloud.calls) == 0


def test_on_aws_another_account_than_the_named_one_is_refused(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    cloud = Cloud.aws(account="123456789012")
    with Stubber(cloud.client("sts")) as sts:
        sts.add_response("get_caller_identity", {"Account": "999999999999"})
        with pytest.raises(WrongAccount, match="belong to account 999999999999, but 123456789012 was named"):
            cloud.check()


def test_an_endpoint_where_nothing_answers_is_named():
    with pytest.raises(UsageError, match=r"nothing answers at http://127.0.0.1:1"):
        Cloud.at("http://127.0.0.1:1").check()


def test_without_a_local_aws_nothing_is_looked_at(tmp_path, monkeypatch):
    monkeypatch.setenv("ESAWS_STATE", str(tmp_path))
    with pytest.raises(LocalNotRunning, match="nothing was looked at"):
        Cloud.local().check()


def test_an_inventory_without_a_local_aws_exits_with_1(tmp_path):
    command = [sys.executable, "-c", "from esaws.cli import main; main(['inventory', '--json'])"]
    environment = os.environ | {"ESAWS_STATE": str(tmp_path)}
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 1
    assert "not running, nothing was looked at" in finished.stderr
    assert finished.stdout == ""


def test_a_client_is_made_once():
    cloud = Cloud.at("http://127.0.0.1:1")
    assert cloud.client("ec2") is cloud.client("ec2")


def test_waiting_in_vain_says_for_what():
    with pytest.raises(Exception, match="until the broker runs"):
        Cloud.local().wait_until("the broker runs", lambda: False, minutes=0)


def test_tags_say_whose_and_which():
    cloud = Cloud.local(deployment="mine")
    tags = cloud.tags("ALB-sg")
    assert tags == {"esaws:deployment": "mine", "esaws:name": "ALB-sg", "Name": "mine-ALB-sg"}
    assert cloud.owned_name(tags) == "ALB-sg"
    assert Cloud.local(deployment="other").owned_name(tags) is None
    assert cloud.owned_name({"esaws:deployment": "mine"}) is None
