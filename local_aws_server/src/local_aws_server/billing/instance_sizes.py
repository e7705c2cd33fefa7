"""Normalization factors of instance sizes: how many small instances an instance counts for.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/apply_ri.html
"""

from __future__ import annotations

from decimal import Decimal

from local_aws_server.billing.charge import Meter

_FACTORS = {"nano": "0.25", "micro": "0.5", "small": "1", "medium": "2", "large": "4", "xlarge": "8"}
_NORMALIZED_USAGE_TYPES = ("BoxUsage:", "InstanceUsage:", "Multi-AZUsage:")


def normalization_factor(meter: Meter) -> Decimal | None:
    """The normalized units of an instance hour; None for other usage and for unknown sizes."""
    if not meter.usage_type.startswith(_NORMALIZED_USAGE_TYPES):
        return None
    size = meter.usage_type.rsplit(".", 1)[-1]
    multiple = size.removesuffix("xlarge")
    if multiple.isdigit():
        return Decimal(_FACTORS["xlarge"]) * int(multiple)
    return Decimal(_FACTORS[size]) if size in _FACTORS else None
