"""ECR: what tags may do, which lifecycle policies are refused, and scans."""

import hashlib
import json
from typing import Any

from tests.local.cases import case, outcome
from tests.local.test_expiry import manifest, repository, rule


@case(
    "filters exclude tags from being immutable, or from being mutable",
    aws=(["accepted", "ImageTagAlreadyExistsException"], ["ImageTagAlreadyExistsException", "accepted"], [3, 3]),
    stock=(["accepted", "ImageAlreadyExistsException"], ["accepted", "accepted"], [2, 2]),
)
def case_mutability_filters(account: Any) -> Any:
    ecr, outcomes, counts = account.client("ecr"), [], []
    for mutability in ("IMMUTABLE", "MUTABLE"):
        ecr.create_repository(
            repositoryName=mutability.lower(),
            imageTagMutability=f"{mutability}_WITH_EXCLUSION",
            imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "dev*"}],
        )

        def push(number: int, tag: str, name: str = mutability.lower()) -> Any:
            parameters = {"repositoryName": name, "imageManifest": manifest(number), "imageTag": tag}
            return outcome(lambda: ecr.put_image(**parameters) and "accepted")

        push(1, "dev-1")
        push(2, "v1")
        outcomes.append([push(3, "dev-1"), push(4, "v1")])
        counts.append(len(ecr.describe_images(repositoryName=mutability.lower())["imageDetails"]))
    return *outcomes, counts


WRONG = (
    [rule(1, "imageCountMoreThan", 1), rule(1, "imageCountMoreThan", 2, tagStatus="untagged")],
    [rule(1, "imageCountMoreThan", 1), rule(2, "imageCountMoreThan", 2, tagStatus="untagged")],
    [rule(1, "imageCountMoreThan", 1, tagStatus="tagged")],
    [rule(1, "imageCountMoreThan", 1, tagStatus="untagged", tagPrefixList=["a"])],
    [rule(1, "sinceImagePushed", 1, countUnit=None)],
    [rule(1, "imageCountMoreThan", 1, tagStatus="tagged", tagPatternList=["a*b*c*d*e*"])],
)


@case(
    "a lifecycle policy that ECR does not take is refused, and not kept",
    aws=(["InvalidParameterException"] * 6, "LifecyclePolicyNotFoundException", "NotSimulated"),
    stock=(["accepted"] * 6, "accepted", "InvalidParameterException"),
)
def case_refused_policies(account: Any) -> Any:
    ecr = repository(account)

    def put(rules: list[dict[str, Any]]) -> Any:
        text = json.dumps({"rules": rules})
        return outcome(lambda: ecr.put_lifecycle_policy(repositoryName="app", lifecyclePolicyText=text) and "accepted")

    archive = {**rule(1, "sinceImagePushed", 1), "action": {"type": "transition", "targetStorageClass": "archive"}}
    return (
        [put(rules) for rules in WRONG],
        outcome(lambda: ecr.get_lifecycle_policy(repositoryName="app") and "accepted"),
        put([archive]),
    )


@case(
    "images are scanned when they are pushed", aws=(["COMPLETE"], "COMPLETE"), stock=([None], "ScanNotFoundException")
)
def case_scan_on_push(account: Any) -> Any:
    ecr = repository(account)
    ecr.put_image_scanning_configuration(repositoryName="app", imageScanningConfiguration={"scanOnPush": True})
    ecr.put_image(repositoryName="app", imageManifest=manifest(1), imageTag="v1")
    images = ecr.describe_images(repositoryName="app")["imageDetails"]
    named = {"repositoryName": "app", "imageId": {"imageTag": "v1"}}
    return (
        [image.get("imageScanStatus", {}).get("status") for image in images],
        outcome(lambda: ecr.describe_image_scan_findings(**named)["imageScanStatus"]["status"]),
    )


@case(
    "an untagged image is deleted by its digest, and a manifest must be JSON and have its digest",
    aws=([True], ["InvalidParameterException", "ImageDigestDoesNotMatchException"]),
    stock=([], ["500", "accepted"]),
)
def case_digests(account: Any) -> Any:
    ecr = repository(account)
    digest = ecr.put_image(repositoryName="app", imageManifest=manifest(1))["image"]["imageId"]["imageDigest"]
    deleted = ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageDigest": digest}])["imageIds"]
    wrong = ({"imageManifest": "{"}, {"imageManifest": manifest(2), "imageDigest": f"sha256:{0:064x}"})
    return (
        [image["imageDigest"] == digest for image in deleted],
        [outcome(lambda each=each: ecr.put_image(repositoryName="app", **each) and "accepted") for each in wrong],
    )


@case(
    "the upload of a layer ends only with its content, once",
    aws=["EmptyUploadException", "InvalidLayerException", "accepted", "LayerAlreadyExistsException"],
    stock=["accepted", "accepted", "accepted", "accepted"],
)
def case_layers(account: Any) -> Any:
    ecr = repository(account)
    layer = b"a layer"
    digest = f"sha256:{hashlib.sha256(layer).hexdigest()}"

    def upload(content: bytes, digest: str) -> Any:
        place = {"repositoryName": "app", "uploadId": ecr.initiate_layer_upload(repositoryName="app")["uploadId"]}
        if content:
            ecr.upload_layer_part(**place, partFirstByte=0, partLastByte=len(content) - 1, layerPartBlob=content)
        return outcome(lambda: ecr.complete_layer_upload(**place, layerDigests=[digest]) and "accepted")

    return [upload(b"", digest), upload(b"another one", digest), upload(layer, digest), upload(layer, digest)]
