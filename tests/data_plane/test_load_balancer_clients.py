"""Who a client is to the load balancer: a task by the address that AWS would see, everything else on the internet."""

import asyncio
import subprocess
import sys
from collections.abc import Callable

import aiohttp
import pytest
from aiohttp import web

from esaws.data_plane import client_source
from esaws.data_plane.client_source import Place, source_of
from tests.data_plane.load_balancer_world import DNS_NAME, Described, Raw, Site, forward, site

TASK, OWN_PUBLIC, NAT_PUBLIC, INTERNET = "10.80.0.20", "198.51.100.20", "198.51.100.30", "203.0.113.80"


def one_target() -> Described:
    return Described().group("web").target("web", "i-1").listener(80, forward("web"))


def interface_of_the_task(described: Described) -> Raw:
    return next(raw for raw in described.raw["NetworkInterfaces"] if raw["PrivateIpAddress"] == TASK)


def with_public_address(described: Described) -> None:
    interface_of_the_task(described)["Association"] = {"PublicIp": OWN_PUBLIC}


def without_public_address(described: Described) -> None:
    pass


def behind_a_nat_gateway(*addresses: str) -> Callable[[Described], None]:
    def change(described: Described) -> None:
        raw = described.raw
        local, internet = raw["RouteTables"][0]["Routes"]
        through_nat = {key: internet[key] for key in ("DestinationCidrBlock", "State")} | {"NatGatewayId": "nat-1"}
        raw["RouteTables"].append(
            {"RouteTableId": "rtb-2", "VpcId": "vpc-1", "Associations": [{"SubnetId": "subnet-private"}]}
            | {"Routes": [local, through_nat]}
        )
        raw["NetworkAcls"][0]["Associations"].append({"SubnetId": "subnet-private"})
        raw["NatGateways"].append(
            {"NatGatewayId": "nat-1", "VpcId": "vpc-1", "SubnetId": "subnet-eu-west-3b", "State": "available"}
            | {"NatGatewayAddresses": [{"PublicIp": address} for address in addresses]}
        )
        interface_of_the_task(described)["SubnetId"] = "subnet-private"

    return change


def internal(described: Described) -> None:
    described.raw["LoadBalancers"][0]["Scheme"] = "internal"
    for raw in described.raw["NetworkInterfaces"]:
        raw.pop("Association", None)


def only_from(peer: Raw) -> Callable[[Described], None]:
    """Let the group of the load balancer allow this alone."""

    def change(described: Described) -> None:
        group = next(raw for raw in described.raw["SecurityGroups"] if raw["GroupId"] == "sg-alb")
        group["IpPermissions"] = [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80} | peer]

    return change


def without_egress(described: Described) -> None:
    group = next(raw for raw in described.raw["SecurityGroups"] if raw["GroupId"] == "sg-web")
    group["IpPermissionsEgress"] = []


FROM_TASKS = {"UserIdGroupPairs": [{"GroupId": "sg-web"}]}
FROM_OWN_PUBLIC = {"IpRanges": [{"CidrIp": f"{OWN_PUBLIC}/32"}]}


@pytest.mark.parametrize(
    ("client", "changes", "expected"),
    [
        (None, [with_public_address], INTERNET),
        (None, [internal], None),
        (TASK, [with_public_address], OWN_PUBLIC),
        (TASK, [with_public_address, only_from(FROM_OWN_PUBLIC)], OWN_PUBLIC),
        (TASK, [with_public_address, only_from(FROM_TASKS)], None),
        (TASK, [with_public_address, without_egress], None),
        (TASK, [without_public_address], None),
        (TASK, [behind_a_nat_gateway(NAT_PUBLIC)], NAT_PUBLIC),
        (TASK, [behind_a_nat_gateway(NAT_PUBLIC, "198.51.100.31")], INTERNET),
        (TASK, [internal], TASK),
        (TASK, [internal, only_from(FROM_TASKS)], TASK),
        (TASK, [internal, only_from(FROM_OWN_PUBLIC)], None),
    ],
    ids=[
        "another program",
        "another program at an internal load balancer",
        "a task with a public address",
        "a task whose public address is allowed",
        "a task whose group is allowed, which no public address matches",
        "a task whose group lets nothing out",
        "a task without a way to the internet",
        "a task behind a NAT gateway",
        "a task behind a NAT gateway with several addresses",
        "a task at an internal load balancer",
        "a task whose group is allowed at an internal load balancer",
        "a task that an internal load balancer does not allow",
    ],
)
def test_a_client_is_what_aws_would_see(
    client: str | None, changes: list[Callable[[Described], None]], expected: str | None
) -> None:
    """None: its packets are dropped. The header, the rules and the record agree."""

    async def scenario() -> None:
        described = one_target()
        source = {"Field": "source-ip", "SourceIpConfig": {"Values": [f"{expected or INTERNET}/32"]}}
        teapot = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "418"}}
        ruled = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/ruled"]}}
        described.rule("1", [teapot], source, ruled)
        for change in changes:
            change(described)
        async with site(described, find_source=lambda *_: client) as running:
            if expected is None:
                with pytest.raises(TimeoutError):
                    await running.get(timeout=aiohttp.ClientTimeout(total=0.3))
                return
            assert await forwarded_for(running) == expected
            assert (await running.get("/ruled"))[0] == 418
            assert {record.client.rpartition(":")[0] for record in running.records} == {expected}

    asyncio.run(scenario())


async def forwarded_for(running: Site) -> str:
    """Return the X-Forwarded-For that the target gets."""

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text=request.headers["X-Forwarded-For"])

    await running.stop("i-1")
    await running.serve("i-1", handler)
    return (await running.get())[1]


def test_a_process_of_a_task_is_found_by_its_socket() -> None:
    async def scenario() -> None:
        groups: dict[int, str] = {}
        described = one_target()
        with_public_address(described)
        async with site(described, find_source=lambda client, here: source_of(client, here, groups)) as running:
            code = (
                "import sys, urllib.request\nsys.stdin.read()\n"
                f"request = urllib.request.Request(sys.argv[1], headers={{'Host': '{DNS_NAME}'}})\n"
                "print(urllib.request.urlopen(request, timeout=60).status)"
            )
            task = subprocess.Popen(
                [sys.executable, "-c", code, running.url()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            groups[task.pid] = TASK
            assert (await asyncio.to_thread(task.communicate))[0] == "200\n"
            await running.get()
            assert [each.client.partition(":")[0] for each in running.records] == [OWN_PUBLIC, INTERNET]

    asyncio.run(scenario())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux numbers sockets")
def test_the_kernel_and_its_table_name_the_same_socket() -> None:
    async def scenario() -> None:
        server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
        here: Place = server.sockets[0].getsockname()
        _, writer = await asyncio.open_connection(*here)
        client: Place = writer.get_extra_info("sockname")
        number = client_source._inode_from_kernel(client, here)
        assert number == client_source._inode_from_table(client, here) > 0
        assert client_source._inode_from_kernel(("127.0.0.1", 1), here) == 0
        assert client_source._inode_from_table(("127.0.0.1", 1), here) == 0
        writer.close()
        server.close()

    asyncio.run(scenario())
