"""A broker takes twelve minutes to be created and six to be deleted, and can be changed and deleted while it runs.

https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/broker-statuses.html
https://docs.aws.amazon.com/amazon-mq/latest/api-reference/brokers-broker-id.html
"""

from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.clock.state_machine import Deletion, Lifecycle, LifecycleStep, WrongStateError
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import reconciler

BEHAVIOURS = (
    Behaviour(
        service="Amazon MQ",
        statement="A broker takes twelve minutes to be created and six to be deleted, and can be changed and "
        "deleted while it runs.",
        documentation=(
            "https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/broker-statuses.html",
            "https://docs.aws.amazon.com/amazon-mq/latest/api-reference/brokers-broker-id.html",
        ),
    ),
)


def _delete(world: Backends, broker: Any) -> None:
    world.backend("mq").delete_broker(broker.id)


BROKERS = Lifecycle(
    service="mq",
    label="broker",
    resources=lambda world: world.backend("mq").brokers.values(),
    id=("BrokerId", "id"),
    state=("BrokerState", "state"),
    create_operations=("CreateBroker",),
    creation=LifecycleStep("CREATION_IN_PROGRESS", "RUNNING", 720, "somebody created it"),
    changes={"RebootBroker": LifecycleStep("REBOOT_IN_PROGRESS", "RUNNING", 180, "somebody rebooted it")},
    deletion=Deletion(
        "DeleteBroker", LifecycleStep("DELETION_IN_PROGRESS", "deleted", 360, "somebody deleted it"), _delete
    ),
    describe_operations=("DescribeBroker", "ListBrokers"),
    result_members={"ListBrokers": "BrokerSummaries"},
    required_states=dict.fromkeys(("DeleteBroker", "RebootBroker", "UpdateBroker"), ("RUNNING",)),
    wrong_state=WrongStateError("BadRequestException", "The broker [{name}] is not running: it is {state}."),
    hidden_while_creating=("BrokerInstances",),
    display_name=lambda broker: str(broker.name),
)
BROKERS.register()


@reconciler("mq", order=1)
def brokers_arrive(world: Backends) -> float | None:
    return BROKERS.finish_due(world)
