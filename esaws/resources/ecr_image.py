"""An image tag in a repository: an empty placeholder until the user pushes a real image."""

import base64
import hashlib
import io
import json
from dataclasses import dataclass
from typing import Any, BinaryIO, Self

from botocore.exceptions import ClientError

from esaws.aws import error_code, ignore_codes, pages
from esaws.cloud import Cloud
from esaws.documented import ID, NOT_DOCUMENTED, Always, Between, Call, Field, Made, Text, Unchecked
from esaws.errors import NotDeployed
from esaws.resource import Index, Live, Lives, Ref, Resource
from esaws.resources.ecr_repository import NO_REPOSITORY, ECRRepository

_TAG = Text(1, 128, r"[A-Za-z0-9_][A-Za-z0-9._-]*", "letters, digits and any of ._-, not . or - first")
_TAG_PAGE = "https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests"
_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_PART = 10 << 20
"""Bytes."""
_UPLOADS = 3
_SENT_TWICE = ("InvalidLayerPartException", "UploadNotFoundException")

# An empty tar archive, compressed. Stored as bytes, because compressors differ and the digest depends on them.
_LAYER = base64.b64decode("H4sIAAAJbogA/2IYBaNgFIxYAAgAAP//Lq+17wAEAAA=")
_LAYER_UNCOMPRESSED = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
_CONFIG = json.dumps(
    {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [_LAYER_UNCOMPRESSED]}}
).encode()


def is_tag(text: str) -> bool:
    """Whether ECR accepts a text as the tag of an image."""
    return _TAG.accepts(text)


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def upload_layer(ecr: Any, repository: str, content: BinaryIO, digest: str) -> None:
    """Upload a layer or a configuration, as `docker push` does. What the repository has already is kept.

    botocore sends a call again whose answer was lost. ECR refuses a part that it has, and the end of an upload that has
    ended; the layer is then uploaded anew.
    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UploadLayerPart.html

    Raises:
        botocore.exceptions.ClientError: ECR refuses it.
    """
    for left in reversed(range(_UPLOADS)):
        content.seek(0)
        try:
            return _upload_once(ecr, repository, content, digest)
        except ClientError as error:
            if not left or error_code(error) not in _SENT_TWICE:
                raise


def _upload_once(ecr: Any, repository: str, content: BinaryIO, digest: str) -> None:
    upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    position = 0
    while part := content.read(_PART):
        ecr.upload_layer_part(
            repositoryName=repository,
            uploadId=upload,
            partFirstByte=position,
            partLastByte=position + len(part) - 1,
            layerPartBlob=part,
        )
        position += len(part)
    with ignore_codes("LayerAlreadyExistsException"):
        ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest])


def _blob(media_type: str, content: bytes) -> dict[str, str | int]:
    return {"mediaType": media_type, "size": len(content), "digest": _digest(content)}


MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": _MANIFEST_TYPE,
        "config": _blob("application/vnd.oci.image.config.v1+json", _CONFIG),
        "layers": [_blob("application/vnd.oci.image.layer.v1.tar+gzip", _LAYER)],
    }
)
"""The smallest image. Its digest is always the same, which identifies the placeholder."""


@dataclass(frozen=True, kw_only=True)
class ECRImage(Resource):
    """The image that `tag` points at. An image that the user pushed is kept and listed as `foreign`."""

    repository: ECRRepository
    tag: str = "latest"

    icon = "aws.compute.EC2ContainerRegistryImage"
    free = "the placeholder has less than a kilobyte"
    permissions = (
        "ecr:BatchDeleteImage",
        "ecr:CompleteLayerUpload",
        "ecr:DescribeImages",
        "ecr:DescribeRepositories",
        "ecr:InitiateLayerUpload",
        "ecr:ListTagsForResource",
        "ecr:PutImage",
        "ecr:UploadLayerPart",
    )
    documented = (
        Call(
            "https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_InitiateLayerUpload.html",
            {"repositoryName": Field("repository")},
        ),
        Call(
            "https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UploadLayerPart.html",
            {
                "repositoryName": Field("repository"),
                "uploadId": Made(ID),
                "partFirstByte": Always(0, Between(0)),
                "partLastByte": Made(Unchecked("the size of the layer minus one")),
                "layerPartBlob": Made(Unchecked("up to 20,971,520 bytes")),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CompleteLayerUpload.html",
            {
                "repositoryName": Field("repository"),
                "uploadId": Made(ID),
                "layerDigests[]": Made(Unchecked("the algorithm, a colon and the digest")),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html",
            {
                "repositoryName": Field("repository"),
                "imageManifest": Made(Unchecked("up to 4,194,304 characters")),
                "imageManifestMediaType": Always(_MANIFEST_TYPE, NOT_DOCUMENTED),
                "imageTag": Field("tag", _TAG, _TAG_PAGE),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html",
            {"repositoryName": Field("repository"), "imageIds[].imageTag": Field("tag", _TAG, _TAG_PAGE)},
        ),
    )

    def default_name(self) -> str:
        return f"{self.repository.name}:{self.tag}"

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        lives = []
        for repository in ECRRepository.listed(cloud):
            with ignore_codes(NO_REPOSITORY):
                for raw in pages(cloud, "ecr", "describe_images", "imageDetails", repositoryName=repository.id):
                    lives += [cls._live(repository, tag, raw) for tag in raw.get("imageTags", ())]
        return lives

    @classmethod
    def _live(cls, repository: Live, tag: str, raw: dict[str, object]) -> Live:
        return Live(
            cls.kind,
            f"{repository.name}:{tag}",
            f"{repository.raw['repositoryUri']}:{tag}",
            parents=frozenset({Ref("ECRRepository", repository.id)}),
            fields={"repository": repository.id, "tag": tag},
            raw=raw,
            foreign=raw["imageDigest"] != _digest(MANIFEST.encode()),
        )

    def find(self, index: Index) -> Live | None:
        """Return the placeholder, or the image that the user pushed in its place."""
        return super().find(index) or next((live for live in index if live.key == self.key), None)

    def id_in(self, cloud: Cloud) -> str:
        """Return the image URI: registry, repository and tag."""
        if self.key not in cloud.known_ids:
            live = self.find(Index(self.list(cloud)))
            if live is None:
                raise NotDeployed(f"{self} is not deployed in {cloud.region}; apply its plan first")
            return live.id
        return cloud.known_ids[self.key]

    def create(self, cloud: Cloud) -> None:
        ecr, repository = cloud.client("ecr"), self.repository.id_in(cloud)
        # Putting an image under an existing tag would move the tag away from the pushed image.
        exists = False
        with ignore_codes("ImageNotFoundException"):
            described = ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": self.tag}])
            exists = bool(described["imageDetails"])
        if exists:
            return
        for content in (_CONFIG, _LAYER):
            upload_layer(ecr, repository, io.BytesIO(content), _digest(content))
        with ignore_codes("ImageAlreadyExistsException"):
            ecr.put_image(
                repositoryName=repository,
                imageManifest=MANIFEST,
                imageManifestMediaType=_MANIFEST_TYPE,
                imageTag=self.tag,
            )

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        with ignore_codes(NO_REPOSITORY):  # deleting a missing image is not an error
            image = {"imageTag": live.fields["tag"]}
            cloud.client("ecr").batch_delete_image(repositoryName=live.fields["repository"], imageIds=[image])

    @classmethod
    def example(cls) -> Self:
        return cls(repository=ECRRepository.example())
