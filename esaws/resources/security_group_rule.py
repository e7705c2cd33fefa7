"""A rule of a security group."""

from dataclasses import dataclass
from typing import Any, Literal, Self

from esaws.aws import ignore_codes, pages, tag_dict
from esaws.cloud import Cloud
from esaws.documented import ITSELF, NOT_DOCUMENTED, PORTS, Between, Call, Field, Network, Parameter, Text
from esaws.resource import Live, Lives, Ref, Resource
from esaws.resources._ec2 import documented_tags, tag_specifications
from esaws.resources.security_group import SecurityGroup

_IP_PERMISSION_PAGE = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html"

_FILTER_VALUES = 200  # the maximum of one filter


_PROTOCOL = Text(
    1,
    None,
    r"tcp|udp|icmp|icmpv6|-1|1?\d?\d|2[0-4]\d|25[0-5]",
    "tcp, udp, icmp, icmpv6, a number from 0 to 255, or -1 for all",
)
_PORT = Between(-1, 65535)  # -1: all types or codes of ICMP
_DESCRIPTION = Text(
    0, 255, r"[A-Za-z0-9 ._:/()#,@\[\]+=;{}!$*-]*", "letters, digits, spaces and any of ._-:/()#,@[]+=;{}!$*"
)
_NEW_RULE: dict[str, Parameter] = {
    "GroupId": Field("group"),
    "IpPermissions[].IpProtocol": Field("protocol", _PROTOCOL),
    "IpPermissions[].FromPort": Field("from_port", _PORT, PORTS),
    "IpPermissions[].ToPort": Field("to_port", _PORT, PORTS),
    "IpPermissions[].IpRanges[].CidrIp": Field("peer", Network()),
    "IpPermissions[].IpRanges[].Description": Field("description", _DESCRIPTION),
    "IpPermissions[].UserIdGroupPairs[].GroupId": Field("peer"),
    "IpPermissions[].UserIdGroupPairs[].Description": Field("description", _DESCRIPTION),
    **documented_tags("security-group-rule"),
}


@dataclass(frozen=True, kw_only=True)
class SecurityGroupRule(Resource):
    """Allows traffic on some ports from `peer` (`ingress`) or to it (`egress`). `peer` is a group or an IPv4 range."""

    group: SecurityGroup
    direction: Literal["ingress", "egress"] = "ingress"
    protocol: str = "tcp"
    from_port: int
    to_port: int
    peer: SecurityGroup | str
    description: str = ""

    in_place = frozenset({"protocol", "from_port", "to_port", "peer", "description"})
    icon = "aws.security.Shield"
    free = "AWS does not charge for rules"
    permissions = (
        "ec2:AuthorizeSecurityGroupEgress",
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:CreateTags",
        "ec2:DescribeSecurityGroupRules",
        "ec2:DescribeSecurityGroups",
        "ec2:ModifySecurityGroupRules",
        "ec2:RevokeSecurityGroupEgress",
        "ec2:RevokeSecurityGroupIngress",
    )
    documented = (
        Call(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html", _NEW_RULE
        ),
        Call("https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupEgress.html", _NEW_RULE),
        Call(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySecurityGroupRules.html",
            {
                "GroupId": Field("group"),
                "SecurityGroupRules[].SecurityGroupRuleId": ITSELF,
                "SecurityGroupRules[].SecurityGroupRule.IpProtocol": Field("protocol", _PROTOCOL),
                "SecurityGroupRules[].SecurityGroupRule.FromPort": Field("from_port", _PORT, PORTS),
                "SecurityGroupRules[].SecurityGroupRule.ToPort": Field("to_port", _PORT, PORTS),
                "SecurityGroupRules[].SecurityGroupRule.CidrIpv4": Field("peer", Network()),
                "SecurityGroupRules[].SecurityGroupRule.ReferencedGroupId": Field("peer"),
                "SecurityGroupRules[].SecurityGroupRule.Description": Field("description", NOT_DOCUMENTED),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupIngress.html",
            {"GroupId": Field("group"), "SecurityGroupRuleIds[]": ITSELF},
        ),
        Call(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupEgress.html",
            {"GroupId": Field("group"), "SecurityGroupRuleIds[]": ITSELF},
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        is_range = 0 <= self.from_port <= self.to_port
        if self.protocol in ("tcp", "udp") and not is_range:
            raise self.refusal(
                f"from_port {self.from_port} to to_port {self.to_port} is not a range of ports. Put the lower first.",
                _IP_PERMISSION_PAGE,
            )
        if self.protocol.startswith("icmp") and self.from_port == -1 != self.to_port:
            raise self.refusal(
                f"from_port -1 means all types of ICMP, and to_port {self.to_port} only one code. Set to_port=-1.",
                _IP_PERMISSION_PAGE,
            )

    def default_name(self) -> str:
        ports = str(self.from_port) if self.from_port == self.to_port else f"{self.from_port}-{self.to_port}"
        peer = self.peer if isinstance(self.peer, str) else self.peer.name
        return f"{self.group.name} {self.direction} {self.protocol} {ports} {peer}"

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        groups = [group.id for group in SecurityGroup.listed(cloud)]
        lives = []
        for start in range(0, len(groups), _FILTER_VALUES):
            filters = [{"Name": "group-id", "Values": groups[start : start + _FILTER_VALUES]}]
            for raw in pages(cloud, "ec2", "describe_security_group_rules", "SecurityGroupRules", Filters=filters):
                if not _is_default_egress(raw):
                    lives.append(cls._live(cloud, raw))
        return lives

    @classmethod
    def _live(cls, cloud: Cloud, raw: dict[str, Any]) -> Live:
        name = cloud.owned_name(tag_dict(raw.get("Tags")))
        referenced = raw.get("ReferencedGroupInfo", {}).get("GroupId")
        observed = {
            "group": raw["GroupId"],
            "direction": "egress" if raw["IsEgress"] else "ingress",
            "protocol": raw["IpProtocol"],
            "from_port": raw["FromPort"],
            "to_port": raw["ToPort"],
            "peer": referenced or raw.get("CidrIpv4") or raw.get("CidrIpv6") or raw.get("PrefixListId"),
            "description": raw.get("Description", ""),
        }
        description = "{direction} {protocol} {from_port}-{to_port} {peer}".format_map(observed)
        return Live(
            cls.kind,
            name or description,
            raw["SecurityGroupRuleId"],
            parents=frozenset(Ref("SecurityGroup", group) for group in (raw["GroupId"], referenced) if group),
            fields=observed,
            raw=raw,
            foreign=name is None,
        )

    def create(self, cloud: Cloud) -> None:
        ec2 = cloud.client("ec2")
        authorize = {
            "ingress": ec2.authorize_security_group_ingress,
            "egress": ec2.authorize_security_group_egress,
        }[self.direction]
        tags = tag_specifications(cloud, "security-group-rule", self.name)
        created = authorize(
            GroupId=self.group.id_in(cloud), IpPermissions=[self._permission(cloud)], TagSpecifications=tags
        )
        self.remember_id(cloud, created["SecurityGroupRules"][0]["SecurityGroupRuleId"])

    def update(self, cloud: Cloud, live: Live) -> None:
        peer = {"CidrIpv4": self.peer} if isinstance(self.peer, str) else {"ReferencedGroupId": self.peer.id_in(cloud)}
        rule = {"IpProtocol": self.protocol, "FromPort": self.from_port, "ToPort": self.to_port, **peer}
        cloud.client("ec2").modify_security_group_rules(
            GroupId=live.fields["group"],
            SecurityGroupRules=[
                {"SecurityGroupRuleId": live.id, "SecurityGroupRule": rule | {"Description": self.description}}
            ],
        )

    def _permission(self, cloud: Cloud) -> dict[str, Any]:
        described = {"Description": self.description} if self.description else {}
        if isinstance(self.peer, str):
            peer: dict[str, Any] = {"IpRanges": [{"CidrIp": self.peer, **described}]}
        else:
            peer = {"UserIdGroupPairs": [{"GroupId": self.peer.id_in(cloud), **described}]}
        return {"IpProtocol": self.protocol, "FromPort": self.from_port, "ToPort": self.to_port, **peer}

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        ec2 = cloud.client("ec2")
        egress = live.fields["direction"] == "egress"
        revoke = ec2.revoke_security_group_egress if egress else ec2.revoke_security_group_ingress
        with ignore_codes("InvalidSecurityGroupRuleId.NotFound", "InvalidGroup.NotFound", "InvalidPermission.NotFound"):
            revoke(GroupId=live.fields["group"], SecurityGroupRuleIds=[live.id])

    @classmethod
    def example(cls) -> Self:
        return cls(group=SecurityGroup.example(), from_port=80, to_port=80, peer="0.0.0.0/0")


def _is_default_egress(raw: dict[str, Any]) -> bool:
    """Whether it is the outbound rule that AWS adds to each new group, which is a field of the group."""
    return bool(raw["IsEgress"] and raw["IpProtocol"] == "-1" and raw.get("CidrIpv4") == "0.0.0.0/0")
