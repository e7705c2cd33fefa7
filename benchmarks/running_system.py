"""All of SecCom as processes: how long its start takes, the memory of all processes, and requests through its load
balancer beside requests to a task directly.

Direct and proxied requests take turns within one run, so that a busy machine slows them alike.
"""

import asyncio
import os
import statistics
import tempfile
import time
from contextlib import suppress

import psutil

from esaws import simulation
from esaws.cloud import Cloud
from esaws.deploy.plan import plan_deploy
from esaws.deploy.serving import wait_until_serving
from esaws.local_aws import process
from esaws.reference.seccom import seccom

CLIENTS, REQUESTS, TURNS = 8, 2000, 5
SERVICE = "intrusion-management-api"
PATH = f"/{SERVICE}/"
AIM_RATE, AIM_P99, AIM_GB, AIM_START = 500, 0.050, 1.5, 15


def ours() -> list[psutil.Process]:
    """Return the processes of the local AWS: its server, the supervisor, tasks, load balancers and stores."""
    return psutil.Process().children(recursive=True)


def memory(processes: list[psutil.Process]) -> float:
    """Return the memory of processes in GB; what several of them share counts once."""
    total = 0
    for each in processes:
        with suppress(psutil.Error):
            total += each.memory_full_info().pss
    return total / 1e9


def listener_of_a_task(cloud: Cloud) -> tuple[str, int]:
    """Return where a task of the service listens."""
    cluster = cloud.aws_name(f"{SERVICE}-cluster")
    ids = {arn.rsplit("/", 1)[-1] for arn in cloud.client("ecs").list_tasks(cluster=cluster)["taskArns"]}
    for each in ours():
        with suppress(psutil.Error):
            if each.environ().get("ESAWS_TASK") in ids:
                for connection in each.net_connections("tcp"):
                    if connection.status == psutil.CONN_LISTEN:
                        return connection.laddr.ip, connection.laddr.port
    raise SystemExit(f"no task of {SERVICE} listens")


async def client(host: str, port: int, seconds: list[float]) -> None:
    """Send this client's share of the requests through one connection."""
    reader, writer = await asyncio.open_connection(host, port)
    message = f"GET {PATH} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()
    for _ in range(REQUESTS // CLIENTS):
        start = time.perf_counter()
        writer.write(message)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        assert head.startswith("http/1.1 200"), head
        await reader.readexactly(int(head.split("content-length:")[1].split()[0]))
        seconds.append(time.perf_counter() - start)
    writer.close()


async def measure(host: str, port: int) -> tuple[float, float, float]:
    """Return requests a second, median and p99 in seconds."""
    seconds: list[float] = []
    start = time.perf_counter()
    await asyncio.gather(*(client(host, port, seconds) for _ in range(CLIENTS)))
    whole, ordered = time.perf_counter() - start, sorted(seconds)
    return len(seconds) / whole, statistics.median(ordered), ordered[int(len(ordered) * 0.99)]


async def compare(cloud: Cloud) -> None:
    host, port = simulation.endpoint(cloud, "alb").split(":")
    places = {"direct": listener_of_a_task(cloud), "load balancer": (host, int(port))}
    results: dict[str, list[tuple[float, float, float]]] = {name: [] for name in places}
    for _ in range(TURNS):
        for name, place in places.items():
            results[name].append(await measure(*place))
    print(f"{'':15}{'requests/s':>12}{'median, ms':>12}{'p99, ms':>10}")
    for name, rows in results.items():
        rate, median, p99 = (statistics.median(column) for column in zip(*rows, strict=True))
        print(f"{name:15}{rate:12.0f}{1000 * median:12.1f}{1000 * p99:10.1f}")
    if rate < AIM_RATE or p99 > AIM_P99:
        print(f"the aim is {AIM_RATE} requests/s and {1000 * AIM_P99:.0f} ms")


def main() -> None:
    with tempfile.TemporaryDirectory() as state:
        os.environ.update(ESAWS_STATE=state, ESAWS_PORT="0", ESAWS_RUNS=f"{state}/runs")
        begin = time.perf_counter()
        process.start(run=True, intervals=0.1)
        try:
            cloud = Cloud.local()
            plan_deploy(seccom("ha", images="ecr"), cloud).apply()
            assert wait_until_serving(cloud) == []
            print(f"all of ha serves after {time.perf_counter() - begin:.1f} s, with its deploy", flush=True)
            process.stop()
            begin = time.perf_counter()
            process.start(run=True, intervals=0.1)
            cloud = Cloud.local()
            while simulation.send(cloud, "alb", PATH).status_code != 200:
                time.sleep(0.1)
            assert wait_until_serving(cloud) == []
            seconds = time.perf_counter() - begin
            print(f"after a stop it serves again {seconds:.1f} s after the start; the aim is {AIM_START} s", flush=True)
            processes = ours()
            print(f"{len(processes)} processes have {memory(processes):.2f} GB; the aim is {AIM_GB} GB", flush=True)
            asyncio.run(compare(cloud))
        finally:
            process.stop(discard=True)


if __name__ == "__main__":
    main()
