"""What scenes of architectures and of accounts have in common: engine names, merged edges, and the order of fleets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from esaws.drawing.scene import USERS, Edge, Fleet, Key

ENGINES = {
    "postgres": "PostgreSQL",
    "aurora-postgresql": "Aurora PostgreSQL",
    "mysql": "MySQL",
    "redis": "Redis",
    "valkey": "Valkey",
    "memcached": "Memcached",
}
ENGINE_ICONS = {"aurora-postgresql": "aws.database.AuroraInstance"}


def merge_edges(edges: Iterable[Edge]) -> list[Edge]:
    """Merge several ports between the same two nodes into one edge. A load balancer keeps one edge per rule."""
    merged: dict[tuple[Key, Key, str], Edge] = {}
    for edge in edges:
        key = (edge.source, edge.target, edge.label if edge.source[0] == "LoadBalancer" else "")
        first = merged.setdefault(key, edge)
        if edge.label not in first.label.split(", "):
            merged[key] = replace(first, label=f"{first.label}, {edge.label}")
    return list(merged.values())


def sort_fleets(fleets: list[Fleet], edges: list[Edge]) -> list[Fleet]:
    """Sort fleets so that edges cross less: targets of rules in order of evaluation, then those reached directly."""
    first: dict[Key, int] = {}
    for number, edge in enumerate(edges):
        if edge.source[0] == "LoadBalancer":
            first.setdefault(edge.target, number)
        elif edge.source[0] in (USERS[0], "InternetGateway"):
            first.setdefault(edge.target, len(edges) + number)
    return sorted(fleets, key=lambda fleet: first.get(fleet.key, 2 * len(edges)))


def format_ports(protocol: str, first: int | None, last: int | None) -> str:
    """The ports of a security group rule: `all`, `80` or `8000–8999`."""
    if protocol == "-1" or first is None:
        return "all"
    return str(first) if first == last else f"{first}–{last}"
