"""A message broker of Amazon MQ: RabbitMQ on a single instance."""

from dataclasses import dataclass
from typing import Any, Self

from botocore.exceptions import ClientError

from esaws.aws import error_code, ignore_codes, ignore_repetition, pages
from esaws.cloud import Cloud
from esaws.documented import (
    ANY_TAG,
    BOOLEAN,
    ITSELF,
    Always,
    Call,
    Field,
    Name,
    OneOf,
    Parameter,
    Text,
    Unchecked,
    tag_map,
)
from esaws.errors import EsawsError
from esaws.pricelist import Usage
from esaws.resource import Live, Lives, Resource, Usages
from esaws.resources._tags import minor_version
from esaws.resources.password_parameter import PasswordParameter

_BROKERS_BROKER_ID_PAGE = "https://docs.aws.amazon.com/amazon-mq/latest/api-reference/brokers-broker-id.html"

_BUSY = frozenset({"CREATION_IN_PROGRESS", "REBOOT_IN_PROGRESS"})
_MINUTES = 40


_SETTINGS: dict[str, Parameter] = {
    "EngineVersion": Field("engine_version", Unchecked("one that DescribeBrokerEngineTypes lists")),
    "HostInstanceType": Field("instance_type", Unchecked("one that DescribeBrokerInstanceOptions lists")),
}


@dataclass(frozen=True, kw_only=True)
class Broker(Resource):
    """Accepts AMQP over TLS on port 5671. A public one has no security group. `engine_version` is major and minor."""

    password: PasswordParameter
    username: str = "esaws"
    instance_type: str = "mq.t3.micro"
    engine_version: str = "3.13"
    public: bool = True

    in_place = frozenset({"instance_type", "engine_version"})
    not_compared = frozenset({"password", "username"})  # AWS does not return the users of RabbitMQ
    pending = frozenset({*_BUSY, "CREATION_FAILED"})  # ready() raises an error for a failed one
    deleting = frozenset({"DELETION_IN_PROGRESS"})
    seconds = 900
    icon = "aws.integration.MQ"
    permissions = (
        # Amazon MQ creates its interfaces with the permissions of the caller.
        "ec2:CreateNetworkInterface",
        "ec2:CreateNetworkInterfacePermission",
        "ec2:DeleteNetworkInterface",
        "ec2:DeleteNetworkInterfacePermission",
        "ec2:DescribeInternetGateways",
        "ec2:DescribeNetworkInterfacePermissions",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeRouteTables",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
        "ec2:DetachNetworkInterface",
        "iam:CreateServiceLinkedRole",
        "mq:CreateBroker",
        "mq:CreateTags",
        "mq:DeleteBroker",
        "mq:DescribeBroker",
        "mq:ListBrokers",
        "mq:RebootBroker",
        "mq:UpdateBroker",
        "ssm:GetParameter",
    )
    documented = (
        Call(
            "https://docs.aws.amazon.com/amazon-mq/latest/api-reference/brokers.html",
            {
                "BrokerName": Name(Text(1, 50, r"[A-Za-z0-9_-]*", "letters, digits, hyphens and underscores")),
                "DeploymentMode": Always(
                    "SINGLE_INSTANCE", OneOf("SINGLE_INSTANCE", "ACTIVE_STANDBY_MULTI_AZ", "CLUSTER_MULTI_AZ")
                ),
                "EngineType": Always("RABBITMQ", OneOf("ACTIVEMQ", "RABBITMQ")),
                "AutoMinorVersionUpgrade": Always(True, Unchecked("True for RabbitMQ 3.13 and later")),
                "PubliclyAccessible": Field("public", BOOLEAN),
                "Users[].Username": Field(
                    "username", Text(2, 100, r"(?!guest$)[A-Za-z0-9._-]*", "letters, digits and any of -._, not guest")
                ),
                "Users[].Password": Field(
                    "password", Unchecked("12 characters or more, at least 4 of them different, without , : and =")
                ),
                **_SETTINGS,
                **tag_map("Tags", ANY_TAG),
            },
            name="CreateBroker",
        ),
        Call(
            _BROKERS_BROKER_ID_PAGE,
            {"BrokerId": ITSELF, **_SETTINGS},
            name="UpdateBroker",
        ),
        Call(
            "https://docs.aws.amazon.com/amazon-mq/latest/api-reference/brokers-broker-id-reboot.html",
            {"BrokerId": ITSELF},
            name="RebootBroker",
        ),
        Call(
            _BROKERS_BROKER_ID_PAGE,
            {"BrokerId": ITSELF},
            name="DeleteBroker",
        ),
    )

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        lives = []
        for summary in pages(cloud, "mq", "list_brokers", "BrokerSummaries"):
            raw = _describe(cloud, summary["BrokerId"]) if _has_our_name(cloud, summary) else None
            if raw and (name := cloud.owned_name(raw.get("Tags", {}))):
                fields = {
                    "instance_type": raw["HostInstanceType"],
                    "engine_version": minor_version(raw["EngineVersion"]),
                    "public": raw["PubliclyAccessible"],
                }
                lives.append(Live(cls.kind, name, raw["BrokerId"], state=raw["BrokerState"], fields=fields, raw=raw))
        return lives

    def desired(self) -> dict[str, Any]:
        return super().desired() | {"engine_version": minor_version(self.engine_version)}

    def create(self, cloud: Cloud) -> None:
        created = cloud.client("mq").create_broker(
            AutoMinorVersionUpgrade=True,  # the only value that RabbitMQ 3.13 and later accept
            BrokerName=cloud.aws_name(self.name),
            DeploymentMode="SINGLE_INSTANCE",
            EngineType="RABBITMQ",
            EngineVersion=self.engine_version,
            HostInstanceType=self.instance_type,
            PubliclyAccessible=self.public,
            Tags=cloud.tags(self.name),
            Users=[{"Username": self.username, "Password": self.password.value(cloud)}],
        )
        self.remember_id(cloud, created["BrokerId"])
        self.ready(cloud)

    def ready(self, cloud: Cloud) -> None:
        broker = self.id_in(cloud)

        def running() -> bool:
            state = _state(cloud, broker)
            if state not in {"RUNNING", *_BUSY}:
                raise EsawsError(f"{self} did not start: it is {state}; delete it and deploy again")
            return state == "RUNNING"

        cloud.wait_until(f"{self} is running", running, minutes=_MINUTES)

    def update(self, cloud: Cloud, live: Live) -> None:
        # A change is applied by the next reboot, or in the weekly maintenance window.
        mq = cloud.client("mq")
        mq.update_broker(BrokerId=live.id, EngineVersion=self.engine_version, HostInstanceType=self.instance_type)

        def changed() -> bool:
            raw = _describe(cloud, live.id) or {}
            now = (raw.get("HostInstanceType"), minor_version(raw.get("EngineVersion", "")), raw.get("BrokerState"))
            return now == (self.instance_type, minor_version(self.engine_version), "RUNNING")

        def is_rebooted() -> bool:
            return _state(cloud, live.id) == "REBOOT_IN_PROGRESS" or changed()

        with ignore_repetition("BadRequestException", is_rebooted):
            mq.reboot_broker(BrokerId=live.id)
        cloud.wait_until(f"{self} is changed", changed, minutes=_MINUTES)

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        # A broker can't be deleted while it is being created or rebooted.
        cloud.wait_until(f"{live.name} can be deleted", lambda: _state(cloud, live.id) not in _BUSY, minutes=_MINUTES)

        def is_deleted() -> bool:
            return _state(cloud, live.id) in {None, *cls.deleting}

        if not is_deleted():
            with ignore_codes("NotFoundException"), ignore_repetition("BadRequestException", is_deleted):
                cloud.client("mq").delete_broker(BrokerId=live.id)
        cloud.wait_until(f"{live.name} is deleted", lambda: _state(cloud, live.id) is None, minutes=_MINUTES)

    def usage(self) -> Usages:
        storage_gb = 20 if self.instance_type == "mq.t3.micro" else 200  # included in the instance type
        return [
            Usage.hours("AmazonMQ", f"RabbitMQ-InstanceUsage:{self.instance_type}", "CreateBroker:0001"),
            Usage.gb_month("AmazonMQ", "TimedStorage-RabbitMQ-ByteHrs", storage_gb),
        ]

    @classmethod
    def example(cls) -> Self:
        return cls(name="broker", password=PasswordParameter(name="broker-password"), instance_type="mq.m5.large")


def _has_our_name(cloud: Cloud, summary: dict[str, Any]) -> bool:
    """Whether it could be ours, so that a describe call, which has the tags, is worth it."""
    return bool(summary["BrokerName"].startswith(cloud.aws_name("")))


def _describe(cloud: Cloud, broker_id: str) -> dict[str, Any] | None:
    try:
        raw: dict[str, Any] = cloud.client("mq").describe_broker(BrokerId=broker_id)
    except ClientError as error:
        if error_code(error) != "NotFoundException":
            raise
        return None
    return raw


def _state(cloud: Cloud, broker_id: str) -> str | None:
    raw = _describe(cloud, broker_id)
    return raw["BrokerState"] if raw else None
