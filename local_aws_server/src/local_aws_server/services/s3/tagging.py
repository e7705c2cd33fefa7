"""Tags of objects and buckets: a tagging without a tag set removes them.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_Tagging.html
"""

from __future__ import annotations

from typing import Any

import xmltodict

from local_aws_server.behaviours import Behaviour
from local_aws_server.hooks import patch

BEHAVIOURS = (
    Behaviour(
        service="S3",
        statement="A tagging without a tag set removes the tags of an object or a bucket.",
        documentation=("https://docs.aws.amazon.com/AmazonS3/latest/API/API_Tagging.html",),
    ),
)


@patch("moto.s3.responses", "S3Response._tagging_from_xml")
def read_tagging(self: Any) -> dict[str, str]:
    """Replaces moto's function, which fails without a tag set."""
    tagging = xmltodict.parse(self.body, force_list={"Tag": True})["Tagging"] or {}
    tags = (tagging.get("TagSet") or {}).get("Tag", ())
    return {tag["Key"]: tag.get("Value") or "" for tag in tags}
