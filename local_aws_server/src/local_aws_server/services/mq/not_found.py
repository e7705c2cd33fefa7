"""A broker or configuration of Amazon MQ that does not exist is a NotFoundException.

https://docs.aws.amazon.com/amazon-mq/latest/api-reference/brokers-broker-id.html
"""

from functools import partial

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.not_found import NotFoundRule, by_parameter, store_keys

BEHAVIOURS = (
    Behaviour(
        service="Amazon MQ",
        statement="A broker or configuration of Amazon MQ that does not exist is a NotFoundException.",
        documentation=("https://docs.aws.amazon.com/amazon-mq/latest/api-reference/brokers-broker-id.html",),
    ),
)

_kind = partial(NotFoundRule, "mq", "NotFoundException", status=404)


def _tagged(call: Call) -> set[str]:
    mq = call.backends.backend("mq")
    return {each.arn for each in (*mq.brokers.values(), *mq.configs.values())}


for _each in (
    _kind(
        "Can't find requested broker [{}]. Make sure your broker exists.",
        store_keys("mq", "brokers"),
        by_parameter("BrokerId", "DeleteBroker", "RebootBroker", "UpdateBroker"),
    ),
    _kind(
        "Can't find requested configuration [{}]. Make sure your configuration exists.",
        store_keys("mq", "configs"),
        by_parameter("ConfigurationId", "DescribeConfigurationRevision", "UpdateConfiguration"),
    ),
    _kind(
        "Can't find requested resource [{}].",
        _tagged,
        by_parameter("ResourceArn", "CreateTags", "DeleteTags", "ListTags"),
    ),
):
    _each.register()
