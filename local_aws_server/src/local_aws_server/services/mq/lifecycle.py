"""A broker takes twelve minutes to be created and six to be deleted, and can be changed and deleted while it runs.

https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/broker-statuses.html
https://docs.aws.amazon.com/amazon-mq/latest/api-reference/brokers-broker-id.html
"""

from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.clock.state_machine import Deletion, Provisioned, Refusal, Step
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


BROKERS = Provisioned(
    service="mq",
    kind="broker",
    things=lambda world: world.backend("mq").brokers.values(),
    id=("BrokerId", "id"),
    state=("BrokerState", "state"),
    creates=("CreateBroker",),
    creation=Step("CREATION_IN_PROGRESS", "RUNNING", 720, "somebody created it"),
    changes={"RebootBroker": Step("REBOOT_IN_PROGRESS", "RUNNING", 180, "somebody rebooted it")},
    deletion=Deletion("DeleteBroker", Step("DELETION_IN_PROGRESS", "deleted", 360, "somebody deleted it"), _delete),
    shows=("DescribeBroker", "ListBrokers"),
    members={"ListBrokers": "BrokerSummaries"},
    needs=dict.fromkeys(("DeleteBroker", "RebootBroker", "UpdateBroker"), ("RUNNING",)),
    refusal=Refusal("BadRequestException", "The broker [{name}] is not running: it is {state}."),
    unknown_at_first=("BrokerInstances",),
    called=lambda broker: str(broker.name),
)
BROKERS.install()


@reconciler("mq", order=1)
def brokers_arrive(world: Backends) -> float | None:
    return BROKERS.arrive(world)
