"""The NotFoundException errors of Amazon MQ."""

from functools import partial

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.not_found import NotFoundRule, by_parameter, store_keys

BEHAVIOURS = (
    Behaviour(
        service="Amazon MQ",
        statement="Operations on a broker or configuration that does not exist return NotFoundException.",
        documentation=("https://docs.aws.amazon.com/amazon-mq/latest/api-reference/brokers-broker-id.html",),
    ),
)

_rule = partial(NotFoundRule, "mq", "NotFoundException", status=404)


def _taggable_arns(call: Call) -> set[str]:
    mq = call.backends.backend("mq")
    return {resource.arn for resource in (*mq.brokers.values(), *mq.configs.values())}


for rule in (
    _rule(
        "Can't find requested broker [{}]. Make sure your broker exists.",
        store_keys("mq", "brokers"),
        by_parameter("BrokerId", "DeleteBroker", "RebootBroker", "UpdateBroker"),
    ),
    _rule(
        "Can't find requested configuration [{}]. Make sure your configuration exists.",
        store_keys("mq", "configs"),
        by_parameter("ConfigurationId", "DescribeConfigurationRevision", "UpdateConfiguration"),
    ),
    _rule(
        "Can't find requested resource [{}].",
        _taggable_arns,
        by_parameter("ResourceArn", "CreateTags", "DeleteTags", "ListTags"),
    ),
):
    rule.register()
