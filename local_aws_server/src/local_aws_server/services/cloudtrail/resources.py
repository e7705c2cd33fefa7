"""The resources that a call names: CloudTrail's types, by the members of parameters and results that hold a name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_TYPES = {
    "AllocationId": "AWS::EC2::EIP",
    "AutoScalingGroupName": "AWS::AutoScaling::AutoScalingGroup",
    "BrokerId": "AWS::AmazonMQ::Broker",
    "Bucket": "AWS::S3::Bucket",
    "CacheClusterId": "AWS::ElastiCache::CacheCluster",
    "DBInstanceIdentifier": "AWS::RDS::DBInstance",
    "DBSubnetGroupName": "AWS::RDS::DBSubnetGroup",
    "FunctionName": "AWS::Lambda::Function",
    "GroupId": "AWS::EC2::SecurityGroup",
    "InstanceId": "AWS::EC2::Instance",
    "InstanceIds": "AWS::EC2::Instance",
    "InternetGatewayId": "AWS::EC2::InternetGateway",
    "LaunchTemplateId": "AWS::EC2::LaunchTemplate",
    "ListenerArn": "AWS::ElasticLoadBalancingV2::Listener",
    "LoadBalancerArn": "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "NatGatewayId": "AWS::EC2::NatGateway",
    "NetworkInterfaceId": "AWS::EC2::NetworkInterface",
    "RoleName": "AWS::IAM::Role",
    "RouteTableId": "AWS::EC2::RouteTable",
    "RuleArn": "AWS::ElasticLoadBalancingV2::ListenerRule",
    "SubnetId": "AWS::EC2::Subnet",
    "TargetGroupArn": "AWS::ElasticLoadBalancingV2::TargetGroup",
    "VolumeId": "AWS::EC2::Volume",
    "VpcId": "AWS::EC2::VPC",
    "cluster": "AWS::ECS::Cluster",
    "repositoryName": "AWS::ECR::Repository",
    "service": "AWS::ECS::Service",
    "serviceName": "AWS::ECS::Service",
    "taskDefinition": "AWS::ECS::TaskDefinition",
    "taskDefinitionArn": "AWS::ECS::TaskDefinition",
}
_OF_SERVICE = {("ssm", "Name"): "AWS::SSM::Parameter", ("logs", "logGroupName"): "AWS::Logs::LogGroup"}
_MAX_RESOURCES = 50


def named_resources(service: str, *values: Any) -> Iterator[tuple[str, str]]:
    """Yield (type, name) of each resource in parameters and results, each once."""
    seen: set[tuple[str, str]] = set()
    for value in values:
        for found in _walk(service, value):
            if found not in seen and len(seen) < _MAX_RESOURCES:
                seen.add(found)
                yield found


def _walk(service: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, item in value.items():
            kind = _OF_SERVICE.get((service, name)) or _TYPES.get(name)
            for text in item if isinstance(item, list) else [item]:
                if kind and isinstance(text, str):
                    yield kind, text
                else:
                    yield from _walk(service, text)
    elif isinstance(value, list):
        for item in value:
            yield from _walk(service, item)
