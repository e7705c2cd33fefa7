"""Saving and loading: a file brings back everything that can be asked for, and a bad one changes and runs nothing."""

import json
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
from tests.local.asking import Questions
from tests.local.conftest import Account, Program
from tests.local.mutations import packed
from tests.local.timing import advance, control, events, now

ID, OTHER = "123456789012", "210987654321"
INTRUSION = "/intrusion-management-api/"


class Deployed:
    """`ha` in a local AWS of its own, with traffic, an object in a bucket, and everything asked once."""

    def __init__(self, folder: Path) -> None:
        self.program = Program(folder / "state")
        self.file = str(folder / "file.esaws")
        self.account = Account(self.program.json("start", "--at", "2026-01-01T00:00Z")["url"], ID)
        plan_deploy(seccom("ha"), Cloud.at(self.account.url, account=ID)).apply()
        place = {"LocationConstraint": self.account.region}
        self.account.client("s3").create_bucket(Bucket="seccom-a-bucket", CreateBucketConfiguration=place)
        self.account.client("s3").put_object(Bucket="seccom-a-bucket", Key="clip", Body=b"content" * 10_000)
        control(self.account, "POST", "traffic", trace={"shape": "steady", "requests_per_second": 5, "path": INTRUSION})
        advance(self.account, "3h")
        self.questions = Questions(self.account)

    def restart(self) -> None:
        self.program.json("stop")
        self.account = Account(self.program.json("start")["url"], ID)
        self.questions.of(self.account)

    def told(self) -> dict[str, Any]:
        """What the local AWS says beside AWS's own calls."""
        traffic = control(self.account, "GET", "traffic")
        return {"events": events(self.account), "traffic": traffic, "cost": self._cost()}

    def _cost(self) -> dict[str, Any]:
        """The seconds go on between two looks at it: to the cent it is the same."""
        answer = control(self.account, "GET", "cost")
        return {name: round(value, 2) if isinstance(value, float) else str(value)[:0] for name, value in answer.items()}


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    deployed = Deployed(tmp_path_factory.mktemp("saving"))
    yield deployed
    deployed.program.run("stop", "--discard")


@pytest.fixture
def here(program: Program) -> Account:
    return Account(program.json("start", "--at", "2026-01-01T00:00Z")["url"], ID)


def differing(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [question for question, answer in before.items() if after.get(question) != answer]


# --- equal


def test_everything_answers_the_same_once_loaded_and_after_stop_and_start(deployed: Deployed) -> None:
    saved = deployed.program.json("save", deployed.file)
    assert saved["accounts"] == [ID] and saved["left_out"] == []
    before, told, then = deployed.questions.ask(), deployed.told(), now(deployed.account)
    assert len(before) > 250
    assert sum(not isinstance(answer, str) for answer in before.values()) > 200
    deployed.program.json("advance", "2d")
    deployed.program.json("load", deployed.file)
    assert differing(before, deployed.questions.ask()) == []
    assert deployed.told() == told
    deployed.program.json("load", deployed.file)
    deployed.restart()
    assert then - 60 <= now(deployed.account) <= then + 60
    assert differing(before, deployed.questions.ask()) == []
    assert deployed.told() == told


def test_a_system_that_was_loaded_goes_on_living(deployed: Deployed) -> None:
    deployed.restart()
    ec2, autoscaling = deployed.account.client("ec2"), deployed.account.client("autoscaling")
    group = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]
    stopped = group["Instances"][0]["InstanceId"]
    ec2.stop_instances(InstanceIds=[stopped])
    advance(deployed.account, "1h")
    again = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group["AutoScalingGroupName"]])
    instances = again["AutoScalingGroups"][0]["Instances"]
    assert stopped not in [each["InstanceId"] for each in instances]
    assert [each["LifecycleState"] for each in instances] == ["InService"] * len(group["Instances"])


def test_two_lives_from_one_file_are_the_same(deployed: Deployed) -> None:
    deployed.program.json("save", deployed.file)
    cloudwatch, seen = deployed.account.client("cloudwatch"), []
    metric = {"Namespace": "AWS/ApplicationELB", "MetricName": "RequestCount"}
    days = {"StartTime": "2026-01-10T00:00Z", "EndTime": "2026-01-14T00:00Z"}
    for _ in range(2):
        deployed.program.json("load", deployed.file)
        deployed.program.json("advance", "--to", "2026-01-15T00:00Z")
        listed = cloudwatch.list_metrics(**metric)["Metrics"][0]
        found = cloudwatch.get_metric_statistics(**listed, **days, Period=3600, Statistics=["Sum"])["Datapoints"]
        seen.append((len(events(deployed.account)), sorted((str(each["Timestamp"]), each["Sum"]) for each in found)))
    assert seen[0] == seen[1]
    assert seen[0][1]


def test_what_is_held_in_objects_of_other_kinds_is_there_again(program: Program, here: Account, tmp_path: Path) -> None:
    kms, sqs, sns = here.client("kms"), here.client("sqs"), here.client("sns")
    key = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="RSA_2048")["KeyMetadata"]["KeyId"]
    signed = {"KeyId": key, "Message": b"text", "SigningAlgorithm": "RSASSA_PKCS1_V1_5_SHA_256"}
    signature = kms.sign(**signed)["Signature"]
    queue = sqs.create_queue(QueueName="queue")["QueueUrl"]
    topic = sns.create_topic(Name="topic")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:eu-west-3:{ID}:queue")
    sqs.send_message(QueueUrl=queue, MessageBody="a message")
    program.json("save", str(tmp_path / "f"))
    program.json("reset")
    program.json("load", str(tmp_path / "f"))
    assert kms.verify(**signed, Signature=signature)["SignatureValid"]
    sns.publish(TopicArn=topic, Message="another message")
    bodies = [sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"] for _ in range(2)]
    assert bodies[0] == "a message" and "another message" in bodies[1]


# --- one account of several


def cluster(account: Account, name: str) -> None:
    account.client("ecs").create_cluster(clusterName=name)


def clusters(account: Account) -> list[str]:
    return [arn.split("/")[-1] for arn in account.client("ecs").list_clusters()["clusterArns"]]


def test_one_account_is_saved_and_loaded_and_others_live_on(program: Program, here: Account, tmp_path: Path) -> None:
    other, file = Account(here.url, OTHER), str(tmp_path / "one")
    cluster(here, "before")
    program.json("advance", "1h")
    assert program.json("save", file, "--account", ID)["accounts"] == [ID]
    program.json("reset")
    cluster(other, "untouched")
    program.json("load", file)
    assert clusters(here) == ["before"] and clusters(other) == ["untouched"]
    assert program.json("status")["time"] >= "2026-01-01T01:00"


def test_the_clock_never_goes_back_for_an_account_that_is_not_in_the_file(
    program: Program, here: Account, tmp_path: Path
) -> None:
    other, file = Account(here.url, OTHER), str(tmp_path / "one")
    cluster(here, "before")
    program.json("save", file, "--account", ID)
    cluster(here, "after")
    cluster(other, "untouched")
    program.json("advance", "1d")
    done = program.run("load", file)
    assert done.returncode == 1 and OTHER in done.stderr and "reset" in done.stderr
    assert sorted(clusters(here)) == ["after", "before"]
    program.json("reset")
    program.json("load", file)
    assert clusters(here) == ["before"]


def test_a_file_of_everything_takes_away_what_was_not_there(program: Program, here: Account, tmp_path: Path) -> None:
    file = str(tmp_path / "all")
    cluster(here, "before")
    program.json("save", file)
    cluster(Account(here.url, OTHER), "after")
    program.json("advance", "1d")
    assert program.json("load", file)["time"] < "2026-01-01T01"
    assert program.json("status")["accounts"] == [ID]
    assert clusters(Account(here.url, OTHER)) == []


def test_a_bucket_of_another_account_here_refuses_a_file(program: Program, here: Account, tmp_path: Path) -> None:
    made = {"Bucket": "the-only-one", "CreateBucketConfiguration": {"LocationConstraint": "eu-west-3"}}
    here.client("s3").create_bucket(**made)
    program.json("save", str(tmp_path / "one"), "--account", ID)
    program.json("reset")
    Account(here.url, OTHER).client("s3").create_bucket(**made)
    done = program.run("load", str(tmp_path / "one"))
    assert done.returncode == 1 and "the-only-one" in done.stderr
    assert here.client("s3").list_buckets()["Buckets"] == []


def test_a_loaded_bucket_s_name_is_taken(program: Program, here: Account, tmp_path: Path) -> None:
    made = {"Bucket": "the-only-one", "CreateBucketConfiguration": {"LocationConstraint": "eu-west-3"}}
    here.client("s3").create_bucket(**made)
    program.json("save", str(tmp_path / "all"))
    program.json("reset")
    program.json("load", str(tmp_path / "all"))
    with pytest.raises(ClientError, match="BucketAlreadyExists"):
        Account(here.url, OTHER).client("s3").create_bucket(**made)


# --- refused


def newer(content: bytes) -> bytes:
    return content.replace(b"esaws-local-aws 1 ", b"esaws-local-aws 2 ", 1)


def hostile(content: bytes) -> bytes:
    header = json.loads(content.split(b"\n", 2)[1])
    table = {"shapes": [["subprocess:Popen", ["args"]]], "rows": [["object", 0, "true"]], "backends": [], "kept": {}}
    return packed(header, ID, json.dumps(table).encode())


def of_another_moto(content: bytes) -> bytes:
    header = json.loads(content.split(b"\n", 2)[1])
    return packed({**header, "moto": "4.0.0"}, ID, b"{}")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda content: b"a list of things to buy\n", "no file of `esaws local save`"),
        (lambda content: b"", "no file of `esaws local save`"),
        (lambda content: content[:-100], "truncated"),
        (lambda content: content[:-1] + bytes([content[-1] ^ 1]), "damaged"),
        (newer, "a newer format"),
        (of_another_moto, "moto 4.0.0"),
        (hostile, "subprocess:Popen"),
    ],
    ids=["foreign", "empty", "truncated", "damaged", "newer", "other-moto", "hostile"],
)
def test_a_file_that_is_not_loaded_says_why_and_changes_nothing(
    program: Program, here: Account, tmp_path: Path, change: Any, why: str
) -> None:
    file = tmp_path / "file"
    cluster(here, "before")
    program.json("save", str(file))
    file.write_bytes(change(file.read_bytes()))
    cluster(here, "after")
    done = program.run("load", str(file))
    assert done.returncode == 1
    assert why in done.stderr and done.stderr.count("\n") == 1
    assert sorted(clusters(here)) == ["after", "before"]


def test_a_thousand_changed_files_are_refused_or_loaded_and_run_nothing(deployed: Deployed) -> None:
    deployed.program.json("save", deployed.file)
    program = [sys.executable, "-m", "tests.local.mutations", deployed.file]
    fake = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": "eu-west-3"}
    environment = {**deployed.program.env(), **fake, "TZ": "UTC"}
    done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["bytes"] == {"refused": 600}
    assert found["meanings"].keys() == {"refused", "loaded", "equal"} and sum(found["meanings"].values()) > 400
    assert found["crashed"] == [] and found["ran"] == {}


# --- the file itself


def test_a_file_is_its_owner_s_alone(program: Program, here: Account, tmp_path: Path) -> None:
    file = tmp_path / "file"
    program.json("save", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["file"]


def test_a_file_that_cannot_be_written_or_read_is_a_usage_error(
    program: Program, here: Account, tmp_path: Path
) -> None:
    assert program.run("save", str(tmp_path / "nowhere" / "file")).returncode == 2
    assert program.run("load", str(tmp_path / "file")).returncode == 2


@pytest.mark.parametrize("command", ["save", "load"])
def test_saving_and_loading_need_a_server(program: Program, tmp_path: Path, command: str) -> None:
    (tmp_path / "file").touch()
    done = program.run(command, str(tmp_path / "file"))
    assert done.returncode == 1 and "not running" in done.stderr


def test_what_runs_code_is_left_out_and_said(program: Program, here: Account, tmp_path: Path) -> None:
    here.client("stepfunctions").create_state_machine(
        name="steps",
        definition='{"StartAt": "a", "States": {"a": {"Type": "Pass", "End": true}}}',
        roleArn=f"arn:aws:iam::{ID}:role/steps",
    )
    cluster(here, "kept")
    saved = program.run("save", str(tmp_path / "file"))
    assert saved.returncode == 0 and "stepfunctions" in saved.stderr
    program.json("load", str(tmp_path / "file"))
    assert clusters(here) == ["kept"]
    assert here.client("stepfunctions").list_state_machines()["stateMachines"] == []
