"""What the security groups of an interface let through: allow only, the union over all its groups."""

from dataclasses import dataclass
from typing import Literal

from esaws.inspect.answers import NO, Answer, all_of, any_of, unknown
from esaws.inspect.network.addresses import Address, family_of
from esaws.inspect.network.endpoints import Endpoint, as_peer, unfiltered_service
from esaws.inspect.network.group_rules import Direction, GroupRule, Peer
from esaws.inspect.network.interfaces import Interface
from esaws.inspect.network.network import Network
from esaws.inspect.network.traffic import Traffic

GroupDecision = Literal["allow", "deny", "unknown", "not_filtered"]
DECISIONS: dict[str, GroupDecision] = {"yes": "allow", "no": "deny", "unknown": "unknown"}


@dataclass(frozen=True)
class GroupVerdict:
    """What one side's groups say: the answer, and the rules that allow, in the order of groups and permissions."""

    direction: Direction
    answer: Answer
    rules: tuple[GroupRule, ...] = ()


def evaluate_groups(
    network: Network, direction: Direction, interface: Interface, peer: Peer, traffic: Traffic
) -> GroupVerdict | None:
    """What an interface's groups say of traffic to or from a peer; None where no group filters it.

    Rules of groups that were not described may allow anything, so they make it unknown. Source:
    https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
    """
    if interface.groups is None:
        return GroupVerdict(direction, unknown(f"the groups of {interface.name} are not known"))
    if not interface.groups:
        return None
    answers = []
    allowing = []
    for group in interface.groups:
        if group not in network.groups:
            answers.append(unknown(f"the rules of {group} are not known"))
        for rule in network.rules(group, direction):
            answer = rule_answer(rule, peer, interface.vpc, traffic)
            answers.append(answer)
            if answer.is_yes:
                allowing.append(rule)
    return GroupVerdict(direction, any_of(answers), tuple(allowing))


def rule_answer(rule: GroupRule, peer: Peer, vpc: str, traffic: Traffic) -> Answer:
    spoken = rule.matches_traffic(traffic)
    return NO if spoken.is_no else all_of([spoken, rule.matches_peer(peer, vpc)])


@dataclass(frozen=True)
class BothVerdicts:
    """What the groups of both sides say: egress of the source and ingress of the destination must both allow."""

    decision: GroupDecision
    egress: GroupVerdict | None
    ingress: GroupVerdict | None

    @property
    def blocked_by(self) -> list[Direction]:
        sides = [side for side in (self.egress, self.ingress) if side]
        return [side.direction for side in sides if side.answer.is_no]


def combine_verdicts(egress: GroupVerdict | None, ingress: GroupVerdict | None) -> BothVerdicts:
    """Both sides together; a side without an interface, or whose interface has no groups, filters nothing."""
    answers = [side.answer for side in (egress, ingress) if side]
    decision = DECISIONS[all_of(answers).value] if answers else "not_filtered"
    return BothVerdicts(decision, egress, ingress)


def evaluate_both_sides(
    network: Network,
    source: Endpoint,
    destination: Endpoint,
    traffic: Traffic,
    *,
    middlebox: bool = False,
    nat_public_ip: Address | None = None,
) -> BothVerdicts:
    """What the groups alone say, whatever routes and network ACLs do.

    `middlebox`: the routes lead through an appliance, so references don't match; `nat_public_ip`: how the internet
    knows the source. Source: https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
    """
    if source.address is None or destination.address is None:
        return BothVerdicts("deny", None, None)
    if unfiltered_service(network, source, destination):
        return BothVerdicts("not_filtered", None, None)
    to, seen = as_peer(destination, not middlebox), as_peer(source, not middlebox)
    if source.external or destination.external:
        to = Peer(destination.address)
        if source.interface:
            seen = Peer(nat_public_ip or source.interface.source_on_internet(family_of(destination.address)))
    return combine_verdicts(
        evaluate_groups(network, "egress", source.interface, to, traffic) if source.interface else None,
        evaluate_groups(network, "ingress", destination.interface, seen, traffic) if destination.interface else None,
    )
