"""The server finds the same regions as boto3, without reading the model of a service for each of them."""

import botocore.session
import pytest

from local_aws_server import aws_models


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov", "aws-cn"])
@pytest.mark.parametrize("service", ["ec2", "elbv2", "iam", "application-autoscaling", "no-such-service"])
def test_the_regions_of_a_service_are_those_of_botocore(service: str, partition: str) -> None:
    expected = botocore.session.Session().get_available_regions(service, partition)
    assert aws_models.available_regions(service, partition) == expected


def test_the_partitions_are_those_of_botocore() -> None:
    assert aws_models.endpoints().get_available_partitions() == botocore.session.Session().get_available_partitions()
