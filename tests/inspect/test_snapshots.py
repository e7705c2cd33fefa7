"""A snapshot is a folder of describe answers: of `esaws snapshot`, or saved with the AWS CLI under sensible names."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from esaws import inspect
from esaws.cli import main
from esaws.cloud import Cloud
from esaws.errors import Refused, UsageError
from esaws.inspect import Account, MissingData, snapshot
from esaws.inspect.snapshots.save import save_snapshot
from esaws.inspect.snapshots.secrets import REMOVED, without_secrets
from tests.shell import Shell

ARN = "arn:aws:elasticloadbalancing:us-east-2:123456789012:"
LOAD_BALANCER, SECOND = f"{ARN}loadbalancer/app/web/1", f"{ARN}loadbalancer/app/admin/2"
GROUP, OTHER = f"{ARN}targetgroup/shop/3", f"{ARN}targetgroup/cart/4"
CLUSTER = "arn:aws:ecs:us-east-2:123456789012:cluster/prod"
TASK = "arn:aws:ecs:us-east-2:123456789012:task/prod/0a"


def save(folder: Path, **answers: Any) -> Path:
    """Save answers in files; in the names of arguments, `__` stands for a dot."""
    for name, answer in answers.items():
        (folder / f"{name.replace('__', '.').replace('_', '-')}.json").write_text(json.dumps(answer), encoding="utf-8")
    return folder


def health(id: str) -> dict[str, Any]:
    return {"TargetHealthDescriptions": [{"Target": {"Id": id, "Port": 80}, "TargetHealth": {"State": "healthy"}}]}


def target_groups(*arns: str) -> dict[str, Any]:
    names = [arn.split("/")[1] for arn in arns]
    return {
        "TargetGroups": [
            {"TargetGroupArn": arn, "TargetGroupName": name} for arn, name in zip(arns, names, strict=True)
        ]
    }


def cluster(**counts: int) -> dict[str, Any]:
    return {"clusters": [{"clusterArn": CLUSTER, "clusterName": "prod", **counts}]}


# -- what esaws saves --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def saved(deployed: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("snapshot")
    save_snapshot(deployed, folder)
    return folder


INSPECTORS = (
    ("routes",),
    ("trace", "http://seccom/cameras-api/", "--alb", "seccom-alb"),
    ("reach", "internet", "alb/seccom-alb", "80"),
    ("reach", "service/cameras-api", "db/database", "5432"),
    ("matrix",),
    ("health",),
    ("findings",),
    ("findings", "--declared", "as-drawn"),
)


@pytest.mark.parametrize("words", INSPECTORS, ids=" ".join)
def test_every_inspector_answers_as_live(deployed: Cloud, saved: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    esaws = Shell(deployed, tmp_path)
    live = esaws.json(*words)
    assert live and esaws.json(*words, "--from", str(saved), ESAWS_TARGET="aws", ESAWS_ACCOUNT="") == live


def test_the_drawing_of_a_snapshot_is_that_of_the_account(deployed: Cloud, saved: Path, tmp_path: Path) -> None:
    esaws = Shell(deployed, tmp_path)
    esaws("draw", "--live", "-o", "live.svg")
    esaws("draw", "--live", "--from", str(saved), "-o", "saved.svg", ESAWS_TARGET="aws", ESAWS_ACCOUNT="")
    assert (tmp_path / "saved.svg").read_bytes() == (tmp_path / "live.svg").read_bytes()


def test_the_same_account_gives_the_same_bytes_and_replaces_a_snapshot(deployed: Cloud, tmp_path: Path) -> None:
    esaws = Shell(deployed, tmp_path)
    first = esaws.json("snapshot", "-o", "snap")
    folder = tmp_path / "snap"
    contents = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert first["files"] == len(contents) - 1 and first["missing"] == {}
    assert first["account"] == deployed.account
    (folder / "mine.txt").write_text("kept")
    (folder / "ec2-describe-vpcs.json").write_text("changed")
    esaws("snapshot", "-o", "snap")
    again = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert again == contents | {"mine.txt": b"kept"}


def test_a_folder_with_other_files_is_refused(cloud: Cloud, tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("x")
    with pytest.raises(Refused, match="has files and is not a snapshot; nothing was written"):
        save_snapshot(cloud, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.docx"]


def test_a_denied_call_stays_unknown_with_its_reason(new_cloud: Callable[..., Cloud], tmp_path: Path) -> None:
    from tests.inspect.test_account import deny

    cloud = new_cloud()
    deny(cloud, "ec2", "DescribeNetworkAcls")
    written = save_snapshot(cloud, tmp_path)
    assert written.missing == {"NetworkAcls": "ec2:DescribeNetworkAcls was denied; ask for the permission"}
    account = snapshot(tmp_path)
    assert account.missing == written.missing and account["Vpcs"]
    assert (account.id, account.region) == (cloud.account, cloud.region)


def test_no_secret_is_saved(new_cloud: Callable[..., Cloud], tmp_path: Path) -> None:
    cloud = new_cloud()
    variables = [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "ALB_PREFIX", "value": "/shop"}]
    container: dict[str, Any] = {"name": "app", "image": "nginx", "memory": 64, "environment": variables}
    container |= {"command": ["run", "--key=hunter2"], "secrets": [{"name": "T", "valueFrom": "/hunter2"}]}
    container |= {"logConfiguration": {"logDriver": "splunk", "options": {"splunk-token": "hunter2"}}}
    ecs = cloud.client("ecs")
    role = f"arn:aws:iam::{cloud.account}:role/app"
    ecs.register_task_definition(family="app", executionRoleArn=role, containerDefinitions=[container])
    ecs.create_cluster(clusterName="prod")
    ecs.create_service(cluster="prod", serviceName="app", taskDefinition="app", desiredCount=0)
    tags = [{"ResourceType": "vpc", "Tags": [{"Key": "note", "Value": "hunter2"}, {"Key": "Name", "Value": "main"}]}]
    cloud.client("ec2").create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=tags)
    save_snapshot(cloud, tmp_path)
    written = "".join(path.read_text(encoding="utf-8") for path in tmp_path.iterdir())
    assert "hunter2" not in written
    assert all(kept in written for kept in ("DB_PASSWORD", '"/shop"', "splunk-token", '"main"', '"note"'))


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ({"UserData": "IyEv"}, {"UserData": REMOVED}),
        ({"MasterUserSecret": {"SecretArn": "arn:x", "SecretStatus": "active"}}, None),
        ({"MasterUserPassword": "x"}, {"MasterUserPassword": REMOVED}),
        ({"AuthTokenEnabled": True}, {"AuthTokenEnabled": True}),
        ({"Environment": {"Variables": {"A": "1"}}}, {"Environment": {"Variables": {"A": REMOVED}}}),
        ({"environment": [{"name": "ALB_PREFIX", "value": "p@ss word"}]}, None),
        ({"Description": "key AKIAABCDEFGHIJKLMNOP"}, {"Description": f"key {REMOVED}"}),
        ({"url": "https://bob:hunter2@host/x"}, {"url": f"https://{REMOVED}@host/x"}),
        ({"TagSet": [{"Key": "esaws:name", "Value": "a"}]}, {"TagSet": [{"Key": "esaws:name", "Value": "a"}]}),
        ({"tags": {"team": "blue", "Name": "a"}}, {"tags": {"team": REMOVED, "Name": "a"}}),
        ({"IpPermissions": [{"FromPort": 80}]}, {"IpPermissions": [{"FromPort": 80}]}),
    ],
)
def test_what_is_removed(answer: dict[str, Any], right: dict[str, Any] | None) -> None:
    cleaned = without_secrets(answer)
    assert cleaned == right if right else {"arn:x", "active", "p@ss word"}.isdisjoint(str(cleaned).split("'"))


# -- what users save ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "describe-vpcs.json",
        "ec2-describe-vpcs.json",
        "ec2_describe_vpcs.json",
        "ec2/describe_vpcs.json",
        "ec2/describe-vpcs/1.json",
        "prod.ec2-describe-vpcs.json",
        "describe-vpcs-2.json",
        "DescribeVpcs.JSON",
        "networks.json",
    ],
)
def test_a_file_is_recognised_by_its_name_or_its_content(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"Vpcs": [{"VpcId": "vpc-1"}]}), encoding="utf-8")
    account = snapshot(tmp_path)
    assert account["Vpcs"] == [{"VpcId": "vpc-1"}] and account.notes == ()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    vpc = {"VpcId": "vpc-1", "Tags": [{"Key": "Name", "Value": "Bürø"}]}
    (tmp_path / "describe-vpcs.json").write_bytes(json.dumps({"Vpcs": [vpc]}, ensure_ascii=False).encode(encoding))
    assert snapshot(tmp_path)["Vpcs"] == [vpc]


def test_what_is_not_in_the_folder_is_unknown_and_says_what_to_run(tmp_path: Path) -> None:
    account = snapshot(save(tmp_path, describe_vpcs={"Vpcs": []}))
    assert account["Vpcs"] == [] and account.get("Subnets") is None
    with pytest.raises(MissingData, match=r"not in the snapshot: run `aws ec2 describe-subnets > describe-subnets"):
        account["Subnets"]
    with pytest.raises(MissingData):
        inspect.health(account)


def test_files_of_other_calls_are_named(tmp_path: Path) -> None:
    save(tmp_path, describe_vpcs={"Vpcs": []}, eks_list_clusters={"clusters": ["a"]}, describe_volumes_modifications={})
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / ".DS_Store").write_bytes(b"\0")
    account = snapshot(tmp_path)
    assert account.notes == (
        "describe-volumes-modifications.json was ignored: not the answer of a call that esaws uses",
        "eks-list-clusters.json was ignored: not the answer of a call that esaws uses",
        "notes.txt was ignored: not a .json file",
    )
    assert account.get("clusters") is None and account.get("Volumes") is None


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("describe-vpcs.json", '{"Vpcs": [', r"describe-vpcs.json: is not JSON \(line 1"),
        ("describe-vpcs.json", "", r"describe-vpcs.json: is empty.*aws ec2 describe-vpcs"),
        ("describe-vpcs.json", "VPCS\t10.0.0.0/16", "is not JSON"),
        ("describe-vpcs.json", '{"Reservations": []}', "has no Vpcs, which `aws ec2 describe-vpcs` prints"),
        ("describe-vpcs.json", '{"Vpcs": {}}', "Vpcs is an object, and AWS returns a list"),
        ("describe-vpcs.json", '{"Vpcs": ["vpc-1"]}', r"Vpcs\[0\] is a text, and AWS returns an object"),
        ("describe-vpcs.json", '{"Vpcs": [{"CidrBlock": "10.0.0.0/16"}]}', r"Vpcs\[0\] has no VpcId"),
        ("describe-vpcs.json", "[1]", "is not an object"),
        ("describe-volumes.json", '{"Volumes": [{"VolumeId": "v", "Size": "8"}]}', "Size is a text.*a number"),
        ("describe-volumes.json", '{"Volumes": [{"VolumeId": "v", "CreateTime": "noon"}]}', "returns a time"),
        ("describe-vpcs.json", "[" * 100_000, "is not JSON"),
    ],
)
def test_a_file_that_is_not_an_answer_is_named(tmp_path: Path, capsys: Any, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        snapshot(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(["health", "--from", str(tmp_path)])
    assert end.value.code == 2 and name in capsys.readouterr().err


def test_a_folder_without_answers_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder of saved answers"):
        snapshot(tmp_path / "absent")
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(UsageError, match=r"no saved answer is in this folder \(a.txt were ignored\)"):
        snapshot(tmp_path)


def test_a_member_that_aws_always_writes_is_named_with_its_file(tmp_path: Path) -> None:
    account = snapshot(save(tmp_path, describe_subnets={"Subnets": [{"SubnetId": "subnet-1"}]}))
    with pytest.raises(UsageError, match=r"describe-subnets.json: VpcId is missing where AWS always writes it"):
        account["Subnets"][0]["VpcId"]
    assert ({"a": 1} | account["Subnets"][0]) == {"a": 1, "SubnetId": "subnet-1"}


def test_the_error_that_the_aws_cli_printed_is_the_reason(tmp_path: Path) -> None:
    text = (
        "\nAn error occurred (UnauthorizedOperation) when calling the DescribeVpcs operation: You are not authorized."
    )
    (tmp_path / "describe-vpcs.json").write_text(text, encoding="utf-8")
    assert snapshot(tmp_path).missing["Vpcs"] == "ec2:DescribeVpcs was denied; ask for the permission"


def test_pages_are_joined_and_a_first_page_alone_is_unknown(tmp_path: Path) -> None:
    save(tmp_path, describe_vpcs_1={"Vpcs": [{"VpcId": "vpc-1"}], "NextToken": "x"})
    assert "one page of several" in snapshot(tmp_path).missing["Vpcs"]
    save(tmp_path, describe_vpcs_2={"Vpcs": [{"VpcId": "vpc-2"}, {"VpcId": "vpc-1"}]})
    assert [vpc["VpcId"] for vpc in snapshot(tmp_path)["Vpcs"]] == ["vpc-1", "vpc-2"]


# -- answers of one call for each parent -------------------------------------------------------------------------------


def healthy_of(account: Account) -> dict[str, str]:
    return {raw["TargetGroupArn"]: raw["Target"]["Id"] for raw in account["TargetHealth"]}


def test_the_only_target_group_needs_no_name(tmp_path: Path) -> None:
    save(tmp_path, describe_target_groups=target_groups(GROUP), describe_target_health=health("i-1"))
    assert healthy_of(snapshot(tmp_path)) == {GROUP: "i-1"}


@pytest.mark.parametrize(
    "name", ["describe-target-health.{}", "elbv2-describe-target-health-{}", "describe_target_health@{}"]
)
@pytest.mark.parametrize(
    "labels", [("shop", "cart"), ("3", "4"), (GROUP.replace("/", "-"), OTHER.replace(":", "_").replace("/", "_"))]
)
def test_several_target_groups_are_told_apart_by_the_names_of_files(
    tmp_path: Path, name: str, labels: tuple[str, str]
) -> None:
    save(tmp_path, describe_target_groups=target_groups(GROUP, OTHER))
    for label, id in zip(labels, ("i-1", "i-2"), strict=True):
        (tmp_path / f"{name.format(label)}.json").write_text(json.dumps(health(id)), encoding="utf-8")
    account = snapshot(tmp_path)
    assert healthy_of(account) == {GROUP: "i-1", OTHER: "i-2"} and account.notes == ()


def test_an_answer_may_name_its_target_group_itself(tmp_path: Path) -> None:
    answers = [health("i-1") | {"TargetGroupArn": GROUP}, health("i-2") | {"TargetGroupArn": OTHER}]
    save(tmp_path, describe_target_groups=target_groups(GROUP, OTHER), describe_target_health=answers)
    assert healthy_of(snapshot(tmp_path)) == {GROUP: "i-1", OTHER: "i-2"}


def test_a_target_group_without_an_answer_is_unknown(tmp_path: Path) -> None:
    groups = target_groups(GROUP, OTHER)
    account = snapshot(save(tmp_path, describe_target_groups=groups, describe_target_health__shop=health("i-1")))
    command = f"aws elbv2 describe-target-health --target-group-arn {OTHER} > describe-target-health.4.json"
    assert account.missing["TargetHealth"] == f"not in the snapshot: run `{command}`"


def test_answers_are_never_guessed_to_belong_to_a_target_group(tmp_path: Path) -> None:
    groups = target_groups(GROUP, OTHER)
    save(
        tmp_path,
        describe_target_groups=groups,
        describe_target_health=health("i-1"),
        describe_target_health__x=health("i-2"),
    )
    account = snapshot(tmp_path)
    assert account.get("TargetHealth") is None
    assert account.notes == (
        "describe-target-health.json was ignored: its name ends with none of cart, shop",
        "describe-target-health.x.json was ignored: 'x' names none of cart, shop",
    )


def test_rules_and_listeners_are_recognised_by_their_content(tmp_path: Path) -> None:
    listeners = [LOAD_BALANCER.replace(":loadbalancer/", ":listener/") + "/7", f"{ARN}listener/app/admin/2/8"]
    rules = [arn.replace(":listener/", ":listener-rule/") + "/9" for arn in listeners]
    save(
        tmp_path,
        describe_load_balancers={"LoadBalancers": [{"LoadBalancerArn": LOAD_BALANCER}, {"LoadBalancerArn": SECOND}]},
        describe_listeners_1={"Listeners": [{"ListenerArn": listeners[0], "LoadBalancerArn": LOAD_BALANCER}]},
        describe_listeners_2={"Listeners": [{"ListenerArn": listeners[1], "LoadBalancerArn": SECOND}]},
        describe_rules=[{"Rules": [{"RuleArn": rules[0]}]}, {"Rules": [{"RuleArn": rules[1]}]}],
    )
    account = snapshot(tmp_path)
    assert [(rule["RuleArn"], rule["ListenerArn"]) for rule in account["Rules"]] == list(
        zip(rules, listeners, strict=True)
    )


def test_empty_answers_without_a_name_are_of_the_remaining_parents_if_there_are_enough(tmp_path: Path) -> None:
    balancers = {"LoadBalancers": [{"LoadBalancerArn": LOAD_BALANCER}, {"LoadBalancerArn": SECOND}]}
    save(tmp_path, describe_load_balancers=balancers, describe_listeners_1={"Listeners": []})
    assert snapshot(tmp_path).get("Listeners") is None
    save(tmp_path, describe_listeners_2={"Listeners": []})
    assert snapshot(tmp_path)["Listeners"] == []


def test_a_cluster_without_an_answer_is_empty_only_if_aws_counts_nothing(tmp_path: Path) -> None:
    save(tmp_path, describe_clusters=cluster(runningTasksCount=0, pendingTasksCount=0, activeServicesCount=2))
    account = snapshot(tmp_path)
    assert account["tasks"] == []
    assert account.missing["services"].startswith("not in the snapshot: run `aws ecs describe-services --cluster")
    service = {"serviceArn": "arn:aws:ecs:us-east-2:123456789012:service/prod/a", "clusterArn": CLUSTER}
    save(tmp_path, describe_services={"services": [service]})
    assert snapshot(tmp_path).missing["services"].startswith("the snapshot has 1 of the 2 services of prod")


def test_listed_tasks_must_be_described(tmp_path: Path) -> None:
    task = {"taskArn": TASK, "clusterArn": CLUSTER, "lastStatus": "RUNNING", "desiredStatus": "RUNNING"}
    save(
        tmp_path,
        describe_clusters=cluster(),
        describe_tasks={"tasks": [task]},
        list_tasks={"taskArns": [TASK, f"{TASK}b"]},
    )
    assert snapshot(tmp_path).missing["tasks"].startswith("not in the snapshot: run `aws ecs describe-tasks")
    save(tmp_path, list_tasks={"taskArns": [TASK]})
    account = snapshot(tmp_path)
    assert [raw["taskArn"] for raw in account["tasks"]] == [TASK]
    assert account.notes[0].startswith("stopped tasks are not in the snapshot")


def test_the_account_and_its_region_are_named_by_the_answers(tmp_path: Path) -> None:
    account = snapshot(save(tmp_path, describe_target_groups=target_groups(GROUP)))
    assert (account.id, account.region) == ("123456789012", "us-east-2")
    with pytest.raises(UsageError, match="the files are of us-east-2, not of eu-west-3"):
        snapshot(tmp_path, region="eu-west-3")
    abroad = GROUP.replace("us-east-2", "eu-west-3")
    with pytest.raises(UsageError, match="the files are of several regions: eu-west-3, us-east-2"):
        snapshot(save(tmp_path, describe_target_groups_2=target_groups(abroad)))


def test_options_that_need_an_account_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path, describe_vpcs={"Vpcs": []})
    for words in (["findings", "--fix", "--dry-run"], ["health", "--deployment", "seccom"]):
        with pytest.raises(SystemExit) as end:
            main([*words, "--from", str(tmp_path)])
        assert end.value.code == 2 and "--from" in capsys.readouterr().err


def test_findings_of_a_partial_snapshot_name_the_checks_that_could_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path, describe_vpcs={"Vpcs": []})
    with pytest.raises(SystemExit) as end:
        main(["findings", "--severity", "medium", "--json", "--from", str(tmp_path)])
    printed = capsys.readouterr()
    assert not end.value.code and json.loads(printed.out) == []
    assert "checks could not run; --code NOT_LOOKED_AT lists them" in printed.err
