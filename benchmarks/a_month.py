"""Measure how long the local AWS takes to simulate a month of a running system and to read its bill, and its memory."""

import argparse
import os
import tempfile
import time
from datetime import datetime

import psutil

from esaws import Cloud, costs, plan_deploy, seccom, simulation
from esaws.costs.data_export import export_bill, export_bucket
from esaws.local_aws import process


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--rate", type=float, default=20.0, help="requests per second in the busiest hour of a day")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as state:
        os.environ.update(ESAWS_STATE=state, ESAWS_PORT="0")
        server = process.start(at="2026-01-01T00:00Z")
        try:
            measure_month(Cloud.at(server["url"]), psutil.Process(server["pid"]), options.days, options.rate)
        finally:
            process.stop()


def measure_month(cloud: Cloud, server: psutil.Process, days: int, rate: float) -> None:
    export_bill(cloud)
    first_month = simulation.next_month(cloud)
    simulation.advance(cloud, to=first_month)
    plan_deploy(seccom("ha"), cloud).apply()
    simulation.advance(cloud, "1h")
    print(f"{days} days without traffic: {time_advance(cloud, f'{days}d'):.2f} s")
    paths = {"/": rate, "/sites-management-api/": rate, "/intrusion-management-api/": rate}
    simulation.traffic(cloud, "daily", paths=paths)
    seconds = time_advance(cloud, f"{days}d")
    events = len(simulation.events(cloud))
    megabytes = server.memory_info().rss / 1e6
    print(f"{days} days with daily traffic: {seconds:.2f} s (aim: 10), {megabytes:.0f} MB (aim: 500), {events} events")
    measure_bill(cloud, first_month)


def measure_bill(cloud: Cloud, first_month: datetime) -> None:
    start = time.monotonic()
    spending = costs.spending(cloud, first_month.date(), simulation.next_month(cloud).date())
    print(f"Cost Explorer: {time.monotonic() - start:.2f} s, {spending.total_usd:.2f} USD")
    start = time.monotonic()
    bucket = export_bucket(cloud)
    bill = costs.read_bill(f"s3://{bucket}/", cloud=cloud)
    seconds = time.monotonic() - start
    size = sum(item["Size"] for item in cloud.client("s3").list_objects_v2(Bucket=bucket)["Contents"])
    print(f"export: {seconds:.2f} s, {bill.rows} lines, {size / 1e6:.1f} MB in all (aim: 50)")


def time_advance(cloud: Cloud, duration: str) -> float:
    """The seconds that a jump of the clock takes."""
    start = time.monotonic()
    simulation.advance(cloud, duration)
    return time.monotonic() - start


if __name__ == "__main__":
    main()
