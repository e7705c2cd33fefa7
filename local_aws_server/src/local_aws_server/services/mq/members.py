"""Members that the description of a broker always has, where moto leaves them out."""

from __future__ import annotations

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.hooks import after

BEHAVIOURS = (
    Behaviour(
        service="Amazon MQ",
        statement="The description of a broker has the members that AWS always returns.",
        documentation=("https://docs.aws.amazon.com/amazon-mq/latest/api-reference/brokers-broker-id.html",),
    ),
)

_STORAGE = {"RABBITMQ": "EBS", "ACTIVEMQ": "EFS"}


@after("mq", "DescribeBroker")
def complete_broker(call: Call) -> None:
    call.result.setdefault("ActionsRequired", [])
    call.result.setdefault("AuthenticationStrategy", "simple")
    call.result.setdefault("AutoMinorVersionUpgrade", True)
    call.result.setdefault("SecurityGroups", [])
    call.result.setdefault("StorageType", _STORAGE[call.result["EngineType"].upper()])
