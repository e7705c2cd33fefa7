"""Where an executed notebook and its record go: a file, a folder or S3. Nothing is ever overwritten."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from esaws.errors import EsawsError, UsageError, describe_error
from esaws.files import journal_folder


@dataclass(frozen=True)
class Destination:
    """The local files of a run, and where in S3 they are copied to at its end, if anywhere."""

    notebook: Path
    record: Path
    url: str | None = None

    @property
    def shown(self) -> str:
        """The executed notebook, as a user names it."""
        return self.url or str(self.notebook)

    @property
    def shown_record(self) -> str:
        """The record, as a user names it."""
        return self.url.removesuffix(".ipynb") + ".json" if self.url else str(self.record)

    def copy_to_s3(self) -> None:
        """Copy both files to S3, if that is the destination.

        Raises:
            EsawsError: S3 refused them, or objects of these names exist; the local files remain.
        """
        if self.url is None:
            return
        from esaws.cloud import Cloud

        s3 = Cloud.from_env().client("s3")
        for file, url in ((self.record, self.shown_record), (self.notebook, self.shown)):
            parts = urlsplit(url)
            try:
                s3.put_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"), Body=file.read_bytes(), IfNoneMatch="*")
            except (ClientError, BotoCoreError) as error:
                raise EsawsError(f"{url}: not written ({describe_error(error)}); {file} has it") from error


def choose_destination(output: str | None, name: str) -> Destination:
    """Choose the files of a run, and create the notebook's, so that a second run can't take the same.

    Args:
        output: a file that ends with `.ipynb`, a folder, or one of both in S3 as `s3://bucket/…`. Default: the
            folder of the journals.
        name: the name of the files where `output` is a folder, without suffix.

    Raises:
        UsageError: the file exists, or can't be written, or there is no such bucket.
    """
    url = None
    if output is not None and output.startswith("s3://"):
        if not urlsplit(output).netloc:
            raise UsageError(f"{output}: name a bucket, as in s3://bucket/runs/")
        _require_bucket(urlsplit(output).netloc)
        url = output if output.endswith(".ipynb") else f"{output.rstrip('/')}/{name}.ipynb"
        output = None
    if output is not None and output.endswith(".ipynb") and not Path(output).is_dir():
        notebook = Path(output).absolute()
    else:
        notebook = (Path(output).absolute() if output is not None else journal_folder()) / f"{name}.ipynb"
    record = notebook.with_suffix(".json")
    try:
        notebook.parent.mkdir(parents=True, exist_ok=True)
        if record.exists() or notebook.exists():
            taken = record if record.exists() else notebook
            raise UsageError(f"{taken} exists, and outputs are never overwritten. Choose another file, or a folder.")
        notebook.open("x").close()
    except OSError as error:
        raise UsageError(f"{notebook}: can't be written ({error.strerror}). Choose another place with -o.") from error
    return Destination(notebook, record, url)


def _require_bucket(name: str) -> None:
    """Raise UsageError if a bucket does not exist. Whether it can be written only writing shows."""
    from esaws.cloud import Cloud

    try:
        Cloud.from_env().client("s3").head_bucket(Bucket=name)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchBucket"):
            raise UsageError(f"s3://{name}: there is no such bucket. Create it, or choose another output.") from error
