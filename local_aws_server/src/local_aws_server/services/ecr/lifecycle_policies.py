"""Delete images by lifecycle policies, and preview what they delete.

AWS deletes an image within 24 hours after it meets the criteria; here it is twelve hours after.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import NOT_SIMULATED, Behaviour
from local_aws_server.billing.calendar import to_datetime
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import record_event
from local_aws_server.clock.isolation import each
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before, patch, reconciler, replace
from local_aws_server.services.ecr.lifecycle_rules import (
    StoredImage,
    expiring,
    next_expiry,
    parse_rules,
    policy_problem,
)

_POLICIES = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html"
_PARAMETERS = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html"

BEHAVIOURS = (
    Behaviour(
        service="ECR",
        statement="A lifecycle policy deletes images twelve hours after they meet its criteria: by count, age or last "
        "pull, tags and priority; a preview shows them.",
        documentation=(_POLICIES, _PARAMETERS),
    ),
    Behaviour(
        service="ECR",
        fidelity=NOT_SIMULATED,
        statement="The archive storage class: a lifecycle policy with the action transition is refused with "
        "NotSimulated.",
        documentation=(_PARAMETERS,),
    ),
)

_DELAY_SECONDS = 12 * 3600.0
_COUNT_TYPES = ("imageCountMoreThan", "sinceImagePushed", "sinceImagePulled")


@before("ecr", "PutLifecyclePolicy", "StartLifecyclePolicyPreview")
def validate_policy(call: Call) -> None:
    text = call.params.get("lifecyclePolicyText")
    if text is None:
        return
    if '"transition"' in text or "sinceImageTransitioned" in text or '"storageClass"' in text:
        message = "the local AWS does not simulate the archive storage class of lifecycle policies"
        raise AwsError("NotSimulated", message, 501)
    if problem := policy_problem(text):
        raise AwsError(
            "InvalidParameterException",
            "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation "
            f"failure: {problem}'",
        )


@patch("moto.ecr.policy_validation", "EcrLifecyclePolicyValidator._validate_selection_count_type")
def validate_count_type(self: Any, count_type: Any) -> None:
    """Allow the age since the last pull too."""
    from moto.ecr.exceptions import InvalidParameterException

    if count_type not in _COUNT_TYPES:
        text = "instance failed to match exactly one schema (matched 0 out of 2)"
        raise InvalidParameterException(f"{self.INVALID_PARAMETER_ERROR_MESSAGE}{text}")


# --- evaluation


@reconciler("ecr", order=80)
def expire_images(backends: Backends) -> float | None:
    repositories = [each for each in backends.backend("ecr").repositories.values() if each.lifecycle_policy]
    return each(backends, "repository", repositories, lambda each: each.name, lambda each: _expire(backends, each))


def _expire(backends: Backends, repository: Any) -> float | None:
    """Delete the images of a repository that are due; returns when the next ones are."""
    now, notes, rules = CLOCK.now(), sidecar(repository), parse_rules(repository.lifecycle_policy)
    images = stored_images(repository)
    doomed = expiring(rules, images, now)
    if doomed and now >= notes.setdefault("expires_at", now + _DELAY_SECONDS):
        repository.images[:] = [image for image in repository.images if image.image_digest not in doomed]
        notes["evaluated_at"] = now
        count = f"{len(doomed)} image{'s' if len(doomed) > 1 else ''}"
        record_event(backends, repository.name, f"{count} expired", "lifecycle policy")
        SCHEDULER.mark_changed(backends, "ecr")  # for the meter
        images, doomed = stored_images(repository), {}
    if doomed:
        return float(notes["expires_at"])
    notes.pop("expires_at", None)
    return next_expiry(rules, images, now)


def stored_images(repository: Any) -> list[StoredImage]:
    """Return the images of a repository, the first pushed first."""
    return [
        StoredImage(
            image.image_digest,
            tuple(image.image_tags),
            image.image_pushed_at + number * 1e-6,  # moto counts seconds; images are in the order of their push
            sidecar(image).get("pulled_at"),
            _parts(image),
        )
        for number, image in enumerate(repository.images)
    ]


def _parts(image: Any) -> frozenset[str]:
    manifest = json.loads(image.image_manifest)
    return frozenset(part["digest"] for part in manifest.get("manifests") or () if "digest" in part)


@after("ecr", "BatchGetImage")
def note_pulls(call: Call) -> None:
    """Note the time of a pull, and evaluate later what depends on it."""
    digests = {each["imageId"].get("imageDigest") for each in call.result.get("images", ())}
    repository = call.backends.backend("ecr").repositories[call.params["repositoryName"]]
    for image in repository.images:
        if image.image_digest in digests:
            sidecar(image)["pulled_at"] = CLOCK.now()


@after("ecr", "DescribeImages")
def show_pulls(call: Call) -> None:
    repository = call.backends.backend("ecr").repositories[call.params["repositoryName"]]
    pulled = {image.image_digest: time for image in repository.images if (time := sidecar(image).get("pulled_at"))}
    for described in call.result["imageDetails"] if pulled else ():
        if time := pulled.get(described["imageDigest"]):
            described["lastRecordedPullTime"] = to_datetime(time)


@after("ecr", "GetLifecyclePolicy", "DeleteLifecyclePolicy")
def show_evaluation(call: Call) -> None:
    repository = call.backends.backend("ecr").repositories[call.params["repositoryName"]]
    evaluated = sidecar(repository).get("evaluated_at")
    call.result["lastEvaluatedAt"] = to_datetime(evaluated if evaluated else sidecar(repository).get("policy_set", 0.0))


@after("ecr", "PutLifecyclePolicy")
def note_policy(call: Call) -> None:
    notes = sidecar(call.backends.backend("ecr").repositories[call.params["repositoryName"]])
    notes["policy_set"] = CLOCK.now()
    notes.pop("expires_at", None)


# --- previews


@replace("ecr", "StartLifecyclePolicyPreview")
def start_preview(call: Call) -> dict[str, Any]:
    from moto.ecr.exceptions import LifecyclePolicyNotFoundException
    from moto.ecr.policy_validation import EcrLifecyclePolicyValidator

    repository = _repository(call)
    text = call.params.get("lifecyclePolicyText") or repository.lifecycle_policy
    if not text:
        raise LifecyclePolicyNotFoundException(repository.name, repository.registry_id)
    EcrLifecyclePolicyValidator(text).validate()
    sidecar(repository)["preview"] = text
    return {**_names(repository), "lifecyclePolicyText": text, "status": "IN_PROGRESS"}


@replace("ecr", "GetLifecyclePolicyPreview")
def get_preview(call: Call) -> dict[str, Any]:
    repository = _repository(call)
    text = sidecar(repository).get("preview")
    if text is None:
        raise AwsError(
            "LifecyclePolicyPreviewNotFoundException",
            f"There is no lifecycle policy preview for the repository with name '{repository.name}' in the registry "
            f"with id '{repository.registry_id}'",
        )
    doomed = expiring(parse_rules(text), stored_images(repository), CLOCK.now())
    results = [
        {
            "imageTags": image.image_tags,
            "imageDigest": image.image_digest,
            "imagePushedAt": image.image_pushed_at,
            "action": {"type": "EXPIRE"},
            "appliedRulePriority": doomed[image.image_digest],
            "storageClass": "STANDARD",
        }
        for image in repository.images
        if image.image_digest in doomed and _is_wanted(image, call.params)
    ]
    return {
        **_names(repository),
        "lifecyclePolicyText": text,
        "status": "COMPLETE",
        "previewResults": results,
        "summary": {"expiringImageTotalCount": len(doomed)},
    }


def _is_wanted(image: Any, params: Mapping[str, Any]) -> bool:
    ids, status = params.get("imageIds"), (params.get("filter") or {}).get("tagStatus", "ANY")
    if ids and not any(
        each.get("imageDigest") == image.image_digest or each.get("imageTag") in image.image_tags for each in ids
    ):
        return False
    return status == "ANY" or bool(image.image_tags) == (status == "TAGGED")


def _repository(call: Call) -> Any:
    return call.backends.backend("ecr")._get_repository(call.params["repositoryName"], call.params.get("registryId"))


def _names(repository: Any) -> dict[str, str]:
    return {"registryId": repository.registry_id, "repositoryName": repository.name}
