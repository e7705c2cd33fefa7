"""Labs about what costs money and serves no user."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from esaws import simulation
from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Point, Values, Wrong
from esaws.course.labs.families._common import open_everything, redeploy_everything
from esaws.course.labs.families._services import behind_the_load_balancer
from esaws.course.labs.lab import Evidence, Lab
from esaws.course.seed import Seed

_AVAILABLE = [{"Name": "status", "Values": ["available"]}]


def _runs_now(cloud: Cloud, usage: str) -> float:
    """How many units of a usage type, such as `NatGateway-Hours`, are metered now."""
    costs = simulation.costs(cloud)
    return float(costs.loc[costs["usage_type"].str.endswith(usage), "now"].sum())


def _shrink_the_system(cloud: Cloud, mine: Values) -> None:
    """Let every Auto Scaling group run one instance."""
    autoscaling = cloud.client("autoscaling")
    for group in autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]:
        autoscaling.update_auto_scaling_group(
            AutoScalingGroupName=group["AutoScalingGroupName"], MinSize=1, DesiredCapacity=1
        )


# --- forty-dollars-more: a NAT gateway runs that no subnet uses


def _gateway_values(seed: Seed) -> Mapping[str, Any]:
    return {"name": f"{seed.choice(('patching', 'migration', 'vendor', 'audit'))}-{seed.between(11, 99)}"}


def _public_subnet(cloud: Cloud) -> str:
    filters = [{"Name": "tag:Name", "Values": [cloud.aws_name("public-3a")]}]
    return str(cloud.client("ec2").describe_subnets(Filters=filters)["Subnets"][0]["SubnetId"])


def _create_gateway(cloud: Cloud, mine: Values) -> None:
    ec2, tags = cloud.client("ec2"), [{"Key": "Name", "Value": mine.name}]
    address = ec2.allocate_address(Domain="vpc", TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": tags}])[
        "AllocationId"
    ]
    ec2.create_nat_gateway(
        SubnetId=_public_subnet(cloud),
        AllocationId=address,
        TagSpecifications=[{"ResourceType": "natgateway", "Tags": tags}],
    )


def _gateways(cloud: Cloud) -> list[dict[str, Any]]:
    found = cloud.client("ec2").describe_nat_gateways()["NatGateways"]
    return [gateway for gateway in found if gateway["State"] in ("pending", "available")]


def _gateway_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    for gateway in _gateways(cloud):
        address = gateway["NatGatewayAddresses"][0]
        yield Evidence(
            (mine.name, gateway["NatGatewayId"], address["AllocationId"], address["PublicIp"]),
            ("NAT gateway", "NatGateway", "NatGateway-Hours", "available", "no route"),
        )


def _no_gateway_is_billed(attempt: Attempt) -> Iterable[Point]:
    running = _runs_now(attempt.cloud, "NatGateway-Hours")
    yield Point("The bill of this hour has no NAT gateway", not running, f"{running:g} run", "`esaws local cost`")


def _gateway_mended(attempt: Attempt) -> Iterable[Point]:
    gateways = [gateway["NatGatewayId"] for gateway in _gateways(attempt.cloud)]
    yield Point("No NAT gateway exists", not gateways, ", ".join(gateways), "the NAT gateways of the VPC")
    addresses = attempt.cloud.client("ec2").describe_addresses()["Addresses"]
    yield Point(
        "No Elastic IP address is allocated",
        not addresses,
        ", ".join(address["PublicIp"] for address in addresses),
        "what stays, and costs, when a NAT gateway is gone",
    )


def _delete_gateway_and_address(cloud: Cloud, mine: Values) -> None:
    ec2 = cloud.client("ec2")
    filters = [{"Name": "tag:Name", "Values": [mine.name]}]
    for gateway in ec2.describe_nat_gateways(Filters=filters)["NatGateways"]:
        ec2.delete_nat_gateway(NatGatewayId=gateway["NatGatewayId"])
        ec2.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=[gateway["NatGatewayId"]])
    for address in ec2.describe_addresses(Filters=filters)["Addresses"]:
        ec2.release_address(AllocationId=address["AllocationId"])


def _delete_gateway_alone(cloud: Cloud, mine: Values) -> None:
    for gateway in _gateways(cloud):
        cloud.client("ec2").delete_nat_gateway(NatGatewayId=gateway["NatGatewayId"])


FORTY_DOLLARS_MORE = Lab(
    "forty-dollars-more",
    family="money",
    title="Forty dollars more a month",
    report=(
        "Accounting: *Since last week the forecast of this account is about 40 dollars a month higher. Traffic is as "
        "always, and the developers say that they released nothing. What do we pay for?*"
    ),
    cause="unused-nat-gateway",
    values=_gateway_values,
    system=behind_the_load_balancer,
    inject=_create_gateway,
    evidence=_gateway_evidence,
    symptom=_no_gateway_is_billed,
    mended=_gateway_mended,
    repair=_delete_gateway_and_address,
    clean_up=_delete_gateway_and_address,
    non_repairs=(
        Wrong(_delete_gateway_alone, "Elastic IP address"),
        Wrong(_shrink_the_system, "No other setting"),
        Wrong(redeploy_everything, "NAT gateway"),
        Wrong(open_everything, "open to the world"),
    ),
    hints=(
        "Which lines of this hour's bill are not in the plan of the system?",
        "Compare what runs by usage type with what is declared, then find who uses it: a route names its target.",
        "`aws ec2 describe-nat-gateways`, `describe-route-tables` and `describe-addresses`; "
        "`delete-nat-gateway` and `release-address` end the cost.",
    ),
)


# --- heavy-storage: volumes that no instance uses


def _volume_values(seed: Seed) -> Mapping[str, Any]:
    return {"gigabytes": 10 * seed.between(11, 40), "name": f"restore-{seed.letters(4)}"}


def _create_volumes(cloud: Cloud, mine: Values) -> None:
    for zone in ("eu-west-3a", "eu-west-3b"):
        cloud.client("ec2").create_volume(
            AvailabilityZone=zone,
            Size=mine.gigabytes,
            VolumeType="gp2",
            TagSpecifications=[{"ResourceType": "volume", "Tags": [{"Key": "Name", "Value": mine.name}]}],
        )


def _volume_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    volumes = cloud.client("ec2").describe_volumes(Filters=_AVAILABLE)["Volumes"]
    resources = (mine.name, *(volume["VolumeId"] for volume in volumes))
    yield Evidence(resources, ("available", "not attached", "unattached", str(mine.gigabytes)))


def _volumes_are_used(attempt: Attempt) -> Iterable[Point]:
    unused = attempt.cloud.client("ec2").describe_volumes(Filters=_AVAILABLE)["Volumes"]
    yield Point(
        "Every volume is attached to an instance",
        not unused,
        ", ".join(f"{volume['VolumeId']} ({volume['Size']} GB)" for volume in unused),
        "the volumes in the state available",
    )


def _volumes_mended(attempt: Attempt) -> Iterable[Point]:
    snapshots = attempt.cloud.client("ec2").describe_snapshots(OwnerIds=["self"])["Snapshots"]
    yield Point(
        "No snapshot of them is kept",
        not snapshots,
        ", ".join(snapshot["SnapshotId"] for snapshot in snapshots),
        "the price of a snapshot",
    )


def _delete_volumes(cloud: Cloud, mine: Values) -> None:
    ec2 = cloud.client("ec2")
    filters = [{"Name": "status", "Values": ["available"]}, {"Name": "tag:Name", "Values": [mine.name]}]
    for volume in ec2.describe_volumes(Filters=filters)["Volumes"]:
        ec2.delete_volume(VolumeId=volume["VolumeId"])


def _delete_one_volume(cloud: Cloud, mine: Values) -> None:
    volume = cloud.client("ec2").describe_volumes(Filters=_AVAILABLE)["Volumes"][0]
    cloud.client("ec2").delete_volume(VolumeId=volume["VolumeId"])


def _keep_snapshots(cloud: Cloud, mine: Values) -> None:
    ec2 = cloud.client("ec2")
    for volume in ec2.describe_volumes(Filters=_AVAILABLE)["Volumes"]:
        ec2.create_snapshot(VolumeId=volume["VolumeId"], Description="just in case")
        ec2.delete_volume(VolumeId=volume["VolumeId"])


HEAVY_STORAGE = Lab(
    "heavy-storage",
    family="money",
    title="Storage that grew in one night",
    report=(
        "Accounting: *On the bill of EBS the gigabytes jumped in one night, after a restore was tried. No "
        "instance was added, and the developers confirm that they need nothing of it.*"
    ),
    cause="unused-volume",
    values=_volume_values,
    system=behind_the_load_balancer,
    inject=_create_volumes,
    evidence=_volume_evidence,
    symptom=_volumes_are_used,
    mended=_volumes_mended,
    repair=_delete_volumes,
    clean_up=_delete_volumes,
    non_repairs=(
        Wrong(_delete_one_volume, "Every volume"),
        Wrong(_keep_snapshots, "No snapshot"),
        Wrong(_shrink_the_system, "No other setting"),
    ),
    hints=(
        "A stopped or terminated instance leaves which part of itself behind, and who pays for it?",
        "List the volumes by state and by size, and look which of them an instance uses.",
        "`aws ec2 describe-volumes --filters Name=status,Values=available`; `delete-volume` deletes one.",
    ),
)


# --- undead-instances: an Auto Scaling group outside of the system starts them again


def _undead_values(seed: Seed) -> Mapping[str, Any]:
    what = seed.choice(("load-test", "demo", "poc", "spike"))
    return {"group": f"{what}-{seed.letters(3)}", "size": seed.between(2, 4)}


def _create_group(cloud: Cloud, mine: Values) -> None:
    interface = {"DeviceIndex": 0, "AssociatePublicIpAddress": True}
    image = cloud.client("ec2").describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    cloud.client("ec2").create_launch_template(
        LaunchTemplateName=mine.group,
        LaunchTemplateData={"ImageId": image, "InstanceType": "t3.micro", "NetworkInterfaces": [interface]},
    )
    cloud.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName=mine.group,
        LaunchTemplate={"LaunchTemplateName": mine.group},
        MinSize=mine.size,
        MaxSize=mine.size,
        AvailabilityZones=["eu-west-3a", "eu-west-3b"],
    )
    simulation.advance(cloud, "10m")
    _stop_instances(cloud, mine)


def _instances(cloud: Cloud, mine: Values, *states: str) -> list[str]:
    filters = [
        {"Name": "tag:aws:autoscaling:groupName", "Values": [mine.group]},
        {"Name": "instance-state-name", "Values": [*states]},
    ]
    reservations = cloud.client("ec2").describe_instances(Filters=filters)["Reservations"]
    return [each["InstanceId"] for reservation in reservations for each in reservation["Instances"]]


def _stop_instances(cloud: Cloud, mine: Values) -> None:
    if running := _instances(cloud, mine, "running"):
        cloud.client("ec2").stop_instances(InstanceIds=running)


def _undead_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    values = ("MinSize", f"MinSize {mine.size}", f"minimum {mine.size}", f"desired {mine.size}", "DesiredCapacity")
    yield Evidence((mine.group, *_instances(cloud, mine, "running")), (*values, "replaced", "replaces them"))


def _nothing_comes_back(attempt: Attempt) -> Iterable[Point]:
    with attempt.copy() as night:
        simulation.advance(night, "12h")
        running = _instances(night, attempt.mine, "pending", "running")
    yield Point(
        "Twelve hours later, none of these instances runs",
        not running,
        f"{len(running)} instances run",
        "who starts them again",
    )


def _undead_mended(attempt: Attempt) -> Iterable[Point]:
    stopped = _instances(attempt.cloud, attempt.mine, "stopping", "stopped")
    yield Point(
        "No stopped instance of them keeps its volume",
        not stopped,
        f"{len(stopped)} instances are stopped, and their volumes are billed",
        "what a stopped instance costs",
    )


def _delete_group(cloud: Cloud, mine: Values) -> None:
    autoscaling = cloud.client("autoscaling")
    if autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[mine.group])["AutoScalingGroups"]:
        autoscaling.delete_auto_scaling_group(AutoScalingGroupName=mine.group, ForceDelete=True)


def _terminate_instances(cloud: Cloud, mine: Values) -> None:
    cloud.client("ec2").terminate_instances(InstanceIds=_instances(cloud, mine, "running"))


def _stop_for_good(cloud: Cloud, mine: Values) -> None:
    autoscaling = cloud.client("autoscaling")
    autoscaling.suspend_processes(AutoScalingGroupName=mine.group, ScalingProcesses=["HealthCheck", "ReplaceUnhealthy"])
    _stop_instances(cloud, mine)


UNDEAD_INSTANCES = Lab(
    "undead-instances",
    family="money",
    title="Stopped in the evening, running in the morning",
    report=(
        "A colleague: *I stopped the instances of an old experiment on Friday, all {mine.size} of them. The bill goes "
        "on, and today as many run again. Each of us says: not me.*"
    ),
    cause="forgotten-group",
    values=_undead_values,
    system=behind_the_load_balancer,
    inject=_create_group,
    evidence=_undead_evidence,
    symptom=_nothing_comes_back,
    mended=_undead_mended,
    repair=_delete_group,
    clean_up=_delete_group,
    non_repairs=(
        Wrong(_stop_instances, "Twelve hours later"),
        Wrong(_terminate_instances, "Twelve hours later"),
        Wrong(_stop_for_good, "keeps its volume"),
        Wrong(_shrink_the_system, "No other setting"),
    ),
    hints=(
        "Which part of AWS wants a number of instances to run, and replaces those that do not?",
        "Read the tags of the instances, and the activities of the group that they name.",
        "`aws autoscaling describe-auto-scaling-groups` and `describe-scaling-activities`; "
        "`update-auto-scaling-group` sets minimum and desired capacity, `delete-auto-scaling-group` deletes the group.",
    ),
)


# --- doubled-database: the database runs in two zones


def _double_database(cloud: Cloud, mine: Values) -> None:
    cloud.client("rds").modify_db_instance(
        DBInstanceIdentifier=cloud.aws_name("database"), MultiAZ=True, ApplyImmediately=True
    )


def _database(cloud: Cloud) -> dict[str, Any]:
    name = cloud.aws_name("database")
    return dict(cloud.client("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0])


def _database_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    arn = _database(cloud)["DBInstanceArn"]
    yield Evidence((cloud.aws_name("database"), arn), ("MultiAZ", "Multi-AZ", "Multi-AZUsage:db.t3.micro", "two zones"))


def _one_database_is_billed(attempt: Attempt) -> Iterable[Point]:
    running = _runs_now(attempt.cloud, "Multi-AZUsage:db.t3.micro")
    yield Point("The bill of this hour has no second database", not running, f"{running:g} run", "`esaws local cost`")


def _database_mended(attempt: Attempt) -> Iterable[Point]:
    database = _database(attempt.cloud)
    yield Point(
        "The database runs in one zone, as declared",
        not database["MultiAZ"],
        f"MultiAZ is {database['MultiAZ']}, changes that wait: {database.get('PendingModifiedValues') or 'none'}",
        "the database, and when a change of it is applied",
    )


def _make_single(cloud: Cloud, mine: Values) -> None:
    rds, database = cloud.client("rds"), cloud.aws_name("database")
    rds.modify_db_instance(DBInstanceIdentifier=database, MultiAZ=False, ApplyImmediately=True)
    rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier=database)


def _make_single_some_day(cloud: Cloud, mine: Values) -> None:
    cloud.client("rds").modify_db_instance(
        DBInstanceIdentifier=cloud.aws_name("database"), MultiAZ=False, ApplyImmediately=False
    )


def _stop_database(cloud: Cloud, mine: Values) -> None:
    cloud.client("rds").stop_db_instance(DBInstanceIdentifier=cloud.aws_name("database"))


DOUBLED_DATABASE = Lab(
    "doubled-database",
    family="money",
    title="The database costs twice as much",
    report=(
        "Accounting: *RDS costs twice as much as in the month before, for a test system that may be down for an "
        "hour. The database has the same size, and its owner says that it is the same database.*"
    ),
    cause="database-size",
    system=behind_the_load_balancer,
    inject=_double_database,
    evidence=_database_evidence,
    symptom=_one_database_is_billed,
    mended=_database_mended,
    repair=_make_single,
    non_repairs=(
        Wrong(_make_single_some_day, "in one zone"),
        Wrong(_stop_database, "in one zone"),
        Wrong(_shrink_the_system, "in one zone"),
    ),
    wait="40m",
    hints=(
        "Which setting of a database doubles its price and leaves its size as it is?",
        "Compare the usage types of RDS on the bill with the declaration of the database.",
        "`aws rds describe-db-instances`; `modify-db-instance` changes a setting, at once or in the next maintenance.",
    ),
)

LABS = (FORTY_DOLLARS_MORE, HEAVY_STORAGE, UNDEAD_INSTANCES, DOUBLED_DATABASE)
