"""What a region offers: instance types and zones, database classes, cache nodes and brokers."""

from __future__ import annotations

from collections.abc import Iterator

from esaws.deploy.preflight.answers import Answers, Unanswered
from esaws.deploy.preflight.needs import Needs
from esaws.deploy.preflight.plan_state import is_free
from esaws.deploy.preflight.report import Check

_ELIGIBLE = "`aws ec2 describe-instance-types --filters Name=free-tier-eligible,Values=true` lists them"
_FREE_BACKUP_DAYS = 1


def check_instance_types(needs: Needs, answers: Answers) -> Iterator[Check]:
    """Check that the region has the instance types, and that the free plan launches them."""
    types = answers["types"]
    for name in needs.instance_types:
        check = f"instance type {name}"
        if isinstance(types, Unanswered):
            fix = "allow ec2:DescribeInstanceTypes"
            yield Check(check, None, f"it is not known whether {needs.region} has it: {types.reason}", fix)
            continue
        described = next((row for row in types if row["InstanceType"] == name), None)
        if described is None:
            fix = "choose another with --instance-type, such as t3.micro"
            yield Check(check, False, f"{needs.region} does not have it", fix)
        elif is_free(answers) and not described.get("FreeTierEligible"):
            fix = f"choose one of the free plan with --instance-type, such as t3.micro: {_ELIGIBLE}"
            yield Check(check, False, "the free plan of this account does not launch it", fix)
        else:
            yield Check(check, True, f"{needs.region} has it")


def check_zones(needs: Needs, answers: Answers) -> Iterator[Check]:
    """Check that each zone exists for this account, is available, and has the instance types that run in it."""
    if not needs.zones:
        return
    zones, offerings = answers["zones"], answers["offerings"]
    if isinstance(zones, Unanswered):
        detail = f"it is not known which zones {needs.region} has: {zones.reason}"
        yield Check("zones", None, detail, "allow ec2:DescribeAvailabilityZones")
        return
    states = {zone["ZoneName"]: zone.get("State", "") for zone in zones}
    offered: set[tuple[str, str]] | None = None
    if not isinstance(offerings, Unanswered):
        offered = {(row["Location"], row["InstanceType"]) for row in offerings}
    suitable = [zone for zone in sorted(states) if _has_all(zone, needs.instance_types, offered)]
    letters = ",".join(zone.removeprefix(needs.region) for zone in suitable)
    fix = f"choose among {letters} with --availability-zones" if letters else "choose another region or instance type"
    for zone, types in needs.zones.items():
        name = f"zone {zone}"
        if zone not in states:
            yield Check(name, False, f"this account does not have it; it has {', '.join(sorted(states))}", fix)
        elif types and offered is None:
            detail = f"it is not known whether it has {', '.join(sorted(types))}: {offerings.reason}"
            yield Check(name, None, detail, "allow ec2:DescribeInstanceTypeOfferings")
        elif missing := sorted(each for each in types if (zone, each) not in (offered or ())):
            yield Check(name, False, f"it does not have {', '.join(missing)}", fix)
        elif states[zone] not in ("available", ""):
            yield Check(name, None, f"AWS reports it as {states[zone]}", "look at https://health.aws.amazon.com first")
        else:
            yield Check(name, True, "available")


def _has_all(zone: str, types: tuple[str, ...], offered: set[tuple[str, str]] | None) -> bool:
    return offered is None or all((zone, each) in offered for each in types)


def check_databases(needs: Needs, answers: Answers) -> Iterator[Check]:
    """Check that RDS offers the class with the engine version and storage type, and that the free plan takes it."""
    for database in needs.databases:
        options = answers[f"database.{database.name}"]
        name = f"database {database.name}"
        what = f"{database.instance_class} with {database.engine} {database.engine_version}"
        if isinstance(options, Unanswered):
            detail = f"it is not known whether {needs.region} has {what}: {options.reason}"
            yield Check(name, None, detail, "allow rds:DescribeOrderableDBInstanceOptions")
            continue
        version = database.engine_version
        fitting = [row for row in options if (row["EngineVersion"] + ".").startswith(version + ".")]
        if not fitting:
            versions = sorted({row["EngineVersion"] for row in options})
            fix = f"choose a version among {', '.join(versions)}" if versions else "choose another class"
            yield Check(name, False, f"{needs.region} does not have {what}", fix)
        elif not any(row.get("StorageType", database.storage_type) == database.storage_type for row in fitting):
            kinds = sorted({row["StorageType"] for row in fitting})
            yield Check(name, False, f"{what} has no {database.storage_type} storage", f"use {', '.join(kinds)}")
        elif is_free(answers) and not database.instance_class.endswith(".micro"):
            fix = "use db.t3.micro or db.t4g.micro, or upgrade to the paid plan"
            yield Check(name, False, f"the free plan does not run {database.instance_class}", fix)
        elif is_free(answers) and database.backup_days > _FREE_BACKUP_DAYS:
            detail = f"the free plan keeps backups for {_FREE_BACKUP_DAYS} day, not {database.backup_days}"
            yield Check(name, False, detail, "declare backup_days=1, or upgrade to the paid plan")
        else:
            yield Check(name, True, f"{needs.region} has {what}")


def check_caches(needs: Needs, answers: Answers) -> Iterator[Check]:
    """Check that the price list has the node type in the region, since ElastiCache itself lists none."""
    for cache in needs.caches:
        found, name = answers[f"cache.{cache.name}"], f"cache {cache.name}"
        if isinstance(found, Unanswered) or not found:
            reason = found.reason if isinstance(found, Unanswered) else "the price list of the region does not have it"
            detail = f"it is not known whether {needs.region} has {cache.node_type}: {reason}"
            fix = "allow pricing:GetProducts, or look at https://aws.amazon.com/elasticache/pricing"
            yield Check(name, None, detail, fix)
        else:
            yield Check(name, True, f"{needs.region} has {cache.node_type}")


def check_brokers(needs: Needs, answers: Answers) -> Iterator[Check]:
    """Check that Amazon MQ offers the type with the version, and that there is a default VPC to put a broker into."""
    for broker in needs.brokers:
        options, name = answers[f"broker.{broker.name}"], f"broker {broker.name}"
        what = f"{broker.instance_type} with RabbitMQ {broker.engine_version}"
        if isinstance(options, Unanswered):
            detail = f"it is not known whether {needs.region} has {what}: {options.reason}"
            yield Check(name, None, detail, "allow mq:DescribeBrokerInstanceOptions")
            continue
        versions = sorted({version for row in options for version in row["SupportedEngineVersions"]})
        if any((version + ".").startswith(broker.engine_version + ".") for version in versions):
            yield Check(name, True, f"{needs.region} has {what}")
        else:
            fix = f"choose a version among {', '.join(versions)}" if versions else "choose another instance type"
            yield Check(name, False, f"{needs.region} does not have {what}", fix)
    if needs.brokers:
        yield _check_default_vpc(needs, answers)


def _check_default_vpc(needs: Needs, answers: Answers) -> Check:
    """A broker is declared without subnets; Amazon MQ then takes those of the default VPC."""
    vpcs, name = answers["vpcs"], "default VPC"
    fix = f"`aws ec2 create-default-vpc --region {needs.region}`"
    if isinstance(vpcs, Unanswered):
        return Check(name, None, f"it is not known whether there is one: {vpcs.reason}", "allow ec2:DescribeVpcs")
    if any(vpc.get("IsDefault") for vpc in vpcs):
        return Check(name, True, f"{needs.region} has one")
    brokers = ", ".join(broker.name for broker in needs.brokers)
    return Check(name, None, f"{needs.region} has none, and Amazon MQ may need one for {brokers}", fix)
