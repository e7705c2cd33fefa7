"""ECS as time passes, where stock moto does nothing, or everything at once."""

from typing import Any

from tests.local.cases import case
from tests.local.cases_errors_containers import Site


@case("a new task is pending", aws=("PENDING", "RUNNING"), stock=("RUNNING", "DEACTIVATING"))
def case_new_task(account: Any) -> Any:
    site = Site(account, instances=1)
    task = site.run()["tasks"][0]
    (described,) = site.ecs.describe_tasks(cluster="c", tasks=[task["taskArn"]])["tasks"]
    return task["lastStatus"], described["lastStatus"]


@case("an unknown task is reported as MISSING", aws=["MISSING"], stock=[])
def case_missing_task(account: Any) -> Any:
    answer = Site(account).ecs.describe_tasks(cluster="c", tasks=["0" * 32])
    return [failure["reason"] for failure in answer["failures"]]


@case(
    "a stopped task has a stop code, a reason and exit codes",
    aws=("UserInitiated", "enough", 0),
    stock=(None, "enough", 0),
)
def case_why_stopped(account: Any) -> Any:
    site = Site(account, instances=1)
    arn = site.run()["tasks"][0]["taskArn"]
    site.ecs.describe_tasks(cluster="c", tasks=[arn])
    site.ecs.stop_task(cluster="c", task=arn, reason="enough")
    (task,) = site.ecs.describe_tasks(cluster="c", tasks=[arn])["tasks"]
    return task.get("stopCode"), task["stoppedReason"], task["containers"][0].get("exitCode")


def wait_until_stable(site: Site) -> Any:
    if site.account.wrapped:
        site.ecs.get_waiter("services_stable").wait(cluster="c", services=["s"])
    return site.ecs.describe_services(cluster="c", services=["s"])["services"][0]


@case("a service runs its tasks", aws=(2, 2, "COMPLETED"), stock=(0, 0, "IN_PROGRESS"))
def case_running_service(account: Any) -> Any:
    site = Site(account, instances=2)
    site.create_service(desiredCount=2)
    service = wait_until_stable(site)
    tasks = site.ecs.list_tasks(cluster="c", serviceName="s")["taskArns"]
    return service["runningCount"], len(tasks), service["deployments"][0]["rolloutState"]


@case("a service writes events", aws=["steady state", "deployment completed", "has started"], stock=[])
def case_events(account: Any) -> Any:
    site = Site(account, instances=1)
    site.create_service(desiredCount=1)
    texts = ("has started", "deployment completed", "steady state")
    return [text for event in wait_until_stable(site)["events"] for text in texts if text in event["message"]]


@case("a service event explains why a task is not placed", aws=True, stock=False)
def case_placement_failure(account: Any) -> Any:
    site = Site(account)
    site.create_service(desiredCount=1)
    (service,) = site.ecs.describe_services(cluster="c", services=["s"])["services"]
    return any("No Container Instances were found" in event["message"] for event in service["events"])


@case("a new task definition starts a second deployment", aws=["PRIMARY", "ACTIVE"], stock=["PRIMARY"])
def case_deployments(account: Any) -> Any:
    site = Site(account, instances=1)
    site.create_service(desiredCount=1)
    wait_until_stable(site)
    site.ecs.register_task_definition(family="f", containerDefinitions=[{"name": "c", "image": "nginx", "memory": 64}])
    site.ecs.update_service(cluster="c", service="s", taskDefinition="f")
    (service,) = site.ecs.describe_services(cluster="c", services=["s"])["services"]
    return [deployment["status"] for deployment in service["deployments"]]


@case("a deleted service drains first", aws=("DRAINING", "INACTIVE"), stock=("INACTIVE", "INACTIVE"))
def case_draining_service(account: Any) -> Any:
    site = Site(account, instances=1)
    site.create_service(desiredCount=1)
    wait_until_stable(site)
    site.ecs.update_service(cluster="c", service="s", desiredCount=0)
    site.ecs.update_service(cluster="c", service="s", desiredCount=1)
    deleted = site.ecs.delete_service(cluster="c", service="s", force=True)["service"]
    (service,) = site.ecs.describe_services(cluster="c", services=["s"])["services"]
    return deleted["status"], service["status"]
