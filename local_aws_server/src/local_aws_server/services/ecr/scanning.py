"""Scan images when they are pushed, by the setting of the repository or of the registry.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning.html
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from local_aws_server.backends import sidecar
from local_aws_server.behaviours import NOT_SIMULATED, Behaviour
from local_aws_server.billing.calendar import to_datetime
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.hooks import after, replace

_SCANNING = ("https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning.html",)

BEHAVIOURS = (
    Behaviour(
        service="ECR",
        statement="Images are scanned when they are pushed, by the setting of the repository or a rule of the "
        "registry, and once in 24 hours on demand.",
        documentation=_SCANNING,
    ),
    Behaviour(
        service="ECR",
        fidelity=NOT_SIMULATED,
        statement="Vulnerabilities: no content is looked at, and the findings of each scan are moto's one example, "
        "CVE-9999-9999.",
        documentation=_SCANNING,
    ),
)

_COMPLETE = {"status": "COMPLETE", "description": "The scan was completed successfully."}


@replace("ecr", "PutRegistryScanningConfiguration")
def put_registry_configuration(call: Call) -> dict[str, Any]:
    """Both members are optional, which moto does not know."""
    scan_type, rules = call.params.get("scanType", "BASIC"), call.params.get("rules", [])
    call.backends.backend("ecr").put_registry_scanning_configuration(scan_type, rules)
    return {"registryScanningConfiguration": {"scanType": scan_type, "rules": rules}}


@after("ecr", "PutImage")
def scan_on_push(call: Call) -> None:
    repository = call.backends.backend("ecr").repositories[call.params["repositoryName"]]
    by_rule = repository.scanning_config["scanFrequency"] in ("SCAN_ON_PUSH", "CONTINUOUS_SCAN")
    if not by_rule and not (repository.image_scanning_configuration or {}).get("scanOnPush"):
        return
    digest = call.result["image"]["imageId"]["imageDigest"]
    for image in repository.images:
        if image.image_digest == digest and image.last_scan is None:
            image.last_scan = datetime.fromtimestamp(CLOCK.now())
            sidecar(image)["scanned_at"] = CLOCK.now()


@after("ecr", "StartImageScan")
def note_scan(call: Call) -> None:
    repository = call.backends.backend("ecr").repositories[call.params["repositoryName"]]
    for image in repository.images:
        if image.image_digest == call.result["imageId"].get("imageDigest"):
            sidecar(image)["scanned_at"] = CLOCK.now()


@after("ecr", "DescribeImages")
def show_scan_status(call: Call) -> None:
    repository = call.backends.backend("ecr").repositories[call.params["repositoryName"]]
    scanned: dict[str, Any] = {
        image.image_digest: time for image in repository.images if (time := sidecar(image).get("scanned_at"))
    }
    for described in call.result["imageDetails"] if scanned else ():
        if time := scanned.get(described["imageDigest"]):
            described["imageScanStatus"] = dict(_COMPLETE)
            described["imageScanFindingsSummary"] = {"imageScanCompletedAt": to_datetime(time)}
