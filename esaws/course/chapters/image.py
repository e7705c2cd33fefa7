"""Chapter 04: repositories, tags and digests, and why `latest` hurts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esaws import course
from esaws.architecture import Architecture
from esaws.aws import pages, tag_dict
from esaws.cloud import Cloud
from esaws.course.chapters._few_images import FEW
from esaws.course.exercises import Attempt, Chapter, Exercise, Point, Values, Wrong
from esaws.course.images import build_image
from esaws.course.seed import Seed
from esaws.deploy.plan import plan_deploy
from esaws.reference.seccom import SERVICES, seccom
from esaws.resources.ecr_image import ECRImage
from esaws.resources.ecr_repository import ECRRepository

WEB = "client-web-ui"
"""The repository of the exercise about `latest`."""


def start() -> Architecture:
    """Return the repositories of SecCom, all empty."""
    return seccom("ha").just(ECRRepository)


class _Repository:
    """A repository as ECR describes it."""

    def __init__(self, cloud: Cloud, name: str) -> None:
        self.cloud = cloud
        self.aws_name = cloud.aws_name(name)
        described = pages(cloud, "ecr", "describe_repositories", "repositories")
        self.raw = next((raw for raw in described if raw["repositoryName"] == self.aws_name), None)

    @property
    def images(self) -> list[Mapping[str, Any]]:
        """The images, each with its digest and its tags."""
        if self.raw is None:
            return []
        return list(pages(self.cloud, "ecr", "describe_images", "imageDetails", repositoryName=self.aws_name))

    def tags_of(self, digest: str) -> list[str]:
        """Return the tags of an image, sorted."""
        return sorted(tag for raw in self.images if raw["imageDigest"] == digest for tag in raw.get("imageTags", ()))

    def digest_of(self, tag: str) -> str | None:
        """Return the digest of the image that a tag points at."""
        return next((raw["imageDigest"] for raw in self.images if tag in raw.get("imageTags", ())), None)

    def all_tags(self) -> str:
        """Return all tags as text."""
        return ", ".join(sorted(tag for raw in self.images for tag in raw.get("imageTags", ()))) or "none"

    def look(self) -> str:
        """Return the CLI line that shows the images."""
        return f"aws ecr describe-images --repository-name {self.aws_name}"


def _version(seed: Seed) -> str:
    return f"{seed.between(1, 9)}.{seed.between(0, 19)}.{seed.between(0, 19)}"


# --- push a version


def _check_push(attempt: Attempt) -> Iterator[Point]:
    mine, repository = attempt.mine, _Repository(attempt.cloud, "thumbnails")
    yield Point(
        f"The repository {repository.aws_name} exists",
        ok=repository.raw is not None,
        found="there is no repository of this name",
        look_at="aws ecr describe-repositories --query 'repositories[].repositoryName'",
        is_needed=True,
    )
    if repository.raw is None:
        return
    tags = attempt.cloud.client("ecr").list_tags_for_resource(resourceArn=repository.raw["repositoryArn"])["tags"]
    yield Point(
        "A teardown finds it by its tags",
        ok=attempt.cloud.owned_name(tag_dict(tags)) == "thumbnails",
        found="it has no tags of this deployment",
        look_at='cloud.tags("thumbnails")',
    )
    digest = repository.digest_of(mine.tag)
    yield Point(
        f"The tag {mine.tag} points at an image",
        ok=digest is not None,
        found=f"the tags are {repository.all_tags()}",
        look_at=repository.look(),
        is_needed=True,
    )
    yield Point(
        "It is the image that was built for this version",
        ok=digest == build_image("thumbnails", mine.tag).digest,
        found="the tag points at another image" if digest else f"no image has the tag {mine.tag}",
        look_at="image.digest, and the imageDigest of the repository's image",
    )


def _push_by_plan(cloud: Cloud, mine: Values) -> None:
    plan_deploy([ECRRepository(name="thumbnails")], cloud).apply()
    image, name = course.build_image("thumbnails", mine.tag), cloud.aws_name("thumbnails")
    image.upload(cloud, name)
    cloud.client("ecr").put_image(repositoryName=name, imageManifest=image.manifest, imageTag=mine.tag)


def _push_by_boto3(cloud: Cloud, mine: Values) -> None:
    tags = [{"Key": key, "Value": value} for key, value in cloud.tags("thumbnails").items()]
    cloud.client("ecr").create_repository(repositoryName=cloud.aws_name("thumbnails"), tags=tags)
    course.build_image("thumbnails", mine.tag).push(cloud, cloud.aws_name("thumbnails"), mine.tag)


def _push_as_latest(cloud: Cloud, mine: Values) -> None:
    plan_deploy([ECRRepository(name="thumbnails")], cloud).apply()
    build_image("thumbnails", mine.tag).push(cloud, cloud.aws_name("thumbnails"), "latest")


def _push_a_placeholder(cloud: Cloud, mine: Values) -> None:
    plan_deploy([ECRImage(repository=ECRRepository(name="thumbnails"), tag=mine.tag)], cloud).apply()


PUSH = Exercise(
    "04-push",
    prompt="Create a repository `thumbnails` for the team's seventh service. Push the image "
    '`course.build_image("thumbnails", "{mine.tag}")` to it under the tag `{mine.tag}`.',
    values=lambda seed: {"tag": _version(seed)},
    check=_check_push,
    hints=(
        "What has to exist before an image can be pushed, and what is its name on AWS?",
        '`cloud.aws_name("thumbnails")` is the name on AWS. Upload the layers first, then put the manifest.',
        "`image.upload(cloud, name)`, then "
        '`ecr.put_image(repositoryName=name, imageManifest=image.manifest, imageTag="{mine.tag}")`.',
    ),
    solutions=(_push_by_plan, _push_by_boto3),
    wrong=(Wrong(_push_as_latest, "the tags are latest"), Wrong(_push_a_placeholder, "another image")),
    notices=("ECRRepository:thumbnails",),
)


# --- the version before `latest` moved


BEFORE, AFTER = build_image(WEB, "monday"), build_image(WEB, "tuesday")
"""The images that CI pushed under `latest`, in this order."""


def _start_roll_back(cloud: Cloud, mine: Values) -> None:
    """Push twice under `latest`, as the team's CI did on each push to the main branch."""
    plan_deploy([ECRRepository(name=WEB)], cloud).apply()
    for image in (BEFORE, AFTER):
        image.push(cloud, cloud.aws_name(WEB), "latest")


def _check_roll_back(attempt: Attempt) -> Iterator[Point]:
    mine, repository = attempt.mine, _Repository(attempt.cloud, WEB)
    digest = repository.digest_of(mine.tag)
    yield Point(
        f"An image of {WEB} has the tag {mine.tag}",
        ok=digest is not None,
        found=f"the tags are {repository.all_tags()}",
        look_at=repository.look(),
        is_needed=True,
    )
    yield Point(
        "It is the image that `latest` pointed at before",
        ok=digest == BEFORE.digest,
        found="the tag points at the new image" if digest == AFTER.digest else "no image has the tag",
        look_at="the image without a tag: --filter tagStatus=UNTAGGED",
    )
    yield Point(
        "`latest` still points at the new image",
        ok=repository.digest_of("latest") == AFTER.digest,
        found="latest was moved" if repository.digest_of("latest") else "no image has the tag latest",
        look_at=repository.look(),
    )
    yield Point(
        "Both images are still there",
        ok={raw["imageDigest"] for raw in repository.images} >= {BEFORE.digest, AFTER.digest},
        found=f"the repository has {len(repository.images)} images",
        look_at=repository.look(),
    )


def _roll_back_by_digest(cloud: Cloud, mine: Values) -> None:
    ecr, name = cloud.client("ecr"), cloud.aws_name("client-web-ui")
    untagged = ecr.list_images(repositoryName=name, filter={"tagStatus": "UNTAGGED"})["imageIds"]
    before = ecr.batch_get_image(repositoryName=name, imageIds=untagged)["images"][0]
    ecr.put_image(repositoryName=name, imageManifest=before["imageManifest"], imageTag=mine.tag)


def _roll_back_by_building_again(cloud: Cloud, mine: Values) -> None:
    # The same content has the same digest, so that this adds a tag and no image.
    course.build_image("client-web-ui", "monday").push(cloud, cloud.aws_name("client-web-ui"), mine.tag)


def _roll_back_by_moving_latest(cloud: Cloud, mine: Values) -> None:
    name = cloud.aws_name(WEB)
    for tag in ("latest", mine.tag):
        cloud.client("ecr").put_image(repositoryName=name, imageManifest=BEFORE.manifest, imageTag=tag)


def _tag_the_new_image(cloud: Cloud, mine: Values) -> None:
    AFTER.push(cloud, cloud.aws_name(WEB), mine.tag)


ROLL_BACK = Exercise(
    "04-roll-back",
    prompt="CI pushed `client-web-ui` twice under the tag `latest`. The new image is broken. Give the image *before* "
    "it the tag `{mine.tag}`, so that a task definition can name it. Leave `latest` where it is.",
    values=lambda seed: {"tag": f"before-{seed.letters(4)}"},
    check=_check_roll_back,
    start=_start_roll_back,
    hints=(
        "What became of the image that had the tag before? `describe-images` lists it.",
        "It has a digest and no tag. `list_images` takes a filter: `tagStatus` `UNTAGGED`.",
        "`ecr.batch_get_image(repositoryName=…, imageIds=…)` returns its manifest; "
        '`ecr.put_image(…, imageManifest=…, imageTag="{mine.tag}")` gives it a tag.',
    ),
    solutions=(_roll_back_by_digest, _roll_back_by_building_again),
    wrong=(Wrong(_roll_back_by_moving_latest, "latest was moved"), Wrong(_tag_the_new_image, "at the new image")),
    notices=(f"ECRRepository:{WEB}",),
)


# --- tags that can't move


def _settings(cloud: Cloud) -> dict[str, str]:
    """Return whether tags are mutable, by repository of the deployment."""
    described = pages(cloud, "ecr", "describe_repositories", "repositories")
    prefix = cloud.aws_name("")
    return {
        raw["repositoryName"].removeprefix(prefix): raw["imageTagMutability"]
        for raw in described
        if raw["repositoryName"].startswith(prefix)
    }


def _check_immutable(attempt: Attempt) -> Iterator[Point]:
    name, settings = attempt.mine.repository, _settings(attempt.cloud)
    yield Point(
        f"The tags of {name} are immutable",
        ok=settings.get(name) == "IMMUTABLE",
        found=f"imageTagMutability is {settings[name]}" if name in settings else "there is no such repository",
        look_at="aws ecr put-image-tag-mutability help",
        is_needed=True,
    )
    others = sorted(other for other in SERVICES if other != name and settings.get(other) == "IMMUTABLE")
    yield Point(
        "Those of the other repositories can still move",
        ok=not others,
        found=f"immutable, too: {', '.join(others)}",
        look_at="aws ecr describe-repositories --query 'repositories[].[repositoryName,imageTagMutability]'",
    )


def _immutable_by_boto3(cloud: Cloud, mine: Values) -> None:
    cloud.client("ecr").put_image_tag_mutability(
        repositoryName=cloud.aws_name(mine.repository), imageTagMutability="IMMUTABLE"
    )


def _immutable_by_a_new_repository(cloud: Cloud, mine: Values) -> None:
    # An empty repository loses nothing; one with images would lose them.
    ecr, name = cloud.client("ecr"), cloud.aws_name(mine.repository)
    ecr.delete_repository(repositoryName=name)
    tags = [{"Key": key, "Value": value} for key, value in cloud.tags(mine.repository).items()]
    ecr.create_repository(repositoryName=name, imageTagMutability="IMMUTABLE", tags=tags)


def _scan_instead(cloud: Cloud, mine: Values) -> None:
    plan_deploy([ECRRepository(name=mine.repository, scan_on_push=True)], cloud).apply()


def _all_immutable(cloud: Cloud, mine: Values) -> None:
    for name in SERVICES:
        cloud.client("ecr").put_image_tag_mutability(
            repositoryName=cloud.aws_name(name), imageTagMutability="IMMUTABLE"
        )


IMMUTABLE = Exercise(
    "04-immutable",
    prompt="Make the tags of `{mine.repository}` immutable: a tag that exists can't point at another image. "
    "Leave the other repositories as they are.",
    values=lambda seed: {"repository": seed.choice(["hdm", "intrusion-management-api", "sites-management-api"])},
    check=_check_immutable,
    hints=(
        "Is that a property of an image, of a tag or of a repository?",
        "`aws ecr describe-repositories` shows the field `imageTagMutability`.",
        "`aws ecr put-image-tag-mutability --repository-name … --image-tag-mutability IMMUTABLE`.",
    ),
    solutions=(_immutable_by_boto3, _immutable_by_a_new_repository),
    wrong=(Wrong(_scan_instead, "MUTABLE"), Wrong(_all_immutable, "immutable, too")),
    notices=("ECRRepository:{mine.repository}",),
)


CHAPTER = Chapter(
    "04",
    "Image",
    minutes=25,
    start=start,
    exercises=(PUSH, ROLL_BACK, IMMUTABLE, FEW),
    predictions=("04-images", "04-latest", "04-second-push", "04-storage"),
)
