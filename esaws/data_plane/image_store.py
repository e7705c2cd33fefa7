"""What an image runs: one of the applications that come with esaws, or a folder that `esaws image push` has stored."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import shutil
import sys
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from esaws.aws import error_code
from esaws.cloud import Cloud
from esaws.local_aws.state import state_folder

IMAGES = Path(__file__).parents[1] / "images"
"""A folder for each application that comes with esaws, and `base`, the modules that all images can import."""

APPLICATIONS = frozenset(folder.parent.name for folder in IMAGES.glob("*/app.py"))
"""The names of these applications: the repositories that run them."""

PUSHED = "dev.esaws.folder"
"""The annotation of a manifest whose layers `esaws image push` has stored as files."""

_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/"
    r"(?P<repository>[^:@]+)(:(?P<tag>[^@]+))?(@(?P<digest>.+))?"
)
_MISSING = frozenset({"ImageNotFoundException", "RepositoryNotFoundException"})
# Python 3.11.4 is the first with filters; the push has refused what a filter would.
_EXTRACTION: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
APP = "app"
"""The folder in a layer that has the pushed folder: the working directory of its command."""


@dataclass(frozen=True)
class RunnableImage:
    """What runs where a task has an image.

    Attributes:
        folder: the working directory of its processes; several tasks share it.
        command: program and arguments, if the container definition has no command of its own.
        environment: variables that the image sets; those of the container definition go before them.
        digest: the digest of the image's manifest.
        is_pushed: whether a user pushed it, so that it runs code that is not part of esaws.
    """

    folder: Path
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    digest: str = ""
    is_pushed: bool = False


class ImageStore:
    """The images of one account that run on this machine.

    Layers are files named by their digest in `folder`, by default `images` in the state folder of the local AWS.
    """

    def __init__(self, cloud: Cloud, folder: Path | None = None) -> None:
        self.cloud = cloud
        self.folder = folder or state_folder() / "images"

    async def resolve(self, image: str) -> RunnableImage | None:
        """Return what an image reference runs, or None if nothing of it runs here.

        Only images of this account's ECR run: a pushed folder, by the digest of its manifest; any other image of a
        repository that has the name of an application, such as `seccom-hdm`, runs this application.

        Raises:
            botocore.exceptions.ClientError: ECR did not return the image for another reason than that it is missing.
        """
        return await asyncio.to_thread(self.look_up, image)

    def look_up(self, image: str) -> RunnableImage | None:
        """Return what `resolve` returns, without an event loop."""
        match = _ECR.fullmatch(image)
        if match is None or match["account"] != self.cloud.account:
            return None
        wanted = {"imageDigest": match["digest"]} if match["digest"] else {"imageTag": match["tag"] or "latest"}
        manifest = self._pull(match["region"], match["repository"], wanted)
        if manifest is None:
            return None
        digest = digest_of(manifest.encode())
        if _is_pushed(manifest):
            return self._unpacked(digest, json.loads(manifest))
        name = application_of(match["repository"])
        return RunnableImage(IMAGES / name, (sys.executable, "app.py"), _environment(), digest) if name else None

    def runs(self, repository: str, digest: str) -> str:
        """Return what an image runs: `a pushed folder`, the name of an application, or an empty text."""
        file = self.blob(digest)
        manifest = file.read_text() if file.is_file() else ""
        if not manifest and application_of(repository):
            manifest = self._pull(self.cloud.region, repository, {"imageDigest": digest}) or ""
        if not _is_pushed(manifest):
            return application_of(repository)
        return "a pushed folder" if all(each.is_file() for each in self._blobs(json.loads(manifest))) else ""

    def _pull(self, region: str, repository: str, wanted: dict[str, str]) -> str | None:
        """Return the manifest of an image, or None if there is no such image."""
        ecr = self.cloud.in_region(region).client("ecr")
        try:
            found = ecr.batch_get_image(repositoryName=repository, imageIds=[wanted])["images"]
        except ClientError as error:
            if error_code(error) not in _MISSING:
                raise
            return None
        return str(found[0]["imageManifest"]) if found else None

    # -- layers as files -----------------------------------------------------------------------------------------

    def blob(self, digest: str) -> Path:
        """Return the file of a layer or a configuration, by its digest."""
        algorithm, _, number = digest.partition(":")
        return self.folder / "blobs" / algorithm / number

    def add_blob(self, source: Path, digest: str) -> None:
        """Move a file into the store."""
        target = self.blob(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)

    def _blobs(self, manifest: dict[str, Any]) -> list[Path]:
        """Return the files of a manifest: its configuration, then its layers."""
        return [self.blob(part["digest"]) for part in (manifest["config"], *manifest["layers"])]

    @staticmethod
    def digest_of_file(path: Path) -> str:
        """Return the digest of a file's content."""
        with path.open("rb") as file:
            return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"

    def _unpacked(self, digest: str, manifest: dict[str, Any]) -> RunnableImage | None:
        """Return a pushed folder, unpacked once; None if its layers are not on this machine, or were changed."""
        config, *layers = files = self._blobs(manifest)
        if not all(file.is_file() for file in files):
            return None
        root = self.folder / "unpacked" / digest.partition(":")[2]
        if not root.is_dir():
            if any(self.digest_of_file(file) != f"sha256:{file.name}" for file in files):
                return None
            root.parent.mkdir(parents=True, exist_ok=True)
            partial = root.with_name(f"{root.name}.{id(self):x}.new")
            try:
                for layer in layers:
                    with tarfile.open(layer) as archive:
                        archive.extractall(partial, **_EXTRACTION)
                partial.rename(root)
            except OSError:
                if not root.is_dir():  # another process was faster
                    raise
            finally:
                shutil.rmtree(partial, ignore_errors=True)
        settings = json.loads(config.read_bytes())["config"]
        return RunnableImage(root / APP, _on_this_machine(settings["Cmd"]), _environment(), digest, is_pushed=True)


def application_of(repository: str) -> str:
    """Return the application that a repository such as `seccom-hdm` has the name of; an empty text if there is none."""
    name = repository.partition("-")[2]
    return name if name in APPLICATIONS else ""


def _is_pushed(manifest: str) -> bool:
    return bool(manifest) and PUSHED in json.loads(manifest).get("annotations", {})


def digest_of(content: bytes) -> str:
    """Return the digest of a manifest, a configuration or a layer."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _on_this_machine(command: list[str]) -> tuple[str, ...]:
    """Return a command that runs the Python of esaws where it says `python`."""
    return (sys.executable, *command[1:]) if command[0] in ("python", "python3") else tuple(command)


def _environment() -> dict[str, str]:
    """Return what every image sets: the modules of `base` to import, output line by line, little memory for threads."""
    return {
        "PYTHONPATH": str(IMAGES / "base"),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "MALLOC_ARENA_MAX": "2",
    }
