"""Objects that AWS has in every account: written by name while an account has not changed them, and created by name.

They are nine tenths of an account: its images with their snapshots, the managed policies, and the public parameters.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from local_aws_server.moto_performance import aws_images, copy_image, copy_policy, managed_policies
from local_aws_server.snapshots.class_allowlist import class_name
from local_aws_server.snapshots.errors import Unreadable

_EC2 = "moto.ec2.models:EC2Backend"
_PARTITION = "aws"
_PUBLIC_PARAMETERS = "/aws/service/"
_LOADED_FLAGS = (
    "latest_amis_loaded",
    "latest_region_defaults_loaded",
    "latest_service_defaults_loaded",
    "latest_ecs_amis_loaded",
)
"""Attributes of moto's dict of parameters that say which public ones it has loaded."""


def unchanged_objects(account: str, backends: Iterable[Any]) -> dict[int, str]:
    """`id` → name of the objects of an account that are as AWS made them."""
    names = {id(version): name for name, version in _policy_versions().items()}
    for backend in backends:
        cls = class_name(type(backend))
        if cls == _EC2:
            names |= _unchanged_images(account, backend)
        elif cls == "moto.iam.models:IAMBackend" and backend.region_name == _PARTITION:
            for original in managed_policies(_PARTITION):
                policy = backend.managed_policies.get(original.arn)
                if policy is not None and vars(policy) == vars(copy_policy(account, original)):
                    names[id(policy)] = f"managed-policy {account} {original.arn}"
    return names


def _unchanged_images(account: str, backend: Any) -> dict[int, str]:
    names = {}
    for original in aws_images(backend.region_name):
        image = backend.amis.get(original.id)
        if image is None:
            continue
        expected, place = copy_image(backend, original), f"{account} {backend.region_name} {original.id}"
        if vars(image.ebs_snapshot) == vars(expected.ebs_snapshot):
            names[id(image.ebs_snapshot)] = f"image-snapshot {place}"
            if vars(image) | {"ebs_snapshot": None} == vars(expected) | {"ebs_snapshot": None}:
                names[id(image)] = f"image {place}"
    return names


def _policy_versions() -> dict[str, Any]:
    """The versions of the managed policies, which all accounts share: their documents are most of IAM's data."""
    policies = managed_policies(_PARTITION) if "moto.iam.models" in sys.modules else []
    return {f"policy {policy.arn} {version.version_id}": version for policy in policies for version in policy.versions}


def unload_public_parameters(backend: Any) -> None:
    """Remove AWS's public parameters from a backend of SSM; moto loads them again when a call needs them."""
    parameters = backend._parameters
    for name in [name for name in dict.keys(parameters) if name.startswith(_PUBLIC_PARAMETERS)]:
        dict.__delitem__(parameters, name)
    for flag in _LOADED_FLAGS:
        setattr(parameters, flag, False)


class AwsObjects:
    """Finds the named objects for the accounts that are read from a file; creates each once."""

    def __init__(self, backends: Mapping[str, Any]) -> None:
        """`backends`: name → backend of the accounts in the file."""
        self._backends = backends
        self._found: dict[str, Any] = _policy_versions()
        self._creators: dict[str, Callable[..., None]] = {
            "image": self._create_images,
            "image-snapshot": self._create_images,
            "managed-policy": self._create_policies,
        }

    def find(self, name: str) -> Any:
        """The object with a name; None if it is not the name of an object of AWS. Raises Unreadable."""
        kind, *place = name.split(" ")
        if name not in self._found and kind in self._creators:
            self._creators[kind](*place[:2])
            if name not in self._found:
                raise Unreadable(f"AWS has no {name:.120}")
        return self._found.get(name)

    def _create_images(self, account: str, region: str) -> None:
        backend = self._backends.get(f"{_EC2} {account} {region}")
        if backend is None:
            raise Unreadable(f"account {account:.20} has images but no EC2 in {region:.20}")
        for image in aws_images(region):
            copy, place = copy_image(backend, image), f"{account} {region} {image.id}"
            self._found |= {f"image {place}": copy, f"image-snapshot {place}": copy.ebs_snapshot}

    def _create_policies(self, account: str, _: str) -> None:
        for policy in managed_policies(_PARTITION):
            self._found[f"managed-policy {account} {policy.arn}"] = copy_policy(account, policy)
