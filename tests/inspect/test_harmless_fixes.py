"""100 random systems with random breakages: automatic fixes leave everything answered that was, whatever comes next.

A system is described as AWS describes it: running, which it also is after a resume, scaled out, scaled in and parked.
The fixes of one state are applied to the groups here, by reading the calls, and every connection is evaluated before
and after in all states.
"""

import random
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from esaws.inspect.account import Account
from esaws.inspect.checks.report import KEYS, Findings, findings
from esaws.inspect.fixes import Fix
from esaws.inspect.network.addresses import parse_address
from esaws.inspect.network.interfaces import Peer
from esaws.inspect.network.network import Network
from esaws.inspect.network.security_groups import evaluate_groups
from esaws.inspect.network.traffic import Traffic

Raw = dict[str, Any]

GROUPS = ("alb", "hosts", "tasks", "db", "cache", "function", "old", "bastion")
STATES = ("running", "scaled out", "scaled in", "parked")
PORTS = (22, 80, 443, 3306, 5432, 6379, 8080, 32768, 40000)
"""What may listen on an interface: an instance or a task may listen on any of them."""
MANAGED = {"alb": (80,), "db": (5432,), "cache": (6379,), "function": ()}
SOURCES = ("0.0.0.0/0", "10.0.0.0/16", "10.0.1.0/24", "192.168.0.0/16", "203.0.113.0/24")
OUTSIDE = ("198.51.100.7", "203.0.113.9", "192.168.3.4", "10.0.200.5")


class RandomSystem:
    """A load balancer, instances, tasks with an own interface, stores and a function, with random rules."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.peered = self.rng.random() < 0.2
        self.template = self.rng.random() < 0.8
        self.groups = {f"sg-{name}": self._group(f"sg-{name}") for name in GROUPS}

    def _group(self, id: str) -> Raw:
        permissions: list[Raw] = []
        for _ in range(self.rng.choice([0, 1, 2, 4])):
            permissions.append(self._permission())
        if permissions and self.rng.random() < 0.5:  # a breakage: a rule twice, or one that another one covers
            copy = deepcopy(self.rng.choice(permissions))
            if copy.get("IpRanges"):
                copy["IpRanges"] = [{"CidrIp": self.rng.choice(SOURCES)}]
            permissions.append(copy)
        return {"GroupId": id, "GroupName": id, "VpcId": "vpc-1", "OwnerId": "1", "IpPermissions": permissions}

    def _permission(self) -> Raw:
        low = self.rng.choice(PORTS)
        high = self.rng.choice([low, low, low, 65535])
        ports = {"IpProtocol": "tcp", "FromPort": low, "ToPort": high}
        permission: Raw = {"IpProtocol": "-1"} if self.rng.random() < 0.1 else ports
        if self.rng.random() < 0.4:
            return permission | {"UserIdGroupPairs": [{"GroupId": f"sg-{self.rng.choice(GROUPS)}", "UserId": "1"}]}
        return permission | {"IpRanges": [{"CidrIp": self.rng.choice(SOURCES)}]}

    def account(self, state: str) -> Account:
        described: dict[str, list[Raw]] = {key: [] for key in KEYS}
        described |= self._network(state) | self._stores(state) | self._containers(state)
        return Account("1", "eu-west-3", described)

    def _network(self, state: str) -> dict[str, list[Raw]]:
        routes = [
            {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"},
            {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1", "State": "active"},
        ]
        if self.peered:
            peer = {"DestinationCidrBlock": "192.168.0.0/16", "VpcPeeringConnectionId": "pcx-1", "State": "active"}
            routes.append(peer)
        table = {"RouteTableId": "rtb-1", "VpcId": "vpc-1", "Associations": [{"Main": True}], "Routes": routes}
        return {
            "SecurityGroups": [*self.groups.values()],
            "NetworkInterfaces": [*self._interfaces(state)],
            "Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}],
            "Subnets": [{"SubnetId": "subnet-1", "VpcId": "vpc-1", "CidrBlock": "10.0.1.0/24"}],
            "RouteTables": [table],
        }

    def _interfaces(self, state: str) -> Iterator[Raw]:
        many = {"running": 2, "scaled out": 4, "scaled in": 1, "parked": 0}[state]
        yield interface("eni-alb", 1, "sg-alb", description="ELB app/web/1", public="192.0.2.1")
        yield interface("eni-cache", 2, "sg-cache", description="ElastiCache cache-001")
        if state != "parked":
            yield interface("eni-db", 3, "sg-db", requester="amazon-rds")
        if state != "scaled in" and state != "parked":
            yield interface("eni-function", 4, "sg-function", type="lambda")
        for index in range(many):
            yield interface(f"eni-host{index}", 10 + index, "sg-hosts", public=f"192.0.2.{10 + index}")
            yield interface(f"eni-task{index}", 20 + index, "sg-tasks")

    def _stores(self, state: str) -> dict[str, list[Raw]]:
        subnets = {"Subnets": [{"SubnetIdentifier": "subnet-1"}]}
        database = {
            "DBInstanceIdentifier": "db",
            "DBInstanceStatus": "stopped" if state == "parked" else "available",
            "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-db"}],
            "DBSubnetGroup": subnets,
            "Endpoint": {"Port": 5432},
        }
        cache = {
            "CacheClusterId": "cache",
            "SecurityGroups": [{"SecurityGroupId": "sg-cache"}],
            "CacheNodes": [{"Endpoint": {"Port": 6379}}],
        }
        function = {"FunctionName": "f", "VpcConfig": {"SecurityGroupIds": ["sg-function"]}}
        return {"DBInstances": [database], "CacheClusters": [cache], "Functions": [function]}

    def _containers(self, state: str) -> dict[str, list[Raw]]:
        arn = "arn:aws:elasticloadbalancing:eu-west-3:1:loadbalancer/app/web/1"
        balancer = {
            "LoadBalancerArn": arn,
            "LoadBalancerName": "web",
            "Scheme": "internet-facing",
            "SecurityGroups": ["sg-alb"],
            "AvailabilityZones": [{"ZoneName": "a", "SubnetId": "subnet-1"}, {"ZoneName": "b", "SubnetId": "subnet-2"}],
        }
        listener = {"ListenerArn": "l", "LoadBalancerArn": arn, "Port": 80, "Protocol": "HTTP"}
        network = {"awsvpcConfiguration": {"securityGroups": ["sg-tasks"], "subnets": ["subnet-1"]}}
        service = {
            "serviceName": "s",
            "clusterArn": "c",
            "status": "ACTIVE",
            "desiredCount": 0 if state == "parked" else 1,
            "runningCount": 1,
            "networkConfiguration": network,
        }
        data = {"SecurityGroupIds": ["sg-hosts"]}
        template = {"LaunchTemplateName": "t", "LaunchTemplateId": "lt-1", "LaunchTemplateData": data}
        configuration = {"LaunchConfigurationName": "t", "SecurityGroups": ["sg-hosts"]}
        launched: dict[str, list[Raw]] = (
            {"LaunchTemplateVersions": [template]} if self.template else {"LaunchConfigurations": [configuration]}
        )
        return {"LoadBalancers": [balancer], "Listeners": [listener], "services": [service], **launched}


def interface(id: str, number: int, group: str, *, public: str = "", description: str = "", **more: str) -> Raw:
    raw: Raw = {
        "NetworkInterfaceId": id,
        "VpcId": "vpc-1",
        "SubnetId": "subnet-1",
        "PrivateIpAddress": f"10.0.1.{number}",
        "Groups": [{"GroupId": group}],
        "Description": description,
        "InterfaceType": more.get("type", "interface"),
        "RequesterId": more.get("requester", ""),
    }
    return raw | ({"Association": {"PublicIp": public}} if public else {})


def answered(account: Account, peered: bool) -> set[tuple[str, str, int]]:
    """Return every connection that is answered: (source, interface, port)."""
    network = Network.of(account.descriptions)
    found = set()
    for target in network.interfaces.values():
        ports = MANAGED.get(target.id.removeprefix("eni-"), PORTS)
        peers = [(other.id, Peer(other.private[0], other)) for other in network.interfaces.values() if other != target]
        for address in OUTSIDE:
            is_inside, is_peer = address.startswith("10."), address.startswith("192.168.")
            if is_inside or (peered and is_peer) or (target.public and not is_peer):
                peers.append((address, Peer(parse_address(address))))
        for name, peer in peers:
            for port in ports:
                verdict = evaluate_groups(network, "ingress", target, peer, Traffic.of("tcp", port))
                if verdict and verdict.answer.is_yes:
                    found.add((name, target.id, port))
    return found


def apply_to(groups: dict[str, Raw], fix: Fix) -> None:
    """Change the groups as the calls do; only calls that change ingress rules are expected."""
    for service, operation, params in fix.calls:
        assert (service, operation.removesuffix("SecurityGroupIngress")) in (("ec2", "Authorize"), ("ec2", "Revoke"))
        group = groups[params["GroupId"]]
        (permission,) = params["IpPermissions"]
        for single in singles([permission]):
            rest = [own for own in singles(group["IpPermissions"]) if own != single]
            group["IpPermissions"] = rest + ([single] if operation.startswith("Authorize") else [])


def singles(permissions: list[Raw]) -> list[Raw]:
    """Return permissions with one source each, without the account of a group."""
    found = []
    for permission in permissions:
        ports = {key: permission[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in permission}
        for key, name in (("IpRanges", "CidrIp"), ("UserIdGroupPairs", "GroupId")):
            found += [ports | {key: [{name: source[name]}]} for source in permission.get(key, ())]
    return found


def automatic_fixes(found: Findings, rng: random.Random) -> list[Fix]:
    """Return all automatic fixes, or some of them in any order, as after a selection by severity."""
    fixes = found.fixes()
    return fixes if rng.random() < 0.5 else rng.sample(fixes, rng.randint(0, len(fixes)))


@pytest.mark.parametrize("seeds", [range(start, start + 10) for start in range(0, 100, 10)], ids=str)
def test_automatic_fixes_leave_everything_answered(seeds: range) -> None:
    for seed in seeds:
        system = RandomSystem(seed)
        state = system.rng.choice(STATES)
        fixes = automatic_fixes(findings(system.account(state)), system.rng)
        if fixes:
            before = {other: answered(system.account(other), system.peered) for other in STATES}
            for fix in fixes:
                apply_to(system.groups, fix)
            for other in STATES:
                lost = before[other] - answered(system.account(other), system.peered)
                assert not lost, f"seed {seed}: {fixes} of a system that is {state} cut when it is {other}: {lost}"


def test_random_systems_have_automatic_fixes_and_others() -> None:
    """Without both kinds the test above would prove little."""
    found = [finding for seed in range(40) for finding in findings(RandomSystem(seed).account("running"))]
    automatic = {finding.code for finding in found if finding.automatic}
    assert automatic >= {"DUPLICATE_RULE", "OPEN_DATA_PORT", "UNSERVED_PORT", "UNUSED_RULE"}
    named = {finding.code for finding in found if finding.fix.calls and not finding.automatic}
    assert named >= {"UNATTACHED_GROUP", "OPEN_ADMIN_PORT"}


def test_a_group_that_nothing_has_may_be_used_where_no_description_shows_it() -> None:
    """A scheduled task, a build or a person: neither its own rules nor those for it are proven unneeded."""
    system = RandomSystem(3)
    for group in system.groups.values():
        group["IpPermissions"] = []
    ports = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
    system.groups["sg-old"]["IpPermissions"] = [{**ports, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    system.groups["sg-hosts"]["IpPermissions"] = [{**ports, "UserIdGroupPairs": [{"GroupId": "sg-old", "UserId": "1"}]}]
    found = findings(system.account("running"))
    automatic = {finding.code: finding.automatic for finding in found if finding.fix.calls}
    assert automatic["OPEN_ADMIN_PORT"] is automatic["UNUSED_RULE"] is automatic["UNATTACHED_GROUP"] is False
