"""Brokers that Amazon MQ refuses, and repeated requests for the same broker."""

import re

from local_aws_server.backends import sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before

BEHAVIOURS = (
    Behaviour(
        service="Amazon MQ",
        statement="The name of a broker is valid and unique, and its engine version supports the instance type.",
        documentation=(
            "https://docs.aws.amazon.com/amazon-mq/latest/api-reference/brokers.html",
            "https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/rabbitmq-4.html",
        ),
    ),
)

_NAME = re.compile(r"[A-Za-z0-9._~-]{1,50}")


@before("mq", "CreateBroker")
def return_broker_of_repeated_request(call: Call) -> None:
    request = call.params.get("CreatorRequestId")
    for broker in call.backends.backend("mq").brokers.values():
        if request and sidecar(broker).get("creator_request") == request:
            call.result = {"BrokerArn": broker.arn, "BrokerId": broker.id}


@before("mq", "CreateBroker")
def validate_broker(call: Call) -> None:
    if call.has_result:
        return
    params = call.params
    name, engine, size = params["BrokerName"], params["EngineType"].upper(), params["HostInstanceType"]
    if not _NAME.fullmatch(name):
        raise AwsError(
            "BadRequestException",
            f"Broker name [{name}] must be 1-50 letters, numbers, dashes, periods, underscores, or tildes.",
            400,
        )
    if engine == "RABBITMQ" and params.get("EngineVersion", "").startswith("4.") and not size.startswith("mq.m7g."):
        raise AwsError(
            "BadRequestException",
            f"Host instance type [{size}] is not supported for engine version [{params['EngineVersion']}].",
            400,
        )
    if any(broker.name == name for broker in call.backends.backend("mq").brokers.values()):
        raise AwsError("ConflictException", f"Broker name [{name}] is already in use.", 409)


@after("mq", "CreateBroker")
def remember_request(call: Call) -> None:
    broker = call.backends.backend("mq").brokers.get(call.result["BrokerId"])
    if broker is not None and (request := call.params.get("CreatorRequestId")):
        sidecar(broker)["creator_request"] = request
