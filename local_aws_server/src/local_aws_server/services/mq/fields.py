"""The endpoints of RabbitMQ brokers."""

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.hooks import after
from local_aws_server.services.mq.lifecycle import BROKERS

BEHAVIOURS = (
    Behaviour(
        service="Amazon MQ",
        statement="The description of a RabbitMQ broker has its console URL and its amqps endpoint.",
        documentation=("https://docs.aws.amazon.com/amazon-mq/latest/api-reference/brokers-broker-id.html",),
    ),
)


@after("mq", "DescribeBroker")
def set_rabbitmq_endpoints(call: Call) -> None:
    is_created = call.result.get("BrokerState") != BROKERS.creation.via
    if call.result.get("EngineType", "").upper() == "RABBITMQ" and is_created:
        host = f"{call.result['BrokerId']}.mq.{call.region}.amazonaws.com"
        call.result["BrokerInstances"] = [{"ConsoleURL": f"https://{host}", "Endpoints": [f"amqps://{host}:5671"]}]
