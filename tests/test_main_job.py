"""The main job from a shell: plan, deploy, look, replace, tear down; killed in between; and what bad input gets."""

import json
import signal
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from esaws.cloud import Cloud
from esaws.deploy.inventory import inventory
from esaws.deploy.plan import plan_deploy
from esaws.reference.seccom import seccom
from tests.shell import Shell, journal_lines


def tell(rows, key="action"):
    return Counter(row[key] for row in rows)


def test_deploy_plan_inventory_and_teardown_from_a_shell(esaws, cloud):
    planned = esaws.json("plan", "--profile", "ha")
    assert tell(planned) == {"create": len(seccom("ha"))}
    assert len(inventory(cloud)) == 0, "a plan changes nothing"

    deployed = esaws.json("deploy", "--profile", "ha", "--yes")
    assert deployed.keys() >= {"created", "kept", "updated", "calls", "seconds"}
    assert (deployed["created"], deployed["kept"], deployed["updated"]) == (len(planned), 0, 0)

    assert tell(esaws.json("plan", "--profile", "ha")) == {"keep": len(planned)}

    owned = esaws.json("inventory")
    assert {(row["kind"], row["name"]) for row in owned} == {(row["kind"], row["name"]) for row in planned}
    assert all(row.keys() == {"kind", "name", "id", "state"} for row in owned)
    below = esaws.json("inventory", "--all-owned")
    assert len(below) > len(owned)

    gone = esaws.json("teardown", "--yes")
    assert gone == {"deleted": len(planned), "left": []}
    assert esaws.json("inventory") == []
    assert esaws.json("teardown", "--yes") == {"deleted": 0, "left": []}, "again, and it is quiet"


def test_the_small_build_replaces_the_large_one_only_when_asked(esaws, cloud):
    esaws("deploy", "--profile", "ha", "--yes")
    before = {live.key: live.id for live in inventory(cloud)}

    refusal = esaws("deploy", "--profile", "budget", "--yes", code=1)
    assert "extra: Service client-web-ui" in refusal and "--prune deletes it" in refusal
    assert {live.key: live.id for live in inventory(cloud)} == before, "nothing was changed"

    replaced = esaws.json("deploy", "--profile", "budget", "--yes", "--prune")
    assert replaced["deleted"] and replaced["kept"] and replaced["created"]
    assert tell(esaws.json("plan", "--profile", "budget")) == {"keep": len(seccom("budget"))}
    after = {live.key: live.id for live in inventory(cloud)}
    for kind in ("VPC", "Subnet", "SecurityGroup", "LoadBalancer", "TargetGroup", "DBInstance", "AutoScalingGroup"):
        assert {key: id for key, id in after.items() if key[0] == kind} == {
            key: id for key, id in before.items() if key[0] == kind
        }, f"each {kind} is shared and kept"
    machines = cloud.client("autoscaling").describe_auto_scaling_instances()["AutoScalingInstances"]
    assert Counter(machine["AvailabilityZone"] for machine in machines) == {"eu-west-3a": 5, "eu-west-3b": 1}

    back = esaws.json("deploy", "--profile", "ha", "--yes", "--prune")
    assert back["deleted"] == sum(key[0] in ("Task", "TargetRegistration") for key in after)
    assert tell(esaws.json("plan", "--profile", "ha")) == {"keep": len(seccom("ha"))}


def test_a_teardown_leaves_the_neighbour_and_what_only_looks_like_ours(new_cloud, cloud, tmp_path):
    neighbour = new_cloud(account=cloud.account, deployment="seccom2")
    plan_deploy(seccom("budget"), neighbour).apply()
    their_own = {live.key: live.id for live in inventory(neighbour)}
    look_alikes = make_look_alikes(cloud)
    plan_deploy(seccom("ha"), cloud).apply()

    assert Shell(cloud, tmp_path).json("teardown", "--yes")["left"] == []

    assert len(inventory(cloud)) == 0
    assert {live.key: live.id for live in inventory(neighbour)} == their_own
    for what, is_there in look_alikes.items():
        assert is_there(), f"{what} was not ours"


def make_look_alikes(cloud):
    """Things with names like ours and no tags; for each a question whether it is still there."""
    ec2, logs, ecs, ssm = (cloud.client(service) for service in ("ec2", "logs", "ecs", "ssm"))
    iam, s3, ecr, rds = (cloud.client(service) for service in ("iam", "s3", "ecr", "rds"))
    cloudwatch, cognito, budgets = (cloud.client(service) for service in ("cloudwatch", "cognito-idp", "budgets"))
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "Name", "Value": "seccom-vpc"}])
    group = ec2.create_security_group(GroupName="seccom-ALB-sg", Description="mine", VpcId=vpc)["GroupId"]
    logs.create_log_group(logGroupName="seccom-notes")
    ecs.create_cluster(clusterName="seccom-experiments")
    ecs.register_task_definition(
        family="seccom-experiment", containerDefinitions=[{"name": "a", "image": "a", "memory": 4}]
    )
    ssm.put_parameter(Name="/seccom/mine", Value="mine", Type="String")
    trust = {"Version": "2012-10-17", "Statement": []}
    iam.create_role(RoleName="seccom-mine-eu-west-3", AssumeRolePolicyDocument=json.dumps(trust))
    s3.create_bucket(
        Bucket=f"seccom-mine-{cloud.account}-eu-west-3", CreateBucketConfiguration={"LocationConstraint": "eu-west-3"}
    )
    ecr.create_repository(repositoryName="seccom-mine")
    rds.create_db_instance(
        DBInstanceIdentifier="seccom-mine", DBInstanceClass="db.t3.micro", Engine="postgres",
        AllocatedStorage=20, MasterUsername="me", MasterUserPassword="look-alike-1",
    )  # fmt: skip
    body = json.dumps({"widgets": [{"type": "text", "width": 3, "height": 3, "properties": {"markdown": "mine"}}]})
    cloudwatch.put_dashboard(DashboardName="seccom-mine", DashboardBody=body)
    pool = cognito.create_user_pool(PoolName="seccom-mine")["UserPool"]["Id"]
    limit = {"Amount": "5", "Unit": "USD"}
    budgets.create_budget(
        AccountId=cloud.account,
        Budget={"BudgetName": "seccom-mine", "BudgetLimit": limit, "TimeUnit": "MONTHLY", "BudgetType": "COST"},
    )
    return {
        "a VPC": lambda: ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"],
        "a security group": lambda: ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"],
        "a log group": lambda: logs.describe_log_groups(logGroupNamePrefix="seccom-notes")["logGroups"],
        "a cluster": lambda: (
            ecs.describe_clusters(clusters=["seccom-experiments"])["clusters"][0]["status"] == "ACTIVE"
        ),
        "a task definition": lambda: ecs.describe_task_definition(taskDefinition="seccom-experiment"),
        "a parameter": lambda: ssm.get_parameter(Name="/seccom/mine"),
        "a role": lambda: iam.get_role(RoleName="seccom-mine-eu-west-3"),
        "a bucket": lambda: s3.head_bucket(Bucket=f"seccom-mine-{cloud.account}-eu-west-3"),
        "a repository": lambda: ecr.describe_repositories(repositoryNames=["seccom-mine"])["repositories"],
        "a database": lambda: rds.describe_db_instances(DBInstanceIdentifier="seccom-mine")["DBInstances"],
        "a dashboard": lambda: cloudwatch.get_dashboard(DashboardName="seccom-mine"),
        "a user pool": lambda: cognito.describe_user_pool(UserPoolId=pool),
        "a budget": lambda: budgets.describe_budget(AccountId=cloud.account, BudgetName="seccom-mine"),
    }


# -- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "environment", "code", "message"),
    [
        (["deploy", "--profile", "gold", "--yes"], {}, 2, "no profile 'gold'"),
        (["plan", "--profile", "gold"], {}, 2, "no profile 'gold'"),
        (["plan"], {}, 2, "Missing option '--profile'"),
        (["frobnicate"], {}, 2, "No such command"),
        (["deploy", "--profile", "ha", "--deployment", "Aws!", "--yes"], {}, 2, "deployment name 'Aws!'"),
        (["deploy", "--profile", "ha", "--deployment", "aws", "--yes"], {}, 2, "deployment name 'aws'"),
        (["deploy", "--profile", "ha", "--region", "moon", "--yes"], {}, 2, "'moon' is not a region"),
        (["deploy", "--profile", "ha", "--services", "web", "--yes"], {}, 2, "no service web"),
        (["deploy", "--profile", "ha", "--yes"], {"ESAWS_TARGET": "http://127.0.0.1:1"}, 2, "nothing answers at"),
        (["deploy", "--profile", "ha", "--yes"], {"ESAWS_TARGET": "nonsense"}, 2, "target 'nonsense'"),
        (["draw", "--profile", "ha", "-o", "picture.gif"], {}, 2, ".svg or .png"),
        (["deploy", "--profile", "ha", "--yes"], {"ESAWS_TARGET": "aws", "ESAWS_ACCOUNT": ""}, 3, "name the account"),
        (["teardown", "--yes"], {"ESAWS_TARGET": "aws", "ESAWS_ACCOUNT": ""}, 3, "name the account"),
        (["deploy", "--profile", "ha"], {}, 3, "no terminal to ask in"),
        (["teardown"], {}, 3, "no terminal to ask in"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_bad_input_gets_its_exit_code_and_says_what_to_do(esaws, cloud, words, environment, code, message):
    assert message in esaws(*words, code=code, **environment)
    assert len(inventory(cloud)) == 0, "nothing was changed"


class SomebodyElse(BaseHTTPRequestHandler):
    """Answers every call as STS does, with the account of somebody else."""

    def do_POST(self):
        body = (
            b"<GetCallerIdentityResponse><GetCallerIdentityResult><Account>999999999999</Account>"
            b"</GetCallerIdentityResult></GetCallerIdentityResponse>"
        )
        self.server.asked.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Quiet."""


def test_another_account_than_the_named_one_is_refused_before_anything_else_is_asked(esaws):
    with HTTPServer(("127.0.0.1", 0), SomebodyElse) as server:
        server.asked = []
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        for words in (["deploy", "--profile", "ha", "--yes"], ["teardown", "--yes"]):
            message = esaws(*words, code=3, ESAWS_TARGET=url)
            assert "belong to account 999999999999" in message and "nothing was changed" in message
        server.shutdown()
        assert all(b"GetCallerIdentity" in asked for asked in server.asked) and server.asked


def test_a_deploy_that_aws_refuses_tells_what_and_why_and_the_next_one_completes(esaws, cloud):
    # A bucket's name is taken by somebody else's account, as it may be on AWS.
    other = Cloud.at(cloud.endpoint, account="999999999999")
    name = f"seccom-clips-{cloud.account}-eu-west-3"
    other.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-3"})
    message = esaws("deploy", "--profile", "budget", "--yes", code=1)
    assert "Bucket clips: BucketAlreadyExists" in message and "goes on from here" in message
    other.client("s3").delete_bucket(Bucket=name)
    esaws("deploy", "--profile", "budget", "--yes")
    assert tell(esaws.json("plan", "--profile", "budget")) == {"keep": len(seccom("budget"))}


def test_ctrl_c_lets_what_runs_finish_and_says_so(esaws, cloud):
    deploying = esaws.start("deploy", "--profile", "ha", "--yes")
    while journal_lines(esaws.folder) < 20 and deploying.poll() is None:
        time.sleep(0.002)
    deploying.send_signal(signal.SIGINT)
    _, err = deploying.communicate(timeout=60)
    assert deploying.returncode == 1
    assert "interrupted" in err
    journal = [json.loads(line) for path in esaws.folder.glob("runs/*.jsonl") for line in path.read_text().splitlines()]
    events = Counter(line["event"] for line in journal)
    assert events["begun"] == events["done"] > 0 and events["ended"] == 1
    plan_deploy(seccom("ha"), cloud).apply()


def test_a_dry_run_shows_the_plan_and_changes_nothing(esaws, cloud):
    assert tell(esaws.json("deploy", "--profile", "budget", "--dry-run")) == {"create": len(seccom("budget"))}
    assert len(inventory(cloud)) == 0
    plan_deploy(seccom("budget", services=["hdm"]), cloud).apply()
    assert tell(esaws.json("teardown", "--dry-run")) == {"delete": len(inventory(cloud))}


def test_the_plan_reads_as_a_table(esaws):
    table = esaws("plan", "--profile", "ha")
    assert "LoadBalancer" in table and "284.52 USD a month at list price (~ some prices unverified)" in table


def test_no_password_is_anywhere_but_in_its_parameter(esaws, cloud):
    esaws("deploy", "--profile", "budget", "--yes")
    parameters = cloud.client("ssm").get_parameters_by_path(Path="/seccom", WithDecryption=True)["Parameters"]
    assert len(parameters) == 2
    plan_deploy(seccom("budget"), cloud).apply()
    told = "".join(path.read_text() for path in esaws.folder.glob("runs/*")) + repr(list(cloud.calls))
    told += esaws("plan", "--profile", "budget") + esaws("inventory", "--json")
    for parameter in parameters:
        assert parameter["Type"] == "SecureString" and len(parameter["Value"]) >= 16
        assert parameter["Value"] not in told


def test_doctor_says_of_each_thing_whether_it_is_well(esaws):
    checks = esaws.json("doctor")
    assert {row["check"] for row in checks} == {"python", "graphviz", "disk", "process", "port", "endpoint", "account"}
    assert all(row["ok"] for row in checks)
    assert all(row.keys() == {"check", "ok", "detail", "fix"} for row in checks)


def test_doctor_tells_what_is_wrong_and_how_it_is_mended(esaws):
    process = esaws.start("doctor", "--json", ESAWS_TARGET="http://127.0.0.1:1")
    rows = {row["check"]: row for row in json.loads(process.communicate()[0])}
    assert process.returncode == 1
    assert not rows["endpoint"]["ok"] and "ESAWS_TARGET" in rows["endpoint"]["fix"]
