"""The scene of an account: from what AWS says is there, ours or not, with its health, open ports and price.

What a declared architecture has and the account lacks, and the other way round, is said in words beside it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from functools import cached_property
from typing import Any

from esaws.architecture import Architecture
from esaws.aws import tag_dict
from esaws.cloud import DEPLOYMENT_TAG
from esaws.drawing.from_architecture import ENGINE_ICONS, ENGINES, scene_of
from esaws.drawing.scene import USERS, Edge, Fleet, Key, Place, Running, Scene, Thing
from esaws.errors import UsageError
from esaws.inspect.account import Account, MissingData
from esaws.inspect.fetch import Raw
from esaws.inspect.load_balancers import list_load_balancers, target_group_name, target_group_weights
from esaws.inspect.network.addresses import covers_internet, parse_cidr
from esaws.inspect.port_bindings import task_name
from esaws.inspect.recurring_costs import broker_usage, cache_usage, database_usage, instance_usage, load_balancer_usage
from esaws.inspect.target_health import KEYS as HEALTH_KEYS
from esaws.inspect.target_health import health
from esaws.pricelist import MonthlyCost, Usage, monthly_cost
from esaws.resources import load_all

KEYS = tuple(
    dict.fromkeys(
        [
            *HEALTH_KEYS,
            *("LoadBalancerAttributes", "Rules", "InternetGateways", "AutoScalingGroups", "Volumes"),
            *("Brokers", "Buckets", "UserPools", "repositories", "MetricAlarms", "DBSubnetGroups"),
        ]
    )
)
"""What has to be looked at."""

OVERLAYS = ("health", "ports", "costs")
NOT_THERE, NOT_DECLARED = "declared, not there", "not declared"

_WORLD = ("0.0.0.0/0", "::/0")
_LONGEST_ID = 14
_MOST_RULES = 12
"""More rules than this are drawn as one arrow for each fleet."""


def scene_of_account(
    account: Account, declared: Architecture | None = None, overlays: Collection[str] = OVERLAYS
) -> Scene:
    """What a drawing of an account shows, of the VPC in which most stands; others are named. Pure.

    `overlays` are of health (how many targets are healthy), ports (which are open to the world) and costs (list price
    of a month). With `declared` what is missing and what is not declared is marked.

    Raises:
        UsageError: there is no such overlay.
    """
    if unknown := set(overlays) - set(OVERLAYS):
        raise UsageError(f"there is no overlay {', '.join(sorted(unknown))}; there are {', '.join(OVERLAYS)}")
    scene = _Seen(account, frozenset(overlays)).scene()
    return _compared(scene, scene_of(declared, account.region)) if declared else scene


class _Seen:
    """An account, and what is drawn of it."""

    def __init__(self, account: Account, overlays: frozenset[str]) -> None:
        self.account = account
        self.overlays = overlays
        self.subnets = {each["SubnetId"]: each for each in self._of("Subnets")}
        self.instances = {
            each["InstanceId"]: each
            for each in self._of("Instances")
            if each["State"]["Name"] in ("pending", "running")
        }
        self.total = MonthlyCost(Decimal(0), verified=True)

    def _of(self, key: str) -> Collection[Raw]:
        """What there is of a kind, nothing where AWS did not say: that is told below the picture."""
        return self.account.get(key) or ()

    # -- names

    @cached_property
    def _prefix(self) -> str:
        """Of the deployment's names, where all that is tagged is of one."""
        every = (*self._of("SecurityGroups"), *self._of("Vpcs"), *self._of("Subnets"))
        found = {tag_dict(each.get("Tags")).get(DEPLOYMENT_TAG) for each in every} - {None}
        return f"{found.pop()}-" if len(found) == 1 else ""

    def name(self, raw: Raw | None, otherwise: str) -> str:
        """The Name tag, else AWS's name or id, without the deployment."""
        return (tag_dict((raw or {}).get("Tags")).get("Name") or otherwise).removeprefix(self._prefix)

    def short(self, name: str) -> str:
        return name.removeprefix(self._prefix)

    # -- the whole

    def scene(self) -> Scene:
        fleets, edges = self._fleets(), list(self._edges())
        used = [place for fleet in fleets for place in fleet.places]
        places = tuple(self._places({*used, *(place for each in self._balancers() for place in each.places)}))
        stores, regional = tuple(self._stores()), tuple(self._regional())
        vpcs = {each["VpcId"]: each for each in self._of("Vpcs")}
        others = sorted(
            self.name(each, id) for id, each in vpcs.items() if id != self.vpc and not each.get("IsDefault")
        )
        keys = {fleet.key for fleet in fleets} | {thing.key for thing in (*self._balancers(), *stores)}
        gateway = self._gateway()
        known = keys | {USERS} | ({gateway.key} if gateway else set())
        vpc = vpcs.get(self.vpc, {})
        name = self.name(vpc, "")
        return Scene(
            name=f"account {self.account.id}" if not self._prefix else self._prefix.removesuffix("-"),
            region=self.account.region,
            vpc=" ".join(filter(None, ("VPC", "" if name in ("", "vpc") else name, vpc.get("CidrBlock", ""))))
            if vpc
            else "",
            vpc_notes=self._vpc_notes(),
            places=places,
            gateway=gateway,
            balancers=tuple(self._balancers()),
            fleets=tuple(_by_arrows(fleets, edges)),
            stores=stores,
            regional=(*regional, *(Thing(("VPC", each), each, load_all()["VPC"].icon, ("another VPC",)) for each in others)),
            edges=tuple(edge for edge in _once(edges) if {edge.source, edge.target} <= known),
            footnotes=tuple(self._footnotes()),
        )

    @cached_property
    def vpc(self) -> str:
        """The VPC in which most interfaces are; of several alike the first by id."""
        counts = Counter(each.get("VpcId", "") for each in self._of("NetworkInterfaces"))
        counts += Counter(each["VpcId"] for each in self._of("Subnets") if not each.get("DefaultForAz"))
        return min(counts, key=lambda id: (-counts[id], id), default="")

    def _vpc_notes(self) -> tuple[str, ...]:
        groups = [each for each in self._of("SecurityGroups") if each.get("VpcId") == self.vpc]
        mine = [each for each in groups if each.get("GroupName") != "default"]
        return (f"{len(mine)} security group{'s' * (len(mine) != 1)}",) if mine else ()

    def _footnotes(self) -> Iterator[str]:
        if "costs" in self.overlays:
            usd = "?" if self.total.usd is None else f"{self.total.usd:.2f}"
            doubt = "" if self.total.verified else ", some prices unverified"
            yield f"about {usd} USD a month at list price{doubt}"
        for key, why in sorted(self.account.missing.items()):
            yield f"{key} are not drawn: {why}"

    # -- places

    def _places(self, used: Collection[str]) -> Iterator[Place]:
        """The subnets in which something stands, all of the VPC where nothing does anywhere."""
        mine = [each for each in self.subnets.values() if each["VpcId"] == self.vpc]
        shown = [each for each in mine if self._place(each["SubnetId"]) in used] or mine
        for each in sorted(shown, key=lambda each: (each["AvailabilityZone"], each.get("CidrBlock", ""))):
            zone = each["AvailabilityZone"].removeprefix(self.account.region)
            public = bool(each.get("MapPublicIpOnLaunch")) or each["SubnetId"] in self._public
            yield Place(self._place(each["SubnetId"]), zone, each.get("CidrBlock", ""), public)

    def _place(self, subnet: str) -> str:
        return self.name(self.subnets.get(subnet), _shortened(subnet))

    @cached_property
    def _public(self) -> set[str]:
        """The subnets whose route table leads to an internet gateway."""
        found: set[str] = set()
        for table in self._of("RouteTables"):
            if any(str(each.get("GatewayId", "")).startswith("igw-") for each in table.get("Routes", ())):
                found |= {each["SubnetId"] for each in table.get("Associations", ()) if "SubnetId" in each}
        return found

    def _gateway(self) -> Thing | None:
        for each in self._of("InternetGateways"):
            if any(attached.get("VpcId") == self.vpc for attached in each.get("Attachments", ())):
                name = self.name(each, each["InternetGatewayId"])
                return Thing(("InternetGateway", name), name, load_all()["InternetGateway"].icon)
        return None

    # -- machines

    @cached_property
    def _cluster_of(self) -> dict[str, str]:
        """The ARN of each instance's cluster."""
        return {each.get("ec2InstanceId", ""): each["clusterArn"] for each in self._of("containerInstances")}

    @cached_property
    def _groups(self) -> dict[str, list[str]]:
        """Instances by what they are drawn in: their cluster, their Auto Scaling group, or their own name."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for id, raw in self.instances.items():
            if raw.get("VpcId") == self.vpc:
                found[self._home(id, raw)].append(id)
        return found

    def _home(self, id: str, raw: Raw) -> str:
        if cluster := self._cluster_of.get(id):
            return self.short(cluster.rpartition("/")[2])
        group = tag_dict(raw.get("Tags")).get("aws:autoscaling:groupName")
        return self.short(group) if group else self.name(raw, id)

    def _fleets(self) -> list[Fleet]:
        clusters = {self.short(each["clusterName"]): each for each in self._of("clusters")}
        fleets = []
        for name in sorted({*clusters, *self._groups}):
            kind = "Cluster" if name in clusters else "AutoScalingGroup"
            ids = self._groups.get(name, [])
            running = tuple(self._running(clusters[name])) if name in clusters else ()
            counts = Counter(self._place(self.instances[id]["SubnetId"]) for id in ids)
            types = sorted({self.instances[id]["InstanceType"] for id in ids})
            fleets.append(
                Fleet(
                    (kind, name),
                    name,
                    load_all()[kind].icon,
                    "no instances",
                    running,
                    instance_type=" and ".join(types),
                    instances=tuple(sorted(counts.items())),
                    scaling=self._scaling(ids),
                    notes=tuple(self._notes(ids)),
                )
            )
        return fleets

    def _scaling(self, ids: Iterable[str]) -> str:
        wanted = set(ids)
        for group in self._of("AutoScalingGroups"):
            if wanted & {each["InstanceId"] for each in group.get("Instances", ())}:
                low, high = group["MinSize"], group["MaxSize"]
                return f"{low}–{high}" if low != high else str(low)
        return ""

    def _running(self, cluster: Raw) -> Iterator[Running]:
        tasks: defaultdict[str, list[Raw]] = defaultdict(list)
        for task in self._of("tasks"):
            if task["clusterArn"] == cluster["clusterArn"]:
                tasks[task_name(task)].append(task)
        services = [each for each in self._of("services") if each["clusterArn"] == cluster["clusterArn"]]
        for each in services:
            tasks.setdefault(f"service {each['serviceName']}", [])
        for name, mine in sorted(tasks.items()):
            kind, _, title = name.partition(" ")
            bound = [
                (int(each["hostPort"]), int(each["containerPort"]))
                for task in mine
                for container in task.get("containers", ())
                for each in container.get("networkBindings", ())
                if "hostPort" in each
            ]
            yield Running(self.short(title), len(mine), bound[0] if bound else None, is_service=kind == "service")

    # -- overlays

    def _notes(self, ids: Iterable[str]) -> Iterator[tuple[str, str]]:
        """A line for each subnet: targets that are healthy, ports that are open to the world, and the price."""
        by_place: defaultdict[str, list[str]] = defaultdict(list)
        for id in ids:
            by_place[self._place(self.instances[id]["SubnetId"])].append(id)
        for place, mine in sorted(by_place.items()):
            words = []
            if "health" in self.overlays and (states := [self._health[id] for id in mine if id in self._health]):
                every = [state for some in states for state in some]
                words.append(f"{every.count('healthy')} of {len(every)} healthy")
            if "ports" in self.overlays and (ports := sorted({port for id in mine for port in self._open(id)})):
                words.append(f"open: {', '.join(ports)}")
            if "costs" in self.overlays:
                words.append(
                    self._priced([usage for id in mine for usage in instance_usage(self.instances[id], self.account)])
                )
            if words:
                yield place, " · ".join(words)

    @cached_property
    def _health(self) -> dict[str, list[str]]:
        """The states of each instance as a target."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        try:
            for each in health(self.account):
                if each.state != "draining":
                    found[each.id].append(each.state)
        except MissingData:
            return {}
        return found

    def _open(self, id: str) -> Iterator[str]:
        """The ports of an instance with a public address that its groups open to the world."""
        raw = self.instances[id]
        if raw.get("PublicIpAddress"):
            yield from self._opened({each["GroupId"] for each in raw.get("SecurityGroups", ())})

    def _opened(self, groups: Collection[str]) -> Iterator[str]:
        for group in self._of("SecurityGroups"):
            for permission in group.get("IpPermissions", ()) if group["GroupId"] in groups else ():
                cidrs = [each["CidrIp"] for each in permission.get("IpRanges", ())]
                if covers_internet([parse_cidr(cidr) for cidr in cidrs], 4) or "::/0" in str(permission.get("Ipv6Ranges")):
                    yield _port_range(permission)

    def _priced(self, usages: list[Usage]) -> str:
        cost = monthly_cost(usages, self.account.region)
        self.total += cost
        return "? USD/mo" if cost.usd is None else f"{cost.usd:.2f} USD/mo{'' if cost.verified else ' ~'}"

    def _with_price(self, words: tuple[str, ...], usages: list[Usage]) -> tuple[str, ...]:
        return (*words, self._priced(usages)) if "costs" in self.overlays else words

    # -- load balancers and stores

    @cached_property
    def _drawn_balancers(self) -> list[Thing]:
        found = []
        if self.account.get("LoadBalancers") is None or self.account.get("Listeners") is None:
            return []
        for one in list_load_balancers(self.account):
            if one.raw.get("VpcId") != self.vpc:
                continue
            ports = tuple(f"{each['Protocol']}:{each['Port']}" for each in one.listeners())
            zones = one.raw.get("AvailabilityZones", ())
            places = tuple(self._place(each["SubnetId"]) for each in zones if each["SubnetId"] in self.subnets)
            key = ("LoadBalancer", self.short(one.name))
            found.append(
                Thing(key, key[1], load_all()["LoadBalancer"].icon, self._with_price(ports, load_balancer_usage(one.raw)), places)
            )
        return found

    def _balancers(self) -> list[Thing]:
        return self._drawn_balancers

    def _stores(self) -> Iterator[Thing]:
        for raw in self._of("DBInstances"):
            group = raw.get("DBSubnetGroup", {})
            if group.get("VpcId", self.vpc) != self.vpc:
                continue
            name, engine = self.short(raw["DBInstanceIdentifier"]), raw["Engine"]
            words: tuple[str, ...] = (
                f"{ENGINES.get(engine, engine)} {raw.get('EngineVersion', '')}".strip(),
                raw["DBInstanceClass"],
            )
            words += () if raw["DBInstanceStatus"] == "available" else (raw["DBInstanceStatus"],)
            icon = ENGINE_ICONS.get(engine, load_all()["DBInstance"].icon)
            places = tuple(self._place(each["SubnetIdentifier"]) for each in group.get("Subnets", ()))
            yield Thing(("DBInstance", name), name, icon, self._with_price(words, database_usage(raw)), places)
        for raw in self._of("CacheClusters"):
            name = self.short(raw["CacheClusterId"])
            words = (
                f"{ENGINES.get(raw['Engine'], raw['Engine'])} {raw.get('EngineVersion', '')}".strip(),
                raw["CacheNodeType"],
            )
            yield Thing(
                ("CacheCluster", name), name, load_all()["CacheCluster"].icon, self._with_price(words, cache_usage(raw))
            )

    def _regional(self) -> Iterator[Thing]:
        for raw in self._of("Brokers"):
            name = self.short(raw["BrokerName"])
            words = (
                f"{raw.get('EngineType', '').title().replace('mq', 'MQ')} {raw.get('EngineVersion', '')}",
                raw["HostInstanceType"],
            )
            yield Thing(("Broker", name), name, load_all()["Broker"].icon, self._with_price(words, broker_usage(raw)))
        for raw in self._of("Buckets"):
            name = self.short(raw["Name"]).removesuffix(f"-{self.account.id}-{self.account.region}")
            yield Thing(("Bucket", name), name, load_all()["Bucket"].icon, ("S3 bucket",))
        for raw in self._of("UserPools"):
            name = self.short(raw["Name"])
            yield Thing(("UserPool", name), name, load_all()["UserPool"].icon, ("Cognito user pool",))
        if many := len(self._of("repositories")):
            held = f"{many} repositor{'y' if many == 1 else 'ies'}"
            yield Thing(("ECR", "registry"), "ECR", load_all()["ECRRepository"].icon, (held,))
        if alarms := len(self._of("MetricAlarms")):
            watched = f"{alarms} alarm{'s' * (alarms != 1)}"
            yield Thing(("CloudWatch", "CloudWatch"), "CloudWatch", "aws.management.Cloudwatch", (watched,))

    # -- arrows

    def _edges(self) -> Iterator[Edge]:
        gateway = self._gateway()
        if gateway:
            yield Edge(USERS, gateway.key)
        source = gateway.key if gateway else USERS
        if self.account.get("LoadBalancers") is not None and self.account.get("Listeners") is not None:
            for one in list_load_balancers(self.account):
                key = ("LoadBalancer", self.short(one.name))
                if one.is_public:
                    yield Edge(source, key)
                yield from self._forwarded(one, key)
        yield from self._direct(source)
        yield from self._let_in()

    def _forwarded(self, one: Any, key: Key) -> Iterator[Edge]:
        if self.account.get("Rules") is None:
            return
        for listener in one.listeners():
            rules = one.rules(listener)
            for rule in rules:
                paths = [value for each in rule.conditions if each.field == "path-pattern" for value in each.values]
                label = (
                    "default" if rule.is_default else f"{rule.priority} · {' or '.join(paths) or 'other conditions'}"
                )
                for arn in target_group_weights(rule.actions[-1]) if rule.actions else ():
                    for fleet, port in self._targets(arn):
                        detail = f"{self.short(target_group_name(arn))} → {port}" if port else self.short(target_group_name(arn))
                        yield Edge(key, fleet, label if len(rules) <= _MOST_RULES else "", detail)

    def _targets(self, arn: str) -> list[tuple[Key, int | None]]:
        """The fleets that a target group's targets are in, with their port."""
        found = [
            (self._key_of(each["Target"]["Id"]), each["Target"].get("Port"))
            for each in self._of("TargetHealth")
            if each["TargetGroupArn"] == arn and each["Target"]["Id"] in self.instances
        ]
        return list(dict.fromkeys(found))

    def _key_of(self, id: str) -> Key:
        home = self._home(id, self.instances[id])
        clusters = {self.short(each["clusterName"]) for each in self._of("clusters")}
        return ("Cluster" if home in clusters else "AutoScalingGroup", home)

    def _direct(self, source: Key) -> Iterator[Edge]:
        """From the internet to instances that let anyone in on a port on which a task listens."""
        for name, ids in sorted(self._groups.items()):
            fleet = self._key_of(ids[0])
            listening = {str(port) for port in self._host_ports(name)}
            for port in sorted({port for id in ids for port in self._open(id)} & listening):
                yield Edge(source, fleet, port, "from anywhere")

    def _host_ports(self, name: str) -> Iterator[int]:
        for cluster in self._of("clusters"):
            if self.short(cluster["clusterName"]) == name:
                yield from (running.ports[0] for running in self._running(cluster) if running.ports)

    def _let_in(self) -> Iterator[Edge]:
        """What rules say that name a group: who carries the one reaches who carries the other."""
        members: defaultdict[str, list[Key]] = defaultdict(list)
        for _, ids in sorted(self._groups.items()):
            for group in {each["GroupId"] for id in ids for each in self.instances[id].get("SecurityGroups", ())}:
                members[group].append(self._key_of(ids[0]))
        for raw in self._of("DBInstances"):
            for each in raw.get("VpcSecurityGroups", ()):
                members[each["VpcSecurityGroupId"]].append(("DBInstance", self.short(raw["DBInstanceIdentifier"])))
        for raw in self._of("CacheClusters"):
            for each in raw.get("SecurityGroups", ()):
                members[each["SecurityGroupId"]].append(("CacheCluster", self.short(raw["CacheClusterId"])))
        for group in sorted(self._of("SecurityGroups"), key=lambda each: each.get("GroupName", "")):
            for permission in group.get("IpPermissions", ()):
                for pair in permission.get("UserIdGroupPairs", ()):
                    for source in members.get(pair.get("GroupId", ""), ()):
                        for target in members.get(group["GroupId"], ()):
                            if source != target:
                                yield Edge(source, target, _port_range(permission))


def _shortened(id: str) -> str:
    """An id in the room of a name: AWS's own are twice as long."""
    return id if len(id) <= _LONGEST_ID else f"{id[: _LONGEST_ID - 1]}…"


def _port_range(permission: Raw) -> str:
    low, high = permission.get("FromPort"), permission.get("ToPort")
    if permission.get("IpProtocol") == "-1" or low is None:
        return "all"
    return str(low) if low == high else f"{low}–{high}"


def _once(edges: Iterable[Edge]) -> list[Edge]:
    """Each arrow once; several ports between the same two in one."""
    kept: dict[tuple[Key, Key, str], Edge] = {}
    for edge in edges:
        key = (edge.source, edge.target, edge.label if edge.source[0] == "LoadBalancer" else "")
        known = kept.setdefault(key, edge)
        if edge.label not in known.label.split(", "):
            kept[key] = replace(known, label=f"{known.label}, {edge.label}")
    return list(kept.values())


def _by_arrows(fleets: list[Fleet], edges: list[Edge]) -> list[Fleet]:
    """What a load balancer forwards to first, then what is reached directly, then the rest: arrows cross less."""
    first: dict[Key, int] = {}
    for number, edge in enumerate(edges):
        if edge.source[0] == "LoadBalancer":
            first.setdefault(edge.target, number)
        elif edge.source[0] in (USERS[0], "InternetGateway"):
            first.setdefault(edge.target, len(edges) + number)
    return sorted(fleets, key=lambda fleet: first.get(fleet.key, 2 * len(edges)))


# -- what was declared -----------------------------------------------------------------------------------------------


def _compared(live: Scene, declared: Scene) -> Scene:
    """The live scene, with what is not declared marked, and what is declared and not there added and marked."""
    wanted = {(thing.key[0], thing.name) for thing in declared.things} | {
        ("Cluster", fleet.name) for fleet in declared.fleets
    }
    there = {(thing.key[0], thing.name) for thing in live.things} | {("Cluster", fleet.name) for fleet in live.fleets}

    def marked(things: Iterable[Thing]) -> tuple[Thing, ...]:
        return tuple(
            thing if (thing.key[0], thing.name) in wanted else replace(thing, words=(*thing.words, NOT_DECLARED))
            for thing in things
        )

    missing = [thing for thing in declared.things if (thing.key[0], thing.name) not in there]
    absent = [fleet for fleet in declared.fleets if ("Cluster", fleet.name) not in there]
    ghosts = [replace(thing, words=(NOT_THERE,), places=()) for thing in missing]
    ghosts += [Thing(fleet.key, fleet.name, fleet.icon, (NOT_THERE,)) for fleet in absent]
    extra = [fleet.name for fleet in live.fleets if ("Cluster", fleet.name) not in wanted]
    drawn, stands = {place.name for place in declared.places}, {place.name for place in live.places}
    notes = {
        f"compared with {declared.name}, {NOT_THERE}": sorted({*(ghost.name for ghost in ghosts), *(drawn - stands)}),
        f"compared with {declared.name}, {NOT_DECLARED}": sorted({*extra, *(stands - drawn)}),
    }
    said = [f"{what}: {', '.join(names) or 'nothing'}" for what, names in notes.items()]
    return replace(
        live,
        balancers=marked(live.balancers),
        stores=marked(live.stores),
        regional=(*marked(live.regional), *ghosts),
        footnotes=(*live.footnotes, *said),
    )
