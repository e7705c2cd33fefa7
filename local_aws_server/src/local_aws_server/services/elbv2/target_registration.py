"""Only a running instance is registered as a target; for one that is about to run, the registration waits.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RegisterTargets.html
"""

from local_aws_server.call import Call
from local_aws_server.clock.transitions import wait_for
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import AwsError, before

BEHAVIOURS = (
    Behaviour(
        service="Elastic Load Balancing",
        statement="Only a running instance is registered as a target; for one that is about to run, the "
        "registration waits.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RegisterTargets.html",
        ),
    ),
)


@before("elbv2", "RegisterTargets")
def only_what_runs(call: Call) -> None:
    asked = {target["Id"]: None for target in call.params["Targets"]}
    instances = {instance.id: instance for instance in call.backends.instances}
    found = [instances[id] for id in asked if id in instances]
    wait_for(call, [instance for instance in found if instance.state == "pending"])
    wrong = [f"'{instance.id}'" for instance in found if instance.state != "running"]
    if wrong and not call.waits:
        message = "The following targets are not in a running state and cannot be registered: " + ", ".join(wrong)
        raise AwsError("InvalidTarget", message)
