"""The FOCUS validator accepts FOCUS 1.0 files of every kind of bill. Run with `make test-focus`."""

import csv
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.costs.bill.bill import Bill
from esaws.costs.bill.read import read_bill
from esaws.costs.data_export import export_bill, export_bucket
from esaws.costs.focus.write import write_focus
from tests.focus.kinds import KINDS

PYTHON = os.environ["FOCUS_VALIDATOR"]
LOCAL = "the export of the local AWS"
ENDINGS = (".csv", ".parquet")


def validate(*files: Path) -> dict[str, Any]:
    command = [PYTHON, str(Path(__file__).with_name("validate.py")), *map(str, files)]
    completed = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert completed.returncode == 0, completed.stderr
    return dict(json.loads(completed.stdout))


@pytest.fixture(scope="module")
def local_bill(new_cloud: Callable[[], Cloud]) -> Bill:
    cloud = new_cloud()
    export_bill(cloud)
    simulation.advance(cloud, to=simulation.next_month(cloud))
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "team", "Value": "web"}]}]
    cloud.client("ec2").run_instances(
        ImageId="ami-760aaa0f", InstanceType="t2.micro", MinCount=1, MaxCount=1, TagSpecifications=tags
    )
    simulation.advance(cloud, "4d")
    return read_bill(f"s3://{export_bucket(cloud)}/cur", cloud=cloud)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, local_bill: Bill) -> dict[str, Any]:
    """The validator's results for every kind of bill in both formats. It runs once, because it starts slowly."""
    files = {}
    for kind in (*KINDS, LOCAL):
        folder = tmp_path_factory.mktemp("bill")
        bill = local_bill if kind == LOCAL else read_bill(KINDS[kind](folder))
        for ending in ENDINGS:
            file = folder / f"written{ending}"
            assert write_focus(bill, file).rows == bill.rows
            files[kind + ending] = file
    results = validate(*files.values())
    return {name: results[str(file.resolve())] for name, file in files.items()}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kind", [*KINDS, LOCAL])
def test_every_rule_of_the_validator_passes(results: dict[str, Any], kind: str, ending: str) -> None:
    result = results[kind + ending]
    assert result["rows"] > 0
    assert result["failed"] == {}
    assert set(result["rules"].values()) == {"passed"} and len(result["rules"]) > 100


def test_the_validator_program_reports_success(tmp_path: Path) -> None:
    file = write_focus(read_bill(KINDS["CUR 2.0"](tmp_path)), tmp_path / "written.parquet").file
    package = subprocess.check_output([PYTHON, "-c", "import focus_validator as f; print(f.__path__[0])"], text=True)
    program = [str(Path(PYTHON).with_name("focus-validator")), "--data-file", str(file), "--validate-version", "1.0"]
    completed = subprocess.run(
        program, cwd=Path(package.strip()).parent, capture_output=True, text=True, timeout=60, check=False
    )
    assert "Validation succeeded." in completed.stdout, completed.stdout + completed.stderr


INVALID_CELLS = {
    "ChargeFrequency_Enum": ("ChargeFrequency", "Sometimes"),
    "BillingCurrency_IsCurrencyCode": ("BillingCurrency", "XXQ"),
    "BilledCost_NotNull": ("BilledCost", ""),
    "BillingPeriodStart_IsDateTime": ("BillingPeriodStart", "2026-01-01"),
    "SkuPriceId_Nullable": ("SkuPriceId", ""),
}
"""The rule that must fail → the column and the value that violate it."""


def test_each_file_with_an_invalid_cell_fails_its_rule(tmp_path: Path) -> None:
    with write_focus(read_bill(KINDS["CUR 2.0"](tmp_path)), tmp_path / "a.csv").file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    files = []
    for rule, (column, value) in INVALID_CELLS.items():
        files.append(tmp_path / f"{rule}.csv")
        with files[-1].open("w", newline="") as lines:
            writer = csv.DictWriter(lines, list(rows[0]))
            writer.writeheader()
            writer.writerows([{**rows[0], column: value}, *rows[1:]])
    results = validate(*files)
    failed = {Path(file).stem: rule for file, result in results.items() for rule in result["failed"]}
    assert failed == {rule: rule for rule in INVALID_CELLS}
