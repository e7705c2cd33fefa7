"""Amazon MQ refuses a second broker of a name, and an engine on an instance type that it does not run on.

https://docs.aws.amazon.com/amazon-mq/latest/api-reference/brokers.html
https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/rabbitmq-4.html
"""

import re

from local_aws_server.backends import sidecar
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after, before

BEHAVIOURS = (
    Behaviour(
        service="Amazon MQ",
        statement="Amazon MQ refuses a second broker of a name, and an engine on an instance type that it does "
        "not run on.",
        documentation=(
            "https://docs.aws.amazon.com/amazon-mq/latest/api-reference/brokers.html",
            "https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/rabbitmq-4.html",
        ),
    ),
)

_NAME = re.compile(r"[A-Za-z0-9._~-]{1,50}")


@before("mq", "CreateBroker")
def same_request_gives_the_same_broker(call: Call) -> None:
    request = call.params.get("CreatorRequestId")
    for broker in call.backends.backend("mq").brokers.values():
        if request and sidecar(broker).get("creator_request") == request:
            call.result = {"BrokerArn": broker.arn, "BrokerId": broker.id}


@before("mq", "CreateBroker")
def broker_can_be(call: Call) -> None:
    if call.has_result:
        return
    asked = call.params
    name, engine, size = asked["BrokerName"], asked["EngineType"].upper(), asked["HostInstanceType"]
    if not _NAME.fullmatch(name):
        raise AwsError(
            "BadRequestException",
            f"Broker name [{name}] must be 1-50 letters, numbers, dashes, periods, underscores, or tildes.",
            400,
        )
    if engine == "RABBITMQ" and asked.get("EngineVersion", "").startswith("4.") and not size.startswith("mq.m7g."):
        raise AwsError(
            "BadRequestException",
            f"Host instance type [{size}] is not supported for engine version [{asked['EngineVersion']}].",
            400,
        )
    if any(broker.name == name for broker in call.backends.backend("mq").brokers.values()):
        raise AwsError("ConflictException", f"Broker name [{name}] is already in use.", 409)


@after("mq", "CreateBroker")
def remember_the_request(call: Call) -> None:
    broker = call.backends.backend("mq").brokers.get(call.result["BrokerId"])
    if broker is not None and (request := call.params.get("CreatorRequestId")):
        sidecar(broker)["creator_request"] = request
