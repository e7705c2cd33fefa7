"""Task sets of an external controller, and what ECS deployments promise that is not simulated."""

from typing import Any

from tests.local.cases import case, outcome
from tests.local.cases_ecs_containers import later
from tests.local.cases_errors_containers import Site

EXTERNAL = {"deploymentController": {"type": "EXTERNAL"}}


@case(
    "a task set runs its share of the desired count, and stops its tasks when it is deleted",
    aws=[(2, 2, "STEADY_STATE"), (1, 1, "STEADY_STATE"), 0],
    stock=[(None, None, "STEADY_STATE"), (None, None, "STEADY_STATE"), 1],
)
def case_task_sets(account: Any) -> Any:
    site = Site(account, instances=1, portMappings=[])
    site.create_service(desiredCount=4, **EXTERNAL)

    def scale(percent: float) -> dict[str, Any]:
        return {"scale": {"value": percent, "unit": "PERCENT"}}

    names = {"cluster": "c", "service": "s"}
    task_set = site.ecs.create_task_set(**names, taskDefinition="f", **scale(50))["taskSet"]["taskSetArn"]

    def state() -> tuple[Any, Any, str]:
        later(account, "2m")
        (described,) = site.ecs.describe_task_sets(**names)["taskSets"]
        return described.get("computedDesiredCount"), described.get("runningCount"), described["stabilityStatus"]

    states: list[Any] = [state()]
    site.ecs.update_task_set(**names, taskSet=task_set, **scale(25))
    states.append(state())
    site.ecs.delete_task_set(**names, taskSet=task_set, force=True)
    later(account, "1m")
    return [*states, min(len(site.ecs.list_tasks(cluster="c")["taskArns"]), 1)]


@case(
    "what a service would promise without an effect here is refused",
    aws=["NotSimulated"] * 5 + ["accepted"],
    stock=["accepted"] * 6,
)
def case_promises(account: Any) -> Any:
    site = Site(account)
    hook = {"hookTargetArn": "arn:aws:lambda:x:1:function:f", "roleArn": "r", "lifecycleStages": ["PRE_SCALE_UP"]}
    settings: list[dict[str, Any]] = [
        {"deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5}},
        {"deploymentConfiguration": {"lifecycleHooks": [hook]}},
        {"deploymentController": {"type": "CODE_DEPLOY"}},
        {"serviceConnectConfiguration": {"enabled": True, "namespace": "n"}},
        {"vpcLatticeConfigurations": [{"roleArn": "r", "targetGroupArn": "t", "portName": "p"}]},
        {"serviceConnectConfiguration": {"enabled": False}},
    ]
    return [
        outcome(lambda number=number, each=each: site.create_service(serviceName=f"s{number}", **each) and "accepted")
        for number, each in enumerate(settings)
    ]
