"""How long the local AWS takes to let a month pass over a running system and to tell its cost, and its memory then."""

import argparse
import os
import tempfile
import time
from datetime import datetime

import psutil

from esaws import simulation
from esaws.cloud import Cloud
from esaws.local_aws import process
from esaws.costs.bill.read import read_bill
from esaws.costs.data_export import export_bucket, export_bill
from esaws.costs.cost_explorer import spending
from esaws.deploy.plan import plan_deploy
from esaws.reference.seccom import seccom


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--rate", type=float, default=20.0, help="requests a second at the busiest hour of a day")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as state:
        os.environ.update(ESAWS_STATE=state, ESAWS_PORT="0")
        server = process.start(at="2026-01-01T00:00Z")
        try:
            measure(Cloud.at(server["url"]), psutil.Process(server["pid"]), options.days, options.rate)
        finally:
            process.stop()


def measure(cloud: Cloud, server: psutil.Process, days: int, rate: float) -> None:
    export_bill(cloud)
    first = simulation.next_month(cloud)
    simulation.advance(cloud, to=first)
    plan_deploy(seccom("ha"), cloud).apply()
    simulation.advance(cloud, "1h")
    quiet = timed(cloud, f"{days}d")
    print(f"{days} quiet days: {quiet:.2f} s")
    paths = {"/": rate, "/sites-management-api/": rate, "/intrusion-management-api/": rate}
    simulation.traffic(cloud, "daily", paths=paths)
    busy = timed(cloud, f"{days}d")
    events = len(simulation.events(cloud))
    megabytes = server.memory_info().rss / 1e6
    print(f"{days} days with daily traffic: {busy:.2f} s (aim: 10), {megabytes:.0f} MB (aim: 500), {events} events")
    bill(cloud, first)


def bill(cloud: Cloud, first: datetime) -> None:
    began = time.monotonic()
    days = spending(cloud, first.date(), simulation.next_month(cloud).date())
    explored = time.monotonic() - began
    read = read_bill(f"s3://{export_bucket(cloud)}/", cloud=cloud)
    exported = time.monotonic() - began - explored
    s3 = cloud.client("s3")
    sizes = [each["Size"] for each in s3.list_objects_v2(Bucket=export_bucket(cloud))["Contents"]]
    print(f"Cost Explorer: {explored:.2f} s, {days.total_usd:.2f} USD")
    print(f"export: {exported:.2f} s, {read.rows} lines, {sum(sizes) / 1e6:.1f} MB in all (aim: 50)")


def timed(cloud: Cloud, by: str) -> float:
    began = time.monotonic()
    simulation.advance(cloud, by)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
