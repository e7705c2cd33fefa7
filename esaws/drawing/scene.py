"""What a drawing shows: the places of a system, what stands in them and what reaches what; not yet how it looks."""

from __future__ import annotations

from dataclasses import dataclass

Key = tuple[str, str]
"""Kind and name of what is drawn."""

USERS: Key = ("Users", "users")


@dataclass(frozen=True)
class SubnetArea:
    """A subnet; `public` where a route leads from it to an internet gateway, or its instances get public addresses."""

    name: str
    zone: str
    cidr: str
    public: bool


@dataclass(frozen=True)
class Node:
    """An icon with a name and a few words below; `places` are the names of its subnets, none outside of a VPC."""

    key: Key
    name: str
    icon: str
    lines: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Workload:
    """A service, or a task without one, on the instances of a cluster; `ports` are host and container port."""

    name: str
    tasks: int
    ports: tuple[int, int] | None = None
    is_service: bool = False


@dataclass(frozen=True)
class Fleet:
    """A cluster with its instances, `instances` in each of its subnets, and what runs on them.

    A target group that no cluster serves is an empty fleet too, so that a rule has where to lead. `empty` says what is
    missing where there are no instances.
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
    """Of a live account: by subnet a line about what stands there, such as its health."""

    def note_for(self, place: str) -> str:
        return dict(self.notes).get(place, "")

    @property
    def subnets(self) -> tuple[str, ...]:
        """The names of the subnets that its instances stand in."""
        return tuple(place for place, _ in self.instances)


@dataclass(frozen=True)
class Edge:
    """What a listener rule forwards or a security group lets in, by its declaration: whether anybody listens is another
    question, which a drawing doesn't answer.
    """

    source: Key
    target: Key
    label: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Scene:
    """Everything that one drawing shows, in drawing order."""

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
    """What is said below the picture: of a live account what nobody knows of it, and how it differs."""

    @property
    def has_users(self) -> bool:
        """Whether anything is reached from the internet."""
        return any(edge.source == USERS for edge in self.edges)

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Everything with an icon but the users and the instances."""
        gateway = (self.gateway,) if self.gateway else ()
        return (*gateway, *self.load_balancers, *self.stores, *self.regional)

    @property
    def node_count(self) -> int:
        """How many icons have a name: the instances of a cluster in one subnet, with their tasks, count as one."""
        cards = sum(max(1, len(fleet.instances)) for fleet in self.fleets)
        return cards + len(self.nodes) + self.has_users

    def description(self) -> str:
        """The drawing in words, for those who can't see it."""
        names = {USERS: "Users"}
        names |= {fleet.key: fleet.name for fleet in self.fleets}
        names |= {thing.key: thing.name for thing in self.nodes}
        sentences = [", ".join(filter(None, (f"Region {self.region}", self.vpc))) + "."]
        for place in self.subnets:
            sentences.append(f"Zone {place.zone}: {'public' if place.public else 'private'} subnet {place.name}.")
        for fleet in self.fleets:
            tasks = ", ".join(f"{running.tasks} × {running.name}" for running in fleet.workloads) or "nothing yet"
            where = "".join(f", {count} × {fleet.instance_type} in {place}" for place, count in fleet.instances)
            sentences.append(f"{fleet.name} runs {tasks}{where}.")
            sentences += [f"{fleet.name} in {place}: {note}." for place, note in fleet.notes]
        for thing in (*self.stores, *self.regional):
            sentences.append(f"{thing.name}: {', '.join(thing.lines)}." if thing.lines else f"{thing.name}.")
        for edge in self.edges:
            how = ", ".join(filter(None, (edge.label, edge.detail)))
            sentences.append(f"{names[edge.source]} to {names[edge.target]}" + (f" ({how})." if how else "."))
        return " ".join([*sentences, *self.footnotes])
