"""The table of what is simulated: every rule is in it with AWS's page, and docs/fidelity.md shows it as it is."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from local_aws_server import fidelity

PAGE = Path(__file__).resolve().parents[2] / "docs" / "fidelity.md"


@pytest.mark.parametrize("path", fidelity.rule_files(), ids=lambda path: path.stem)
def test_a_rule_opens_with_a_sentence_and_links_to_aws(path: Path) -> None:
    row = fidelity.rule_row(path)
    assert row.behaviour.endswith("."), "the docstring's first line is one sentence"
    pages = ("https://docs.aws.amazon.com/", "https://aws.amazon.com/")
    assert row.documentation.startswith(pages), "the docstring has a link to AWS's page"
    assert row.service in fidelity.SERVICES.values(), "its file's name begins with a word of fidelity.SERVICES"


@pytest.mark.parametrize("row", fidelity.EXPLICIT, ids=lambda row: f"{row.service} {row.fidelity} {row.behaviour[:20]}")
def test_what_stands_in_the_table_is_said_in_full(row: fidelity.Row) -> None:
    assert row.fidelity in fidelity.MEANING
    assert row.behaviour.endswith(".")
    assert re.match(r"https://docs\.(aws\.amazon\.com|getmoto\.org)/\S+$", row.documentation)


def test_no_behaviour_stands_in_the_table_twice() -> None:
    said = [(row.service, row.behaviour) for row in fidelity.table()]
    assert len(said) == len(set(said))


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == fidelity.markdown(), "esaws local fidelity --markdown > docs/fidelity.md"


def test_the_command_prints_the_table_without_a_server_and_without_moto() -> None:
    code = (
        "import sys; from esaws.local_aws.__main__ import main; main(['fidelity', '--json'])\n"
        "assert 'moto' not in sys.modules and 'boto3' not in sys.modules"
    )
    rows = json.loads(subprocess.check_output([sys.executable, "-c", code], text=True))
    assert [fidelity.Row(**row) for row in rows] == fidelity.table()
