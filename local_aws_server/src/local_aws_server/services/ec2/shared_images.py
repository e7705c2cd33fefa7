"""AWS's images exist in every account and region, without each account paying for making all 1,300 of them.

As on AWS, they and their snapshots have the same ids in every account.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/finding-an-ami.html
"""

from typing import Any

from local_aws_server.clone import clone
from local_aws_server.hooks import patch

_made: dict[str, list[Any]] = {}


@patch("moto.ec2.models.amis", "AmiBackend.__init__")
def images_of_an_account(self: Any) -> None:
    self.amis, self.deleted_amis = {}, []
    region = self.region_name
    if region not in _made:
        self._load_amis()
        _made[region] = [_for(None, image) for image in self.amis.values()]
        return
    for image in _made[region]:
        own = _for(self, image)
        self.amis[own.id] = own
        self.snapshots[own.ebs_snapshot.id] = own.ebs_snapshot


def _for(backend: Any, image: Any) -> Any:
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
