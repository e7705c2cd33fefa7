"""An account with a load balancer as AWS describes it, processes for its targets, and a client: all in one loop."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from copy import deepcopy
from typing import Any, Self

import aiohttp
from aiohttp import web

from esaws.data_plane.addresses import Addresses
from esaws.data_plane.load_balancer import LoadBalancerProxy, RequestRecord
from esaws.inspect.account import Account

Raw = dict[str, Any]

ACCOUNT, REGION = "123456789012", "eu-west-3"
PREFIX = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}"
ALB = f"{PREFIX}:loadbalancer/app/shop/50dc6c495c0c9188"
DNS_NAME = "shop-1.eu-west-3.elb.amazonaws.com"
VPC = "vpc-1"
ZONES = {"eu-west-3a": "10.80.0", "eu-west-3b": "10.80.1"}


def group_arn(name: str) -> str:
    return f"{PREFIX}:targetgroup/{name}/1"


def listener_arn(port: int) -> str:
    return f"{PREFIX}:listener/app/shop/50dc6c495c0c9188/{port}"


def forward(*groups: str, **config: Any) -> list[Raw]:
    """Return a forward action; `web=3` is not possible, so weights are `"web 3"`."""
    pairs = [group.partition(" ") for group in groups]
    weighted = [{"TargetGroupArn": group_arn(name), "Weight": int(weight or 1)} for name, _, weight in pairs]
    return [{"Type": "forward", "ForwardConfig": {"TargetGroups": weighted, **config}}]


class Described:
    """The answers of the describe calls; change them, and update the proxy with `account()`."""

    def __init__(self) -> None:
        self.raw: dict[str, list[Raw]] = {
            "Vpcs": [{"VpcId": VPC, "CidrBlock": "10.80.0.0/16"}],
            "Subnets": [
                {"SubnetId": f"subnet-{zone}", "VpcId": VPC, "CidrBlock": f"{prefix}.0/24", "AvailabilityZone": zone}
                for zone, prefix in ZONES.items()
            ],
            "RouteTables": [
                {
                    "RouteTableId": "rtb-1",
                    "VpcId": VPC,
                    "Associations": [{"Main": True}],
                    "Routes": [
                        {"DestinationCidrBlock": "10.80.0.0/16", "GatewayId": "local", "State": "active"},
                        {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1", "State": "active"},
                    ],
                }
            ],
            "NetworkAcls": [
                {
                    "NetworkAclId": "acl-1",
                    "VpcId": VPC,
                    "IsDefault": True,
                    "Associations": [{"SubnetId": f"subnet-{zone}"} for zone in ZONES],
                    "Entries": [
                        {"RuleNumber": 100, "Protocol": "-1", "RuleAction": "allow", "Egress": egress}
                        | {"CidrBlock": "0.0.0.0/0"}
                        for egress in (False, True)
                    ],
                }
            ],
            "InternetGateways": [{"InternetGatewayId": "igw-1", "Attachments": [{"VpcId": VPC}]}],
            "NatGateways": [],
            "SecurityGroups": [security_group("sg-alb", 1, 65535), security_group("sg-web", 1, 65535)],
            "NetworkInterfaces": [
                interface(f"eni-alb-{zone}", zone, f"{prefix}.10", "sg-alb")
                | {"Description": "ELB app/shop/50dc6c495c0c9188", "Association": {"PublicIp": f"198.51.100.{number}"}}
                for number, (zone, prefix) in enumerate(ZONES.items(), 1)
            ],
            "Instances": [],
            **{key: [] for key in ("clusters", "services", "tasks", "taskDefinitions", "containerInstances")},
            **{key: [] for key in ("DBInstances", "CacheClusters", "CacheSubnetGroups", "Brokers", "PrefixLists")},
            "LoadBalancers": [
                {
                    "LoadBalancerArn": ALB,
                    "LoadBalancerName": "shop",
                    "DNSName": DNS_NAME,
                    "Type": "application",
                    "Scheme": "internet-facing",
                    "State": {"Code": "active"},
                    "SecurityGroups": ["sg-alb"],
                    "AvailabilityZones": [{"ZoneName": zone, "SubnetId": f"subnet-{zone}"} for zone in ZONES],
                }
            ],
            "LoadBalancerAttributes": [{"LoadBalancerArn": ALB, "Attributes": []}],
            **{key: [] for key in ("Listeners", "Rules", "TargetGroups", "TargetGroupAttributes", "TargetHealth")},
        }

    def account(self) -> Account:
        return Account(ACCOUNT, REGION, deepcopy(self.raw))

    def listener(self, port: int, default: list[Raw], protocol: str = "HTTP") -> Self:
        certificate = {"Certificates": [{"CertificateArn": "arn:aws:acm:1"}]} if protocol == "HTTPS" else {}
        raw = {"ListenerArn": listener_arn(port), "LoadBalancerArn": ALB, "Port": port, "Protocol": protocol}
        self.raw["Listeners"].append(raw | certificate)
        return self.rule("default", default, port=port)

    def rule(self, priority: str, actions: list[Raw], *conditions: Raw, port: int = 80, **more: Any) -> Self:
        self.raw["Rules"].append(
            {
                "RuleArn": f"{listener_arn(port)}/{priority}",
                "ListenerArn": listener_arn(port),
                "Priority": priority,
                "IsDefault": priority == "default",
                "Conditions": list(conditions),
                "Actions": actions,
                **more,
            }
        )
        return self

    def group(self, name: str, **attributes: str) -> Self:
        """Add a target group; in the names of attributes `__` stands for a dot."""
        self.raw["TargetGroups"].append(
            {"TargetGroupArn": group_arn(name), "TargetGroupName": name, "Protocol": "HTTP", "TargetType": "instance"}
            | {"ProtocolVersion": "HTTP1", "VpcId": VPC}
        )
        pairs = [{"Key": key.replace("__", "."), "Value": value} for key, value in attributes.items()]
        self.raw["TargetGroupAttributes"].append({"TargetGroupArn": group_arn(name), "Attributes": pairs})
        return self

    def target(self, group: str, instance: str, port: int = 8000, state: str = "healthy", zone: str = "") -> Self:
        """Register an instance, which is launched if it does not exist yet."""
        if all(raw["InstanceId"] != instance for raw in self.raw["Instances"]):
            zone = zone or next(iter(ZONES))
            address = f"{ZONES[zone]}.{20 + len(self.raw['Instances'])}"
            self.raw["Instances"].append(
                {
                    "InstanceId": instance,
                    "PrivateIpAddress": address,
                    "Placement": {"AvailabilityZone": zone},
                    "State": {"Name": "running"},
                }
            )
            attachment = {"Attachment": {"InstanceId": instance, "DeviceIndex": 0}}
            self.raw["NetworkInterfaces"].append(interface(f"eni-{instance}", zone, address, "sg-web") | attachment)
        self.raw["TargetHealth"].append(
            {
                "TargetGroupArn": group_arn(group),
                "Target": {"Id": instance, "Port": port},
                "TargetHealth": {"State": state},
            }
        )
        return self

    def health(self, instance: str, state: str | None) -> None:
        """Set the state of an instance in every group, or deregister it with None."""
        rows = [raw for raw in self.raw["TargetHealth"] if raw["Target"]["Id"] == instance]
        for row in rows:
            row["TargetHealth"] = {"State": state}
            if state is None:
                self.raw["TargetHealth"].remove(row)

    def attribute(self, key: str, value: str) -> Self:
        """Set an attribute of the load balancer."""
        self.raw["LoadBalancerAttributes"][0]["Attributes"].append({"Key": key, "Value": value})
        return self

    def address_of(self, instance: str) -> str:
        return next(raw["PrivateIpAddress"] for raw in self.raw["Instances"] if raw["InstanceId"] == instance)


def security_group(id: str, first: int, last: int, cidr: str = "0.0.0.0/0") -> Raw:
    return {
        "GroupId": id,
        "GroupName": id,
        "VpcId": VPC,
        "IpPermissions": [
            {"IpProtocol": "tcp", "FromPort": first, "ToPort": last, "IpRanges": [{"CidrIp": cidr}]},
        ],
        "IpPermissionsEgress": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
    }


def interface(id: str, zone: str, address: str, group: str) -> Raw:
    return {
        "NetworkInterfaceId": id,
        "VpcId": VPC,
        "SubnetId": f"subnet-{zone}",
        "AvailabilityZone": zone,
        "PrivateIpAddress": address,
        "InterfaceType": "interface",
        "Status": "in-use",
        "Groups": [{"GroupId": group}],
    }


Handler = Callable[[web.BaseRequest], Coroutine[Any, Any, web.StreamResponse]]


class Site:
    """The proxy with the processes of its targets and a client."""

    def __init__(self, described: Described, **options: Any) -> None:
        self.described = described
        self.addresses = Addresses()
        self.records: list[RequestRecord] = []
        self.proxy = LoadBalancerProxy(ALB, self.addresses, self.records.append, **options)
        self.client = aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar())
        self._runners: dict[tuple[str, int], web.ServerRunner] = {}

    async def serve(self, instance: str, handler: Handler, port: int = 8000, **options: Any) -> None:
        """Start the process behind a target."""
        server = web.Server(handler, access_log=None, **options)
        runner = web.ServerRunner(server, shutdown_timeout=0.01)
        await runner.setup()
        host, local_port = self.addresses.place(self.described.address_of(instance), port)
        await web.TCPSite(runner, host, local_port).start()
        self._runners[instance, port] = runner

    async def stop(self, instance: str, port: int = 8000) -> None:
        await self._runners.pop((instance, port)).cleanup()

    async def update(self) -> None:
        await self.proxy.update(self.described.account())

    def url(self, path: str = "/", port: int = 80, zone: str = "") -> str:
        entrance = next(
            entrance
            for entrance in self.proxy.listeners()
            if entrance["port"] == port and zone in ("", entrance["zone"])
        )
        scheme = "https" if entrance["tls"] else "http"
        return f"{scheme}://{entrance['host']}:{entrance['local_port']}{path}"

    async def get(self, path: str = "/", **options: Any) -> tuple[int, str, dict[str, str]]:
        """Return status, body and headers."""
        where = {key: options.pop(key) for key in ("port", "zone") if key in options}
        options = {"headers": {"Host": DNS_NAME}, "allow_redirects": False} | options
        async with self.client.request(options.pop("method", "GET"), self.url(path, **where), **options) as response:
            return response.status, (await response.read()).decode(), dict(response.headers)

    async def close(self) -> None:
        await self.client.close()
        await self.proxy.close()
        await asyncio.gather(*(runner.cleanup() for runner in self._runners.values()))
        self.addresses.close()


@asynccontextmanager
async def site(described: Described, **options: Any) -> AsyncIterator[Site]:
    """Run the proxy of a described account, with a process that answers its own name behind each target."""
    running = Site(described, **options)
    try:
        for raw in described.raw["TargetHealth"]:
            target = raw["Target"]
            if (target["Id"], target["Port"]) not in running._runners:
                await running.serve(target["Id"], named(f"{target['Id']}:{target['Port']}"), target["Port"])
        await running.update()
        yield running
    finally:
        await running.close()


def named(name: str) -> Handler:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text=name)

    return handler
