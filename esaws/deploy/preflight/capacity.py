"""Quotas of an account in a region: running vCPUs, VPCs and internet gateways.

https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any

from esaws.deploy.preflight.answers import FARGATE_QUOTA, GATEWAY_QUOTA, VCPU_QUOTA, VPC_QUOTA, Answers, Unanswered
from esaws.deploy.preflight.needs import Needs
from esaws.deploy.preflight.report import Check

_STANDARD_FAMILIES = frozenset("acdhimrtz")


def check_vcpus(needs: Needs, answers: Answers) -> Iterator[Check]:
    """Check that the instances to launch fit beside those that run, in vCPUs; those of a t3.micro are two."""
    fleets = [fleet for fleet in needs.fleets if _is_standard(fleet.instance_type)]
    if not fleets:
        return
    name, code = "vCPU quota", VCPU_QUOTA[1]
    limit, running, types = answers[f"quotas.{code}"], answers["instances"], answers["types"]
    if reason := _reason(limit, running, types):
        fix = _ask("ec2:DescribeInstances, ec2:DescribeInstanceTypes", needs.region, VCPU_QUOTA)
        yield Check(name, None, f"it is not known whether the instances fit: {reason}", fix)
        return
    vcpus = {row["InstanceType"]: int(row["VCpuInfo"]["DefaultVCpus"]) for row in types}
    others = [instance for instance in running if _counts(instance) and _group(instance) not in needs.own_groups]
    unknown = {*needs.instance_types, *(instance["InstanceType"] for instance in others)} - vcpus.keys()
    if unknown:
        detail = f"the vCPUs of {', '.join(sorted(unknown))} are not known in {needs.region}"
        yield Check(name, None, detail, "choose an instance type that the region has")
        return
    used = sum(vcpus[instance["InstanceType"]] for instance in others)
    wanted = sum(vcpus[fleet.instance_type] * fleet.instances for fleet in fleets)
    most = sum(vcpus[fleet.instance_type] * fleet.maximum for fleet in fleets)
    detail = f"{used + wanted:g} needed of {limit:g} in {needs.region}: {wanted} for this deploy, {used} run already"
    if used + wanted <= limit < used + most:
        detail += f"; when it scales to its maximum, it needs {used + most}, and the last instances are not launched"
    yield Check(name, used + wanted <= limit, detail, _raise_quota(needs.region, *VCPU_QUOTA, used + most))


def check_fargate_vcpus(needs: Needs, answers: Answers) -> Iterator[Check]:
    """Check that the tasks to start on Fargate fit beside those that run, in vCPUs.

    https://docs.aws.amazon.com/general/latest/gr/ecs-service.html#service-quotas-fargate
    """
    if not needs.fargate_vcpus:
        return
    name, limit, running = "Fargate vCPU quota", answers[f"quotas.{FARGATE_QUOTA[1]}"], answers["fargate"]
    if reason := _reason(limit, running):
        fix = _ask("ecs:ListClusters, ecs:ListTasks, ecs:DescribeTasks", needs.region, FARGATE_QUOTA)
        yield Check(name, None, f"it is not known whether the tasks fit: {reason}", fix)
        return
    others = [task for task in running if task["clusterArn"].rpartition("/")[2] not in needs.own_clusters]
    used, wanted, region = sum(int(task["cpu"]) for task in others) / 1024, needs.fargate_vcpus, needs.region
    total = used + wanted
    detail = f"{total:g} needed of {limit:g} in {region}: {wanted:g} for this deploy, {used:g} run already"
    yield Check(name, total <= limit, detail, _raise_quota(region, *FARGATE_QUOTA, ceil(total)))


def check_counts(needs: Needs, answers: Answers) -> Iterator[Check]:
    """Check that VPCs and internet gateways to create fit beside those that exist."""
    for name, wanted, question, quota in (
        ("VPC quota", needs.vpcs, "vpcs", VPC_QUOTA),
        ("internet gateway quota", needs.gateways, "gateways", GATEWAY_QUOTA),
    ):
        if not wanted:
            continue
        limit, existing = answers[f"quotas.{quota[1]}"], answers[question]
        if reason := _reason(limit, existing):
            fix = _ask("ec2:Describe*", needs.region, quota)
            yield Check(name, None, f"it is not known whether one more fits: {reason}", fix)
            continue
        total = len(existing) + wanted
        detail = f"{total} needed of {limit:g} in {needs.region}: {wanted} for this deploy, {len(existing)} exist"
        fix = f"delete one that is not used, or {_raise_quota(needs.region, *quota, total)}"
        yield Check(name, total <= limit, detail, fix)


def _reason(*answers: Any) -> str | None:
    """The reason why the first missing answer is missing; None if none is."""
    return next((each.reason for each in answers if isinstance(each, Unanswered)), None)


def _ask(actions: str, region: str, quota: tuple[str, str]) -> str:
    """The next step where an answer is missing: permissions, or a page of the console."""
    return f"allow servicequotas:GetServiceQuota, {actions}, or look at {_console(region, *quota)}"


def _is_standard(instance_type: str) -> bool:
    """Whether a type counts against the quota of standard instances: families A, C, D, H, I, M, R, T and Z."""
    name = instance_type.partition(".")[0]
    letters = name[: next((index for index, letter in enumerate(name) if letter.isdigit()), len(name))]
    return letters in _STANDARD_FAMILIES


def _counts(instance: Mapping[str, Any]) -> bool:
    return _is_standard(instance["InstanceType"]) and instance.get("InstanceLifecycle") != "spot"


def _group(instance: Mapping[str, Any]) -> str | None:
    return next((tag["Value"] for tag in instance.get("Tags", ()) if tag["Key"] == "aws:autoscaling:groupName"), None)


def _console(region: str, service: str, code: str) -> str:
    return f"https://{region}.console.aws.amazon.com/servicequotas/home/services/{service}/quotas/{code}"


def _raise_quota(region: str, service: str, code: str, value: int) -> str:
    return (
        f"ask for {value}: `aws service-quotas request-service-quota-increase --service-code {service} "
        f"--quota-code {code} --desired-value {value} --region {region}`, or at {_console(region, service, code)}"
    )
