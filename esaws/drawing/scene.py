"""The content of a drawing: subnets, nodes and edges, without their positions or looks."""

from __future__ import annotations

from dataclasses import dataclass

from esaws.inspect.monthly_total import MonthlyTotal

Key = tuple[str, str]
"""Kind and name of a node."""

USERS: Key = ("Users", "users")


@dataclass(frozen=True)
class SubnetArea:
    """A subnet. It is public if it routes to an internet gateway, or its instances get public addresses."""

    name: str
    zone: str
    cidr: str
    public: bool


@dataclass(frozen=True)
class Node:
    """An icon with a name and lines of text below. `subnets` are names; empty outside of a VPC."""

    key: Key
    name: str
    icon: str
    lines: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()


FARGATE = "Fargate"
"""The `instance_type` of a fleet whose tasks need no instances."""


@dataclass(frozen=True)
class Workload:
    """A service, or a task without a service. `ports`: host and container port, or the same port twice."""

    name: str
    tasks: int
    ports: tuple[int, int] | None = None
    is_service: bool = False


@dataclass(frozen=True)
class Fleet:
    """A cluster with the number of instances, or of tasks on Fargate, in each of its subnets, and their workloads.

    A target group without a cluster is an empty fleet, as the target of its rule. `placeholder` is shown if there are
    no instances.
    """

    key: Key
    name: str
    icon: str
    placeholder: str
    workloads: tuple[Workload, ...] = ()
    instance_type: str = ""
    instances: tuple[tuple[str, int], ...] = ()
    scaling: str = ""
    notes: tuple[tuple[str, str], ...] = ()
    """Of an account: (subnet, a line about the instances there, such as their health)."""
    card_icon: str = ""
    """The icon of its cards, if they are not EC2 instances."""
    has_frame: bool = True
    """Whether a frame surrounds its cards; a NAT gateway is only a card."""
    continued: bool = False
    """Whether it is a further frame of a fleet that one frame can't surround."""

    def note_for(self, subnet: str) -> str:
        return dict(self.notes).get(subnet, "")

    @property
    def is_in_either_subnet(self) -> bool:
        """Whether Fargate chooses among more subnets than there are tasks."""
        return self.instance_type == FARGATE and any(count == 0 for _, count in self.instances)

    @property
    def subnets(self) -> tuple[str, ...]:
        """The names of the subnets of its instances."""
        return tuple(subnet for subnet, _ in self.instances)


@dataclass(frozen=True)
class Edge:
    """What a listener rule forwards, or a security group lets in. Whether something listens there is not checked."""

    source: Key
    target: Key
    label: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Scene:
    """The content of one drawing, in drawing order."""

    name: str
    region: str
    vpc: str = ""
    vpc_notes: tuple[str, ...] = ()
    subnets: tuple[SubnetArea, ...] = ()
    gateway: Node | None = None
    load_balancers: tuple[Node, ...] = ()
    fleets: tuple[Fleet, ...] = ()
    stores: tuple[Node, ...] = ()
    regional: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    footnotes: tuple[str, ...] = ()
    """Lines below the picture: of an account its price, what is unknown, and differences."""
    total: MonthlyTotal | None = None
    """Of an account: its fixed monthly costs, if they are shown."""

    @property
    def has_users(self) -> bool:
        """Whether there is an edge from the internet."""
        return any(edge.source == USERS for edge in self.edges)

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes except users and instances."""
        gateway = (self.gateway,) if self.gateway else ()
        return (*gateway, *self.load_balancers, *self.stores, *self.regional)

    @property
    def node_count(self) -> int:
        """The number of named icons. The instances of a cluster in one subnet count as one, with their tasks."""
        cards = sum(max(1, len(fleet.instances)) for fleet in self.fleets)
        return cards + len(self.nodes) + self.has_users

    def description(self) -> str:
        """The drawing as text, for screen readers."""
        names = {USERS: "Users"}
        names |= {fleet.key: fleet.name for fleet in self.fleets}
        names |= {node.key: node.name for node in self.nodes}
        sentences = [", ".join(filter(None, (f"Region {self.region}", self.vpc))) + "."]
        for subnet in self.subnets:
            sentences.append(f"Zone {subnet.zone}: {'public' if subnet.public else 'private'} subnet {subnet.name}.")
        for fleet in self.fleets:
            tasks = ", ".join(f"{workload.tasks} × {workload.name}" for workload in fleet.workloads) or "nothing yet"
            either = f", on {FARGATE} in {' or '.join(fleet.subnets)}" if fleet.is_in_either_subnet else ""
            instances = either or "".join(
                f", {count} × {fleet.instance_type} in {subnet}" for subnet, count in fleet.instances
            )
            sentences.append(f"{fleet.name} runs {tasks}{instances}.")
            sentences += [f"{fleet.name} in {subnet}: {note}." for subnet, note in fleet.notes]
        for node in (*self.stores, *self.regional):
            sentences.append(f"{node.name}: {', '.join(node.lines)}." if node.lines else f"{node.name}.")
        for edge in self.edges:
            labels = ", ".join(filter(None, (edge.label, edge.detail)))
            sentences.append(f"{names[edge.source]} to {names[edge.target]}" + (f" ({labels})." if labels else "."))
        return " ".join([*sentences, *self.footnotes])
