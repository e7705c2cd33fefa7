"""Region prefixes of usage types: `EUW3-` for Paris, mostly none for us-east-1."""

_CODES = {
    "us-east-1": "USE1",
    "us-east-2": "USE2",
    "us-west-1": "USW1",
    "us-west-2": "USW2",
    "ca-central-1": "CAN1",
    "ca-west-1": "CAN2",
    "mx-central-1": "MXC1",
    "sa-east-1": "SAE1",
    "eu-west-1": "EUW1",
    "eu-west-2": "EUW2",
    "eu-west-3": "EUW3",
    "eu-central-1": "EUC1",
    "eu-central-2": "EUC2",
    "eu-north-1": "EUN1",
    "eu-south-1": "EUS1",
    "eu-south-2": "EUS2",
    "ap-northeast-1": "APN1",
    "ap-northeast-2": "APN2",
    "ap-northeast-3": "APN3",
    "ap-southeast-1": "APS1",
    "ap-southeast-2": "APS2",
    "ap-south-1": "APS3",
    "ap-southeast-3": "APS4",
    "ap-south-2": "APS5",
    "ap-southeast-4": "APS6",
    "ap-southeast-5": "APS7",
    "ap-east-1": "APE1",
    "af-south-1": "AFS1",
    "me-south-1": "MES1",
    "me-central-1": "MEC1",
    "il-central-1": "ILC1",
}
_OLD_CODES = {"us-east-1": "", "eu-west-1": "EU"}
"""The two regions that are older than the codes; the usage types of older services have another prefix there."""
_NEWER_USAGE_TYPES = (
    "PublicIPv4:",
    "RabbitMQ-",
    "ActiveMQ-",
    "TimedStorage-RabbitMQ-",
    "DataProcessing-Bytes",
    "Fargate-",
)


def with_prefix(usage_type: str, region: str) -> str:
    """Add the prefix that the bills of a region use: `EUW3-BoxUsage:t2.micro`; us-east-1 mostly has none."""
    code = _CODES.get(region, region)
    if not usage_type.startswith(_NEWER_USAGE_TYPES):
        code = _OLD_CODES.get(region, code)
    return f"{code}-{usage_type}" if code else usage_type


def without_prefix(usage_type: str, region: str) -> str:
    """Remove the prefix that the bills of a region use."""
    for code in (_CODES.get(region, region), _OLD_CODES.get(region)):
        if code and usage_type.startswith(f"{code}-"):
            return usage_type.removeprefix(f"{code}-")
    return usage_type


def region_of(usage_type: str) -> str | None:
    """The region that the prefix of a usage type names; None without a prefix, as in us-east-1 and for global ones."""
    code = usage_type.partition("-")[0]
    regions = {code: region for region, code in (*_CODES.items(), *_OLD_CODES.items()) if code}
    return regions.get(code)
