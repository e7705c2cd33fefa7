"""Saving and loading: a file restores the whole state, and a bad file changes nothing and runs no code."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from esaws.cloud import Cloud
from esaws.deploy.plan import plan_deploy
from esaws.reference.seccom import seccom
from tests.local.conftest import Account, Program
from tests.local.damaged_files import packed
from tests.local.read_calls import ReadCalls
from tests.local.timing import advance, control, events, now

pytestmark = pytest.mark.slow

ID, OTHER = "123456789012", "210987654321"
PATH = "/intrusion-management-api/"
DAMAGED_FILES = 500 if os.environ.get("SOAK") else 150


class Deployed:
    """SecCom with two services in a local AWS of its own, with traffic, and an object in a bucket."""

    def __init__(self, folder: Path) -> None:
        self.program = Program(folder / "state")
        self.file = str(folder / "file.esaws")
        self.account = Account(self.program.json("start", "--at", "2026-01-01T00:00Z")["url"], ID)
        system = seccom("ha", services=("client-web-ui", "intrusion-management-api"))
        plan_deploy(system, Cloud.at(self.account.url, account=ID)).apply()
        location = {"LocationConstraint": self.account.region}
        self.account.client("s3").create_bucket(Bucket="seccom-a-bucket", CreateBucketConfiguration=location)
        self.account.client("s3").put_object(Bucket="seccom-a-bucket", Key="clip", Body=b"content" * 10_000)
        control(self.account, "POST", "traffic", trace={"shape": "steady", "requests_per_second": 5, "path": PATH})
        advance(self.account, "3h")

    def restart(self) -> None:
        self.program.json("stop")
        self.account = Account(self.program.json("start")["url"], ID)

    def control_results(self) -> dict[str, Any]:
        """The events, the traffic and the cost, rounded because it grows every second."""
        costs = {
            name: round(value, 2) if isinstance(value, float) else str(value)[:0]
            for name, value in control(self.account, "GET", "cost").items()
        }
        return {"events": events(self.account), "traffic": control(self.account, "GET", "traffic"), "cost": costs}


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    deployed = Deployed(tmp_path_factory.mktemp("deployed"))
    yield deployed
    deployed.program.run("stop", "--discard")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Program, str]]:
    """(program, URL of its server), shared by the tests of this module."""
    program = Program(tmp_path_factory.mktemp("running") / "state")
    yield program, program.json("start", "--at", "2026-01-01T00:00Z")["url"]
    program.run("stop", "--discard")


@pytest.fixture
def program(running: tuple[Program, str]) -> Program:
    """A program whose server is empty."""
    running[0].json("reset")
    return running[0]


@pytest.fixture
def account(program: Program, running: tuple[Program, str]) -> Account:
    return Account(running[1], ID)


@pytest.fixture
def other(program: Program, running: tuple[Program, str]) -> Account:
    return Account(running[1], OTHER)


# --- a file restores everything


def test_a_file_names_the_objects_of_aws(program: Program, account: Account, tmp_path: Path) -> None:
    images = account.client("ec2").describe_images(Owners=["amazon"])["Images"]
    policies = account.client("iam").list_policies(Scope="AWS", MaxItems=1000)["Policies"]
    account.client("ssm").get_parameter(Name="/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended")
    assert len(images) > 1000 and len(policies) == 1000
    assert program.json("save", str(tmp_path / "file"))["bytes"] < 200_000, "without names it has 700,000"


def test_every_read_call_returns_the_same_after_load_and_restart(deployed: Deployed) -> None:
    calls, before, time = ReadCalls(deployed.account), deployed.control_results(), now(deployed.account)
    saved = deployed.program.json("save", deployed.file)
    assert saved["accounts"] == [ID] and saved["left_out"] == []
    assert len(calls.results) > 250
    assert sum(not isinstance(result, str) for result in calls.results.values()) > 200
    deployed.program.json("advance", "2d")
    deployed.program.json("load", deployed.file)
    deployed.restart()
    assert time - 60 <= now(deployed.account) <= time + 60
    calls.connect(deployed.account)
    after = calls.repeat()
    assert [name for name in after if after[name] != calls.results[name]] == []
    assert deployed.control_results() == before


def test_a_loaded_auto_scaling_group_replaces_a_stopped_instance(deployed: Deployed) -> None:
    deployed.program.json("save", deployed.file)
    deployed.program.json("load", deployed.file)
    ec2, autoscaling = deployed.account.client("ec2"), deployed.account.client("autoscaling")
    group = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]
    stopped = group["Instances"][0]["InstanceId"]
    ec2.stop_instances(InstanceIds=[stopped])
    advance(deployed.account, "1h")
    groups = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group["AutoScalingGroupName"]])
    instances = groups["AutoScalingGroups"][0]["Instances"]
    assert stopped not in [instance["InstanceId"] for instance in instances]
    assert [instance["LifecycleState"] for instance in instances] == ["InService"] * len(group["Instances"])


def test_two_simulations_from_one_file_are_equal(deployed: Deployed) -> None:
    deployed.program.json("save", deployed.file)
    cloudwatch, simulations = deployed.account.client("cloudwatch"), []
    metric = {"Namespace": "AWS/ApplicationELB", "MetricName": "RequestCount"}
    period = {"StartTime": "2026-01-10T00:00Z", "EndTime": "2026-01-14T00:00Z", "Period": 3600}
    for _ in range(2):
        deployed.program.json("load", deployed.file)
        deployed.program.json("advance", "--to", "2026-01-15T00:00Z")
        dimensions = cloudwatch.list_metrics(**metric)["Metrics"][0]
        points = cloudwatch.get_metric_statistics(**dimensions, **period, Statistics=["Sum"])["Datapoints"]
        requests = sorted((str(point["Timestamp"]), point["Sum"]) for point in points)
        simulations.append((len(events(deployed.account)), requests))
    assert simulations[0] == simulations[1]
    assert simulations[0][1]


def test_keys_queues_and_subscriptions_are_restored(program: Program, account: Account, tmp_path: Path) -> None:
    kms, sqs, sns = account.client("kms"), account.client("sqs"), account.client("sns")
    key = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="RSA_2048")["KeyMetadata"]["KeyId"]
    signed = {"KeyId": key, "Message": b"text", "SigningAlgorithm": "RSASSA_PKCS1_V1_5_SHA_256"}
    signature = kms.sign(**signed)["Signature"]
    queue = sqs.create_queue(QueueName="queue")["QueueUrl"]
    topic = sns.create_topic(Name="topic")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:eu-west-3:{ID}:queue")
    sqs.send_message(QueueUrl=queue, MessageBody="a message")
    program.json("save", str(tmp_path / "file"))
    program.json("reset")
    program.json("load", str(tmp_path / "file"))
    assert kms.verify(**signed, Signature=signature)["SignatureValid"]
    sns.publish(TopicArn=topic, Message="another message")
    bodies = [sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"] for _ in range(2)]
    assert bodies[0] == "a message" and "another message" in bodies[1]


def test_an_image_that_is_being_pushed_is_saved_with_its_registry(
    program: Program, account: Account, tmp_path: Path
) -> None:
    ecr, layer = account.client("ecr"), b"layer" * 100
    repository = {"repositoryName": "half-pushed"}
    ecr.create_repository(**repository)
    upload = {**repository, "uploadId": ecr.initiate_layer_upload(**repository)["uploadId"]}
    ecr.upload_layer_part(**upload, partFirstByte=0, partLastByte=len(layer) - 1, layerPartBlob=layer)
    program.json("save", str(tmp_path / "file"))
    program.json("reset")
    assert not program.json("load", str(tmp_path / "file")).get("left_out")
    digest = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    assert ecr.complete_layer_upload(**upload, layerDigests=[digest])["layerDigest"] == digest


# --- one account of several


def create_cluster(account: Account, name: str) -> None:
    account.client("ecs").create_cluster(clusterName=name)


def clusters(account: Account) -> list[str]:
    return sorted(arn.split("/")[-1] for arn in account.client("ecs").list_clusters()["clusterArns"])


def create_bucket(account: Account) -> None:
    location = {"LocationConstraint": "eu-west-3"}
    account.client("s3").create_bucket(Bucket="the-only-one", CreateBucketConfiguration=location)


def test_loading_one_account_keeps_the_others(
    program: Program, account: Account, other: Account, tmp_path: Path
) -> None:
    file = str(tmp_path / "one")
    create_cluster(account, "before")
    program.json("advance", "1h")
    assert program.json("save", file, "--account", ID)["accounts"] == [ID]
    program.json("reset")
    create_cluster(other, "untouched")
    program.json("load", file)
    assert clusters(account) == ["before"] and clusters(other) == ["untouched"]
    assert program.json("status")["time"] >= "2026-01-01T01:00"


def test_loading_one_account_is_refused_if_the_clock_would_go_back_for_another(
    program: Program, account: Account, other: Account, tmp_path: Path
) -> None:
    file = str(tmp_path / "one")
    create_cluster(account, "before")
    program.json("save", file, "--account", ID)
    create_cluster(account, "after")
    create_cluster(other, "untouched")
    program.json("advance", "1d")
    done = program.run("load", file)
    assert done.returncode == 1 and OTHER in done.stderr and "reset" in done.stderr
    assert clusters(account) == ["after", "before"]
    program.json("reset")
    program.json("load", file)
    assert clusters(account) == ["before"]


def test_loading_all_accounts_removes_those_that_are_not_in_the_file(
    program: Program, account: Account, other: Account, tmp_path: Path
) -> None:
    file = str(tmp_path / "all")
    create_cluster(account, "before")
    program.json("save", file)
    create_cluster(other, "after")
    program.json("advance", "1d")
    assert program.json("load", file)["time"] < "2026-01-01T01"
    assert program.json("status")["accounts"] == [ID]
    assert clusters(other) == []


def test_a_file_with_a_bucket_of_another_account_is_refused(
    program: Program, account: Account, other: Account, tmp_path: Path
) -> None:
    create_bucket(account)
    program.json("save", str(tmp_path / "one"), "--account", ID)
    program.json("reset")
    create_bucket(other)
    done = program.run("load", str(tmp_path / "one"))
    assert done.returncode == 1 and "the-only-one" in done.stderr
    assert account.client("s3").list_buckets()["Buckets"] == []


def test_the_name_of_a_loaded_bucket_is_taken(
    program: Program, account: Account, other: Account, tmp_path: Path
) -> None:
    create_bucket(account)
    program.json("save", str(tmp_path / "all"))
    program.json("reset")
    program.json("load", str(tmp_path / "all"))
    with pytest.raises(ClientError, match="BucketAlreadyExists"):
        create_bucket(other)


# --- refused files


def with_format(version: int) -> Any:
    return lambda content: content.replace(b"esaws-local-aws 2 ", f"esaws-local-aws {version} ".encode(), 1)


def hostile(content: bytes) -> bytes:
    header = json.loads(content.split(b"\n", 2)[1])
    table = {"shapes": [["subprocess:Popen", ["args"]]], "rows": [["object", 0, "true"]], "backends": [], "kept": {}}
    return packed(header, ID, json.dumps(table).encode())


def of_another_moto(content: bytes) -> bytes:
    header = json.loads(content.split(b"\n", 2)[1])
    return packed({**header, "moto": "4.0.0"}, ID, b"{}")


BAD_FILES = {
    "foreign": (lambda content: b"a list of things to buy\n", "not written by `esaws local save`"),
    "empty": (lambda content: b"", "not written by `esaws local save`"),
    "truncated": (lambda content: content[:-100], "truncated"),
    "damaged": (lambda content: content[:-1] + bytes([content[-1] ^ 1]), "damaged"),
    "newer": (with_format(3), "newer format 3"),
    "older": (with_format(1), "older format 1"),
    "other-moto": (of_another_moto, "moto 4.0.0"),
    "hostile": (hostile, "subprocess:Popen"),
}


@pytest.mark.parametrize(("change", "reason"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_refused_with_the_reason_and_changes_nothing(
    program: Program, account: Account, tmp_path: Path, change: Any, reason: str
) -> None:
    file = tmp_path / "file"
    create_cluster(account, "before")
    program.json("save", str(file))
    file.write_bytes(change(file.read_bytes()))
    create_cluster(account, "after")
    done = program.run("load", str(file))
    assert done.returncode == 1
    assert reason in done.stderr and done.stderr.count("\n") == 1
    assert clusters(account) == ["after", "before"]


def test_damaged_and_hostile_files_run_no_code(deployed: Deployed) -> None:
    deployed.program.json("save", deployed.file)
    command = [sys.executable, "-m", "tests.local.damaged_files", deployed.file, str(DAMAGED_FILES)]
    credentials = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": "eu-west-3"}
    environment = {**deployed.program.env(), **credentials, "TZ": "UTC"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    outcomes = json.loads(done.stdout)
    assert outcomes["bytes"] == {"refused": DAMAGED_FILES}
    assert outcomes["content"].keys() == {"refused", "loaded", "equal"}
    assert sum(outcomes["content"].values()) > DAMAGED_FILES
    assert outcomes["crashes"] == [] and outcomes["actions"] == {}


# --- the file itself


def test_only_the_owner_can_read_a_saved_file(program: Program, account: Account, tmp_path: Path) -> None:
    file = tmp_path / "file"
    program.json("save", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["file"]


def test_an_unwritable_or_missing_file_is_a_usage_error(program: Program, tmp_path: Path) -> None:
    assert program.run("save", str(tmp_path / "nowhere" / "file")).returncode == 2
    assert program.run("load", str(tmp_path / "file")).returncode == 2


@pytest.mark.parametrize("command", ["save", "load"])
def test_saving_and_loading_need_a_server(tmp_path: Path, command: str) -> None:
    (tmp_path / "file").touch()
    done = Program(tmp_path / "state").run(command, str(tmp_path / "file"))
    assert done.returncode == 1 and "not running" in done.stderr


def test_services_that_run_code_are_left_out_with_a_warning(program: Program, account: Account, tmp_path: Path) -> None:
    account.client("stepfunctions").create_state_machine(
        name="steps",
        definition='{"StartAt": "a", "States": {"a": {"Type": "Pass", "End": true}}}',
        roleArn=f"arn:aws:iam::{ID}:role/steps",
    )
    create_cluster(account, "saved")
    done = program.run("save", str(tmp_path / "file"))
    assert done.returncode == 0 and "stepfunctions" in done.stderr
    program.json("load", str(tmp_path / "file"))
    assert clusters(account) == ["saved"]
    assert account.client("stepfunctions").list_state_machines()["stateMachines"] == []
