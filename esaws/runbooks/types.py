"""The types of runbook parameters, by the names that a parameters cell annotates with.

A cell writes the name of a type in quotes, so that it needs no import and can be read without running it:

    service: "ServiceName" = "sites-management-api"   # the ECS service
    desired: "TaskCount" = 2                          # tasks that should run

`OneOf[a, b]`, `Between[1, 60]`, `ListOf[Zone]` and `Required[ServiceName]` build types from values and types.
A value of `""` means "not given" where the default is `""`. `Required` refuses it.
"""

from __future__ import annotations

import datetime
import ipaddress
import re
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field

from esaws.durations import parse_duration

_SECRET_NAME = re.compile(r"env:[A-Za-z_]\w*|ssm:/?[\w./-]+|secretsmanager:[\w/+=.@:-]+")


Services = Literal[
    "cameras-api", "client-web-ui", "hdm", "intrusion-management-api", "manager-web-ui", "sites-management-api"
]
"""The services of the reference system."""


def _pattern(regex: str, description: str, *examples: str) -> Any:
    return Annotated[
        str, Field(pattern=f"^(?:{regex})$", max_length=1000, description=description, examples=list(examples))
    ]


def _not_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a number is expected, not true or false")
    return value


def _date(value: Any) -> Any:
    """Refuse numbers, which pydantic reads as seconds since 1970."""
    if not isinstance(value, str | datetime.date):
        raise ValueError("a date is text; write it like 2026-11-01")
    return value


def _integer(low: int, high: int, description: str, *examples: int) -> Any:
    limits = Field(ge=low, le=high, description=description, examples=list(examples))
    return Annotated[int, BeforeValidator(_not_bool), limits]


def _duration(value: Any) -> datetime.timedelta:
    if isinstance(value, datetime.timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError("a duration has a unit; write it like 90s, 20m, 8h or 3d")
    return parse_duration(value)


def is_secret_name(value: Any) -> bool:
    """Whether a value names a secret: env:NAME, ssm:/NAME or secretsmanager:NAME."""
    return isinstance(value, str) and _SECRET_NAME.fullmatch(value) is not None


def _secret_name(value: str) -> str:
    """Refuse anything but the name of a secret. The message must not repeat a value that may be the secret itself."""
    if not is_secret_name(value):
        raise ValueError("give the name of the secret, never its value: env:NAME, ssm:/NAME or secretsmanager:NAME")
    return value


def _notification(value: str) -> str:
    if not re.fullmatch(r"env:[A-Za-z_]\w*|https?://\S+|arn:aws[\w-]*:sns:[\w-]+:\d{12}:[\w.-]+", value):
        raise ValueError("write a webhook (https://…, or env:NAME of a variable that holds it) or an SNS topic's ARN")
    return value


def _address(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError("it takes an IPv4 or IPv6 address, such as 203.0.113.7") from None


def split_list(value: Any) -> Any:
    """Split a text such as `a, b` or `["a", "b"]`, which is all that a command line can pass, into a list."""
    if not isinstance(value, str):
        return value
    inner = value.strip().removeprefix("[").removesuffix("]")
    return [item.strip().strip("'\"") for item in inner.split(",") if item.strip()]


Text = Annotated[str, Field(max_length=500, description="any text, up to 500 characters", examples=["INC-1234"])]
Profile = Annotated[
    Literal["ha", "budget", "fargate"],
    Field(description="a profile of the reference system", examples=["ha", "budget", "fargate"]),
]
Regime = Annotated[
    Literal["legacy", "credits", "none"],
    Field(description="the free tier of an account", examples=["legacy", "credits", "none"]),
]
Protocol = Annotated[Literal["tcp", "udp"], Field(description="an IP protocol", examples=["tcp", "udp"])]
DryRun = Annotated[
    Literal["auto", True, False],
    BeforeValidator(lambda value: {"true": True, "false": False}.get(str(value).strip().lower(), value)),
    Field(
        description="true: change nothing; false; auto: true on aws unless approved", examples=["auto", "true", "false"]
    ),
]
Bool = Annotated[bool, Field(description="true or false", examples=["true", "false"])]
AccountId = _pattern(r"\d{12}", "the 12 digits of an account", "123456789012")
Region = _pattern(r"[a-z]{2}(-[a-z]+)+-\d", "an AWS region", "eu-west-3")
DeploymentName = _pattern("[a-z][a-z0-9]{0,7}", "a deployment: 1 to 8 lower-case letters and digits", "seccom")
ReferenceService = Annotated[
    Services, Field(description="a service of the reference system", examples=list(get_args(Services)))
]
InstanceType = _pattern(r"[a-z][a-z0-9-]*\d[a-z0-9-]*\.[a-z0-9-]+", "an EC2 instance type", "t2.micro", "t3.micro")
Currency = _pattern("[A-Z]{3}", "a currency of ISO 4217", "USD", "EUR")
TagKey = _pattern("[^\\s].*", "the key of a tag", "esaws:deployment")
ServiceName = _pattern("[A-Za-z0-9_-]+", "an ECS service", "sites-management-api")
LoadBalancerName = _pattern("[A-Za-z0-9-]{1,32}|arn:\\S+", "a load balancer: its name or ARN", "seccom-alb")
GroupName = _pattern("[A-Za-z0-9 ._:/()#,@+=&;{}!$*-]+", "a security group: its name", "ALB-sg")
Name = _pattern("[A-Za-z0-9][A-Za-z0-9_.:/@-]*", "a name on AWS", "database")
ParameterName = _pattern("[A-Za-z0-9][A-Za-z0-9_.-]*", "an SSM parameter, without the deployment", "database-password")
LoadBalancerOrService = _pattern(
    r"[A-Za-z0-9_-]{1,255}|arn:\S+", "a load balancer, target group or ECS service: its name or ARN", "seccom-alb"
)
InstanceId = _pattern("i-[0-9a-f]{8,17}", "an EC2 instance", "i-0123456789abcdef0")
Image = _pattern(
    r"[a-z0-9][A-Za-z0-9_.:/@-]*", "a container image with its tag or digest", "public.ecr.aws/nginx/nginx:1.27"
)
Zone = _pattern(r"[a-z]{2}(-[a-z]+)+-\d[a-z]", "an Availability Zone", "eu-west-3a")
Cidr = _pattern(r"(\d{1,3}\.){3}\d{1,3}/\d{1,2}|[0-9a-fA-F:]+/\d{1,3}", "an IPv4 or IPv6 block", "203.0.113.0/24")
IpAddress = Annotated[
    str, AfterValidator(_address), Field(description="an IPv4 or IPv6 address", examples=["203.0.113.7"])
]
Url = _pattern(r"https?://\S+", "a URL", "http://seccom.example.com/sites")
UrlPath = _pattern(r"/[!\"$-~]*", "the path of a URL, with its query", "/sites-management-api/sites", "/?page=2")
HostName = _pattern(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", "a host name", "seccom.example.com")
Header = _pattern(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+: ?\S.*", "an HTTP header", "User-Agent: curl")
Since = _pattern(
    r"\S.*",
    "a duration, a time, the record of an earlier run, or a folder of esaws snapshot",
    "24h",
    "2026-11-01T08:00Z",
)
Path = _pattern(r"[^\s\x00].*", "a file or folder", "bills/2026-10.csv")
Endpoint = _pattern(
    r"\S+",
    "an end of a connection: internet, a CIDR, eni-…, i-…, service/NAME, alb/NAME, db/NAME, cache/NAME",
    "internet",
)
Fingerprint = _pattern("[0-9a-z]{6,9}-[0-9a-f]{16}", "the fingerprint of a plan", "2mxc8w0-0123456789abcdef")
TaskCount = _integer(0, 100, "tasks, 0 to 100", 0, 2)
Port = _integer(1, 65535, "a port", 22, 443)
Percent = _integer(0, 100, "a percentage", 50)
Days = _integer(1, 400, "days, 1 to 400", 1, 30)
Count = _integer(0, 10_000, "a number, 0 to 10000", 0, 3)
Usd = Annotated[
    float, BeforeValidator(_not_bool), Field(ge=0, allow_inf_nan=False, description="US dollars", examples=[5.0])
]
Date = Annotated[
    datetime.date, BeforeValidator(_date), Field(description="a date, YYYY-MM-DD", examples=["2026-11-01"])
]
CourseDate = Annotated[
    datetime.date,
    BeforeValidator(_date),
    Field(description="a date, YYYY-MM-DD; the texts of the course are about 2022-02-28", examples=["2022-02-28"]),
]
Duration = Annotated[
    datetime.timedelta, BeforeValidator(_duration), Field(description="a duration: 90s, 20m, 8h or 3d", examples=["8h"])
]
Secret = Annotated[
    str,
    AfterValidator(_secret_name),
    Field(description="the name of a secret: env:, ssm: or secretsmanager:", examples=["env:DB_PASSWORD"]),
]
Notification = Annotated[
    str,
    AfterValidator(_notification),
    Field(description="a webhook's URL, env:NAME of one, or an SNS topic's ARN", examples=["env:WEBHOOK"]),
]

TYPES: dict[str, Any] = {
    "str": Text,
    "int": Annotated[int, Field(description="a whole number", examples=[1])],
    "float": Annotated[float, Field(allow_inf_nan=False, description="a number", examples=[1.0])],
    "bool": Bool,
    **{name: value for name, value in globals().items() if name[:1].isupper() and hasattr(value, "__metadata__")},
}
"""Type by the name that a parameters cell uses."""
