"""Targets: what may be registered, what a health check finds, and how a target goes."""

from typing import Any

from tests.local.cases import case, outcome
from tests.local.cases_refusals_network import Net

NOT_USED = ("unused", "Target.NotInUse")
DRAINING = ("draining", "Target.DeregistrationInProgress")


class Targets(Net):
    """An instance that runs, and a target group that a load balancer forwards to."""

    def __init__(self, account: Any):
        super().__init__(account)
        self.target = {"Id": self.instance()}
        self.ec2.get_waiter("instance_running").wait(InstanceIds=[self.target["Id"]])
        self.targets = self.target_group()

    def forward(self) -> str:
        """The listener that forwards to the target group."""
        made = self.elbv2.create_listener(
            LoadBalancerArn=self.balancer(),
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.targets}],
        )
        return str(made["Listeners"][0]["ListenerArn"])

    def register(self) -> None:
        self.elbv2.register_targets(TargetGroupArn=self.targets, Targets=[self.target])

    def deregister(self) -> None:
        self.elbv2.deregister_targets(TargetGroupArn=self.targets, Targets=[self.target])

    def health(self) -> list[tuple[str, str | None]]:
        """(state, reason) of each target that is shown."""
        shown = self.elbv2.describe_target_health(TargetGroupArn=self.targets)["TargetHealthDescriptions"]
        return [(each["TargetHealth"]["State"], each["TargetHealth"].get("Reason")) for each in shown]


@case("a target is not healthy before it is checked", aws=["initial"], stock=["healthy"])
def ask_initial(account: Any) -> Any:
    net = Targets(account)
    net.forward()
    net.register()
    return [state for state, _ in net.health()]


@case("a target of a group that no listener forwards to is not used", aws=[NOT_USED], stock=[("healthy", None)])
def ask_not_used(account: Any) -> Any:
    net = Targets(account)
    net.register()
    return net.health()


@case("a target drains before it is gone", aws=[DRAINING], stock=[])
def ask_draining(account: Any) -> Any:
    net = Targets(account)
    net.forward()
    net.register()
    net.deregister()
    return net.health()


@case("a target that was not used does not drain", aws=[], stock=[])
def ask_unused_goes(account: Any) -> Any:
    net = Targets(account)
    net.register()
    net.deregister()
    return net.health()


@case("only what runs is registered", aws="InvalidTarget", stock="InvalidTarget")
def ask_stopped(account: Any) -> Any:
    net = Targets(account)
    net.ec2.stop_instances(InstanceIds=[net.target["Id"]])
    return outcome(net.register)


@case("an instance that is about to run can be registered", aws=None, stock=None)
def ask_pending(account: Any) -> Any:
    net = Targets(account)
    net.target = {"Id": net.instance()}
    return outcome(net.register)


@case(
    "a health check is within AWS's bounds",
    aws=["ValidationError"] * 8,
    stock=[None, None, None, None, None, None, None, None],
)
def ask_bounds(account: Any) -> Any:
    net = Net(account)
    group = net.target_group()

    def change(asked: dict[str, Any]) -> None:
        net.elbv2.modify_target_group(TargetGroupArn=group, **asked)

    return net.each(
        change,
        [
            {"HealthCheckIntervalSeconds": 301},
            {"HealthCheckTimeoutSeconds": 121},
            {"HealthyThresholdCount": 11},
            {"UnhealthyThresholdCount": 11},
            {"HealthCheckPort": "http"},
            {"HealthCheckPort": "65536"},
            {"Matcher": {"HttpCode": "200-500"}},
            {"HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 5},
        ],
    )


@case("a health check may take what AWS allows", aws=[None] * 3, stock=[None] * 3)
def ask_within_bounds(account: Any) -> Any:
    net = Net(account)
    group = net.target_group()

    def change(asked: dict[str, Any]) -> None:
        net.elbv2.modify_target_group(TargetGroupArn=group, **asked)

    return net.each(
        change,
        [
            {"HealthCheckPort": "traffic-port", "HealthyThresholdCount": 10},
            {"Matcher": {"HttpCode": "200,301-302,499"}},
            {"HealthCheckIntervalSeconds": 300, "HealthCheckTimeoutSeconds": 120},
        ],
    )
