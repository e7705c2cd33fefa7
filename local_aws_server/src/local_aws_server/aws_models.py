"""botocore's models of AWS's services and endpoints, each of which a server reads once.

moto makes a new loader for each model, which lists the folders of all services again. It reads the model of EC2 five
times, to find the regions of each partition.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from botocore.exceptions import UnknownServiceError
from botocore.loaders import JSONFileLoader
from botocore.regions import EndpointResolver
from moto.core.loaders import create_loader
from moto.core.utils import get_service_model

from local_aws_server.hooks import patch


class _DictLoader(JSONFileLoader):
    """Reads JSON into plain dicts: a third of botocore's OrderedDicts for the garbage collector, and as ordered."""

    def _load_file(self, full_path: str, open_method: Callable[..., Any]) -> Any:
        try:
            with open_method(full_path, "rb") as file:
                return json.load(file)
        except FileNotFoundError:
            return None


@patch("moto.core.utils", "create_loader")
@cache
def model_loader() -> Any:
    """The loader of all models, with moto's additions."""
    loader = create_loader()
    loader.file_loader = _DictLoader()
    return loader


@cache
def endpoints() -> EndpointResolver:
    """The endpoints of all services, by partition and region."""
    return EndpointResolver(model_loader().load_data("endpoints"))


def available_regions(service: str, partition: str = "aws", allow_non_regional: bool = False) -> list[str]:
    """The regions of a partition that have a service; none if boto3 has no such service."""
    try:
        prefix = get_service_model(service).metadata.get("endpointPrefix", service)
    except UnknownServiceError:
        return []
    regions: list[str] = endpoints().get_available_endpoints(prefix, partition, allow_non_regional)
    return regions


@patch("boto3.session", "Session.get_available_regions")
def get_available_regions(
    self: Any, service_name: str, partition_name: str = "aws", allow_non_regional: bool = False
) -> list[str]:
    return available_regions(service_name, partition_name, allow_non_regional)
