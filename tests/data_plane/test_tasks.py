"""Tasks that run: a process is started, told where to listen, limited, logged and stopped, and ECS says what became of
it."""

import os
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.deploy.plan import plan_deploy
from esaws.deploy.serving import wait_until_serving
from esaws.local_aws import process, supervision
from esaws.reference.seccom import seccom
from esaws.resources.role import Role

pytest.importorskip("aiohttp", reason="the packages of esaws[run] are not installed")

FAMILY = "probe"
BIG = {"memory": 300}
FORKS = "import os, time\nfor _ in range(8): {}\ntime.sleep(60)"
CLUSTER = "seccom-client-web-ui-cluster"
SERVES = (
    "import http.server, os; "
    "http.server.test(http.server.SimpleHTTPRequestHandler, bind=os.environ['HOST'], port=int(os.environ['PORT']))"
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A local AWS of its own that runs a service of two tasks; checks and delays take a fiftieth of their time."""
    state = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ESAWS_STATE", str(state))
        environment.setenv("ESAWS_PORT", "0")
        environment.setenv("ESAWS_RUNS", str(state / "runs"))
        url = process.start(run=True, intervals=0.02)["url"]
        try:
            cloud = Cloud.at(url)
            plan_deploy([*seccom("ha", services=("client-web-ui",), images="ecr")], cloud).apply()
            assert wait_until_serving(cloud) == []
            yield cloud
        finally:
            process.stop(discard=True)
    assert remaining(state) == []


def remaining(state: Path) -> list[str]:
    """Return the command lines of the processes that run below a state folder, or whose watchdog is left."""
    return [
        " ".join(each.info["cmdline"] or ())
        for each in psutil.process_iter(["cmdline", "cwd"])
        if str(each.info["cwd"] or "").startswith(str(state))
    ]


def until(condition: Callable[[], Any], seconds: float = 180) -> Any:
    """Poll until a condition holds, and return its value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return value


def run_task(
    cloud: Cloud, command: list[str], *, execution_role: str | None = None, **settings: Any
) -> Callable[[], dict[str, Any]]:
    """Start a task whose only container runs a command; return a function that describes it."""
    ecs = cloud.client("ecs")
    image = f"{cloud.account}.dkr.ecr.{cloud.region}.amazonaws.com/seccom-client-web-ui:latest"
    container = {"name": "main", "image": image, "memory": 64, "command": command, **settings}
    role = {"executionRoleArn": execution_role} if execution_role else {}
    definition = ecs.register_task_definition(family=FAMILY, containerDefinitions=[container], **role)["taskDefinition"]
    (task,) = ecs.run_task(cluster=CLUSTER, taskDefinition=definition["taskDefinitionArn"])["tasks"]
    return lambda: dict(ecs.describe_tasks(cluster=CLUSTER, tasks=[task["taskArn"]])["tasks"][0])


def python(code: str) -> list[str]:
    return ["python", "-c", code]


def stopped(describe: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Wait until a task has stopped; return its only container with the reason of the task."""
    task = until(lambda: (task := describe())["lastStatus"] == "STOPPED" and task)
    (container,) = task["containers"]
    return {"stoppedReason": task["stoppedReason"], **container}


def processes_of(describe: Callable[[], dict[str, Any]]) -> list[psutil.Process]:
    """Return the processes of a task, by the variable that names it."""
    id = describe()["taskArn"].rsplit("/", 1)[-1]
    found = []
    for each in psutil.process_iter():
        try:
            if each.environ().get("ESAWS_TASK") == id:
                found.append(each)
        except psutil.Error:
            continue
    return found


def environments() -> list[dict[str, str]]:
    """Return the environments of the processes that the supervisor has started, and of their children."""
    supervisor = supervision._supervisor()
    assert supervisor is not None
    found = []
    for each in supervisor.children(recursive=True):
        with suppress(psutil.Error):
            found.append(each.environ())
    return found


def execution_role(cloud: Cloud) -> str:
    """Create a role with which ECS pulls images and reads parameters; returns its ARN."""
    policies = ("AmazonSSMReadOnlyAccess", "service-role/AmazonECSTaskExecutionRolePolicy")
    role = Role(name="execution", service="ecs-tasks.amazonaws.com", managed_policies=policies)
    role.create(cloud)
    return f"arn:aws:iam::{cloud.account}:role/{role.id_in(cloud)}"


# --- a service


def test_a_service_listens_at_the_address_of_its_instance(running: Cloud) -> None:
    reservations = running.client("ec2").describe_instances()["Reservations"]
    for instance in (each for reservation in reservations for each in reservation["Instances"]):
        host = "127." + instance["PrivateIpAddress"].partition(".")[2]
        (port,) = {each["PORT"] for each in environments() if each.get("HOST") == host}  # 4201 may be taken
        with urllib.request.urlopen(f"http://{host}:{port}/", timeout=30) as response:
            assert response.status == 200
            assert instance["Placement"]["AvailabilityZone"] in response.headers["X-Served-By"]


def test_a_task_whose_process_dies_has_stopped(running: Cloud) -> None:
    describe = run_task(running, python("import time; time.sleep(600)"))
    until(lambda: describe()["lastStatus"] == "RUNNING")
    (victim,) = processes_of(describe)
    victim.send_signal(signal.SIGKILL)
    container = stopped(describe)
    assert container["exitCode"] == 137
    assert container["stoppedReason"] == "Essential container in task exited"


# --- ends


@pytest.mark.parametrize(
    ("command", "settings", "code", "reason"),
    [
        (python("raise SystemExit(3)"), {}, 3, ""),
        (python("import time; x = bytearray(200_000_000); time.sleep(60)"), {}, 137, "OutOfMemoryError"),
        (["sh", "-c", "for each in $(seq 80); do sleep 60 & done; wait"], BIG, 137, "processes"),
        (python(FORKS.format("os.fork()")), {}, 137, "OutOfMemoryError"),
        (python(FORKS.format("os.fork() or os.setsid()")), {}, 137, "OutOfMemoryError"),
        (python("import os, time\nos.fork() or time.sleep(60)"), {}, 0, ""),
        (python("import os, time\nos.fork() or (os.setsid(), os.fork() or time.sleep(60))"), {}, 0, ""),
        (["no-such-program"], {}, None, "CannotStartContainerError"),
    ],
    ids=[
        "an exit code",
        "too much memory",
        "many processes",
        "a fork bomb",
        "a fork bomb that leaves its group",
        "a child that stays",
        "a daemon that stays",
        "a missing program",
    ],
)
def test_a_container_ends_with_its_code_and_the_reason_of_ecs(
    running: Cloud, command: list[str], settings: dict[str, Any], code: int | None, reason: str
) -> None:
    describe = run_task(running, command, **settings)
    container = stopped(describe)
    assert container.get("exitCode") == code
    assert reason in container.get("reason", "")
    assert processes_of(describe) == []


def test_an_image_that_does_not_run_here_stays_a_simulation(running: Cloud) -> None:
    describe = run_task(running, [], image="public.ecr.aws/nginx/nginx:1.27")
    until(lambda: describe()["lastStatus"] == "RUNNING")
    assert processes_of(describe) == []


@pytest.mark.parametrize(
    ("handler", "code"),
    [("signal.signal(15, lambda *_: sys.exit(7))", 7), ("", 143), ("signal.signal(15, signal.SIG_IGN)", 137)],
    ids=["it ends by itself", "it has no handler", "it ignores the signal"],
)
def test_a_stop_sends_sigterm_and_after_the_stop_timeout_sigkill(
    running: Cloud, tmp_path: Path, handler: str, code: int
) -> None:
    ready = tmp_path / "ready"
    code_text = f"import signal, sys, time\n{handler}\nopen({str(ready)!r}, 'w')\nwhile True: time.sleep(0.05)"
    describe = run_task(running, python(code_text), stopTimeout=2)
    until(lambda: describe()["lastStatus"] == "RUNNING" and ready.exists())
    running.client("ecs").stop_task(cluster=CLUSTER, task=describe()["taskArn"])
    assert stopped(describe)["exitCode"] == code
    until(lambda: not processes_of(describe), 2)  # the local AWS and the data plane each count the stop timeout


# --- environment and log


def test_a_container_gets_its_variables_and_the_credentials_of_its_role(running: Cloud) -> None:
    code = "import boto3, os; print(os.environ['GREETING'], boto3.client('sts').get_caller_identity()['Account'])"
    role = running.client("iam").create_role(
        RoleName="probe",
        AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": '
        '"sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}]}',
    )["Role"]
    running.client("logs").create_log_group(logGroupName="/probe")
    ecs = running.client("ecs")
    image = f"{running.account}.dkr.ecr.{running.region}.amazonaws.com/seccom-client-web-ui:latest"
    options = {"awslogs-group": "/probe", "awslogs-region": running.region, "awslogs-stream-prefix": "p"}
    container = {
        "name": "main",
        "image": image,
        "memory": 128,
        "command": python(code),
        "environment": [{"name": "GREETING", "value": "hello"}],
        "logConfiguration": {"logDriver": "awslogs", "options": options},
    }
    definition = ecs.register_task_definition(family=FAMILY, containerDefinitions=[container], taskRoleArn=role["Arn"])[
        "taskDefinition"
    ]["taskDefinitionArn"]
    (task,) = ecs.run_task(cluster=CLUSTER, taskDefinition=definition)["tasks"]
    logs, stream = running.client("logs"), f"p/main/{task['taskArn'].rsplit('/', 1)[-1]}"

    def lines() -> list[str]:
        streams = logs.describe_log_streams(logGroupName="/probe")["logStreams"]
        if stream not in [each["logStreamName"] for each in streams]:
            return []
        events = logs.get_log_events(logGroupName="/probe", logStreamName=stream)["events"]
        return [event["message"] for event in events]

    assert until(lines) == [f"hello {running.account}"]


def test_a_secret_is_decrypted_in_the_environment(running: Cloud) -> None:
    running.client("ssm").put_parameter(Name="/token", Type="SecureString", Value="a:b c")
    ended = stopped(
        run_task(
            running,
            python("import os; raise SystemExit(7 if os.environ['TOKEN'] == 'a:b c' else 1)"),
            execution_role=execution_role(running),
            secrets=[{"name": "TOKEN", "valueFrom": "/token"}],
        )
    )
    assert ended["exitCode"] == 7


def test_a_flood_of_output_fills_its_stream_and_disturbs_nothing_else(running: Cloud) -> None:
    logs = running.client("logs")
    logs.create_log_group(logGroupName="/flood")
    options = {"awslogs-group": "/flood", "awslogs-region": running.region, "awslogs-stream-prefix": "p"}
    logging = {"logDriver": "awslogs", "options": options}
    code = "line = 'x' * 100_000\nwhile True: print(line)"
    describe = run_task(running, python(code), logConfiguration=logging)
    stream = f"p/main/{describe()['taskArn'].rsplit('/', 1)[-1]}"

    def last_line() -> str:
        if not logs.describe_log_streams(logGroupName="/flood")["logStreams"]:
            return ""
        events = logs.get_log_events(logGroupName="/flood", logStreamName=stream, limit=1)["events"]
        return str(events[-1]["message"]) if events else ""

    until(lambda: "this log stream is full" in last_line())
    assert describe()["lastStatus"] == "RUNNING"
    assert system_answers()
    running.client("ecs").stop_task(cluster=CLUSTER, task=describe()["taskArn"])
    stopped(describe)
    assert "this log stream is full" in last_line()


# --- health checks of containers


def test_a_service_replaces_a_task_whose_container_is_unhealthy(running: Cloud) -> None:
    ecs = running.client("ecs")
    definition = ecs.register_task_definition(
        family="checked",
        containerDefinitions=[
            {
                "name": "main",
                "image": f"{running.account}.dkr.ecr.{running.region}.amazonaws.com/seccom-client-web-ui:latest",
                "memory": 64,
                "command": python("import time; open('well', 'w'); time.sleep(600)"),
                "healthCheck": {"command": ["CMD-SHELL", "test -e well || exit 1"], "interval": 30, "retries": 2},
            }
        ],
    )["taskDefinition"]["taskDefinitionArn"]
    where = {"cluster": CLUSTER, "serviceName": "checked"}
    ecs.create_service(**where, taskDefinition=definition, desiredCount=1)

    def tasks(status: str) -> list[dict[str, Any]]:
        arns = ecs.list_tasks(**where, desiredStatus=status)["taskArns"]
        return list(ecs.describe_tasks(cluster=CLUSTER, tasks=arns)["tasks"]) if arns else []

    (task,) = until(lambda: (found := tasks("RUNNING")) and found[0]["healthStatus"] == "HEALTHY" and found)
    assert task["containers"][0]["healthStatus"] == "HEALTHY"
    (process_of_task,) = [each for each in processes_of(lambda: task) if each.cmdline()[0].endswith("python")]
    Path(process_of_task.cwd(), "well").unlink()
    (sick,) = until(lambda: tasks("STOPPED"))
    assert sick["taskArn"] == task["taskArn"]
    assert sick["stoppedReason"] == "Task failed container health checks"
    assert sick["containers"][0]["healthStatus"] == sick["healthStatus"] == "UNHEALTHY"
    until(lambda: [each["healthStatus"] for each in tasks("RUNNING")] == ["HEALTHY"])
    events = ecs.describe_services(cluster=CLUSTER, services=["checked"])["services"][0]["events"]
    assert any("failed container health checks" in event["message"] for event in events)
    ecs.delete_service(cluster=CLUSTER, service="checked", force=True)
    until(lambda: not tasks("RUNNING"))


# --- who calls


def test_a_task_calls_the_load_balancer_from_the_address_of_its_instance(running: Cloud) -> None:
    elbv2, ec2 = running.client("elbv2"), running.client("ec2")
    (balancer,) = elbv2.describe_load_balancers()["LoadBalancers"]
    (listener,) = elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    instances = [each for one in ec2.describe_instances()["Reservations"] for each in one["Instances"]]
    addresses = [f"{each['PublicIpAddress']}/32" for each in instances if each["State"]["Name"] == "running"]
    rule = elbv2.create_rule(
        ListenerArn=listener["ListenerArn"],
        Priority=1,
        Conditions=[{"Field": "source-ip", "SourceIpConfig": {"Values": addresses}}],
        Actions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "418"}}],
    )["Rules"][0]
    calls = (
        "import os, time, urllib.error, urllib.request\ncode = None\nwhile code != 418:\n"
        "    try:\n        urllib.request.urlopen(os.environ['URL'])\n"
        "    except urllib.error.HTTPError as error: code = error.code\n"
        "    time.sleep(0.1)\nraise SystemExit(18)"
    )
    url = f"http://{balancer['DNSName']}/"
    ended = stopped(run_task(running, python(calls), environment=[{"name": "URL", "value": url}]))
    assert ended["exitCode"] == 18
    with urllib.request.urlopen(f"http://{simulation.endpoint(Cloud.local(), 'alb')}/", timeout=30) as response:
        assert response.status == 200  # this program is on the internet
    elbv2.delete_rule(RuleArn=rule["RuleArn"])


# --- ports


def test_a_task_whose_port_another_program_has_listens_elsewhere(running: Cloud) -> None:
    instances = running.client("ec2").describe_instances()["Reservations"]
    hosts = ["127." + one["PrivateIpAddress"].partition(".")[2] for each in instances for one in each["Instances"]]
    with ExitStack() as sockets:
        for host in hosts:
            sockets.enter_context(socket.create_server((host, 9555)))
        describe = run_task(running, python(SERVES), portMappings=[{"containerPort": 80, "hostPort": 9555}])
        until(lambda: describe()["lastStatus"] == "RUNNING")
        (environment,) = [each.environ() for each in processes_of(describe)]
        assert environment["HOST"] in hosts
        assert environment["PORT"] != "9555"
        url = f"http://{environment['HOST']}:{environment['PORT']}/"
        assert until(lambda: status_of(url)) == 200
    running.client("ecs").stop_task(cluster=CLUSTER, task=describe()["taskArn"])
    stopped(describe)


def status_of(url: str) -> int:
    """Return the status of a response; 0 if there is none."""
    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            return int(response.status)
    except OSError:
        return 0


def test_a_service_replaces_a_task_that_never_listens(running: Cloud) -> None:
    ecs, elbv2 = running.client("ecs"), running.client("elbv2")
    (balancer,) = elbv2.describe_load_balancers()["LoadBalancers"]
    group = elbv2.create_target_group(
        Name="deaf", Protocol="HTTP", Port=80, VpcId=balancer["VpcId"], HealthCheckIntervalSeconds=5
    )["TargetGroups"][0]["TargetGroupArn"]
    (listener,) = elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    rule = elbv2.create_rule(
        ListenerArn=listener["ListenerArn"],
        Priority=2,
        Conditions=[{"Field": "path-pattern", "Values": ["/deaf"]}],
        Actions=[{"Type": "forward", "TargetGroupArn": group}],
    )["Rules"][0]["RuleArn"]
    image = f"{running.account}.dkr.ecr.{running.region}.amazonaws.com/seccom-client-web-ui:latest"
    container = {"name": "main", "image": image, "memory": 64, "command": python("import time; time.sleep(600)")}
    container["portMappings"] = [{"containerPort": 80, "hostPort": 9556}]
    definition = ecs.register_task_definition(family="deaf", containerDefinitions=[container])["taskDefinition"]
    where = {"cluster": CLUSTER, "serviceName": "deaf"}
    ecs.create_service(
        **where,
        taskDefinition=definition["taskDefinitionArn"],
        desiredCount=1,
        loadBalancers=[{"targetGroupArn": group, "containerName": "main", "containerPort": 80}],
    )
    (arn, *_) = until(lambda: ecs.list_tasks(**where, desiredStatus="STOPPED")["taskArns"])
    (task,) = ecs.describe_tasks(cluster=CLUSTER, tasks=[arn])["tasks"]
    assert task["stoppedReason"] == f"Task failed ELB health checks in (target-group {group})"
    assert system_answers()
    ecs.delete_service(cluster=CLUSTER, service="deaf", force=True)
    until(lambda: not ecs.list_tasks(**where)["taskArns"])
    elbv2.delete_rule(RuleArn=rule)


def system_answers() -> bool:
    """Return whether the system still answers through the load balancer."""
    return status_of(f"http://{simulation.endpoint(Cloud.local(), 'alb')}/") == 200


# --- the end of all


def test_what_kills_the_supervisor_ends_everything_it_ran(running: Cloud) -> None:
    describe = run_task(running, python("import os, time; os.fork(); time.sleep(600)"))
    until(lambda: len(processes_of(describe)) == 2)
    until(lambda: describe()["lastStatus"] == "RUNNING")  # or the next supervisor would start it anew
    children = processes_of(describe)
    supervisor = supervision._supervisor()
    assert supervisor is not None
    os.kill(supervisor.pid, signal.SIGKILL)
    until(lambda: not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in children))
    process.start(run=True, intervals=0.02)
    assert stopped(describe)["exitCode"] == 137  # the next supervisor says that it is gone
    id = describe()["taskArn"].rsplit("/", 1)[-1]
    assert not [*supervision.run_folder().glob(f"*/*/tasks/{id}")]
    assert wait_until_serving(running) == []
