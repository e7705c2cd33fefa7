"""Small images have one digest on every machine, and a lifecycle policy deletes what AWS documents."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from esaws.course.images import build_image
from esaws.course.lifecycle_policy import StoredImage, expired

NOW = datetime(2022, 3, 1, tzinfo=UTC)


def test_an_image_has_the_same_digest_on_every_machine():
    assert build_image("web", "1").digest == "sha256:8d0896c442cc7dc53436667c8ab688047b51a4381316b168061fb736afb671f3"


def test_another_version_has_another_digest():
    assert build_image("web", "1").digest != build_image("web", "2").digest


@pytest.mark.server
def test_a_push_adds_the_image_and_its_tag_and_may_be_repeated(cloud):
    ecr = cloud.client("ecr")
    ecr.create_repository(repositoryName="web")
    image = build_image("web", "1")
    for tag in ("1", "1", "stable"):
        image.push(cloud, "web", tag)
    [stored] = ecr.describe_images(repositoryName="web")["imageDetails"]
    assert (stored["imageDigest"], sorted(stored["imageTags"])) == (image.digest, ["1", "stable"])


def image(day: int, *tags: str) -> StoredImage:
    """An image that was pushed some days ago."""
    return StoredImage(tags, NOW - timedelta(days=day))


def policy(*selections: dict[str, object]) -> str:
    rules = [
        {"rulePriority": number, "selection": selection, "action": {"type": "expire"}}
        for number, selection in enumerate(selections, start=1)
    ]
    return json.dumps({"rules": rules[::-1]})


IMAGES = [image(1, "v3"), image(2, "v2"), image(3, "dev-1"), image(4), image(40, "v1"), image(41)]
MORE_THAN = {"countType": "imageCountMoreThan"}
OLDER = {"countType": "sinceImagePushed", "countUnit": "days"}


@pytest.mark.parametrize(
    ("selections", "days"),
    [
        ([{"tagStatus": "any", **MORE_THAN, "countNumber": 2}], {3, 4, 40, 41}),
        ([{"tagStatus": "untagged", **MORE_THAN, "countNumber": 1}], {41}),
        ([{"tagStatus": "tagged", "tagPrefixList": ["v"], **MORE_THAN, "countNumber": 2}], {40}),
        ([{"tagStatus": "tagged", "tagPatternList": ["*"], **MORE_THAN, "countNumber": 3}], {40}),
        ([{"tagStatus": "tagged", "tagPatternList": ["v*", "dev*"], **MORE_THAN, "countNumber": 0}], set()),
        ([{"tagStatus": "any", **OLDER, "countNumber": 30}], {40, 41}),
        (
            [
                {"tagStatus": "untagged", **OLDER, "countNumber": 30},
                {"tagStatus": "any", **MORE_THAN, "countNumber": 3},
            ],
            {40, 41},
        ),
    ],
    ids=["any", "untagged", "prefix", "pattern", "all patterns", "days", "two rules"],
)
def test_a_policy_deletes_what_its_rules_select_in_the_order_of_their_priorities(selections, days):
    deleted = expired(policy(*selections), IMAGES, NOW)
    assert {(NOW - image.pushed).days for image in deleted} == days
