"""Targets: registration, health checks and their settings, draining."""

from typing import Any

from tests.local.cases import case, outcome
from tests.local.cases_errors_network import Net

UNUSED = ("unused", "Target.NotInUse")
DRAINING = ("draining", "Target.DeregistrationInProgress")


class Targets(Net):
    """A running instance and a target group."""

    def __init__(self, account: Any):
        super().__init__(account)
        self.target = {"Id": self.instance()}
        self.ec2.get_waiter("instance_running").wait(InstanceIds=[self.target["Id"]])
        self.targets = self.target_group()

    def forward(self) -> str:
        """Create a load balancer that forwards to the target group; return the ARN of its listener."""
        created = self.elbv2.create_listener(
            LoadBalancerArn=self.balancer(),
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.targets}],
        )
        return str(created["Listeners"][0]["ListenerArn"])

    def register(self) -> None:
        self.elbv2.register_targets(TargetGroupArn=self.targets, Targets=[self.target])

    def deregister(self) -> None:
        self.elbv2.deregister_targets(TargetGroupArn=self.targets, Targets=[self.target])

    def health(self) -> list[tuple[str, str | None]]:
        """Return the state and the reason of each described target."""
        described = self.elbv2.describe_target_health(TargetGroupArn=self.targets)["TargetHealthDescriptions"]
        return [(target["TargetHealth"]["State"], target["TargetHealth"].get("Reason")) for target in described]


@case("a new target is initial until it is checked", aws=["initial"], stock=["healthy"])
def case_initial(account: Any) -> Any:
    net = Targets(account)
    net.forward()
    net.register()
    return [state for state, _ in net.health()]


@case("a target of a group without a listener is unused", aws=[UNUSED], stock=[("healthy", None)])
def case_group_without_listener(account: Any) -> Any:
    net = Targets(account)
    net.register()
    return net.health()


@case("a deregistered target drains", aws=[DRAINING], stock=[])
def case_draining(account: Any) -> Any:
    net = Targets(account)
    net.forward()
    net.register()
    net.deregister()
    return net.health()


@case("an unused target does not drain", aws=[], stock=[])
def case_unused_target(account: Any) -> Any:
    net = Targets(account)
    net.register()
    net.deregister()
    return net.health()


@case("only a running instance can be registered", aws="InvalidTarget", stock="InvalidTarget")
def case_stopped(account: Any) -> Any:
    net = Targets(account)
    net.ec2.stop_instances(InstanceIds=[net.target["Id"]])
    return outcome(net.register)


@case("a pending instance can be registered", aws=None, stock=None)
def case_pending(account: Any) -> Any:
    net = Targets(account)
    net.target = {"Id": net.instance()}
    return outcome(net.register)


@case(
    "health check settings outside AWS's bounds are refused",
    aws=["ValidationError"] * 8,
    stock=[None, None, None, None, None, None, None, None],
)
def case_bounds(account: Any) -> Any:
    net = Net(account)
    group = net.target_group()

    def modify(settings: dict[str, Any]) -> None:
        net.elbv2.modify_target_group(TargetGroupArn=group, **settings)

    return net.each(
        modify,
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


@case("health check settings at AWS's bounds are accepted", aws=[None] * 3, stock=[None] * 3)
def case_within_bounds(account: Any) -> Any:
    net = Net(account)
    group = net.target_group()

    def modify(settings: dict[str, Any]) -> None:
        net.elbv2.modify_target_group(TargetGroupArn=group, **settings)

    return net.each(
        modify,
        [
            {"HealthCheckPort": "traffic-port", "HealthyThresholdCount": 10},
            {"Matcher": {"HttpCode": "200,301-302,499"}},
            {"HealthCheckIntervalSeconds": 300, "HealthCheckTimeoutSeconds": 120},
        ],
    )
