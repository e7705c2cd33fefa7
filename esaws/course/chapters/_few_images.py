"""An exercise of chapter 04: a lifecycle policy that keeps the newest images of a repository."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from esaws.aws import error_code
from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Exercise, Point, Values, Wrong
from esaws.course.lifecycle_policy import StoredImage, expired


def _images(count: int) -> list[StoredImage]:
    """Return images as CI would push them: one a day, each with a tag, the newest first."""
    newest = datetime(2022, 2, 28, tzinfo=UTC)
    return [StoredImage((f"1.0.{count - day}",), newest - timedelta(days=day)) for day in range(count)]


def _check_few(attempt: Attempt) -> Iterator[Point]:
    keep, repository = attempt.mine.keep, attempt.cloud.aws_name("cameras-api")
    policy = _policy(attempt.cloud, repository)
    yield Point(
        f"{repository} has a lifecycle policy",
        ok=policy is not None,
        found="there is none",
        look_at=f"aws ecr get-lifecycle-policy --repository-name {repository}",
        is_needed=True,
    )
    if policy is None:
        return
    pushed = _images(keep + 20)
    try:
        deleted = expired(policy, pushed, datetime(2022, 3, 1, tzinfo=UTC))
    except (KeyError, ValueError) as error:
        yield Point("The policy can be read", False, f"{type(error).__name__}: {error}", "the AWS page on its format")
        return
    left = [image for image in pushed if image not in deleted]
    yield Point(
        f"Of {len(pushed)} images, one pushed a day, it keeps {keep}",
        ok=len(left) == keep,
        found=f"it keeps {len(left)}",
        look_at="countNumber and countType, and which images the rule selects",
        is_needed=True,
    )
    yield Point(
        "It keeps the newest",
        ok=left == pushed[: len(left)] and bool(left),
        found="it deletes newer images than it keeps" if left else "it keeps none",
        look_at="the priorities of the rules",
    )
    quiet = [StoredImage(image.tags, image.pushed - timedelta(days=365)) for image in _images(keep)]
    yield Point(
        "It keeps them even if nothing is pushed for a year",
        ok=not expired(policy, quiet, datetime(2022, 3, 1, tzinfo=UTC)),
        found="it counts days, so that a service that is never pushed loses all its images",
        look_at="countType",
    )


def _policy(cloud: Cloud, repository: str) -> str | None:
    try:
        return str(cloud.client("ecr").get_lifecycle_policy(repositoryName=repository)["lifecyclePolicyText"])
    except ClientError as error:
        if error_code(error) in ("LifecyclePolicyNotFoundException", "RepositoryNotFoundException"):
            return None
        raise


def _put_policy(cloud: Cloud, **selection: Any) -> None:
    rule = {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}
    cloud.client("ecr").put_lifecycle_policy(
        repositoryName=cloud.aws_name("cameras-api"), lifecyclePolicyText=json.dumps({"rules": [rule]})
    )


def _few_of_any(cloud: Cloud, mine: Values) -> None:
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": mine.keep}
    rule = {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}
    cloud.client("ecr").put_lifecycle_policy(
        repositoryName=cloud.aws_name("cameras-api"), lifecyclePolicyText=json.dumps({"rules": [rule]})
    )


def _few_with_tags(cloud: Cloud, mine: Values) -> None:
    untagged = {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 1}
    tagged = {"tagStatus": "tagged", "tagPatternList": ["*"], "countType": "imageCountMoreThan"}
    selections = [untagged, tagged | {"countNumber": mine.keep}]
    rules = [
        {"rulePriority": number, "selection": selection, "action": {"type": "expire"}}
        for number, selection in enumerate(selections, start=1)
    ]
    cloud.client("ecr").put_lifecycle_policy(
        repositoryName=cloud.aws_name("cameras-api"), lifecyclePolicyText=json.dumps({"rules": rules})
    )


def _few_untagged(cloud: Cloud, mine: Values) -> None:
    _put_policy(cloud, tagStatus="untagged", countType="imageCountMoreThan", countNumber=mine.keep)


def _few_days(cloud: Cloud, mine: Values) -> None:
    _put_policy(cloud, tagStatus="any", countType="sinceImagePushed", countUnit="days", countNumber=mine.keep)


FEW = Exercise(
    "04-few",
    prompt="CI pushes `cameras-api` every day, and each image is stored for ever. Keep the newest {mine.keep} images "
    "of this repository, and let ECR delete the others.",
    values=lambda seed: {"keep": seed.between(3, 12)},
    check=_check_few,
    hints=(
        "Should the rule count images or days, if nothing is pushed for a month?",
        "[Lifecycle policies](https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html) select "
        "images by `tagStatus`, and count them by `countType`.",
        "`ecr.put_lifecycle_policy(repositoryName=…, lifecyclePolicyText=…)` with `tagStatus` `any`, `countType` "
        "`imageCountMoreThan` and `countNumber` {mine.keep}.",
    ),
    solutions=(_few_of_any, _few_with_tags),
    wrong=(Wrong(_few_untagged, "it keeps"), Wrong(_few_days, "it counts days")),
)
