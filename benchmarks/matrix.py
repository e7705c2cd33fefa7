"""Benchmark the reachability matrix against plain Python, which evaluates pair by pair.

`python benchmarks/matrix.py` builds a network of 500 security groups and 2,000 interfaces and evaluates each service
with each other on four ports. Plain Python evaluates a sample of pairs, with everything parsed beforehand; its time is
scaled to all pairs. Then the matrix alone runs with ten times the interfaces, and also with ten times the groups.
"""

import argparse
import random
import resource
import time
from typing import Any

from esaws.inspect.network.interface_matrix import interface_matrix
from esaws.inspect.network.interfaces import InterfaceSet
from esaws.inspect.network.network import Network

AIM, GROWTH_AIM, MEMORY_AIM = 50, 12, 1000
PORTS = [("tcp", 22), ("tcp", 80), ("tcp", 5432), ("tcp", 8002)]
VPC = "vpc-1"
SUBNETS = 20
EVERYBODY = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--groups", type=int, default=500)
    parser.add_argument("--interfaces", type=int, default=2000)
    parser.add_argument("--sample", type=int, default=20_000, help="pairs that plain Python evaluates")
    options = parser.parse_args()
    results, services = network(options.groups, options.interfaces)
    timed(*network(10, 20))  # imports numpy and pandas
    seconds, frame = timed(results, services)
    cells = options.interfaces**2 * len(PORTS)
    print(f"{options.groups} groups, {options.interfaces} interfaces, {len(PORTS)} ports: {cells:,} pairs and ports")
    print(f"  matrix        {seconds:8.2f} s for all, {len(frame):,} rows, {megabytes():.0f} MB (aim: {MEMORY_AIM})")
    plain = pair_by_pair(results, services, frame, options.sample) * cells
    print(f"  plain Python  {plain:8.2f} s for all, from a sample; {plain / seconds:.0f} × as long (aim: {AIM})")
    more, _ = timed(*network(options.groups, options.interfaces * 10))
    print(f"  ten times the interfaces: {more:.2f} s, {more / seconds:.1f} × as long (aim: {GROWTH_AIM})")
    most, frame = timed(*network(options.groups * 10, options.interfaces * 10))
    rows = len(frame)
    print(f"  ten times the groups, too: {most:.2f} s, {most / seconds:.1f} × as long for {rows:,} rows (100 ×)")
    print(f"  {megabytes():.0f} MB at most")


def network(groups: int, interfaces: int) -> tuple[dict[str, Any], list[InterfaceSet]]:
    """Return services whose interfaces share a group, each in one or two subnets, and rules for groups and ranges."""
    rng = random.Random(0)
    ids = [f"sg-{index}" for index in range(groups)]
    security_groups = [
        {
            "GroupId": id,
            "GroupName": id,
            "VpcId": VPC,
            "IpPermissions": rules(rng, ids),
            "IpPermissionsEgress": EVERYBODY,
        }
        for id in ids
    ]
    network_interfaces, services = [], []
    for index in range(groups):
        own_groups = [{"GroupId": id} for id in {ids[index], rng.choice(ids)}]
        subnets = rng.sample(range(SUBNETS), 2)
        members = []
        for number in range(index, interfaces, groups):
            subnet = subnets[len(members) % 2]
            members.append(f"eni-{number}")
            network_interfaces.append(
                {
                    "NetworkInterfaceId": f"eni-{number}",
                    "VpcId": VPC,
                    "SubnetId": f"subnet-{subnet}",
                    "PrivateIpAddress": f"10.{subnet}.{number // 250}.{number % 250 + 4}",
                    "Groups": own_groups,
                }
            )
        services.append(InterfaceSet(f"service-{index}", tuple(members)))
    return {"SecurityGroups": security_groups, "NetworkInterfaces": network_interfaces, **surroundings()}, services


def rules(rng: random.Random, ids: list[str]) -> list[dict[str, Any]]:
    """Return six permissions: four for groups, two for ranges."""
    ports = [rng.choice([22, 80, 443, 5432, 8002, 8003]) for _ in range(6)]
    sources = [{"UserIdGroupPairs": [{"GroupId": rng.choice(ids)}]} for _ in range(4)]
    sources += [{"IpRanges": [{"CidrIp": f"10.{rng.randrange(SUBNETS)}.0.0/16"}]} for _ in range(2)]
    return [
        {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **source}
        for port, source in zip(ports, sources, strict=True)
    ]


def surroundings() -> dict[str, Any]:
    """Return subnets with a route table, and an ACL that denies one range and allows the rest."""
    subnets = [f"subnet-{index}" for index in range(SUBNETS)]
    entries = [
        {"RuleNumber": number, "RuleAction": action, "Egress": egress, "CidrBlock": cidr, "Protocol": "-1"}
        for egress in (True, False)
        for number, action, cidr in ((90, "deny", "10.19.0.0/16"), (100, "allow", "0.0.0.0/0"))
    ]
    associations = [{"SubnetId": subnet} for subnet in subnets]
    local = {"DestinationCidrBlock": "10.0.0.0/8", "GatewayId": "local", "State": "active"}
    return {
        "NetworkAcls": [{"NetworkAclId": "acl-1", "Entries": entries, "Associations": associations}],
        "RouteTables": [{"RouteTableId": "rtb-1", "VpcId": VPC, "Associations": associations, "Routes": [local]}],
    }


def timed(results: dict[str, Any], services: list[InterfaceSet]) -> tuple[float, Any]:
    """Return the seconds from the results of describe calls to the frame, and the frame."""
    started = time.perf_counter()
    frame = interface_matrix(Network.of(results), services, PORTS)
    return time.perf_counter() - started, frame


def pair_by_pair(results: dict[str, Any], services: list[InterfaceSet], frame: Any, sample: int) -> float:
    """Return the seconds of plain Python for a pair and port; its decisions are compared with the frame."""
    plain = Plain(results)
    rng = random.Random(1)
    interfaces = results["NetworkInterfaces"]
    questions = [(*rng.sample(interfaces, 2), port) for _ in range(sample) for _, port in [rng.choice(PORTS)]]
    started = time.perf_counter()
    decisions = [plain.allows(source, destination, port) for source, destination, port in questions]
    seconds = (time.perf_counter() - started) / sample
    service_of = {id: service.name for service in services for id in service.interfaces}
    cells = frame.set_index(["source", "destination", "port"])["decision"]
    decision_of = cells.astype(str).to_dict()
    for (source, destination, port), allowed in zip(questions, decisions, strict=True):
        decision = decision_of[
            service_of[source["NetworkInterfaceId"]], service_of[destination["NetworkInterfaceId"]], port
        ]
        assert decision != ("deny" if allowed else "allow"), (source, destination, port)
    return seconds


class Plain:
    """Reachability of one pair and port at a time, in plain loops, with integers for addresses."""

    def __init__(self, results: dict[str, Any]) -> None:
        self.rules = {
            (group["GroupId"], key): [rule(permission) for permission in group[key]]
            for group in results["SecurityGroups"]
            for key in ("IpPermissions", "IpPermissionsEgress")
        }
        self.address = {
            raw["NetworkInterfaceId"]: number(raw["PrivateIpAddress"]) for raw in results["NetworkInterfaces"]
        }
        self.entries = {
            egress: [
                (raw["RuleAction"] == "allow", *span(raw["CidrBlock"]))
                for raw in sorted(results["NetworkAcls"][0]["Entries"], key=lambda raw: raw["RuleNumber"])
                if raw["Egress"] == egress
            ]
            for egress in (True, False)
        }

    def allows(self, source: dict[str, Any], destination: dict[str, Any], port: int) -> bool:
        here, there = self.address[source["NetworkInterfaceId"]], self.address[destination["NetworkInterfaceId"]]
        if source["SubnetId"] != destination["SubnetId"]:
            for address in (here, there):
                if not (self.passes(True, address) and self.passes(False, address)):
                    return False
        return self.union(source, "IpPermissionsEgress", there, destination, port) and self.union(
            destination, "IpPermissions", here, source, port
        )

    def passes(self, egress: bool, address: int) -> bool:
        return next((allows for allows, low, high in self.entries[egress] if low <= address <= high), False)

    def union(self, own: dict[str, Any], key: str, address: int, other: dict[str, Any], port: int) -> bool:
        groups = {group["GroupId"] for group in other["Groups"]}
        for group in own["Groups"]:
            for begin, end, source, low, high in self.rules[group["GroupId"], key]:
                if begin <= port <= end and (source in groups or low <= address <= high):
                    return True
        return False


def rule(permission: dict[str, Any]) -> tuple[int, int, str, int, int]:
    begin, end = permission.get("FromPort", 0), permission.get("ToPort", 65535)
    if pairs := permission.get("UserIdGroupPairs"):
        return begin, end, pairs[0]["GroupId"], 1, 0
    return begin, end, "", *span(permission["IpRanges"][0]["CidrIp"])


def number(address: str) -> int:
    first, second, third, last = map(int, address.split("."))
    return first << 24 | second << 16 | third << 8 | last


def span(cidr: str) -> tuple[int, int]:
    address, length = cidr.split("/")
    return number(address), number(address) + (1 << (32 - int(length))) - 1


def megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    main()
