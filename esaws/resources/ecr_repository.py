"""An ECR repository for the images of one service."""

from dataclasses import dataclass
from typing import Self

from esaws.aws import ignore_codes, pages, tag_dict, tag_list
from esaws.cloud import Cloud
from esaws.documented import ANY_TAG, BOOLEAN, ITSELF, Always, Call, Field, Name, Text, tags
from esaws.resource import Live, Lives, Resource

NO_REPOSITORY = "RepositoryNotFoundException"


REPOSITORY_NAME = Text(
    2,
    256,
    r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*",
    "lower-case letters and digits, with . _ - / between them",
)
"""What the name of a repository takes."""


@dataclass(frozen=True, kw_only=True)
class ECRRepository(Resource):
    """A private repository. `scan_on_push` scans every pushed image for known vulnerabilities."""

    scan_on_push: bool = False

    in_place = frozenset({"scan_on_push"})
    icon = "aws.compute.EC2ContainerRegistry"
    free = "AWS charges for the images in a repository, not for the repository"
    permissions = (
        "ecr:CreateRepository",
        "ecr:DeleteRepository",
        "ecr:DescribeRepositories",
        "ecr:ListTagsForResource",
        "ecr:PutImageScanningConfiguration",
        "ecr:TagResource",
    )
    documented = (
        Call(
            "https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html",
            {
                "repositoryName": Name(REPOSITORY_NAME),
                "imageScanningConfiguration.scanOnPush": Field("scan_on_push", BOOLEAN),
                **tags("tags", ANY_TAG),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImageScanningConfiguration.html",
            {"repositoryName": ITSELF, "imageScanningConfiguration.scanOnPush": Field("scan_on_push", BOOLEAN)},
        ),
        Call(
            "https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteRepository.html",
            {"repositoryName": ITSELF, "force": Always(True, BOOLEAN)},
        ),
    )

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        lives = []
        for raw in pages(cloud, "ecr", "describe_repositories", "repositories"):
            if not raw["repositoryName"].startswith(cloud.aws_name("")):
                continue
            with ignore_codes(NO_REPOSITORY):
                tags = cloud.client("ecr").list_tags_for_resource(resourceArn=raw["repositoryArn"])["tags"]
                if name := cloud.owned_name(tag_dict(tags)):
                    scanning = raw.get("imageScanningConfiguration", {})
                    observed = {"scan_on_push": scanning.get("scanOnPush", False)}
                    lives.append(Live(cls.kind, name, raw["repositoryName"], fields=observed, raw=raw))
        return lives

    def create(self, cloud: Cloud) -> None:
        created = cloud.client("ecr").create_repository(
            repositoryName=cloud.aws_name(self.name),
            imageScanningConfiguration={"scanOnPush": self.scan_on_push},
            tags=tag_list(cloud.tags(self.name)),
        )
        self.remember_id(cloud, created["repository"]["repositoryName"])

    def update(self, cloud: Cloud, live: Live) -> None:
        cloud.client("ecr").put_image_scanning_configuration(
            repositoryName=live.id, imageScanningConfiguration={"scanOnPush": self.scan_on_push}
        )

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        with ignore_codes(NO_REPOSITORY):
            cloud.client("ecr").delete_repository(repositoryName=live.id, force=True)  # with its images

    @classmethod
    def example(cls) -> Self:
        return cls(name="web")
