"""The lifecycle of brokers."""

from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.clock.state_machine import Deletion, Lifecycle, LifecycleStep, WrongStateError
from local_aws_server.hooks import reconciler

BEHAVIOURS = (
    Behaviour(
        service="Amazon MQ",
        statement="A broker takes twelve minutes to create and six to delete, and can be changed and deleted while "
        "it runs.",
        documentation=(
            "https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/broker-statuses.html",
            "https://docs.aws.amazon.com/amazon-mq/latest/api-reference/brokers-broker-id.html",
        ),
    ),
)


def _delete(backends: Backends, broker: Any) -> None:
    backends.backend("mq").delete_broker(broker.id)


BROKERS = Lifecycle(
    service="mq",
    label="broker",
    resources=lambda backends: backends.backend("mq").brokers.values(),
    id=("BrokerId", "id"),
    state=("BrokerState", "state"),
    create_operations=("CreateBroker",),
    creation=LifecycleStep("CREATION_IN_PROGRESS", "RUNNING", 720, "a user created it"),
    changes={"RebootBroker": LifecycleStep("REBOOT_IN_PROGRESS", "RUNNING", 180, "a user rebooted it")},
    deletion=Deletion(
        "DeleteBroker", LifecycleStep("DELETION_IN_PROGRESS", "deleted", 360, "a user deleted it"), _delete
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
def finish_broker_steps(backends: Backends) -> float | None:
    return BROKERS.finish_due(backends)
