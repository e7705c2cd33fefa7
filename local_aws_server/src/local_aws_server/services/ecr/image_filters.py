"""Images are described tagged or untagged as the filter asks; moto describes them all.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImagesFilter.html
"""

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after

BEHAVIOURS = (
    Behaviour(
        service="ECR",
        statement="Images are described tagged or untagged as the filter asks; moto describes them all.",
        documentation=("https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImagesFilter.html",),
    ),
)


@after("ecr", "DescribeImages")
def only_those_asked_for(call: Call) -> None:
    status = (call.params.get("filter") or {}).get("tagStatus", "ANY")
    if status != "ANY":
        call.result["imageDetails"] = [
            image for image in call.result["imageDetails"] if bool(image.get("imageTags")) == (status == "TAGGED")
        ]
