"""What ElastiCache offers: engines, versions and node types."""

from __future__ import annotations

import re

ENGINES = ("memcached", "redis", "valkey")
DEFAULT_VERSIONS = {"memcached": "1.6.22", "redis": "7.1.0", "valkey": "8.0.1"}
DEFAULT_WINDOW = "sun:05:00-sun:06:00"
"""The maintenance window of a cluster that was created without one."""

_VERSIONS = {
    "memcached": re.compile(r"1\.4\.(5|14|24|33|34)|1\.5\.(10|16)|1\.6\.\d{1,2}"),
    "redis": re.compile(r"2\.8\.\d{1,2}|3\.2\.\d{1,2}|4\.0(\.10)?|5\.0(\.[0-6])?|6\.(x|0|2)(\.\d)?|7\.(x|0|1)(\.\d)?"),
    "valkey": re.compile(r"7\.2(\.\d{1,2})?|8\.[0-2](\.\d{1,2})?|9\.0(\.\d{1,2})?"),
}
"""https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/supported-engine-versions.html"""

_SMALL = ("micro", "small", "medium")
_LARGE = ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge")
_SIZES = {
    "t2": _SMALL,
    "t3": _SMALL,
    "t4g": _SMALL,
    "m3": ("medium", "large", "xlarge", "2xlarge"),
    "m4": ("large", "xlarge", "2xlarge", "4xlarge", "10xlarge"),
    "m5": (*_LARGE, "24xlarge"),
    "m6g": _LARGE,
    "m7g": _LARGE,
    "r3": ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge"),
    "r4": ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge"),
    "r5": (*_LARGE, "24xlarge"),
    "r6g": _LARGE,
    "r6gd": ("xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge"),
    "r7g": _LARGE,
    "c7gn": _LARGE,
    # previous generations, which clusters of old accounts have
    "t1": ("micro",),
    "m1": ("small", "medium", "large", "xlarge"),
    "m2": ("xlarge", "2xlarge", "4xlarge"),
    "c1": ("xlarge",),
}
"""https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/CacheNodes.SupportedTypes.html"""


def node_type_exists(node_type: str) -> bool:
    """Whether ElastiCache has a node type."""
    prefix, _, rest = node_type.partition(".")
    family, _, size = rest.partition(".")
    return prefix == "cache" and size in _SIZES.get(family, ())


def version_exists(engine: str, version: str) -> bool:
    """Whether ElastiCache has a version of an engine."""
    return _VERSIONS[engine].fullmatch(version) is not None


def default_parameter_group(engine: str, version: str) -> str:
    """The name of AWS's own parameter group for a version."""
    major, _, rest = version.partition(".")
    if engine == "memcached" or (engine == "redis" and major < "6"):
        return f"default.{engine}{major}.{rest.split('.')[0]}"
    return f"default.{engine}6.x" if (engine, major) == ("redis", "6") else f"default.{engine}{major}"
