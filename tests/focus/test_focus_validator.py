"""The FOCUS validator accepts what is written as FOCUS 1.0, of every kind of bill; run by `make test-focus`."""

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
from esaws.costs.data_export import bucket_of, export_bill
from esaws.costs.focus.write import write_focus
from tests.focus.kinds import KINDS

PYTHON = os.environ["FOCUS_VALIDATOR"]
LOCAL = "the export of the local AWS"
ENDINGS = (".csv", ".parquet")


def validated(*files: Path) -> dict[str, Any]:
    asked = [PYTHON, str(Path(__file__).with_name("validate.py")), *map(str, files)]
    found = subprocess.run(asked, capture_output=True, text=True, timeout=300, check=False)
    assert found.returncode == 0, found.stderr
    return dict(json.loads(found.stdout))


@pytest.fixture(scope="module")
def local_bill(new_cloud: Callable[[], Cloud]) -> Bill:
    cloud = new_cloud()
    export_bill(cloud)
    simulation.advance(cloud, to=simulation.next_month(cloud))
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "team", "Value": "web"}]}]
    cloud.client("ec2").run_instances(
        ImageId="ami-1", InstanceType="t2.micro", MinCount=1, MaxCount=1, TagSpecifications=tags
    )
    simulation.advance(cloud, "4d")
    return read_bill(f"s3://{bucket_of(cloud)}/cur", cloud=cloud)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory, local_bill: Bill) -> dict[str, Any]:
    """What the validator says of every kind of bill in both formats: it is asked once, because it begins slowly."""
    files = {}
    for kind in (*KINDS, LOCAL):
        folder = tmp_path_factory.mktemp("bill")
        bill = local_bill if kind == LOCAL else read_bill(KINDS[kind](folder))
        for ending in ENDINGS:
            file = folder / f"written{ending}"
            assert write_focus(bill, file).rows == bill.rows
            files[kind + ending] = file
    said = validated(*files.values())
    return {name: said[str(file.resolve())] for name, file in files.items()}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kind", [*KINDS, LOCAL])
def test_the_validator_passes_every_rule(answers: dict[str, Any], kind: str, ending: str) -> None:
    said = answers[kind + ending]
    assert said["rows"] > 0
    assert said["failed"] == {}
    assert set(said["rules"].values()) == {"passed"} and len(said["rules"]) > 100


def test_its_own_program_says_that_validation_succeeded(tmp_path: Path) -> None:
    file = write_focus(read_bill(KINDS["CUR 2.0"](tmp_path)), tmp_path / "written.parquet").file
    where = subprocess.check_output([PYTHON, "-c", "import focus_validator as f; print(f.__path__[0])"], text=True)
    program = [str(Path(PYTHON).with_name("focus-validator")), "--data-file", str(file), "--validate-version", "1.0"]
    found = subprocess.run(
        program, cwd=Path(where.strip()).parent, capture_output=True, text=True, timeout=60, check=False
    )
    assert "Validation succeeded." in found.stdout, found.stdout + found.stderr


SPOILED = {
    "ChargeFrequency_Enum": ("ChargeFrequency", "Sometimes"),
    "BillingCurrency_IsCurrencyCode": ("BillingCurrency", "XXQ"),
    "BilledCost_NotNull": ("BilledCost", ""),
    "BillingPeriodStart_IsDateTime": ("BillingPeriodStart", "2026-01-01"),
    "SkuPriceId_Nullable": ("SkuPriceId", ""),
}
"""The rule that has to fail → the cell that is spoiled for it."""


def test_it_refuses_each_file_that_was_spoiled(tmp_path: Path) -> None:
    with write_focus(read_bill(KINDS["CUR 2.0"](tmp_path)), tmp_path / "a.csv").file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    files = []
    for rule, (column, value) in SPOILED.items():
        files.append(tmp_path / f"{rule}.csv")
        with files[-1].open("w", newline="") as lines:
            writer = csv.DictWriter(lines, list(rows[0]))
            writer.writeheader()
            writer.writerows([{**rows[0], column: value}, *rows[1:]])
    said = validated(*files)
    assert {Path(file).stem: rule for file, each in said.items() for rule in each["failed"]} == {x: x for x in SPOILED}
