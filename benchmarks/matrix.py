"""The reachability matrix beside plain Python pair by pair, in one run: who reaches whom in a large network.

`python benchmarks/matrix.py` makes a network of 500 security groups and 2,000 interfaces and asks for each service with
each other on four ports. Plain Python is asked about a sample of pairs, with everything parsed beforehand, and its time
is scaled to all pairs. Then ten times the interfaces, and ten times the groups as well, for the matrix alone.
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
    parser.add_argument("--sample", type=int, default=20_000, help="pairs that plain Python is asked about")
    options = parser.parse_args()
    answers, services = network(options.groups, options.interfaces)
    timed(*network(10, 20))  # imports numpy and pandas
    seconds, frame = timed(answers, services)
    cells = options.interfaces**2 * len(PORTS)
    print(f"{options.groups} groups, {options.interfaces} interfaces, {len(PORTS)} ports: {cells:,} pairs and ports")
    print(f"  matrix        {seconds:8.2f} s for all, {len(frame):,} rows, {megabytes():.0f} MB (aim: {MEMORY_AIM})")
    plain = pair_by_pair(answers, services, frame, options.sample) * cells
    print(f"  plain Python  {plain:8.2f} s for all, from a sample; {plain / seconds:.0f} × as long (aim: {AIM})")
    more, _ = timed(*network(options.groups, options.interfaces * 10))
    print(f"  ten times the interfaces: {more:.2f} s, {more / seconds:.1f} × as long (aim: {GROWTH_AIM})")
    most, frame = timed(*network(options.groups * 10, options.interfaces * 10))
    rows = len(frame)
    print(f"  ten times the groups, too: {most:.2f} s, {most / seconds:.1f} × as long for {rows:,} rows (100 ×)")
    print(f"  {megabytes():.0f} MB at most")


def network(groups: int, interfaces: int) -> tuple[dict[str, Any], list[InterfaceSet]]:
    """Services of interfaces that share a group, in one or two subnets each; rules for groups and ranges."""
    chance = random.Random(0)
    ids = [f"sg-{index}" for index in range(groups)]
    described = [
        {
            "GroupId": id,
            "GroupName": id,
            "VpcId": VPC,
            "IpPermissions": rules(chance, ids),
            "IpPermissionsEgress": EVERYBODY,
        }
        for id in ids
    ]
    found, services = [], []
    for index in range(groups):
        carried = [{"GroupId": id} for id in {ids[index], chance.choice(ids)}]
        homes = chance.sample(range(SUBNETS), 2)
        members = []
        for number in range(index, interfaces, groups):
            home = homes[len(members) % 2]
            members.append(f"eni-{number}")
            found.append(
                {
                    "NetworkInterfaceId": f"eni-{number}",
                    "VpcId": VPC,
                    "SubnetId": f"subnet-{home}",
                    "PrivateIpAddress": f"10.{home}.{number // 250}.{number % 250 + 4}",
                    "Groups": carried,
                }
            )
        services.append(InterfaceSet(f"service-{index}", tuple(members)))
    return {"SecurityGroups": described, "NetworkInterfaces": found, **surroundings()}, services


def rules(chance: random.Random, ids: list[str]) -> list[dict[str, Any]]:
    """Six permissions: four for groups, two for ranges."""
    ports = [chance.choice([22, 80, 443, 5432, 8002, 8003]) for _ in range(6)]
    sources = [{"UserIdGroupPairs": [{"GroupId": chance.choice(ids)}]} for _ in range(4)]
    sources += [{"IpRanges": [{"CidrIp": f"10.{chance.randrange(SUBNETS)}.0.0/16"}]} for _ in range(2)]
    return [
        {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **source}
        for port, source in zip(ports, sources, strict=True)
    ]


def surroundings() -> dict[str, Any]:
    """Subnets with a route table, and an ACL that denies one range and allows the rest."""
    subnets = [f"subnet-{index}" for index in range(SUBNETS)]
    entries = [
        {"RuleNumber": number, "RuleAction": action, "Egress": egress, "CidrBlock": cidr, "Protocol": "-1"}
        for egress in (True, False)
        for number, action, cidr in ((90, "deny", "10.19.0.0/16"), (100, "allow", "0.0.0.0/0"))
    ]
    where = [{"SubnetId": subnet} for subnet in subnets]
    local = {"DestinationCidrBlock": "10.0.0.0/8", "GatewayId": "local", "State": "active"}
    return {
        "NetworkAcls": [{"NetworkAclId": "acl-1", "Entries": entries, "Associations": where}],
        "RouteTables": [{"RouteTableId": "rtb-1", "VpcId": VPC, "Associations": where, "Routes": [local]}],
    }


def timed(answers: dict[str, Any], services: list[InterfaceSet]) -> tuple[float, Any]:
    """From the answers of describe calls to the frame."""
    began = time.perf_counter()
    frame = interface_matrix(Network.of(answers), services, PORTS)
    return time.perf_counter() - began, frame


def pair_by_pair(answers: dict[str, Any], services: list[InterfaceSet], frame: Any, sample: int) -> float:
    """Seconds a pair and port of plain Python, which is also held against the frame."""
    plain = Plain(answers)
    chance = random.Random(1)
    interfaces = answers["NetworkInterfaces"]
    asked = [(*chance.sample(interfaces, 2), port) for _ in range(sample) for _, port in [chance.choice(PORTS)]]
    began = time.perf_counter()
    said = [plain.allows(source, destination, port) for source, destination, port in asked]
    seconds = (time.perf_counter() - began) / sample
    home = {id: service.name for service in services for id in service.interfaces}
    cells = frame.set_index(["source", "destination", "port"])["decision"]
    decided = cells.astype(str).to_dict()
    for (source, destination, port), allowed in zip(asked, said, strict=True):
        decision = decided[home[source["NetworkInterfaceId"]], home[destination["NetworkInterfaceId"]], port]
        assert decision != ("deny" if allowed else "allow"), (source, destination, port)
    return seconds


class Plain:
    """Reachability of one pair and port at a time, as one would write it in a loop, with integers for addresses."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.rules = {
            (group["GroupId"], key): [rule(permission) for permission in group[key]]
            for group in answers["SecurityGroups"]
            for key in ("IpPermissions", "IpPermissionsEgress")
        }
        self.address = {
            each["NetworkInterfaceId"]: number(each["PrivateIpAddress"]) for each in answers["NetworkInterfaces"]
        }
        self.entries = {
            egress: [
                (each["RuleAction"] == "allow", *span(each["CidrBlock"]))
                for each in sorted(answers["NetworkAcls"][0]["Entries"], key=lambda each: each["RuleNumber"])
                if each["Egress"] == egress
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

    def union(self, mine: dict[str, Any], key: str, address: int, other: dict[str, Any], port: int) -> bool:
        carried = {group["GroupId"] for group in other["Groups"]}
        for group in mine["Groups"]:
            for begin, end, named, low, high in self.rules[group["GroupId"], key]:
                if begin <= port <= end and (named in carried or low <= address <= high):
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
