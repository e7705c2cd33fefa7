"""Patches that make moto faster without changing its behaviour.

moto reads the offerings of instance types in all regions, 10 MB of JSON, when it is imported; here those of a region
are read when a call needs them. AWS's images and managed policies are created once. As on AWS, they and the images'
snapshots have the same ids in every account, and in every process. The environment of the server makes moto load the
policies (`MOTO_IAM_LOAD_MANAGED_POLICIES`).
"""

from __future__ import annotations

import hashlib
import json
import string
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache, cached_property, lru_cache
from importlib.resources import files
from typing import Any

from moto.core.utils import camelcase_to_underscores, method_names_from_class, utcnow
from moto.utilities.utils import load_resource as read_resource

from local_aws_server.clone import clone
from local_aws_server.hooks import apply_patches, patch

# moto reads the methods of a service's class with `inspect` in each call.
patch("moto.core.responses", "method_names_from_class")(cache(method_names_from_class))

# The name of the method for an operation, which moto composes letter by letter in each call.
patch("moto.core.responses", "camelcase_to_underscores")(lru_cache(4096)(camelcase_to_underscores))


@patch("moto.moto_api._internal.moto_random", "MotoRandom.get_random_hex")
def get_random_hex(self: Any, length: int = 8) -> str:
    """Random digits of an id, at once; moto chooses one after the other."""
    return f"{self.getrandbits(4 * length):0{length}x}"


@patch("moto.moto_api._internal.moto_random", "MotoRandom.get_random_string")
def get_random_string(self: Any, length: int = 20, include_digits: bool = True, lower_case: bool = False) -> str:
    letters = string.ascii_letters + (string.digits if include_digits else "")
    text = "".join(self.choices(letters, k=length))
    return text.lower() if lower_case else text


_OFFERINGS = "ec2/resources/instance_type_offerings"


@patch("moto.utilities.utils", "load_resource")
def load_resource(resource: str) -> Any:
    """One of moto's files, but no offerings of instance types, which moto reads while it is imported."""
    return [] if resource.startswith(_OFFERINGS) else read_resource(resource)


class _Offerings(Mapping[str, list[dict[str, str]]]):
    """Region → the instance types that EC2 offers there, by one type of location; read when they are needed."""

    def __init__(self, location_type: str) -> None:
        self._location_type = location_type

    def __getitem__(self, region: str) -> list[dict[str, str]]:
        if region not in self._regions:
            raise KeyError(region)
        return _read_offerings(self._location_type, region)

    def __iter__(self) -> Iterator[str]:
        return iter(self._regions)

    def __len__(self) -> int:
        return len(self._regions)

    @cached_property
    def _regions(self) -> dict[str, None]:
        folder = files("moto") / _OFFERINGS / self._location_type
        return dict.fromkeys(sorted(file.name.split(".")[0] for file in folder.iterdir()))


@cache
def _read_offerings(location_type: str, region: str) -> list[dict[str, str]]:
    offerings = read_resource(f"{_OFFERINGS}/{location_type}/{region}.json")
    return [{**offering, "LocationType": location_type} for offering in offerings]


_offerings = {name: _Offerings(name) for name in ("availability-zone", "availability-zone-id", "region")}
for _module in ("instance_types", "instances", "spot_requests"):
    patch(f"moto.ec2.models.{_module}", "INSTANCE_TYPE_OFFERINGS")(_offerings)


_images_by_region: dict[str, list[Any]] = {}
_UNKNOWN_DATE = datetime(2020, 1, 1)


@patch("moto.ec2.models.amis", "AmiBackend.__init__")
def init_amis(self: Any) -> None:
    """Give a new EC2 backend copies of the 1,300 images, created once for each region."""
    self.amis, self.deleted_amis = {}, []
    region = self.region_name
    if region not in _images_by_region:
        before = utcnow()
        self._load_amis()
        for image in self.amis.values():
            del self.snapshots[image.ebs_snapshot.id]
            if image.creation_date >= before and image.creation_date <= utcnow():
                image.creation_date = _UNKNOWN_DATE  # moto takes the time of loading where it has none
            if image.platform != "windows":
                image.platform = None  # AWS has a value for Windows alone
            _detach_from_backend(image)
        _images_by_region[region] = [*self.amis.values()]
        self.amis = {}
    for image in _images_by_region[region]:
        copy = copy_image(self, image)
        self.amis[copy.id] = copy
        self.snapshots[copy.ebs_snapshot.id] = copy.ebs_snapshot


def _detach_from_backend(image: Any) -> None:
    """Give the snapshot and volume of an image stable ids and times, and refer to no backend."""
    snapshot, id = image.ebs_snapshot, image.id.removeprefix("ami-")
    volume = clone(snapshot.volume, ec2_backend=None, id=f"vol-{id}", create_time=image.creation_date)
    image.ebs_snapshot = clone(
        snapshot, ec2_backend=None, id=f"snap-{id}", start_time=image.creation_date, volume=volume
    )
    image.ec2_backend = None


def aws_images(region: str) -> list[Any]:
    """AWS's images in a region, as the objects of which accounts have copies."""
    if region not in _images_by_region:
        from moto.ec2.models import EC2Backend

        apply_patches()
        EC2Backend(region, "0" * 12)
    return _images_by_region[region]


def copy_image(backend: Any, image: Any) -> Any:
    """A copy of one of `aws_images` and of its snapshot, for an EC2 backend."""
    snapshot = clone(
        image.ebs_snapshot,
        ec2_backend=backend,
        create_volume_permission_groups=set(),
        create_volume_permission_userids=set(),
    )
    return clone(
        image,
        ec2_backend=backend,
        ebs_snapshot=snapshot,
        launch_permissions=[*image.launch_permissions],
        product_codes={*image.product_codes},
    )


@patch("moto.ssm.models", "ParameterDict._load_tree_parameters")
def load_tree_parameters(self: Any, path: str) -> None:
    """Give the SSM backend of an account copies of public parameters, parsed once."""
    now = utcnow()
    for parameter in _public_parameters(path):
        copy = clone(parameter, account_id=self.account_id, last_modified_date=now, labels=[])
        self.setdefault(parameter.name, []).append(copy)


@cache
def _public_parameters(path: str) -> list[Any]:
    """The parameters of one of moto's files of AWS's public parameters; none if moto has no such file."""
    from moto.ssm.models import convert_to_params, load_resource

    try:
        loaded = convert_to_params(load_resource(f"ssm/resources/{path}"))
    except FileNotFoundError:
        return []
    return [_public_parameter(each["Name"], each["Value"]) for each in loaded]


def _public_parameter(name: str, value: str) -> Any:
    from moto.ssm.models import Parameter

    parameter: Any = Parameter  # moto does not define two of its abstract properties
    return parameter("", name, value, "String", None, None, None, _UNKNOWN_DATE, version=1, data_type="text")


@patch("moto.iam.models", "IAMBackend._init_aws_policies")
def init_managed_policies(self: Any) -> list[Any]:
    """Give a new IAM backend copies of the 1,500 managed policies, parsed once for each partition."""
    return [copy_policy(self.account_id, policy) for policy in managed_policies(self.region_name)]


def copy_policy(account: str, policy: Any) -> Any:
    """A copy of one of `managed_policies`, for an account."""
    return clone(policy, account_id=account, versions=[*policy.versions], tags={})


@cache
def managed_policies(region: str) -> list[Any]:
    """AWS's managed policies, as the objects of which accounts have copies."""
    from moto.iam.models import AWSManagedPolicy, aws_managed_policies_data

    data = json.loads(aws_managed_policies_data)
    policies = [AWSManagedPolicy.from_data(name, "aws", region, policy) for name, policy in data.items()]
    for policy in policies:
        policy.id = f"A{hashlib.sha256(policy.arn.encode()).hexdigest()[:20].upper()}"
    return policies
