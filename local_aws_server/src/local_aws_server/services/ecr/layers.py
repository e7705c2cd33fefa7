"""The end of a layer's upload, which ECR refuses if the content is missing, another one, or there already."""

from __future__ import annotations

import hashlib

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="ECR",
        statement="The upload of a layer ends only with its content, of which the digest must be the given one, and "
        "which the repository must not have already.",
        documentation=("https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CompleteLayerUpload.html",),
    ),
)


@before("ecr", "CompleteLayerUpload")
def validate_layer(call: Call) -> None:
    name, upload_id = call.params["repositoryName"], call.params["uploadId"]
    repository = call.backends.backend("ecr").repositories.get(name)
    upload = repository and repository.uploads.get(upload_id)
    if upload is None:
        return  # moto refuses the missing repository, or the missing upload
    where = f"in the repository '{name}'"
    if not upload.layer_parts:
        raise AwsError("EmptyUploadException", f"The upload '{upload_id}' {where} has no layer parts.")
    digest = f"sha256:{hashlib.sha256(upload.layer_parts).hexdigest()}"
    if digest not in call.params["layerDigests"]:
        message = f"The digest of the layer with the upload id '{upload_id}' {where} is {digest}, not the given one."
        raise AwsError("InvalidLayerException", message)
    if digest in repository.layers:
        raise AwsError("LayerAlreadyExistsException", f"The layer '{digest}' exists already {where}.")
