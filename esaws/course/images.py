"""Small container images for the course: one file each, built without Docker, the same bytes on every machine."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from functools import cached_property

from esaws.aws import ignore_codes
from esaws.cloud import Cloud
from esaws.resources.ecr_image import upload_layer

_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True)
class SmallImage:
    """An image with one layer, in which one file holds the name and the version.

    The format is https://github.com/opencontainers/image-spec/blob/main/manifest.md.
    """

    name: str
    version: str

    @cached_property
    def layer(self) -> bytes:
        """The layer: a tar archive. It is not compressed, since compressors give different bytes."""
        content = f"{self.name} {self.version}\n".encode()
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            file = tarfile.TarInfo("version")
            file.size = len(content)
            tar.addfile(file, io.BytesIO(content))
        return archive.getvalue()

    @cached_property
    def config(self) -> bytes:
        """The configuration: how to run it."""
        rootfs = {"type": "layers", "diff_ids": [_digest(self.layer)]}
        return json.dumps({"architecture": "amd64", "os": "linux", "rootfs": rootfs}).encode()

    @cached_property
    def manifest(self) -> str:
        """The manifest, which names the configuration and the layer by their digests."""
        return json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": _MANIFEST_TYPE,
                "config": {"mediaType": _CONFIG_TYPE, "size": len(self.config), "digest": _digest(self.config)},
                "layers": [{"mediaType": _LAYER_TYPE, "size": len(self.layer), "digest": _digest(self.layer)}],
            }
        )

    @property
    def digest(self) -> str:
        """The digest of the image: the hash of its manifest."""
        return _digest(self.manifest.encode())

    def upload(self, cloud: Cloud, repository: str) -> None:
        """Upload layer and configuration to a repository, without a tag: the first half of `docker push`.

        Args:
            cloud: the account.
            repository: the name on AWS, with the prefix of the deployment.
        """
        ecr = cloud.client("ecr")
        for content in (self.config, self.layer):
            upload_layer(ecr, repository, io.BytesIO(content), _digest(content))

    def push(self, cloud: Cloud, repository: str, tag: str) -> None:
        """Upload the image, and let a tag point at it: what `docker push` does. A tag that has it already stays."""
        self.upload(cloud, repository)
        with ignore_codes("ImageAlreadyExistsException"):
            cloud.client("ecr").put_image(repositoryName=repository, imageManifest=self.manifest, imageTag=tag)


def build_image(name: str, version: str) -> SmallImage:
    """Return an image whose content is its name and version; the same arguments give the same digest."""
    return SmallImage(name, version)


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
