"""The text of cards and labels, as lines of spans, and how wide it is."""

from __future__ import annotations

from esaws.drawing.fonts import text_width, wrap
from esaws.drawing.scene import Fleet, Node, Workload
from esaws.drawing.style import NAME_SIZE, TEXT_SIZE

SPAN_GAP = 6.0

Span = tuple[str, float, bool]
"""A part of a line of text: the text, its size, and whether it is bold."""


def card_lines(fleet: Fleet, subnet: str, count: int) -> list[list[Span]]:
    """The lines of a card: each task, then the instances, then the note about them."""
    note: list[list[Span]] = [[(fleet.note_for(subnet), TEXT_SIZE, False)]] if fleet.note_for(subnet) else []
    return _card_lines(fleet, count) + note


def _card_lines(fleet: Fleet, count: int) -> list[list[Span]]:
    nothing = "or here" if fleet.is_in_either_subnet else "no instances"
    instances = fleet.instance_type if count == 1 else f"{count} × {fleet.instance_type}" if count else nothing
    ports = [_port_text(workload) for workload in fleet.workloads]
    if len(fleet.workloads) == 1:
        text = f"{instances} · {ports[0]}" if ports[0] else instances
        return [[(fleet.workloads[0].name, NAME_SIZE, True)], [(text, TEXT_SIZE, False)]]
    tasks = zip(fleet.workloads, ports, strict=True)
    lines = [[(workload.name, NAME_SIZE, True), (port, TEXT_SIZE, False)] for workload, port in tasks]
    return [*lines, [(instances, TEXT_SIZE, False)]]


def _port_text(workload: Workload) -> str:
    """The ports of host and container; one port where a task has an interface of its own."""
    if workload.ports is None:
        return ""
    host, container = workload.ports
    return f"{host} → {container}" if host != container else f"port {container}"


def line_width(line: list[Span]) -> float:
    """The width of a line of spans."""
    return sum(text_width(text, size, bold=bold) for text, size, bold in line) + SPAN_GAP * (len(line) - 1)


def scaling_text(fleet: Fleet) -> str:
    """The limits of the scaling, with a noun if the frame spans several zones."""
    return f"{fleet.scaling} instances" if fleet.scaling and len(fleet.subnets) > 1 else fleet.scaling


def service_text(fleet: Fleet) -> str:
    """The number of services and tasks, for a frame over several zones."""
    services = [workload for workload in fleet.workloads if workload.is_service]
    if not services or len(fleet.subnets) < 2:
        return ""
    tasks = sum(workload.tasks for workload in services)
    noun = "service" if len(services) == 1 else f"{len(services)} services"
    return f"{noun} with {tasks} task{'s' * (tasks != 1)}"


def label_lines(node: Node, room: float = float("inf")) -> list[Span]:
    """The name and the lines of a node, wrapped to `room`."""
    names: list[Span] = [(line, NAME_SIZE, True) for line in wrap(node.name, NAME_SIZE, room, bold=True)]
    return names + [(line, TEXT_SIZE, False) for text in node.lines for line in wrap(text, TEXT_SIZE, room)]


def label_width(node: Node) -> float:
    """The width of a node's label without wrapping."""
    return max(text_width(text, size, bold=bold) for text, size, bold in label_lines(node))
