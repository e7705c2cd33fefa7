"""`esaws local conformance`: the local AWS answers every free probe as AWS documents, and keeps nothing of them."""

import json
from typing import Any

from botocore.exceptions import EndpointConnectionError

from esaws.cloud import Cloud
from esaws.local_aws.conformance import compare
from esaws.local_aws.conformance_probes import Probe
from tests.shell import Shell


def everything(cloud: Cloud) -> dict[str, Any]:
    """What the kinds of resources have that probes create."""
    return {
        "clusters": cloud.client("ecs").list_clusters()["clusterArns"],
        "groups": len(cloud.client("ec2").describe_security_groups()["SecurityGroups"]),
        "log groups": cloud.client("logs").describe_log_groups()["logGroups"],
        "networks": len(cloud.client("ec2").describe_vpcs()["Vpcs"]),
        "roles": cloud.client("iam").list_roles()["Roles"],
        "target groups": cloud.client("elbv2").describe_target_groups()["TargetGroups"],
        "templates": cloud.client("ec2").describe_launch_templates()["LaunchTemplates"],
    }


def test_the_local_aws_answers_every_probe_as_aws_documents_and_keeps_nothing(esaws: Shell, cloud: Cloud) -> None:
    before = everything(cloud)
    answers = json.loads(esaws("local", "conformance", "--json"))
    assert not [answer for answer in answers if not answer["agrees"]]
    assert everything(cloud) == before


def test_a_different_answer_and_a_missing_one_are_differences() -> None:
    def unreachable(_: Any) -> str:
        raise EndpointConnectionError(endpoint_url="https://ec2.amazonaws.com")

    probes = [Probe("other", "NotFound", "", lambda _: "accepted"), Probe("none", "NotFound", "", unreachable)]
    assert [answer.agrees for answer in compare(lambda _: None, probes)] == [False, False]


def test_a_real_account_needs_free_only_and_a_name(esaws: Shell) -> None:
    assert "--free-only" in esaws("local", "conformance", "--target", "aws", code=3)
    refusal = esaws("local", "conformance", "--target", "aws", "--free-only", code=3, ESAWS_ACCOUNT="")
    assert "ESAWS_ACCOUNT" in refusal
