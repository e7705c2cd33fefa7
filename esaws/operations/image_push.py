"""Push a folder as an image to ECR of the local AWS: a real OCI manifest, whose layer is a file on this machine."""

from __future__ import annotations

import json
import os
import stat
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from esaws.aws import ignore_codes, pages
from esaws.cloud import Cloud
from esaws.data_plane.image_store import APP, PUSHED, ImageStore, digest_of
from esaws.errors import EsawsError, NotDeployed, UsageError
from esaws.files import make_private_folder
from esaws.reference.seccom import SERVICES
from esaws.resources.ecr_image import is_tag, upload_layer
from esaws.resources.ecr_repository import REPOSITORY_NAME, ECRRepository

SETTINGS = "image.toml"
"""The file in a folder that has its command. Without it, the command is `python app.py`."""

MOST_FILES, MOST_BYTES = 5_000, 100 << 20

_LEFT_OUT = frozenset({".git", ".venv", "__pycache__", ".ipynb_checkpoints", ".DS_Store"})
_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"  # not compressed: compressors differ, and so would digests


@dataclass(frozen=True)
class PushedImage:
    """An image in ECR, made from a folder. `is_new` is false if the tag pointed at the same content before."""

    repository: str
    tag: str
    digest: str
    uri: str
    command: tuple[str, ...]
    files: int
    bytes: int
    is_new: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes by name."""
        return asdict(self) | {"command": list(self.command)}


@dataclass(frozen=True)
class ImageFolder:
    """A folder that can be pushed: its command, and the paths of its files, folders and links below it."""

    path: Path
    command: tuple[str, ...]
    members: tuple[Path, ...]
    bytes: int

    @property
    def files(self) -> int:
        """The number of files and links."""
        return sum(not file.is_dir() or file.is_symlink() for file in map(self.path.joinpath, self.members))


def read_folder(path: Path) -> ImageFolder:
    """Check a folder before it is pushed.

    Raises:
        UsageError: it is not a folder, has neither `app.py` nor a command, is too large, or has a link that leaves it.
    """
    if not path.is_dir():
        raise UsageError(f"{path} is not a folder; name one that has an app.py")
    command = _command(path)
    members, size = [], 0
    for member in _walk(path):
        members.append(member.relative_to(path))
        size += member.lstat().st_size if member.is_symlink() or member.is_file() else 0
        if len(members) > MOST_FILES or size > MOST_BYTES:
            raise UsageError(
                f"{path} has more than {MOST_FILES:,} files or {MOST_BYTES >> 20} MiB; push a folder that holds the "
                "application alone"
            )
    return ImageFolder(path, command, tuple(sorted(members)), size)


def push_folder(cloud: Cloud, folder: ImageFolder, name: str, tag: str = "latest") -> PushedImage:
    """Push a folder to a repository of the local AWS, which is created if it does not exist; returns the image.

    Tasks with this image run the folder's command as the user of the local AWS: nothing isolates them.

    Args:
        name: the name of a repository, with or without the prefix of the deployment.

    Raises:
        UsageError: the target is AWS, or AWS rejects the tag or the name of the repository.
        EsawsError: the tag exists, and the repository does not let tags move on.
    """
    if cloud.is_aws:
        raise UsageError(
            "nothing was pushed: the containers of AWS run no folders; build an image and `docker push` it"
        )
    if not is_tag(tag):
        raise UsageError(f"{tag!r} is not a tag; use up to 128 letters, digits, dots, dashes and underscores")
    cloud.start()
    cloud.check()
    repository = find_repository(cloud, name) or _create_repository(cloud, name)
    store, ecr = ImageStore(cloud), cloud.client("ecr")
    layer, layer_size = _write_layer(store, folder)
    config = _config(folder, layer)
    manifest = _manifest(config, layer, layer_size)
    for content in (config, manifest.encode()):
        store.add_blob(_temporary(store, content), digest_of(content))
    for digest in (digest_of(config), layer):
        with store.blob(digest).open("rb") as blob:
            upload_layer(ecr, repository["repositoryName"], blob, digest)
    is_new = False
    with ignore_codes("ImageAlreadyExistsException"):
        try:
            ecr.put_image(
                repositoryName=repository["repositoryName"],
                imageManifest=manifest,
                imageManifestMediaType=_MANIFEST_TYPE,
                imageTag=tag,
            )
        except ecr.exceptions.ImageTagAlreadyExistsException:
            raise EsawsError(
                f"{repository['repositoryName']}: tag {tag} exists, and the repository's tags are immutable; choose "
                "another tag"
            ) from None
        is_new = True
    uri = f"{repository['repositoryUri']}:{tag}"
    digest = digest_of(manifest.encode())
    return PushedImage(
        repository["repositoryName"], tag, digest, uri, folder.command, folder.files, folder.bytes, is_new
    )


def find_repository(cloud: Cloud, name: str) -> dict[str, Any] | None:
    """Return ECR's description of the repository of this name, or of this name with the deployment's prefix."""
    found = {raw["repositoryName"]: raw for raw in pages(cloud, "ecr", "describe_repositories", "repositories")}
    return found.get(name) or found.get(cloud.aws_name(name))


def list_images(cloud: Cloud, name: str | None = None) -> list[dict[str, Any]]:
    """Return the images of all repositories, or of one: repository, tag, digest, bytes, pushed, runs.

    An image without a tag has an empty one. `runs` says what a task with the image runs on this machine: `a pushed
    folder`, the name of an application that comes with esaws, or an empty text if its tasks are only simulated.

    Raises:
        NotDeployed: there is no repository of this name.
    """
    store = ImageStore(cloud)
    repositories = list(pages(cloud, "ecr", "describe_repositories", "repositories"))
    if name is not None:
        found = find_repository(cloud, name)
        if found is None:
            raise NotDeployed.among(f"there is no repository {name}", (each["repositoryName"] for each in repositories))
        repositories = [found]
    rows = []
    for repository in sorted(repositories, key=lambda each: str(each["repositoryName"])):
        repository_name = str(repository["repositoryName"])
        for raw in pages(cloud, "ecr", "describe_images", "imageDetails", repositoryName=repository_name):
            row = {
                "digest": raw["imageDigest"],
                "bytes": raw.get("imageSizeInBytes"),
                "pushed": raw["imagePushedAt"],
                "runs": store.runs(repository_name, raw["imageDigest"]),
            }
            for tag in raw.get("imageTags") or [""]:
                rows.append({"repository": repository_name, "tag": tag} | row)
    return rows


# -- the folder --------------------------------------------------------------------------------------------------------


def _command(folder: Path) -> tuple[str, ...]:
    """Return the command in `image.toml`, or that of an `app.py`."""
    file = folder / SETTINGS
    if not file.exists():
        if not (folder / "app.py").is_file():
            raise UsageError(
                f'{folder} has neither app.py nor {SETTINGS} with a line like command = ["python", "web.py"]'
            )
        return ("python", "app.py")
    try:
        settings = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file}: can't be read ({error})") from None
    if unknown := sorted(settings.keys() - {"command"}):
        raise UsageError(f"{file}: no setting {unknown[0]!r}; the only one is command")
    command = settings.get("command")
    if not (isinstance(command, list) and command and all(isinstance(word, str) and word for word in command)):
        raise UsageError(f'{file}: command is not a list of words; write it like command = ["python", "web.py"]')
    return tuple(command)


def _walk(folder: Path) -> Iterator[Path]:
    """Yield what is below a folder, without what no image needs.

    Raises:
        UsageError: a link that leaves the folder, or something that is neither a file, a folder nor a link.
    """
    root = folder.resolve()
    for path, folders, files in os.walk(folder):
        folders[:] = sorted(set(folders) - _LEFT_OUT)
        for name in sorted({*folders, *files} - _LEFT_OUT):
            member = Path(path, name)
            mode = member.lstat().st_mode
            if stat.S_ISLNK(mode):
                target = member.readlink()
                if target.is_absolute() or not member.resolve().is_relative_to(root):
                    raise UsageError(f"{member} is a link to {target}, which leaves the folder; copy the file instead")
            elif not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise UsageError(f"{member} is neither a file nor a folder; remove it from the folder")
            yield member


# -- the image ---------------------------------------------------------------------------------------------------------


def _write_layer(store: ImageStore, folder: ImageFolder) -> tuple[str, int]:
    """Write the folder as an archive into the store; returns digest and size. The same content has the same digest."""
    path = _temporary(store)
    try:
        with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
            for member in (Path(), *folder.members):
                info = archive.gettarinfo(folder.path / member, arcname=(Path(APP) / member).as_posix())
                if info.islnk():  # a second name of a file: its content is stored again
                    info.type, info.linkname, info.size = tarfile.REGTYPE, "", (folder.path / member).stat().st_size
                info.uid = info.gid = info.mtime = 0
                info.uname = info.gname = ""
                info.mode = 0o755 if info.isdir() or info.mode & 0o100 else 0o644
                if info.isreg():
                    with (folder.path / member).open("rb") as content:
                        archive.addfile(info, content)
                else:
                    archive.addfile(info)
        digest, size = store.digest_of_file(path), path.stat().st_size
        store.add_blob(path, digest)
    except OSError as error:
        raise EsawsError(f"{error.filename or folder.path}: can't be packed ({error.strerror or error})") from error
    finally:
        path.unlink(missing_ok=True)
    return digest, size


def _temporary(store: ImageStore, content: bytes = b"") -> Path:
    """Return a new file in the folder of the store."""
    make_private_folder(store.folder)
    number, name = tempfile.mkstemp(dir=store.folder, suffix=".new")
    with os.fdopen(number, "wb") as file:
        file.write(content)
    return Path(name)


def _config(folder: ImageFolder, layer: str) -> bytes:
    settings = {"Cmd": list(folder.command), "WorkingDir": f"/{APP}"}
    rootfs = {"type": "layers", "diff_ids": [layer]}
    return json.dumps({"architecture": "amd64", "os": "linux", "config": settings, "rootfs": rootfs}).encode()


def _manifest(config: bytes, layer: str, layer_size: int) -> str:
    """Return the manifest: https://github.com/opencontainers/image-spec/blob/main/manifest.md."""
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST_TYPE,
            "config": {"mediaType": _CONFIG_TYPE, "size": len(config), "digest": digest_of(config)},
            "layers": [{"mediaType": _LAYER_TYPE, "size": layer_size, "digest": layer}],
            "annotations": {PUSHED: "true"},
        }
    )


def _create_repository(cloud: Cloud, name: str) -> dict[str, Any]:
    """Create the deployment's repository of a SecCom service, or one of just this name, which no deployment owns."""
    if not REPOSITORY_NAME.accepts(name):
        raise UsageError(f"{name!r} is not the name of a repository; use {REPOSITORY_NAME}")
    if name in SERVICES:
        ECRRepository(name=name).create(cloud)
        name = cloud.aws_name(name)
        return dict(cloud.client("ecr").describe_repositories(repositoryNames=[name])["repositories"][0])
    return dict(cloud.client("ecr").create_repository(repositoryName=name)["repository"])
