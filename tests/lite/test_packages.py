"""The wheels of the page have what the page needs, and no more."""

import gzip
import json
import zipfile
from pathlib import Path

from docs.lite.packages import for_page, without_documentation

SETTINGS = {"DisableSessions": {"type": "boolean", "documentation": "botocore reads this."}}
MODEL = {
    "clientContextParams": SETTINGS,
    "operations": {"Describe": {"name": "Describe", "documentation": "<p>Describes parts.</p>", "errors": []}},
    "shapes": {
        "Part": {"type": "structure", "members": {"documentation": {"shape": "Text", "documentation": "A text."}}},
        "Text": {"type": "string", "documentation": "Text.", "enum": ["documentation"]},
    },
}
STRIPPED = {
    "clientContextParams": SETTINGS,
    "operations": {"Describe": {"name": "Describe", "errors": []}},
    "shapes": {
        "Part": {"type": "structure", "members": {"documentation": {"shape": "Text"}}},
        "Text": {"type": "string", "enum": ["documentation"]},
    },
}


def test_a_model_keeps_all_but_the_texts_for_readers() -> None:
    content = without_documentation(gzip.compress(json.dumps(MODEL).encode()))
    assert json.loads(gzip.decompress(content)) == STRIPPED
    assert content == without_documentation(gzip.compress(json.dumps(MODEL).encode())), "a build changes no byte"


def test_a_wheel_lists_the_files_that_it_has(tmp_path: Path) -> None:
    model, code = "botocore/data/ec2/2016-11-15/service-2.json.gz", "botocore/client.py"
    example, record = "botocore/data/ec2/2016-11-15/examples-1.json", "botocore-1.0.dist-info/RECORD"
    rows = f"{model},sha256=x,9\n{code},sha256=y,4\n{example},sha256=z,2\n{record},,\n"
    wheel = tmp_path / "botocore-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(model, gzip.compress(json.dumps(MODEL).encode()))
        for name, content in ((code, "pass"), (example, "{}"), (record, rows)):
            archive.writestr(name, content)
    with zipfile.ZipFile(for_page(wheel, "botocore")) as archive:
        assert sorted(archive.namelist()) == sorted([model, code, record])
        assert json.loads(gzip.decompress(archive.read(model))) == STRIPPED
        assert archive.read(record).decode() == f"{model},,\n{code},sha256=y,4\n{record},,\n"
