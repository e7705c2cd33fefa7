"""Where an executed notebook and its record go: a file, a folder or S3. Nothing is ever overwritten."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from esaws.errors import EsawsError, UsageError, describe_error
from esaws.files import journal_folder

_SUFFIX = ".ipynb"


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
        return self.url.removesuffix(_SUFFIX) + ".json" if self.url else str(self.record)

    def copy_notebook(self) -> Destination:
        """Copy the notebook to S3, if that is the destination, and return where it is: the next name if one is taken.

        Raises:
            EsawsError: S3 refused it; the local file remains.
        """
        if self.url is None:
            return self
        for url in _numbered(self.url.removesuffix(_SUFFIX), _SUFFIX):
            if _put(self.notebook, url):
                return replace(self, url=url)
        raise AssertionError("there are infinitely many numbers")

    def copy_record(self) -> None:
        """Copy the record to S3, beside the notebook.

        Raises:
            EsawsError: S3 refused it, or an object of this name exists; the local file remains.
        """
        if self.url is not None and not _put(self.record, self.shown_record):
            raise EsawsError(f"{self.shown_record}: exists, and is not overwritten; {self.record} is the record")


def choose_destination(output: str | None, name: str) -> Destination:
    """Choose the files of a run, and create the notebook's, so that another run can't take the same.

    A name that is taken gets a number, as in `out-2.ipynb`: the same command line can be run again.

    Args:
        output: a file that ends with `.ipynb`, a folder, or one of both in S3 as `s3://bucket/…`. Default: the
            folder of the journals.
        name: the name of the files where `output` is a folder, without suffix.

    Raises:
        UsageError: the file can't be written, or there is no such bucket.
    """
    url = None
    if output is not None and output.startswith("s3://"):
        if not urlsplit(output).netloc:
            raise UsageError(f"{output}: name a bucket, as in s3://bucket/runs/")
        _require_bucket(urlsplit(output).netloc)
        url = output if output.endswith(_SUFFIX) else f"{output.rstrip('/')}/{name}{_SUFFIX}"
        output = None
    if output is not None and output.endswith(_SUFFIX) and not Path(output).is_dir():
        wanted = Path(output).absolute()
    else:
        wanted = (Path(output).absolute() if output is not None else journal_folder()) / f"{name}{_SUFFIX}"
    try:
        wanted.parent.mkdir(parents=True, exist_ok=True)
        notebook = _create(wanted)
    except OSError as error:
        raise UsageError(f"{wanted}: can't be written ({error.strerror}). Choose another place with -o.") from error
    return Destination(notebook, notebook.with_suffix(".json"), url)


def _create(wanted: Path) -> Path:
    """Create an empty file of this name, or of the first numbered one without a file or a record."""
    for name in _numbered(str(wanted.with_suffix("")), _SUFFIX):
        if not Path(name).with_suffix(".json").exists():
            with suppress(FileExistsError):
                Path(name).open("x").close()
                return Path(name)
    raise AssertionError("there are infinitely many numbers")


def _numbered(stem: str, suffix: str) -> Iterator[str]:
    yield stem + suffix
    yield from (f"{stem}-{number}{suffix}" for number in count(2))


def _put(file: Path, url: str) -> bool:
    """Write a file to S3. Returns False if there is an object of this name. Raises EsawsError if S3 refuses it."""
    from esaws.cloud import Cloud

    parts = urlsplit(url)
    s3 = Cloud.from_env().client("s3")
    try:
        s3.put_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"), Body=file.read_bytes(), IfNoneMatch="*")
    except (ClientError, BotoCoreError) as error:
        if isinstance(error, ClientError) and error.response["Error"]["Code"] == "PreconditionFailed":
            return False
        raise EsawsError(f"{url}: not written ({describe_error(error)}); {file} has it") from error
    return True


def _require_bucket(name: str) -> None:
    """Raise UsageError if a bucket does not exist. Whether it can be written only writing shows."""
    from esaws.cloud import Cloud

    try:
        Cloud.from_env().client("s3").head_bucket(Bucket=name)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchBucket"):
            raise UsageError(f"s3://{name}: there is no such bucket. Create it, or choose another output.") from error
