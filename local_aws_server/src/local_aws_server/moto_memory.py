"""Patches that let moto's objects go: what is deleted, and the accounts that a reset has emptied.

moto keeps a list of all objects of each class for its own dashboard, and caches results of methods together with the
object. One subnet in such a cache keeps its whole account, with 1,300 images for each region.
"""

from __future__ import annotations

from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

from moto.core.common_models import BaseModel

from local_aws_server import aws_models
from local_aws_server.hooks import patch


@patch("moto.core.common_models", "BaseModel.__new__")
def new_model(cls: Any, *_: Any, **__: Any) -> Any:
    """A new object, which the list of the class does not keep."""
    return super(BaseModel, cls).__new__(cls)


@cache
def _regions(service: str) -> list[str]:
    partitions = aws_models.endpoints().get_available_partitions()
    return [region for name in partitions for region in aws_models.available_regions(service, name)]


@patch("moto.core.base_backend", "AccountSpecificBackend._generate_regions")
def generate_regions(self: Any, service_name: str) -> list[str]:
    return _regions(service_name)


_addresses: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
"""Subnet → the iterator of its addresses, from which moto takes those that AWS reserves."""


@patch("moto.ec2.models.subnets", "Subnet._base_avail_ip_iterator")
def iterate_over_addresses(self: Any) -> Any:
    if self not in _addresses:
        _addresses[self] = self.cidr.hosts()
    return _addresses[self]


@cache
def _signing_key() -> Any:
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@patch("moto.sns.models", "Subscription.private_key")
def private_key(self: Any) -> Any:
    return _signing_key()


@cache
def _cluster_options(engine: str) -> list[Any]:
    from moto.rds.utils import decode_orderable_db_instance
    from moto.utilities.utils import load_resource

    options = load_resource(f"rds/resources/cluster_options/{engine}.json")
    return [decode_orderable_db_instance(option) for option in options]


@patch("moto.rds.models", "RDSBackend.db_cluster_options")
def db_cluster_options(self: Any, engine: str) -> list[Any]:
    return _cluster_options(engine)


@cache
def _instance_types(release_label: str) -> list[str]:
    from moto.utilities.utils import load_resource

    names: list[str] = load_resource(f"emr/resources/instance-types-{release_label}.json")
    return names


@patch("moto.emr.models", "ElasticMapReduceBackend._get_instance_type_names")
def get_instance_type_names(self: Any, release_label: str) -> list[str]:
    return _instance_types(release_label)
