"""The main job from a shell: plan, deploy, list, replace and tear down; interruptions; invalid input."""

import json
import signal
import time
from collections import Counter
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from esaws.cli import deploy as cli_deploy
from esaws.cloud import Cloud
from esaws.deploy.inventory import inventory
from esaws.deploy.plan import plan_deploy
from esaws.reference.seccom import seccom
from esaws.resources import Broker, DBInstance, Subnet
from tests.local.cases import TRUST
from tests.shell import Shell, journal_lines

WEB = ("--services", "client-web-ui")
TWO_ZONES = ["client-web-ui", "sites-management-api"]
"""One service for each zone of `budget`."""


def count(rows, key="action"):
    return Counter(row[key] for row in rows)


def ids(cloud):
    return {live.key: live.id for live in inventory(cloud)}


def test_plan_deploy_inventory_and_teardown(esaws, cloud):
    system = ("--profile", "ha", *WEB)
    planned = esaws.json("plan", *system)
    assert count(planned) == {"create": len(seccom("ha", services=["client-web-ui"]))}
    assert len(inventory(cloud)) == 0, "a plan changes nothing"

    deployed = esaws.json("deploy", *system, "--yes")
    assert deployed.keys() >= {"created", "kept", "updated", "calls", "seconds", "unstable"}
    assert (deployed["created"], deployed["kept"], deployed["updated"]) == (len(planned), 0, 0)

    assert count(esaws.json("plan", *system)) == {"keep": len(planned)}

    owned = esaws.json("inventory")
    assert {(row["kind"], row["name"]) for row in owned} == {(row["kind"], row["name"]) for row in planned}
    assert all(row.keys() == {"kind", "name", "id", "state"} for row in owned)
    assert len(esaws.json("inventory", "--all-owned")) > len(owned)

    teardown = esaws.start("teardown", "--yes", "--json")
    assert json.loads(teardown.communicate(timeout=60)[0]) == {"deleted": len(planned), "left": []}
    assert teardown.returncode == 0
    assert esaws.json("inventory") == []
    assert esaws.json("teardown", "--yes") == {"deleted": 0, "left": []}


def test_budget_replaces_ha_only_with_prune(esaws, cloud):
    services = ("--services", ",".join(TWO_ZONES))
    plan_deploy(seccom("ha", services=TWO_ZONES), cloud).apply()
    before = ids(cloud)

    refusal = esaws("deploy", "--profile", "budget", *services, "--yes", code=1)
    assert "extra: Service client-web-ui" in refusal and "--prune deletes it" in refusal
    assert ids(cloud) == before, "nothing was changed"

    replaced = esaws.json("deploy", "--profile", "budget", *services, "--yes", "--prune")
    assert replaced["deleted"] and replaced["kept"] and replaced["created"]
    budget = seccom("budget", services=TWO_ZONES)
    assert {change.action for change in plan_deploy(budget, cloud)} == {"keep"}
    after = ids(cloud)
    for kind in ("VPC", "Subnet", "SecurityGroup", "LoadBalancer", "TargetGroup", "DBInstance", "AutoScalingGroup"):
        kept = {key: id for key, id in before.items() if key[0] == kind}
        assert kept and {key: id for key, id in after.items() if key[0] == kind} == kept
    instances = cloud.client("autoscaling").describe_auto_scaling_instances()["AutoScalingInstances"]
    assert Counter(instance["AvailabilityZone"] for instance in instances) == {"eu-west-3a": 1, "eu-west-3b": 1}

    restored = esaws.json("deploy", "--profile", "ha", *services, "--yes", "--prune")
    assert restored["deleted"] == sum(key[0] in ("Task", "TargetRegistration") for key in after)
    assert {change.action for change in plan_deploy(seccom("ha", services=TWO_ZONES), cloud)} == {"keep"}


def test_a_teardown_keeps_other_deployments_and_look_alikes(ha, new_cloud, tmp_path):
    neighbour = new_cloud(account=ha.account, deployment="seccom2")
    plan_deploy(seccom("budget", services=["client-web-ui"]), neighbour).apply()
    neighbours = ids(neighbour)
    look_alikes = make_look_alikes(ha)

    assert Shell(ha, tmp_path).json("teardown", "--yes")["left"] == []

    assert len(inventory(ha)) == 0
    assert ids(neighbour) == neighbours
    for description, find in look_alikes.items():
        assert find(), f"{description} is not ours and must not be deleted"


def make_look_alikes(cloud):
    """Create untagged resources with names like ours. Returns, for each, a function that finds it."""
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
    iam.create_role(RoleName="seccom-mine-eu-west-3", AssumeRolePolicyDocument=TRUST)
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


# -- invalid input ---------------------------------------------------------------------------------------------------


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
        (["deploy", "--profile", "ha"], {}, 3, "no terminal to confirm in"),
        (["teardown"], {}, 3, "no terminal to confirm in"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_invalid_input_has_its_exit_code_and_message(esaws, cloud, words, environment, code, message):
    assert message in esaws(*words, code=code, **environment)
    assert len(inventory(cloud)) == 0, "nothing was changed"


class OtherAccount(BaseHTTPRequestHandler):
    """Answers every call as STS would, with another account."""

    def do_POST(self):
        body = (
            b"<GetCallerIdentityResponse><GetCallerIdentityResult><Account>999999999999</Account>"
            b"</GetCallerIdentityResult></GetCallerIdentityResponse>"
        )
        self.server.requests.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Print nothing."""


def test_another_account_than_the_named_one_is_refused_before_any_other_call(esaws):
    with HTTPServer(("127.0.0.1", 0), OtherAccount) as server:
        server.requests = []
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        for words in (["deploy", "--profile", "ha", "--yes"], ["teardown", "--yes"]):
            message = esaws(*words, code=3, ESAWS_TARGET=url)
            assert "belong to account 999999999999" in message and "nothing was changed" in message
        server.shutdown()
        assert all(b"GetCallerIdentity" in request for request in server.requests) and server.requests


# -- a plan that no longer holds, and kinds that can't be listed -------------------------------------------------------


def test_a_change_while_the_user_confirms_is_refused(esaws, cloud, monkeypatch):
    system = ("--profile", "ha", *WEB)
    plan_deploy(seccom("ha", services=["client-web-ui"]).just(Subnet), cloud).apply()
    subnet = ids(cloud)["Subnet", "public-3a"]
    change = partial(cloud.client("ec2").modify_subnet_attribute, SubnetId=subnet, MapPublicIpOnLaunch={"Value": False})
    monkeypatch.setattr(cli_deploy, "confirm", lambda plan, yes: change())
    error = esaws("deploy", *system, "--yes", code=1)
    assert "nothing was changed: the account has changed since the plan of this deploy was made" in error
    assert "Subnet public-3a: it has changed (public_addresses: False instead of True)" in error
    assert "plan the deploy again" in error
    monkeypatch.setattr(cli_deploy, "confirm", lambda plan, yes: None)
    assert esaws.json("deploy", *system, "--yes")["updated"] == 1


def test_a_kind_that_cannot_be_listed_stops_nothing_else_and_is_unknown_in_the_end(esaws, cloud, monkeypatch):
    call = BaseClient._make_api_call

    def deny(self, operation, parameters):
        if operation == "DescribeBudgets":
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not you"}}, operation)
        return call(self, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", deny)
    system = ("--profile", "ha", *WEB)
    assert esaws.json("deploy", *system, "--yes")["unstable"] == []
    assert count(esaws.json("plan", *system)).keys() == {"keep"}
    assert len(esaws.json("inventory")) == len(seccom("ha", services=["client-web-ui"]))
    assert "Budget could not be listed" in esaws("plan", *system, "--warn-at-usd", "50", code=1)
    error = esaws("teardown", "--yes", "--json", code=1)
    assert "warning: Budget could not be listed" in error and "it is unknown whether they are gone" in error
    assert len(inventory(cloud)) == 0, "everything else is deleted"


def test_an_account_that_lists_nothing_is_not_an_empty_one(cloud, monkeypatch):
    def deny(self, operation, parameters):
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, operation)

    monkeypatch.setattr(BaseClient, "_make_api_call", deny)
    with pytest.raises(ClientError, match="AccessDenied"):
        inventory(cloud)


# -- failures and interruptions --------------------------------------------------------------------------------------


def test_a_failed_deploy_reports_the_resource_and_the_next_one_completes_it(esaws, cloud):
    # Another account has a bucket of this name already.
    other = Cloud.at(cloud.endpoint, account="999999999999")
    name = f"seccom-clips-{cloud.account}-eu-west-3"
    other.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-3"})
    system = ("--profile", "budget", "--services", "client-web-ui,intrusion-management-api")
    error = esaws("deploy", *system, "--yes", code=1)
    assert "Bucket clips: BucketAlreadyExists" in error and "run the same deploy again to continue" in error
    other.client("s3").delete_bucket(Bucket=name)
    esaws("deploy", *system, "--yes")
    assert count(esaws.json("plan", *system)).keys() == {"keep"}


def test_ctrl_c_finishes_the_running_changes(esaws, cloud):
    deploy = esaws.start("deploy", "--profile", "ha", *WEB, "--yes")
    while journal_lines(esaws.folder) < 20 and deploy.poll() is None:
        time.sleep(0.002)
    deploy.send_signal(signal.SIGINT)
    _, error = deploy.communicate(timeout=60)
    assert deploy.returncode == 1
    assert "interrupted" in error
    journal = [json.loads(line) for path in esaws.folder.glob("runs/*.jsonl") for line in path.read_text().splitlines()]
    events = Counter(line["event"] for line in journal)
    assert events["begun"] == events["done"] > 0 and events["ended"] == 1
    plan_deploy(seccom("ha", services=["client-web-ui"]), cloud).apply()


def test_a_dry_run_shows_the_plan_and_changes_nothing(esaws, cloud):
    system = ("--profile", "budget", *WEB)
    assert count(esaws.json("deploy", *system, "--dry-run")).keys() == {"create"}
    assert len(inventory(cloud)) == 0
    plan_deploy(seccom("budget").just(DBInstance), cloud).apply()
    before = ids(cloud)
    assert count(esaws.json("teardown", "--dry-run")) == {"delete": len(before)}
    assert ids(cloud) == before


def test_the_plan_is_printed_as_a_table(esaws):
    table = esaws("plan", "--profile", "ha")
    assert "LoadBalancer" in table and "284.52 USD a month at list price (~ some prices unverified)" in table


def test_passwords_are_only_in_their_parameters(esaws, cloud, monkeypatch):
    monkeypatch.setenv("ESAWS_RUNS", str(esaws.folder / "runs"))
    plan_deploy(seccom("budget").just(Broker, DBInstance), cloud).apply()
    logged = "".join(path.read_text() for path in esaws.folder.glob("runs/*")) + repr(list(cloud.calls))
    assert "DBInstance" in logged and "create_broker".replace("_", "") in logged.lower()
    parameters = cloud.client("ssm").get_parameters_by_path(Path="/seccom", WithDecryption=True)["Parameters"]
    assert len(parameters) == 2
    logged += repr(list(cloud.calls)) + esaws("plan", "--profile", "budget") + esaws("inventory", "--json")
    for parameter in parameters:
        assert parameter["Type"] == "SecureString" and len(parameter["Value"]) >= 16
        assert parameter["Value"] not in logged


# -- doctor ----------------------------------------------------------------------------------------------------------


def test_doctor_checks_everything(esaws):
    checks = esaws.json("doctor")
    assert {row["check"] for row in checks} >= {"python", "graphviz", "disk", "process", "port", "endpoint", "account"}
    assert all(row["ok"] for row in checks)
    assert all(row.keys() == {"check", "ok", "detail", "fix"} for row in checks)


def test_doctor_reports_a_failed_check_with_its_fix(esaws):
    process = esaws.start("doctor", "--json", ESAWS_TARGET="http://127.0.0.1:1")
    rows = {row["check"]: row for row in json.loads(process.communicate()[0])}
    assert process.returncode == 1
    assert not rows["endpoint"]["ok"] and "ESAWS_TARGET" in rows["endpoint"]["fix"]
