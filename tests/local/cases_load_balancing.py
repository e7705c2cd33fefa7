"""Load balancers, listeners, rules and target groups: what AWS refuses, keeps and describes."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.local.cases import case
from tests.local.cases_errors_network import Net

INVALID = "ValidationError"
ACTION = "InvalidLoadBalancerAction"
CONFIGURATION = "InvalidConfigurationRequest"
NO_REWRITE = {"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": []}}


class Site(Net):
    """A load balancer with a listener on port 80, and a target group."""

    def __init__(self, account: Any, **load_balancer: Any):
        super().__init__(account)
        self.load_balancer = self.balancer(**load_balancer)
        self.groups = [self.target_group()]
        self.http = self.listener(self.load_balancer)
        self.priority = 0

    def certificate(self) -> str:
        return str(self.account.client("acm").request_certificate(DomainName="a.example.com")["CertificateArn"])

    def https(self, load_balancer: str, port: int = 443, **settings: Any) -> Any:
        parameters = {
            "LoadBalancerArn": load_balancer,
            "Protocol": "HTTPS",
            "Port": port,
            "DefaultActions": [FIXED],
            "Certificates": [{"CertificateArn": self.certificate()}],
            **settings,
        }
        return self.elbv2.create_listener(**{name: value for name, value in parameters.items() if value is not None})

    def add_rule(self, conditions: Any = None, actions: Any = None, **more: Any) -> dict[str, Any]:
        """Create a rule; return its description."""
        self.priority += 1
        parameters = {
            "ListenerArn": self.http,
            "Priority": self.priority,
            "Conditions": [path("/")] if conditions is None else conditions,
            "Actions": actions or [FIXED],
            **more,
        }
        described: dict[str, Any] = self.elbv2.create_rule(**parameters)["Rules"][0]
        return described

    def new_group(self, number: int, **settings: Any) -> str:
        parameters = {"Name": f"g{number}", "Protocol": "HTTP", "Port": 80, "VpcId": self.vpc, **settings}
        made = self.elbv2.create_target_group(
            **{name: value for name, value in parameters.items() if value is not None}
        )
        return str(made["TargetGroups"][0]["TargetGroupArn"])

    def try_each(self, call: Callable[..., Any], variants: Iterable[Mapping[str, Any]]) -> list[Any]:
        return [self.done(lambda variant=variant: call(**variant)) for variant in variants]


FIXED = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}
JWT = {
    "Type": "jwt-validation",
    "Order": 1,
    "JwtValidationConfig": {"JwksEndpoint": "https://a.example/jwks", "Issuer": "https://a.example"},
}


def path(*values: str) -> dict[str, Any]:
    return {"Field": "path-pattern", "PathPatternConfig": {"Values": [*values]}}


def forward(*weights: tuple[str, int], **stickiness: Any) -> dict[str, Any]:
    groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights]
    return {
        "Type": "forward",
        "ForwardConfig": {
            "TargetGroups": groups,
            **({"TargetGroupStickinessConfig": stickiness} if stickiness else {}),
        },
    }


def redirect(**parts: str) -> dict[str, Any]:
    return {"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301", **parts}}


def rewriting(regex: str, replacement: str) -> dict[str, Any]:
    return {"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": [{"Regex": regex, "Replace": replacement}]}}


@case(
    "a rule keeps its regular expressions and transforms, until they are reset",
    aws=({"RegexValues": ["^/a/.*$"]}, [rewriting("^/a/(.*)$", "/$1")], [rewriting("^/b", "/c")], None),
    stock="KeyError",
)
def case_transforms(account: Any) -> Any:
    site = Site(account)
    condition = {"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["^/a/.*$"]}}
    try:
        rule = site.add_rule([condition], Transforms=[rewriting("^/a/(.*)$", "/$1")])
    except Exception:
        return "KeyError"
    arn = rule["RuleArn"]
    changed = site.elbv2.modify_rule(RuleArn=arn, Transforms=[rewriting("^/b", "/c")])["Rules"][0]
    site.elbv2.modify_rule(RuleArn=arn, ResetTransforms=True)
    last = site.elbv2.describe_rules(RuleArns=[arn])["Rules"][0]
    return last["Conditions"][0]["PathPatternConfig"], rule["Transforms"], changed["Transforms"], last.get("Transforms")


@case(
    "the transforms of a rule are validated",
    aws=[INVALID] * 6 + [None],
    stock=[None] * 7,
)
def case_wrong_transforms(account: Any) -> Any:
    site = Site(account)
    rewrite = rewriting("^/a", "/b")
    return site.try_each(
        site.add_rule,
        [
            {"Transforms": [rewrite, rewrite]},
            {"Transforms": [NO_REWRITE]},
            {"Transforms": [rewriting("(", "/")]},
            {"Transforms": [rewriting("(?=a)", "/")]},
            {"Transforms": [rewriting("^/(a)", "/$2")]},
            {"Transforms": [{**rewrite, "Type": "host-header-rewrite"}]},
            {"Transforms": [rewrite]},
        ],
    )


@case(
    "the conditions of a rule are validated",
    aws=[INVALID] * 14 + [None] * 3,
    stock=None,
)
def case_conditions(account: Any) -> Any:
    site = Site(account)
    header = {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "Host", "Values": ["a"]}}
    wrong: list[list[dict[str, Any]]] = [
        [],
        [{"Field": "header", "Values": ["a"]}],
        [{"Field": "path-pattern"}],
        [path("/a b")],
        [path("/" + "a" * 128)],
        [path("/a"), path("/b")],
        [{"Field": "path-pattern", "Values": ["/a", "/b"]}],
        [{**path("/a"), "Values": ["/b"]}],
        [{**path("/a"), "HostHeaderConfig": {"Values": ["a.example"]}}],
        [{"Field": "host-header", "Values": ["nodot"]}],
        [{"Field": "host-header", "HostHeaderConfig": {"RegexValues": ["(a"]}}],
        [{"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.1"]}}],
        [{"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["get"]}}],
        [header],
    ]
    right: list[list[dict[str, Any]]] = [
        [{"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "a", "Value": "*"}]}}],
        [{"Field": "host-header", "Values": ["*.example.com"]}],
        [{"Field": "path-pattern", "RegexValues": ["^/a"]}],
    ]
    if not account.wrapped:
        return None
    return site.try_each(site.add_rule, [{"conditions": conditions} for conditions in wrong + right])


@case(
    "the actions of a rule are validated",
    aws=[ACTION, ACTION, None, ACTION, INVALID, INVALID, None, INVALID, INVALID, "TargetGroupNotFound", ACTION],
    stock=None,
)
def case_actions(account: Any) -> Any:
    site = Site(account)
    group, other = site.groups[0], site.new_group(1)
    actions: list[list[dict[str, Any]]] = [
        [redirect()],
        [redirect(Port="80", Protocol="HTTP")],
        [redirect(Port="443", Protocol="HTTPS")],
        [JWT, {**FIXED, "Order": 2}],
        [forward((group, 1000))],
        [forward((group, 1), (other, 0), Enabled=True)],
        [forward((group, 1), (other, 0), Enabled=True, DurationSeconds=60)],
        [{"Type": "forward"}],
        [FIXED, redirect(Port="81")],
        [forward((group[:-1] + "x", 1))],
        [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200", "ContentType": "image/png"}}],
    ]
    if not account.wrapped:
        return None
    return site.try_each(site.add_rule, [{"actions": each} for each in actions])


@case(
    "a rule of an HTTPS listener keeps JWT validation",
    aws=["jwt-validation", "fixed-response"],
    stock=INVALID,
)
def case_jwt(account: Any) -> Any:
    site = Site(account)
    listener = site.https(site.load_balancer)["Listeners"][0]["ListenerArn"]
    rule: dict[str, Any] = {}
    refused = site.done(lambda: rule.update(site.add_rule(None, [JWT, {**FIXED, "Order": 2}], ListenerArn=listener)))
    return refused or [action["Type"] for action in rule["Actions"]]


@case(
    "a listener has a protocol of its load balancer, a certificate if it is encrypted, and fitting target groups",
    aws=[
        INVALID,
        INVALID,
        "CertificateNotFound",
        "SSLPolicyNotFound",
        INVALID,
        "IncompatibleProtocols",
        "NotSimulated",
        INVALID,
        "DuplicateListener",
        None,
    ],
    stock=[None, None, "CertificateNotFound", None, INVALID, None, None, INVALID, None, None],
)
def case_listeners(account: Any) -> Any:
    site = Site(account)
    tcp = site.new_group(1, Protocol="TCP")
    missing = "arn:aws:acm:eu-west-3:123456789012:certificate/00000000-0000-0000-0000-000000000000"
    return site.try_each(
        site.https,
        [
            {"load_balancer": site.load_balancer, **settings}
            for settings in (
                {"Certificates": None},
                {"Protocol": "HTTP", "port": 8080},
                {"Certificates": [{"CertificateArn": missing}]},
                {"SslPolicy": "ELBSecurityPolicy-1"},
                {"Protocol": "TCP", "Certificates": None},
                {"DefaultActions": [forward((tcp, 1))]},
                {"MutualAuthentication": {"Mode": "passthrough"}},
                {"Protocol": "QUIC"},
                {"port": 80},
                {},
            )
        ],
    )


@case(
    "a target group belongs to one load balancer, which its description names until the listener is gone",
    aws=("TargetGroupAssociationLimit", 1, 0),
    stock=(None, 2, 2),
)
def case_one_load_balancer(account: Any) -> Any:
    site = Site(account)
    other = site.balancer(Name="c")
    site.elbv2.modify_listener(ListenerArn=site.http, DefaultActions=[forward((site.groups[0], 1))])
    parameters = {"LoadBalancerArn": other, "Protocol": "HTTP", "Port": 80}
    refused = site.done(lambda: site.elbv2.create_listener(**parameters, DefaultActions=[forward((site.groups[0], 1))]))
    if not account.wrapped:  # moto does not look at the actions of a changed listener
        site.elbv2.create_listener(**parameters, DefaultActions=[forward((site.groups[0], 1))])

    def count() -> int:
        return len(site.elbv2.describe_target_groups()["TargetGroups"][0]["LoadBalancerArns"])

    before = count()
    site.elbv2.delete_listener(ListenerArn=site.http)
    return refused, before, count()


@case(
    "target groups are validated by type and protocol",
    aws=[INVALID] * 11 + [None, None, "NotSimulated", "NotSimulated"],
    stock=None,
)
def case_target_groups(account: Any) -> Any:
    site = Net(account)
    settings: list[dict[str, Any]] = [
        {"HealthCheckProtocol": "TCP"},
        {"HealthCheckPath": "health"},
        {"HealthCheckPort": "70000"},
        {"HealthCheckIntervalSeconds": 10, "HealthCheckTimeoutSeconds": 20},
        {"HealthCheckEnabled": False},
        {"Matcher": {"HttpCode": "500"}},
        {"Protocol": "TCP", "Matcher": {"HttpCode": "200"}},
        {"Protocol": "TCP", "ProtocolVersion": "HTTP2"},
        {"Protocol": "GENEVE"},
        {"TargetType": "alb"},
        {"TargetType": "lambda"},
        {"TargetType": "alb", "Protocol": "TCP"},
        {"Protocol": "TCP", "HealthCheckProtocol": "HTTP", "Matcher": {"HttpCode": "200-599"}},
        {"Protocol": "QUIC"},
        {"TargetControlPort": 80},
    ]
    if not account.wrapped:
        return None
    return [
        site.done(lambda number=number, each=each: Site.new_group(site, number, **each))  # type: ignore[arg-type]
        for number, each in enumerate(settings)
    ]


@case(
    "an address is a target if it is private, and outside of the VPC with a zone",
    aws=[INVALID, "InvalidTarget", INVALID, None, None],
    stock=[None] * 5,
)
def case_addresses(account: Any) -> Any:
    site = Site(account)
    group = site.new_group(1, TargetType="ip")
    targets: list[dict[str, Any]] = [
        {"Id": "10.0.0"},
        {"Id": "8.8.8.8"},
        {"Id": "10.9.9.9"},
        {"Id": "10.9.9.9", "AvailabilityZone": "all"},
        {"Id": "172.31.0.9"},
    ]
    return site.each(lambda each: site.elbv2.register_targets(TargetGroupArn=group, Targets=[each]), targets)


@case(
    "functions and load balancers are targets if they exist",
    aws=[INVALID, "InvalidTarget", "InvalidTarget", None, "TooManyTargets"],
    stock=[None] * 5,
)
def case_other_targets(account: Any) -> Any:
    site = Site(account)
    function, balancer = (
        site.new_group(1, TargetType="lambda", Protocol=None, Port=None, VpcId=None),
        site.new_group(2, TargetType="alb", Protocol="TCP"),
    )
    other = site.balancer(Name="c")
    site.listener(other)
    missing = f"arn:aws:lambda:{account.region}:{account.id}:function:f"
    targets = [
        (function, "f"),
        (function, missing),
        (balancer, site.load_balancer[:-1] + "x"),
        (balancer, site.load_balancer),
        (balancer, other),
    ]
    return site.each(
        lambda each: site.elbv2.register_targets(TargetGroupArn=each[0], Targets=[{"Id": each[1]}]), targets
    )


@case(
    "attributes are those of the type, within their bounds",
    aws=([INVALID, INVALID, CONFIGURATION, CONFIGURATION, CONFIGURATION, INVALID, None], 23, "true", "30"),
    stock=([CONFIGURATION, None, None, None, None, None, None], 6, "false", "30"),
)
def case_attributes(account: Any) -> Any:
    site = Site(account)
    arn = site.load_balancer

    def modify(pair: tuple[str, str]) -> Any:
        attributes = [{"Key": pair[0], "Value": pair[1]}]
        return site.elbv2.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=attributes)

    outcomes = site.each(
        modify,
        [
            ("idle_timeout", "60"),
            ("idle_timeout.timeout_seconds", "4001"),
            ("dns_record.client_routing_policy", "any_availability_zone"),
            ("load_balancing.cross_zone.enabled", "false"),
            ("access_logs.s3.enabled", "true"),
            ("routing.http2.enabled", "yes"),
            ("idle_timeout.timeout_seconds", "30"),
        ],
    )
    described = site.elbv2.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    values = {each["Key"]: each["Value"] for each in described}
    cross_zone, idle = values["load_balancing.cross_zone.enabled"], values["idle_timeout.timeout_seconds"]
    return outcomes, len(values) if account.wrapped else 6, cross_zone, idle


@case(
    "target groups have the attributes of their protocol, with AWS's defaults",
    aws=[[None, INVALID, CONFIGURATION, CONFIGURATION], ["false", "true"]],
    stock=[[INVALID, INVALID, None, CONFIGURATION], [None, None]],
)
def case_target_group_attributes(account: Any) -> Any:
    site = Site(account)

    def modify(pair: tuple[str, str]) -> Any:
        attributes = [{"Key": pair[0], "Value": pair[1]}]
        return site.elbv2.modify_target_group_attributes(TargetGroupArn=site.groups[0], Attributes=attributes)

    outcomes = site.each(
        modify,
        [
            ("deregistration_delay.timeout_seconds", "3600"),
            ("deregistration_delay.timeout_seconds", "3601"),
            ("preserve_client_ip.enabled", "true"),
            ("stickiness.type", "app_cookie"),
        ],
    )
    client_ip = []
    for number, target_type in enumerate(("ip", "instance")):
        arn = site.new_group(number, Protocol="TCP", TargetType=target_type)
        described = site.elbv2.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
        client_ip.append({each["Key"]: each["Value"] for each in described}.get("preserve_client_ip.enabled"))
    return [outcomes, client_ip]


@case(
    "a load balancer's subnets, address type and tags are validated",
    aws=[
        INVALID,
        CONFIGURATION,
        INVALID,
        "InvalidSubnet",
        "InvalidSubnet",
        INVALID,
        "NotSimulated",
        "DuplicateTagKeys",
        INVALID,
        None,
    ],
    stock=None,
)
def case_load_balancers(account: Any) -> Any:
    site = Net(account)
    zones = site.account.zones()
    vpc = site.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    elsewhere = site.ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone=zones[1])
    small = site.ec2.create_subnet(VpcId=site.vpc, CidrBlock="172.31.200.0/28", AvailabilityZone=zones[1])
    ids = [each["Subnet"]["SubnetId"] for each in (elsewhere, small)]
    for _ in range(4):
        site.ec2.create_network_interface(SubnetId=ids[1])
    mappings = [{"SubnetId": subnet, "AllocationId": "eipalloc-0"} for subnet in site.subnets]
    settings: list[dict[str, Any]] = [
        {"Subnets": []},
        {"Subnets": [site.subnets[0], ids[0]]},
        {"SubnetMappings": [{"SubnetId": subnet} for subnet in site.subnets]},
        {"Subnets": [site.subnets[0], ids[1]]},
        {"IpAddressType": "dualstack"},
        {"Type": "gateway", "Scheme": "internal"},
        {"Type": "network", "Subnets": [], "SubnetMappings": mappings[:1]},
        {"Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]},
        {"Tags": [{"Key": "aws:a", "Value": "1"}]},
        {},
    ]
    if not account.wrapped:
        return None
    return site.each(lambda each: site.balancer(**each), settings)


@case(
    "a load balancer without security groups has the default group of its VPC",
    aws=(["default"], ["hosts-sg"]),
    stock=([], ["hosts-sg"]),
)
def case_default_group(account: Any) -> Any:
    site = Net(account)
    arn = site.balancer(SecurityGroups=[])
    described = site.elbv2.describe_load_balancers()["LoadBalancers"][0].get("SecurityGroups", [])
    changed = site.elbv2.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[site.group])
    names = {group["GroupId"]: group["GroupName"] for group in site.ec2.describe_security_groups()["SecurityGroups"]}
    return [names[id] for id in described], [names[id] for id in changed.get("SecurityGroupIds", [])]


@case(
    "the security groups of a load balancer exist, and are of its VPC",
    aws=[CONFIGURATION, "InvalidSecurityGroup", CONFIGURATION],
    stock=[None, None, None],
)
def case_groups_elsewhere(account: Any) -> Any:
    site = Net(account)
    vpc = site.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    other = site.ec2.create_security_group(GroupName="elsewhere", Description="e", VpcId=vpc)["GroupId"]
    created = site.each(lambda each: site.balancer(SecurityGroups=[each]), [other, "sg-0123456789abcdef0"])
    arn = site.balancer(SecurityGroups=[site.group], Name="own")
    set_groups = site.elbv2.set_security_groups
    return [*created, *site.each(lambda each: set_groups(LoadBalancerArn=arn, SecurityGroups=[each]), [other])]


@case(
    "a load balancer in subnets that were given with host bits is created",
    aws="172.31.240.0/24",
    stock="172.31.240.9/24",
)
def case_host_bits(account: Any) -> Any:
    site = Net(account)
    zone = site.account.zones()[1]
    subnet = site.ec2.create_subnet(VpcId=site.vpc, CidrBlock="172.31.240.9/24", AvailabilityZone=zone)["Subnet"]
    site.balancer(Subnets=[site.subnets[0], subnet["SubnetId"]])
    return subnet["CidrBlock"]


@case(
    "what does not exist is not found, in any position of a list",
    aws=["LoadBalancerNotFound", "LoadBalancerNotFound", "ListenerNotFound", "RuleNotFound", "LoadBalancerNotFound"],
    stock=[None, "LoadBalancerNotFound", None, "RuleNotFound", None],
)
def case_partly_missing(account: Any) -> Any:
    site = Site(account)
    rule = site.add_rule()["RuleArn"]
    calls = (
        lambda: site.elbv2.describe_load_balancers(LoadBalancerArns=[site.load_balancer, site.load_balancer + "x"]),
        lambda: site.elbv2.describe_load_balancers(Names=["nobody"]),
        lambda: site.elbv2.describe_listeners(ListenerArns=[site.http, site.http + "x"]),
        lambda: site.elbv2.describe_rules(RuleArns=[rule, rule + "x"]),
        lambda: site.elbv2.describe_capacity_reservation(LoadBalancerArn=site.load_balancer + "x"),
    )
    return site.each(lambda call: call(), calls)


@case(
    "a resource has at most fifty tags, and a load balancer at most fifty listeners",
    aws=(None, "TooManyTags", "TooManyListeners"),
    stock=(None, "TooManyTags", None),
)
def case_quotas(account: Any) -> Any:
    site = Site(account)
    tags = [{"Key": f"k{number}", "Value": "v"} for number in range(50)]
    fifty = site.done(lambda: site.elbv2.add_tags(ResourceArns=[site.load_balancer], Tags=tags))
    more = [{"Key": "another", "Value": "v"}]
    outcome = site.done(lambda: site.elbv2.add_tags(ResourceArns=[site.load_balancer], Tags=more))
    for port in range(1000, 1049):
        site.listener(site.load_balancer, port)
    return fifty, outcome, site.done(lambda: site.listener(site.load_balancer, 2000))


@case(
    "a redirect is described with its defaults, and a secret never",
    aws=({"Protocol": "HTTPS", "Port": "443", "Host": "#{host}", "Path": "/#{path}", "Query": "#{query}"}, False),
    stock=({"Protocol": "HTTPS", "Port": "443"}, True),
)
def case_described_actions(account: Any) -> Any:
    site = Site(account)
    rule = site.add_rule(None, [redirect(Port="443", Protocol="HTTPS")])
    described = rule["Actions"][0]["RedirectConfig"]
    described.pop("StatusCode")
    urls = dict.fromkeys(("Issuer", "AuthorizationEndpoint", "TokenEndpoint", "UserInfoEndpoint"), "https://a.example")
    oidc = {
        "Type": "authenticate-oidc",
        "Order": 1,
        "AuthenticateOidcConfig": {**urls, "ClientId": "c", "ClientSecret": "s"},
    }
    listener = site.https(site.load_balancer)["Listeners"][0]["ListenerArn"]
    secret = site.add_rule(None, [oidc, {**FIXED, "Order": 2}], ListenerArn=listener)
    return described, "ClientSecret" in secret["Actions"][0]["AuthenticateOidcConfig"]


@case(
    "the default rule can be neither changed nor given a priority",
    aws=["OperationNotPermitted"] * 2,
    stock=[None, None],
)
def case_kept_default_rule(account: Any) -> Any:
    site = Site(account)
    rule = site.elbv2.describe_rules(ListenerArn=site.http)["Rules"][-1]["RuleArn"]
    calls = (
        lambda: site.elbv2.modify_rule(RuleArn=rule, Actions=[FIXED]),
        lambda: site.elbv2.set_rule_priorities(RulePriorities=[{"RuleArn": rule, "Priority": 5}]),
    )
    return site.each(lambda call: call(), calls)


@case(
    "rules of a Network Load Balancer and QUIC are not simulated",
    aws=["NotSimulated", "NotSimulated"],
    stock=[None, INVALID],
)
def case_network_rules(account: Any) -> Any:
    site = Site(account)
    network = site.elbv2.create_load_balancer(Name="n", Type="network", Subnets=site.subnets)["LoadBalancers"][0]
    group = site.new_group(1, Protocol="TCP")
    parameters = {"LoadBalancerArn": network["LoadBalancerArn"], "Protocol": "TCP", "Port": 80}
    listener = site.elbv2.create_listener(**parameters, DefaultActions=[forward((group, 1))])["Listeners"][0]
    condition = {"Field": "source-ip", "SourceIpConfig": {"IpAddressType": "ipv4"}}
    calls = (
        lambda: site.add_rule([condition], [forward((group, 1))], ListenerArn=listener["ListenerArn"]),
        lambda: site.new_group(2, Protocol="QUIC"),
    )
    return site.each(lambda call: call(), calls)
