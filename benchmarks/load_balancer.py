"""Requests through the load balancer beside requests to the same process directly: rate, latency, CPU of the proxy.

Two targets, each a process of its own, answer 1 KB. Eight clients keep their connections open. Direct and proxied
requests take turns within one run, so that a busy machine slows them alike.
"""

import asyncio
import multiprocessing
import statistics
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

from aiohttp import web

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.data_plane.load_balancer_world import DNS_NAME, Described, Site, forward

CLIENTS, REQUESTS, TURNS = 8, 1000, 5
AIM_RATE, AIM_P99 = 500, 0.050
BODY = b"x" * 1024
PREFIXES = ("/sites-management-api*", "/intrusion-management-api*")


def described() -> Described:
    """Return two targets in two zones behind two rules and the default rule."""
    world = Described().group("web").target("web", "i-1").target("web", "i-2", zone="eu-west-3b")
    world.listener(80, forward("web"))
    for number, prefix in enumerate(PREFIXES, 1):
        condition = {"Field": "path-pattern", "PathPatternConfig": {"Values": [prefix]}}
        world.rule(str(number), forward("web"), condition)
    return world


def serve(host: str, port: int, ready: Connection) -> None:
    """Run the process of a target."""

    async def handler(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=BODY)

    async def run() -> None:
        runner = web.ServerRunner(web.Server(handler, access_log=None))
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
        ready.send(True)
        await asyncio.Event().wait()

    asyncio.run(run())


def load(host: str, port: int, results: Connection) -> None:
    """Send the requests of one turn, and send back their seconds and the whole turn's."""

    async def client(seconds: list[float]) -> None:
        reader, writer = await asyncio.open_connection(host, port)
        message = f"GET / HTTP/1.1\r\nHost: {DNS_NAME}\r\n\r\n".encode()
        for _ in range(REQUESTS // CLIENTS):
            start = time.perf_counter()
            writer.write(message)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            await reader.readexactly(len(BODY))
            seconds.append(time.perf_counter() - start)
        writer.close()

    async def run() -> None:
        seconds: list[float] = []
        start = time.perf_counter()
        await asyncio.gather(*(client(seconds) for _ in range(CLIENTS)))
        results.send((seconds, time.perf_counter() - start))

    asyncio.run(run())


async def measure(host: str, port: int) -> tuple[float, float, float, float]:
    """Return requests a second, median and p99 in seconds, and the CPU seconds of this process for a request."""
    mine, theirs = multiprocessing.Pipe()
    worker = multiprocessing.Process(target=load, args=(host, port, theirs))
    before = time.process_time()
    worker.start()
    seconds, whole = await asyncio.to_thread(mine.recv)
    cpu = time.process_time() - before
    worker.join()
    ordered = sorted(seconds)
    return len(seconds) / whole, statistics.median(ordered), ordered[int(len(ordered) * 0.99)], cpu / len(seconds)


async def main() -> None:
    world = described()
    site = Site(world)
    targets = []
    for instance in ("i-1", "i-2"):
        ready, theirs = multiprocessing.Pipe()
        where = site.addresses.place(world.address_of(instance), 8000)
        targets.append(multiprocessing.Process(target=serve, args=(*where, theirs), daemon=True))
        targets[-1].start()
        ready.recv()
    await site.update()
    direct, entrance = site.addresses.place(world.address_of("i-1"), 8000), site.proxy.listeners()[0]
    results: dict[str, list[tuple[float, float, float, float]]] = {"direct": [], "load balancer": []}
    for _ in range(TURNS):
        results["direct"].append(await measure(*direct))
        results["load balancer"].append(await measure(entrance["host"], entrance["local_port"]))
    assert len(site.records) == TURNS * REQUESTS
    print(f"{'':15}{'requests/s':>12}{'median, ms':>12}{'p99, ms':>10}{'CPU of the proxy, ms':>22}")
    medians = {
        name: [statistics.median(column) for column in zip(*rows, strict=True)] for name, rows in results.items()
    }
    for name, (rate, median, p99, cpu) in medians.items():
        own = f"{1000 * cpu:22.2f}" if name != "direct" else ""
        print(f"{name:15}{rate:12.0f}{1000 * median:12.1f}{1000 * p99:10.1f}{own}")
    rate, _, p99, cpu = medians["load balancer"]
    print(f"a direct connection has {medians['direct'][0] / rate:.1f} times the rate of the load balancer")
    print(f"one core that does nothing else carries {1 / cpu:.0f} requests/s")
    if rate < AIM_RATE or p99 > AIM_P99:
        print(f"the aim is {AIM_RATE} requests/s and {1000 * AIM_P99:.0f} ms")
    await site.close()
    for target in targets:
        target.terminate()


if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    asyncio.run(main())
