"""Each printed fix, applied to a system with its fault, mends it, also for the tasks of the next deployment."""

from collections.abc import Callable
from typing import Any

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.deploy.plan import plan_deploy
from esaws.inspect.fixes import apply_fixes
from esaws.inspect.target_fixes import accept_status, leave_or_start
from esaws.inspect.target_health import health
from esaws.reference.seccom import seccom

SERVICE = "intrusion-management-api"
GROUP = "IntrusionManagementAPI-sg"


class System:
    """A service of the reference system behind its load balancer, which serves paths below a prefix."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.ec2, self.ecs, self.elbv2 = cloud.client("ec2"), cloud.client("ecs"), cloud.client("elbv2")
        plan_deploy(seccom("ha", services=("client-web-ui", SERVICE)), cloud).apply()
        simulation.advance(cloud, "10m")

    def group(self, name: str) -> dict[str, Any]:
        filters = [{"Name": "group-name", "Values": [self.cloud.aws_name(name)]}]
        return dict(self.ec2.describe_security_groups(Filters=filters)["SecurityGroups"][0])

    @property
    def target_group(self) -> str:
        names = [self.cloud.aws_name("intrusion-api-tg")]
        return str(self.elbv2.describe_target_groups(Names=names)["TargetGroups"][0]["TargetGroupArn"])

    @property
    def service(self) -> dict[str, str]:
        return {"cluster": self.cloud.aws_name(f"{SERVICE}-cluster"), "service": self.cloud.aws_name(SERVICE)}

    # Faults

    def closed(self) -> None:
        group = self.group(GROUP)
        self.ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=group["IpPermissions"])

    def no_egress(self) -> None:
        group = self.group("ALB-sg")
        permissions = group["IpPermissionsEgress"]
        self.ec2.revoke_security_group_egress(GroupId=group["GroupId"], IpPermissions=permissions)

    def neither(self) -> None:
        self.closed()
        self.no_egress()

    def dynamic_ports(self) -> None:
        """The next revision leaves the host port to ECS, and the group only opens the former port."""
        described = self.ecs.describe_services(cluster=self.service["cluster"], services=[self.service["service"]])
        arn = described["services"][0]["taskDefinition"]
        definition = self.ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
        for container in definition["containerDefinitions"]:
            for mapping in container["portMappings"]:
                mapping["hostPort"] = 0
        keys = ("family", "networkMode", "containerDefinitions", "executionRoleArn", "taskRoleArn")
        self.ecs.register_task_definition(**{key: definition[key] for key in keys if key in definition})
        self.ecs.update_service(**self.service, taskDefinition=definition["family"])

    def check_path(self) -> None:
        self.elbv2.modify_target_group(TargetGroupArn=self.target_group, HealthCheckPath="/nowhere")

    def check_port(self) -> None:
        self.elbv2.modify_target_group(TargetGroupArn=self.target_group, HealthCheckPort="9999")

    def matcher(self) -> None:
        self.elbv2.modify_target_group(TargetGroupArn=self.target_group, Matcher={"HttpCode": "204"})

    # States

    def is_healthy(self) -> bool:
        states = [state for state in health(self.cloud) if state.code != "DRAINING"]
        return bool(states) and all(state.code == "HEALTHY" for state in states)


# The fixes of causes that ECS itself removes before a target turns unhealthy

STOPPED = {"Id": "i-1", "Port": 80}
GROUP_OF_TARGETS = {"TargetGroupArn": "arn:tg", "Matcher": {"HttpCode": "200"}}


@pytest.mark.parametrize(
    ("state", "operations"),
    [("stopped", ["StartInstances"]), ("stopping", []), ("terminated", ["DeregisterTargets"])],
)
def test_the_fix_of_an_instance_follows_its_state(state: str, operations: list[str]) -> None:
    fix = leave_or_start(GROUP_OF_TARGETS, STOPPED, state)
    assert [operation for _, operation, _ in fix.calls] == operations


@pytest.mark.parametrize(
    ("codes", "matcher", "words"),
    [
        ("[302]", "200,302", "accept"),
        ("[204, 401]", "200,204,401", "accept"),
        ("[404]", None, "path"),
        ("[500]", None, "container"),
        ("[502, 200]", None, "container"),
        ("none", None, "path or matcher"),
    ],
)
def test_the_matcher_only_accepts_what_a_working_container_answers(codes: str, matcher: str | None, words: str) -> None:
    """An Application Load Balancer refuses a matcher outside 200–499, and a 404 rarely means health."""
    fix = accept_status(GROUP_OF_TARGETS, f"Health checks failed with these codes: {codes}")
    accepted = [params["Matcher"]["HttpCode"] for _, _, params in fix.calls]
    assert accepted == ([matcher] if matcher else []) and words in fix.description


FAULTS = ("closed", "no_egress", "neither", "check_path", "check_port", "matcher", "dynamic_ports")


@pytest.fixture(scope="module")
def system(new_cloud: Callable[..., Cloud]) -> System:
    """Every test mends what it breaks, so they share one system."""
    return System(new_cloud())


@pytest.mark.parametrize("fault", FAULTS)
def test_the_fix_of_an_unhealthy_target_mends_it(system: System, fault: str) -> None:
    assert system.is_healthy()
    getattr(system, fault)()
    wait_for_fault(system)
    for _ in range(3):  # the targets of one group may turn unhealthy a minute after those of another
        fixes = dict.fromkeys(state.fix for state in health(system.cloud) if state.state != "healthy")
        applied = apply_fixes(system.cloud, fixes)
        assert all(item.is_applied for item in applied), applied
        simulation.advance(system.cloud, "5m")
    simulation.advance(system.cloud, "15m")
    assert system.is_healthy(), health(system.cloud).to_dict()


def wait_for_fault(system: System) -> None:
    """Advance until a target is unhealthy, and not longer: ECS replaces a task that fails its health checks."""
    for _ in range(20):
        simulation.advance(system.cloud, "1m")
        if any(state.state != "healthy" and state.fix.calls for state in health(system.cloud)):
            return
    raise AssertionError("no target turned unhealthy")
