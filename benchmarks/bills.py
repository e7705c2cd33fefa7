"""Compare the report of a large CUR with hand-written DuckDB SQL and with pandas.

`python benchmarks/bills.py` writes a CUR 2.0 of 5 million rows as Parquet in AWS's folder layout. Three programs
compute the same facts: rows, period, total, costs by service and by usage type, free usage, and whether rows are
duplicated. Each runs in a process of its own; the time is the best of three runs without imports, the memory is the
peak. The second SQL does not look for duplicates, which take more than half of the time. With `--rows 50000000` the
bill does not fit into the memory that pandas needs: from 20 million rows on, pandas is left out.
"""

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TARGET_RATIO, TARGET_SPEEDUP, TARGET_MEGABYTES = 1.3, 5, 2000
HOURS, ROWS_PER_FILE, MAX_PANDAS_ROWS = 744, 2_000_000, 20_000_000

Facts = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument(
        "--folder", type=Path, help="Folder for the bill, reused by the next run.  [default: temporary]"
    )
    parser.add_argument("--measure", choices=PROGRAMS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(PROGRAMS[options.measure], options.folder)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        if not any(folder.rglob("*.parquet")):
            write(folder, options.rows)
        compare(folder, options.rows)


def compare(folder: Path, rows: int) -> None:
    megabytes = sum(path.stat().st_size for path in folder.rglob("*.parquet")) / 1e6
    print(f"{rows / 1e6:g} million rows, {megabytes:,.0f} MB of Parquet\n")
    print(f"{'':34}{'seconds':>9}{'MB':>8}")
    results = {}
    for name in ("esaws", "sql", "sql, no duplicates check"):
        results[name] = run(name, folder)
    if rows < MAX_PANDAS_ROWS:
        results["pandas"] = run("pandas", folder)
    ours, theirs = results["esaws"], results["sql"]
    print(f"\nesaws takes {ours['seconds'] / theirs['seconds']:.2f} times as long as SQL (target: {TARGET_RATIO})")
    once = results["sql, no duplicates check"]["seconds"]
    print(f"and {ours['seconds'] / once:.2f} times as long as SQL without the check for duplicates")
    print(f"its memory peaks at {ours['megabytes']:.0f} MB (target: {TARGET_MEGABYTES})")
    if "pandas" in results:
        speedup = results["pandas"]["seconds"] / ours["seconds"]
        print(f"it is {speedup:.1f} times as fast as pandas (target: {TARGET_SPEEDUP})")
    differing = [name for name, result in results.items() if not same(result["facts"], ours["facts"])]
    print(f"all results are equal: {'yes' if not differing else f'no, {differing} differ'}")


def run(name: str, folder: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, "--folder", folder, "--measure", name]
    result: dict[str, Any] = json.loads(subprocess.check_output(command, text=True))
    print(f"{LABELS[name]:34}{result['seconds']:9.2f}{result['megabytes']:8.0f}")
    return result


def measure(program: Callable[[Path], Facts], folder: Path) -> dict[str, Any]:
    """The best time of three runs, the peak memory of the process, and the facts."""
    best, facts = float("inf"), {}
    for _ in range(3):
        start = time.perf_counter()
        facts = program(folder)
        best = min(best, time.perf_counter() - start)
    return {"seconds": best, "megabytes": peak_megabytes(), "facts": facts}


def peak_megabytes() -> float:
    """The peak memory of this process. `ru_maxrss` would include that of its parent."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes, on macOS
    return int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) / 1024  # type: ignore[index]


def same(one: Any, other: Any) -> bool:
    """Whether two results are equal to the cent."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return abs(one - other) < 0.005 if isinstance(one, float) else bool(one == other)


# --- three programs that compute the same facts


def esaws(folder: Path) -> Facts:
    from esaws.costs.bill.read import read_bill
    from esaws.costs.bill.report import report

    result = report(read_bill(folder))
    return {
        "rows": result.bill.rows,
        "period": result.bill.period,
        "total": float(result.total or 0),
        "services": {name: float(cost) for (name, _), cost in result.by_service.items()},
        "usage types": {name: float(cost) for (name, _), cost in result.by_usage_type.items()},
        "free": sum(float(usage.quantity) for usage in result.free),
        "worth": sum(float(usage.benefit or 0) for usage in result.free),
        "duplicates": sum("duplicate rows" in warning for warning in result.warnings),
    }


def sql(folder: Path, check_duplicates: bool = True) -> Facts:
    import duckdb

    con = duckdb.connect()
    source = f"read_parquet('{folder}/**/*.parquet')"

    def rows(query: str) -> list[tuple[Any, ...]]:
        return con.execute(query.replace("BILL", source)).fetchall()

    ((count, first, total, currencies),) = rows(
        """SELECT count(*), min(bill_billing_period_start_date), sum(line_item_unblended_cost),
        count(DISTINCT line_item_currency_code) FROM BILL"""
    )
    assert currencies == 1
    services = rows("SELECT line_item_product_code, sum(line_item_unblended_cost) FROM BILL GROUP BY ALL")
    usage_types = rows("SELECT line_item_usage_type, sum(line_item_unblended_cost) FROM BILL GROUP BY ALL")
    free = rows(
        """SELECT bill_billing_period_start_date, bill_payer_account_id, line_item_product_code, line_item_usage_type,
        line_item_operation, product_region_code, sum(line_item_usage_amount),
        sum(pricing_public_on_demand_cost) - sum(line_item_unblended_cost)
        FROM BILL WHERE line_item_line_item_type = 'Usage' AND line_item_unblended_cost = 0
        AND (line_item_unblended_rate = '0.0000000000' AND pricing_public_on_demand_cost > 0
        OR line_item_line_item_description ILIKE '%free tier%') GROUP BY ALL"""
    )
    duplicates = 0
    if check_duplicates:
        ((distinct,),) = rows("SELECT count(DISTINCT hash(identity_line_item_id, identity_time_interval)) FROM BILL")
        duplicates = count - distinct
    return {
        "rows": count - duplicates,
        "period": f"{first:%Y-%m}",
        "total": total,
        "services": dict(services),
        "usage types": dict(usage_types),
        "free": sum(row[-2] for row in free),
        "worth": sum(row[-1] for row in free),
        "duplicates": duplicates,
    }


def pandas(folder: Path) -> Facts:
    import pandas as pd

    keys = ["identity_line_item_id", "identity_time_interval"]
    month, payer, service = "bill_billing_period_start_date", "bill_payer_account_id", "line_item_product_code"
    usage_type, kind, rate = "line_item_usage_type", "line_item_line_item_type", "line_item_unblended_rate"
    cost, listed, used = "line_item_unblended_cost", "pricing_public_on_demand_cost", "line_item_usage_amount"
    words, currency = "line_item_line_item_description", "line_item_currency_code"
    free_by = [month, payer, service, usage_type, "line_item_operation", "product_region_code"]
    columns = [*keys, *free_by, kind, rate, words, currency, cost, listed, used]
    frame = pd.concat(
        [pd.read_parquet(path, columns=columns, partitioning=None) for path in sorted(folder.rglob("*.parquet"))],
        ignore_index=True,
    )
    duplicates = int(frame.duplicated(keys).sum())
    frame = frame.drop_duplicates(keys)
    assert frame[currency].nunique() == 1
    at_nothing = (frame[rate] == "0.0000000000") & (frame[listed] > 0)
    named = frame[words].str.contains("free tier", case=False)
    free = frame[(frame[kind] == "Usage") & (frame[cost] == 0) & (at_nothing | named)]
    free = free.groupby(free_by)[[used, listed, cost]].sum()
    return {
        "rows": len(frame),
        "period": f"{frame[month].min():%Y-%m}",
        "total": float(frame[cost].sum()),
        "services": frame.groupby(service)[cost].sum().to_dict(),
        "usage types": frame.groupby(usage_type)[cost].sum().to_dict(),
        "free": float(free[used].sum()),
        "worth": float((free[listed] - free[cost]).sum()),
        "duplicates": duplicates,
    }


# --- the bill


def write(folder: Path, rows: int) -> None:
    """Write a CUR 2.0 of a month, by hour, in files of two million rows in AWS's folder layout."""
    import duckdb

    con = duckdb.connect()
    con.execute("SET preserve_insertion_order = false; SET memory_limit = '2GB'")
    con.execute(
        f"""CREATE TABLE line AS SELECT i,
        md5(i::VARCHAR) || substr(md5((i * 7)::VARCHAR), 1, 20) AS id,
        (100000000000 + i % 40)::VARCHAR AS account,
        ['AmazonEC2', 'AmazonS3', 'AmazonRDS', 'AmazonVPC', 'AWSELB', 'AmazonCloudWatch', 'AWSLambda', 'AmazonECR',
         'AmazonElastiCache', 'AmazonMQ', 'AWSQueueService', 'AmazonDynamoDB'][1 + i % 12] AS service,
        ['EUW3', 'EUW1', 'USE1', 'EUC1'][1 + i % 4] || '-' || ['BoxUsage:t2.micro', 'TimedStorage-ByteHrs',
         'InstanceUsage:db.t3.micro', 'PublicIPv4:InUseAddress', 'LCUUsage', 'CW:MetricMonitorUsage',
         'Lambda-GB-Second', 'TimedStorage-ByteHrs', 'NodeUsage:cache.t3.micro', 'InstanceUsage:mq.t3.micro',
         'Requests-Tier1',
         'ReadCapacityUnit-Hrs'][1 + i % 12] || CASE WHEN i % 60 > 11 THEN '.' || i % 60 ELSE '' END AS usage_type,
        ['eu-west-3', 'eu-west-1', 'us-east-1', 'eu-central-1'][1 + i % 4] AS region,
        'arn:aws:ec2:eu-west-3:123456789012:instance/i-' || substr(md5((i * 3)::VARCHAR), 1, 17) AS resource,
        i % 16 = 0 AS free, 0.001 * (1 + i % 97) AS rate
        FROM range({max(1, rows // HOURS)}) r(i)"""
    )
    month_folder = folder / "cur/hourly/data/BILLING_PERIOD=2026-01"
    month_folder.mkdir(parents=True)
    files = -(-rows // ROWS_PER_FILE)
    for number in range(files):
        con.execute(
            f"""COPY (SELECT id AS identity_line_item_id,
            strftime(hour, '%Y-%m-%dT%H:%M:%SZ/') || strftime(hour + INTERVAL 1 HOUR, '%Y-%m-%dT%H:%M:%SZ')
                AS identity_time_interval,
            TIMESTAMP '2026-01-01' AS bill_billing_period_start_date,
            TIMESTAMP '2026-02-01' AS bill_billing_period_end_date,
            'AWS' AS bill_billing_entity, 'Anniversary' AS bill_bill_type, '' AS bill_invoice_id,
            '123456789012' AS bill_payer_account_id, 'payer' AS bill_payer_account_name,
            account AS line_item_usage_account_id, 'account ' || account AS line_item_usage_account_name,
            'Usage' AS line_item_line_item_type, hour AS line_item_usage_start_date,
            hour + INTERVAL 1 HOUR AS line_item_usage_end_date, service AS line_item_product_code,
            usage_type AS line_item_usage_type, 'RunInstances' AS line_item_operation,
            region || 'a' AS line_item_availability_zone, resource AS line_item_resource_id,
            1 + (i * 31 + k) % 100 / 100 AS line_item_usage_amount, 'USD' AS line_item_currency_code,
            CASE WHEN free THEN '0.0000000000' ELSE printf('%.10f', rate) END AS line_item_unblended_rate,
            CASE WHEN free THEN 0 ELSE rate * (1 + (i * 31 + k) % 100 / 100) END::DOUBLE AS line_item_unblended_cost,
            (rate * (1 + (i * 31 + k) % 100 / 100))::DOUBLE AS line_item_blended_cost,
            CASE WHEN free THEN '$0.00 per unit under monthly free tier' ELSE printf('$%.10f per unit', rate) END
                AS line_item_line_item_description,
            (rate * (1 + (i * 31 + k) % 100 / 100))::DOUBLE AS pricing_public_on_demand_cost,
            printf('%.10f', rate) AS pricing_public_on_demand_rate, 'Hrs' AS pricing_unit,
            CASE WHEN free THEN '' ELSE 'OnDemand' END AS pricing_term, region AS product_region_code,
            MAP {{'product_name': 'Amazon ' || service}} AS product,
            MAP {{'user_team': 'team ' || i % 30, 'user_stage': 'stage ' || i % 3}} AS resource_tags
            FROM range({number * HOURS // files}, {(number + 1) * HOURS // files}) h(k), line,
                LATERAL (SELECT TIMESTAMP '2026-01-01' + to_hours(k) AS hour)
            ) TO '{month_folder}/hourly-{number + 1:05}.snappy.parquet' (FORMAT parquet, COMPRESSION snappy)"""
        )


PROGRAMS: dict[str, Callable[[Path], Facts]] = {
    "esaws": esaws,
    "sql": sql,
    "sql, no duplicates check": lambda folder: sql(folder, check_duplicates=False),
    "pandas": pandas,
}
LABELS = {
    "esaws": "esaws",
    "sql": "SQL by hand",
    "sql, no duplicates check": "SQL by hand, no duplicates check",
    "pandas": "pandas",
}

if __name__ == "__main__":
    main()
