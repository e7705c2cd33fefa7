"""Clusters and families of task definitions have letters, digits, hyphens and underscores in their names, at most 255.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html
"""

import re

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import AwsError, before

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="Clusters and families of task definitions have letters, digits, hyphens and underscores in "
        "their names, at most 255.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html",),
    ),
)

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,255}")


@before("ecs", "CreateCluster")
def name_of_a_cluster(call: Call) -> None:
    name = call.params.get("clusterName", "default")
    if not _PLAIN.fullmatch(name):
        raise AwsError("InvalidParameterException", rf"Cluster must match ^[a-zA-Z0-9\-_]{{1,255}}$, but was {name}")


@before("ecs", "RegisterTaskDefinition")
def name_of_a_family(call: Call) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html"""
    family = call.params["family"]
    if len(family) <= 255 and not _PLAIN.fullmatch(family):
        raise AwsError("ClientException", "Family contains invalid characters.")
