"""The cloud: names, targets, credentials, the account check, waiting and retries."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, WaiterError
from botocore.stub import Stubber

from esaws import cloud as cloud_module
from esaws.cloud import Cloud
from esaws.errors import EsawsError, LocalNotRunning, Refused, UsageError, WrongAccount


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
        ("ESAWS_TARGET", "http://"),
        ("ESAWS_TARGET", "//127.0.0.1"),
        ("ESAWS_REGION", "paris"),
        ("ESAWS_ACCOUNT", "123"),
        ("ESAWS_DEPLOYMENT", "aws"),
        ("ESAWS_OWNER", "Ana, Ben"),
    ],
)
def test_an_invalid_setting_is_in_the_error_message(monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError, match=value):
        Cloud.from_env()


@pytest.fixture
def environment(monkeypatch):
    """Return a function that sets `ESAWS_…` variables; the others are not set."""
    for variable in ("TARGET", "ACCOUNT", "REGION", "DEPLOYMENT", "OWNER"):
        monkeypatch.delenv(f"ESAWS_{variable}", raising=False)
    return lambda **variables: [monkeypatch.setenv(f"ESAWS_{name}", value) for name, value in variables.items()]


def settings(cloud):
    return cloud.target, cloud._expected_account, cloud.region, cloud.deployment


@pytest.mark.parametrize("variables", [{}, {"TARGET": "", "ACCOUNT": "", "REGION": "", "DEPLOYMENT": ""}])
def test_without_an_environment_the_cloud_is_the_local_aws(environment, variables):
    environment(**variables)
    assert settings(Cloud.from_env()) == ("local", None, "eu-west-3", "seccom")


def test_arguments_come_before_the_environment_and_that_before_the_defaults(environment):
    environment(TARGET="http://127.0.0.1:1", ACCOUNT="111111111111", REGION="us-east-1", DEPLOYMENT="other")
    cloud = Cloud.from_env()
    assert settings(cloud) == ("http://127.0.0.1:1", "111111111111", "us-east-1", "other")
    assert cloud.endpoint == "http://127.0.0.1:1"
    given = Cloud.from_env(region="us-west-2", deployment="mine")
    assert settings(given) == ("http://127.0.0.1:1", "111111111111", "us-west-2", "mine")


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


class StubClient:
    """Answers like the client of STS, and counts the calls. An exception is raised."""

    def __init__(self, answer, identity="iam::111111111111:root"):
        self.answer, self.identity, self.calls = answer, identity, 0

    def get_caller_identity(self):
        self.calls += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"Account": self.answer, "Arn": f"arn:aws:{self.identity}"}


def with_sts(cloud, answer, *identity):
    cloud._clients["sts"] = StubClient(answer, *identity)
    return cloud


@pytest.mark.parametrize("named", [None, "111111111111"])
def test_the_account_is_read_once_and_returned_by_the_check(named):
    cloud = with_sts(Cloud.at("http://127.0.0.1:1", account=named), "111111111111")
    assert (cloud.check(), cloud.account, cloud.check()) == ("111111111111",) * 3
    assert cloud.client("sts").calls == 1


def test_an_account_other_than_the_named_one_is_refused_at_every_check():
    cloud = with_sts(Cloud.at("http://127.0.0.1:1", account="222222222222"), "111111111111")
    for _ in range(2):
        with pytest.raises(WrongAccount):
            cloud.check()


@pytest.mark.parametrize(
    ("error", "raised", "message"),
    [
        (NoCredentialsError(), Refused, "there are no AWS credentials; run `aws configure`"),
        (EndpointConnectionError(endpoint_url="sts"), UsageError, "nothing answers at {where}: Could not connect"),
        (
            ClientError({"Error": {"Code": "ExpiredToken", "Message": "old"}}, "GetCallerIdentity"),
            EsawsError,
            r"{where}: STS did not return the account: ExpiredToken: .* → the credentials have expired; renew them",
        ),
    ],
)
@pytest.mark.parametrize("target", ["aws", "http://127.0.0.1:1"])
def test_an_account_that_cannot_be_read_is_an_error_with_its_cause(target, error, raised, message):
    cloud = with_sts(Cloud(target, account="111111111111"), error)
    with pytest.raises(raised, match=message.format(where="AWS" if target == "aws" else target)) as failure:
        cloud.check()
    assert type(failure.value) is raised


# -- the local AWS -------------------------------------------------------------------------------------------------


class Process:
    """Stands in for the process of the local AWS, and counts its starts and the questions for its status."""

    url = "http://127.0.0.1:7"

    def __init__(self, *, running):
        self.running, self.starts, self.questions = running, 0, 0

    def start(self):
        self.running, self.starts = True, self.starts + 1
        return {"url": self.url, "started": True}

    def status(self):
        self.questions += 1
        return {"running": self.running, "url": self.url if self.running else None}


def test_the_endpoint_of_the_running_local_aws_is_looked_up_once(monkeypatch):
    process = Process(running=True)
    monkeypatch.setattr(cloud_module, "process", process)
    cloud = Cloud.local()
    assert (cloud.endpoint, cloud.endpoint, process.questions) == (process.url, process.url, 1)


def test_the_endpoint_is_known_after_a_start(monkeypatch):
    process = Process(running=False)
    monkeypatch.setattr(cloud_module, "process", process)
    cloud = Cloud.local()
    with pytest.raises(LocalNotRunning):
        cloud.endpoint  # noqa: B018
    announced = []
    cloud.on_start = announced.append
    cloud.start()
    assert (cloud.endpoint, process.starts, process.questions) == (process.url, 1, 1)
    assert announced == [process.url]


@pytest.mark.parametrize("target", ["aws", "http://127.0.0.1:1"])
def test_other_targets_neither_start_nor_look_up_the_local_aws(monkeypatch, target):
    process = Process(running=False)
    monkeypatch.setattr(cloud_module, "process", process)
    cloud = Cloud(target)
    cloud.start()
    assert cloud.endpoint == (None if target == "aws" else target)
    assert (process.starts, process.questions) == (0, 0)


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


@pytest.mark.parametrize("is_aws", [False, True], ids=["local", "aws"])
def test_a_client_has_32_connections_and_retries_longer_on_aws(monkeypatch, is_aws):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    cloud = Cloud.aws(account="123456789012") if is_aws else Cloud.at("http://127.0.0.1:1")
    config = cloud.client("sts").meta.config
    assert config.retries == {"mode": "standard", "total_max_attempts": 8 if is_aws else 3}
    assert config.max_pool_connections == 32
    assert config.connect_timeout == (60 if is_aws else 5)


def test_settings_of_the_environment_for_aws_do_not_apply_to_an_endpoint(monkeypatch):
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    monkeypatch.setenv("AWS_USE_DUALSTACK_ENDPOINT", "true")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:2")
    config = Cloud.at("http://127.0.0.1:1").client("sts").meta.config
    assert not config.use_fips_endpoint
    assert not config.use_dualstack_endpoint
    assert config.proxies == {}


def test_the_access_key_of_an_endpoint_is_the_named_account():
    for account, key in ((None, "123456789012"), ("222222222222", "222222222222")):
        client = Cloud.at("http://127.0.0.1:1", account=account).client("sts")
        assert client._request_signer._credentials.access_key == key


def test_tags_identify_the_deployment_and_the_resource():
    cloud = Cloud.local(deployment="mine")
    tags = cloud.tags("ALB-sg")
    assert tags == {"esaws:deployment": "mine", "esaws:name": "ALB-sg", "Name": "mine-ALB-sg"}
    assert cloud.owned_name(tags) == "ALB-sg"
    assert Cloud.local(deployment="other").owned_name(tags) is None
    assert cloud.owned_name({"esaws:deployment": "mine"}) is None


@pytest.mark.parametrize(
    ("identity", "owner"),
    [
        ("iam::111111111111:user/ana", "ana"),
        ("iam::111111111111:user/teams/blue/ana", "teams/blue/ana"),
        ("sts::111111111111:assumed-role/Admin/ana@example.com", "Admin/ana@example.com"),
        ("iam::111111111111:user/ana,ben", "ana_ben"),  # a name may have a comma, and a tag may not
        ("iam::111111111111:root", "root"),
    ],
)
def test_on_aws_the_user_or_role_of_the_credentials_is_the_owner(identity, owner):
    cloud = with_sts(Cloud.aws("111111111111"), "111111111111", identity)
    assert cloud.tags("alb")["esaws:owner"] == owner


def test_a_named_owner_comes_before_the_credentials_and_holds_in_every_region(environment):
    environment(TARGET="aws", ACCOUNT="111111111111", OWNER="Ana Lopes")
    cloud = Cloud.from_env()
    assert cloud.tags("alb")["esaws:owner"] == cloud.in_region("us-east-1").tags("alb")["esaws:owner"] == "Ana Lopes"


def test_resources_have_no_owner_where_none_is_known():
    assert "esaws:owner" not in Cloud.local().tags("alb")


# -- waiting and retries -------------------------------------------------------------------------------------------


class Answers:
    """A call that raises these AWS error codes one after the other, the last one for ever; None returns."""

    def __init__(self, *codes):
        self.codes, self.calls = codes, 0

    def __call__(self):
        code = self.codes[min(self.calls, len(self.codes) - 1)]
        self.calls += 1
        if code:
            raise ClientError({"Error": {"Code": code, "Message": ""}}, "DeleteSubnet")
        return "deleted"


class Clock:
    """A clock that starts at 1000 seconds. Every poll takes `step` seconds; a test fails after 1000 polls."""

    def __init__(self, step):
        self.step, self.polls = step, []

    @property
    def seconds(self):
        return self.step * len(self.polls)

    def monotonic(self):
        return 1000.0 + self.seconds

    def sleep(self, seconds):
        self.polls.append(seconds)
        assert len(self.polls) < 1000, "it polls for ever"


@pytest.fixture(params=["local", "aws"])
def waiting(request, monkeypatch):
    """A cloud and the clock of its polls."""
    clock = Clock(step=1 if request.param == "local" else 5)
    monkeypatch.setattr(cloud_module, "time", clock)
    return Cloud.local() if request.param == "local" else Cloud.aws(account="123456789012"), clock


def test_retry_repeats_a_call_while_aws_answers_one_of_the_codes(waiting):
    cloud, clock = waiting
    call = Answers("DependencyViolation", "ResourceInUse", None)
    assert cloud.retry(call, "DependencyViolation", "ResourceInUse") == "deleted"
    assert call.calls == 3
    assert clock.polls == [5.0 if cloud.is_aws else 0.05] * 2


@pytest.mark.parametrize("before", [(), ("DependencyViolation",)], ids=["first", "after-a-retry"])
def test_retry_raises_any_other_error_at_once(waiting, before):
    cloud, clock = waiting
    call = Answers(*before, "UnauthorizedOperation", None)
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        cloud.retry(call, "DependencyViolation")
    assert call.calls == len(before) + 1
    assert clock.seconds == clock.step * len(before)


def test_retry_without_codes_calls_once(waiting):
    cloud, _ = waiting
    call = Answers("Throttling", None)
    with pytest.raises(ClientError, match="Throttling"):
        cloud.retry(call)
    assert call.calls == 1


@pytest.mark.parametrize(("options", "minutes"), [({}, 10), ({"minutes": 2}, 2)])
def test_retry_raises_the_last_error_after_its_minutes_on_aws_and_ten_seconds_elsewhere(waiting, options, minutes):
    cloud, clock = waiting
    last = minutes * 60 if cloud.is_aws else 10  # the call at this second is the last one that may be repeated
    with pytest.raises(ClientError, match="DependencyViolation"):
        cloud.retry(Answers("DependencyViolation"), "DependencyViolation", **options)
    assert clock.seconds == last + clock.step


def test_wait_until_returns_as_soon_as_the_condition_is_true(waiting):
    cloud, clock = waiting
    results = iter([False, False, True])
    cloud.wait_until("it is there", lambda: next(results))
    assert clock.polls == [5.0 if cloud.is_aws else 0.05] * 2


@pytest.mark.parametrize(("options", "minutes"), [({}, 10), ({"minutes": 2}, 2), ({"minutes": 0.5}, 0.5)])
def test_wait_until_times_out_after_its_minutes_and_names_the_condition(waiting, options, minutes):
    cloud, clock = waiting
    message = f"timed out after {minutes} minutes: waited until the broker runs; check it in eu-west-3"
    with pytest.raises(EsawsError, match=message):
        cloud.wait_until("the broker runs", lambda: False, **options)
    assert clock.seconds == minutes * 60 + clock.step


def test_wait_until_accepts_a_condition_that_is_true_at_the_last_poll(waiting):
    cloud, clock = waiting
    cloud.wait_until("a minute has passed", lambda: clock.seconds > 60, minutes=1)
    assert clock.seconds == 60 + clock.step


class Waiter:
    """Takes the place of a client and of its waiter; it is satisfied by the poll with a number."""

    def __init__(self, satisfied_by: int = 1) -> None:
        self.polls: list[dict[str, Any]] = []
        self.satisfied_by = satisfied_by

    def get_waiter(self, name: str) -> "Waiter":
        return self

    def wait(self, **parameters: Any) -> None:
        self.polls.append(parameters)
        if len(self.polls) < self.satisfied_by:
            raise WaiterError("DBInstanceAvailable", "Max attempts exceeded", {})


def test_a_waiter_keeps_its_own_pace_on_aws() -> None:
    cloud, waiter = Cloud.aws(account="123456789012"), Waiter()
    cloud._clients["rds"] = waiter
    cloud.wait("rds", "db_instance_available", DBInstanceIdentifier="database")
    assert waiter.polls == [{"DBInstanceIdentifier": "database"}]


def test_elsewhere_a_waiter_polls_once_at_a_time_until_it_is_satisfied() -> None:
    cloud, waiter = Cloud.at("http://127.0.0.1:9"), Waiter(satisfied_by=3)
    cloud._clients["rds"] = waiter
    cloud.wait("rds", "db_instance_available", DBInstanceIdentifier="database")
    once = {"Delay": 0, "MaxAttempts": 1}
    assert waiter.polls == [{"DBInstanceIdentifier": "database", "WaiterConfig": once}] * 3


# -- sharing -------------------------------------------------------------------------------------------------------


def test_a_sharing_cloud_calls_once_what_several_need():
    cloud = Cloud.at("http://127.0.0.1:9")
    calls = []

    def call():
        calls.append("called")
        time.sleep(0.02)  # the others come meanwhile
        return "answer"

    sharing = cloud.sharing()
    with ThreadPoolExecutor(4) as pool:
        assert {*pool.map(lambda _: sharing.shared("VPC", call), range(4))} == {"answer"}
    assert len(calls) == 1
    cloud.shared("VPC", call)
    cloud.shared("VPC", call)
    cloud.sharing().shared("VPC", call)
    assert len(calls) == 4, "a cloud that is not sharing keeps nothing"


def test_a_sharing_cloud_raises_again_what_the_first_call_raised():
    sharing = Cloud.at("http://127.0.0.1:9").sharing()

    def fail():
        raise EsawsError("not today")

    for call in (fail, lambda: None):
        with pytest.raises(EsawsError, match="not today"):
            sharing.shared("VPC", call)
