"""What ECS does as time passes, where stock moto does nothing, or all of it at once."""

from typing import Any

from tests.local.cases import case
from tests.local.cases_refusals_containers import Site


@case("a task is pending at first", aws=("PENDING", "RUNNING"), stock=("RUNNING", "DEACTIVATING"))
def ask_first_state(account: Any) -> Any:
    site = Site(account, hosts=1)
    task = site.run()["tasks"][0]
    (described,) = site.ecs.describe_tasks(cluster="c", tasks=[task["taskArn"]])["tasks"]
    return task["lastStatus"], described["lastStatus"]


@case("a task that never was is missing", aws=["MISSING"], stock=[])
def ask_missing_task(account: Any) -> Any:
    answer = Site(account).ecs.describe_tasks(cluster="c", tasks=["0" * 32])
    return [failure["reason"] for failure in answer["failures"]]


@case("why a task has stopped is told", aws=("UserInitiated", "enough", 0), stock=(None, "enough", 0))
def ask_why_stopped(account: Any) -> Any:
    site = Site(account, hosts=1)
    arn = site.run()["tasks"][0]["taskArn"]
    site.ecs.describe_tasks(cluster="c", tasks=[arn])
    site.ecs.stop_task(cluster="c", task=arn, reason="enough")
    (task,) = site.ecs.describe_tasks(cluster="c", tasks=[arn])["tasks"]
    return task.get("stopCode"), task["stoppedReason"], task["containers"][0].get("exitCode")


def stable(site: Site) -> Any:
    if site.account.wrapped:
        site.ecs.get_waiter("services_stable").wait(cluster="c", services=["s"])
    return site.ecs.describe_services(cluster="c", services=["s"])["services"][0]


@case("a service runs its tasks", aws=(2, 2, "COMPLETED"), stock=(0, 0, "IN_PROGRESS"))
def ask_running_service(account: Any) -> Any:
    site = Site(account, hosts=2)
    site.serve(desiredCount=2)
    service = stable(site)
    tasks = site.ecs.list_tasks(cluster="c", serviceName="s")["taskArns"]
    return service["runningCount"], len(tasks), service["deployments"][0]["rolloutState"]


@case("a service tells what it does", aws=["steady state", "deployment completed", "has started"], stock=[])
def ask_events(account: Any) -> Any:
    site = Site(account, hosts=1)
    site.serve(desiredCount=1)
    words = ("has started", "deployment completed", "steady state")
    return [word for event in stable(site)["events"] for word in words if word in event["message"]]


@case("a service that finds no place says why", aws=True, stock=False)
def ask_no_place(account: Any) -> Any:
    site = Site(account)
    site.serve(desiredCount=1)
    (service,) = site.ecs.describe_services(cluster="c", services=["s"])["services"]
    return any("No Container Instances were found" in event["message"] for event in service["events"])


@case("a new task definition is deployed beside the old one", aws=["PRIMARY", "ACTIVE"], stock=["PRIMARY"])
def ask_deployments(account: Any) -> Any:
    site = Site(account, hosts=1)
    site.serve(desiredCount=1)
    stable(site)
    site.ecs.register_task_definition(family="f", containerDefinitions=[{"name": "c", "image": "nginx", "memory": 64}])
    site.ecs.update_service(cluster="c", service="s", taskDefinition="f")
    (service,) = site.ecs.describe_services(cluster="c", services=["s"])["services"]
    return [deployment["status"] for deployment in service["deployments"]]


@case("a service that is deleted drains first", aws=("DRAINING", "INACTIVE"), stock=("INACTIVE", "INACTIVE"))
def ask_draining_service(account: Any) -> Any:
    site = Site(account, hosts=1)
    site.serve(desiredCount=1)
    stable(site)
    site.ecs.update_service(cluster="c", service="s", desiredCount=0)
    site.ecs.update_service(cluster="c", service="s", desiredCount=1)
    deleted = site.ecs.delete_service(cluster="c", service="s", force=True)["service"]
    (service,) = site.ecs.describe_services(cluster="c", services=["s"])["services"]
    return deleted["status"], service["status"]
