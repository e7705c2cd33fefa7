"""The ARN of a load balancer names its type: `app`, `net` or `gwy`.

https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/load-balancer-authentication-access-control.html
"""

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after

BEHAVIOURS = (
    Behaviour(
        service="Elastic Load Balancing",
        statement="The ARN of a load balancer names its type: `app`, `net` or `gwy`.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/load-balancer-authentication-access-control.html",
        ),
    ),
)

_WORDS = {"network": "net", "gateway": "gwy"}


@after("elbv2", "CreateLoadBalancer")
def arn_of_the_type(call: Call) -> None:
    """moto calls every one of them `app`."""
    balancer = call.backends.load_balancer(call.params["Name"])
    if balancer is None or balancer.type not in _WORDS:
        return
    elbv2, old = call.backends.backend("elbv2"), balancer.arn
    new = old.replace(":loadbalancer/app/", f":loadbalancer/{_WORDS[balancer.type]}/")
    if new != old:
        balancer.arn = new
        elbv2.load_balancers[new] = elbv2.load_balancers.pop(old)
        elbv2.tagging_service.copy_tags(old, new)
        elbv2.tagging_service.delete_all_tags_for_resource(old)
    call.result["LoadBalancers"][0]["LoadBalancerArn"] = new
