"""Patches that make moto faster without changing its behaviour.

AWS's images and managed policies are created once; as on AWS, they have the same ids in every account. The environment
of the server makes moto load the policies (`MOTO_IAM_LOAD_MANAGED_POLICIES`).
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from moto.core.utils import method_names_from_class

from local_aws_server.clone import clone
from local_aws_server.hooks import patch

# moto reads the methods of a service's class with `inspect` in each call.
patch("moto.core.responses", "method_names_from_class")(cache(method_names_from_class))

_images_by_region: dict[str, list[Any]] = {}


@patch("moto.ec2.models.amis", "AmiBackend.__init__")
def init_amis(self: Any) -> None:
    """Give a new EC2 backend copies of the 1,300 images, created once for each region."""
    self.amis, self.deleted_amis = {}, []
    region = self.region_name
    if region not in _images_by_region:
        self._load_amis()
        _images_by_region[region] = [_copy_image(None, image) for image in self.amis.values()]
        return
    for image in _images_by_region[region]:
        copy = _copy_image(self, image)
        self.amis[copy.id] = copy
        self.snapshots[copy.ebs_snapshot.id] = copy.ebs_snapshot


def _copy_image(backend: Any, image: Any) -> Any:
    snapshot = clone(
        image.ebs_snapshot,
        ec2_backend=backend,
        volume=clone(image.ebs_snapshot.volume, ec2_backend=None) if backend is None else image.ebs_snapshot.volume,
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


@patch("moto.iam.models", "IAMBackend._init_aws_policies")
def init_managed_policies(self: Any) -> list[Any]:
    """Give a new IAM backend copies of the 1,500 managed policies, parsed once for each partition."""
    return [
        clone(policy, account_id=self.account_id, versions=[*policy.versions], tags={})
        for policy in managed_policies(self.region_name)
    ]


@cache
def managed_policies(region: str) -> list[Any]:
    """AWS's managed policies, as the objects of which accounts have copies."""
    from moto.iam.models import AWSManagedPolicy, aws_managed_policies_data

    data = json.loads(aws_managed_policies_data)
    return [AWSManagedPolicy.from_data(name, "aws", region, policy) for name, policy in data.items()]
