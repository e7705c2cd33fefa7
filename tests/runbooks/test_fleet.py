"""One row of a file, one notebook, one record: many accounts over Dask, and a second run that does what failed."""

import csv
import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from esaws.errors import UsageError
from esaws.runbooks.fleet import read_rows, run_fleet

PARAMETERS = """account: "AccountId" = ""  # which
region: "Region" = ""  # where
port: "Port" = 80  # a port
code: "Text" = ""  # a text
"""
CELLS = [
    ("parameters", PARAMETERS),
    ("", "from esaws import runbooks\nrun = runbooks.begin()"),
    ("account", "run.account()"),
    ("look", "run.look(lambda cloud: cloud.client('s3').head_bucket(Bucket=f'data-{cloud.account}') and 'found')"),
    ("result", "run.result()"),
]  # fmt: skip


@pytest.fixture
def notebook(tmp_path):
    nb = new_notebook(metadata={"kernelspec": {"name": "python3", "language": "python", "display_name": "Python"}})
    nb.cells = [new_code_cell(source, metadata={"tags": [tag] if tag else []}) for tag, source in CELLS]
    nbformat.write(nb, tmp_path / "looks.ipynb")
    return tmp_path / "looks.ipynb"


def write(path, *rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


@pytest.mark.slow
@pytest.mark.parametrize(("count", "workers"), [(2, 1), pytest.param(12, 2, marks=pytest.mark.runbooks)])
def test_where_one_of_many_accounts_fails_a_second_run_does_only_that_one(
    endpoint, new_cloud, notebook, tmp_path, count, workers
):
    from distributed import LocalCluster

    accounts = [f"7{number:011}" for number in range(count)]
    clouds = {account: new_cloud(account=account) for account in accounts}
    for account in accounts[:-1]:
        clouds[account].client("s3").create_bucket(
            Bucket=f"data-{account}", CreateBucketConfiguration={"LocationConstraint": "eu-west-3"}
        )
    file = write(tmp_path / "accounts.csv", ["account", "target"], *([account, endpoint] for account in accounts))
    rows, out = read_rows(file, notebook), tmp_path / "out"
    with LocalCluster(n_workers=workers, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster:
        first = run_fleet(notebook, rows, out, scheduler=cluster.scheduler_address)
        assert [result.status for result in first] == ["done"] * (count - 1) + ["failed"]
        assert "404" in first[-1].error or "NoSuchBucket" in first[-1].error
        assert len({result.record for result in first}) == count
        found = {json.loads(result.record.read_text())["account"] for result in first}
        assert found == set(accounts)
        clouds[accounts[-1]].client("s3").create_bucket(
            Bucket=f"data-{accounts[-1]}", CreateBucketConfiguration={"LocationConstraint": "eu-west-3"}
        )
        second = run_fleet(notebook, rows, out, scheduler=cluster.scheduler_address)
    assert [result.status for result in second] == ["skipped"] * (count - 1) + ["done"]
    assert len([*out.glob("*/*.ipynb")]) == count + 1, "no output is overwritten"


@pytest.mark.runbooks
def test_after_so_many_errors_no_more_rows_start(endpoint, notebook, tmp_path):
    file = write(tmp_path / "a.csv", ["account", "target"], *([f"8{n:011}", endpoint] for n in range(6)))
    results = run_fleet(notebook, read_rows(file, notebook), tmp_path / "out", max_errors=1)
    statuses = [result.status for result in results]
    assert statuses.count("failed") <= 4 and statuses[-1] == "not run"
    assert all(result.is_failed for result in results)


def test_columns_are_parameters_and_the_environment(notebook, tmp_path):
    file = write(tmp_path / "a.csv", ["account", "aws_profile", "code"], ["123456789012", "prod", "007"])
    (row,) = read_rows(file, notebook, [("port", "443")])
    assert row.values == {"port": 443, "account": "123456789012", "code": "007"}
    assert (row.environment, row.name) == ({"AWS_PROFILE": "prod"}, "123456789012")


BAD = [
    ([["account"]], "no rows"),
    ([["account", "colour"], ["123456789012", "red"]], "row 1: .*unknown parameter colour"),
    ([["port"], ["80"], ["http"]], "row 2: .*port='http': it takes a port"),
    ([["account"], ["123456789012"], ["123456789012"]], "row 2 is 123456789012 as another row is"),
    ([["account", "port"], ["123456789012"]], "row 1 has another number of cells"),
    ([["account"], ["123456789012", "80"]], "row 1 has another number of cells"),
]


@pytest.mark.parametrize(("rows", "message"), BAD, ids=[message for _, message in BAD])
def test_a_file_is_refused_before_any_row_runs(notebook, tmp_path, rows, message):
    with pytest.raises(UsageError, match=message):
        read_rows(write(tmp_path / "a.csv", *rows), notebook)


def test_a_scheduler_that_does_not_answer_is_named(notebook, tmp_path, monkeypatch):
    monkeypatch.setattr("esaws.runbooks.fleet.CONNECT", "0.5s")
    file = write(tmp_path / "a.csv", ["code"], ["x"])
    with pytest.raises(UsageError, match=r"tcp://127\.0\.0\.1:1: no Dask scheduler answers"):
        run_fleet(notebook, read_rows(file, notebook), tmp_path / "out", scheduler="tcp://127.0.0.1:1")
