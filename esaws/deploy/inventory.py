"""The inventory: everything that a deployment owns, of every kind there is."""

from concurrent.futures import ThreadPoolExecutor

import esaws.resources  # noqa: F401 (fills the registry: a kind that is not in it would be overlooked)
from esaws.cloud import Cloud
from esaws.resource import KINDS, Index


def inventory(cloud: Cloud) -> Index:
    """Everything that the deployment owns, one listing a kind; what `cloud` knew of ids is replaced by it.

    Raises:
        botocore.exceptions.ClientError: AWS refused to list a kind.
    """
    with ThreadPoolExecutor(8) as pool:
        listings = list(pool.map(lambda kind: kind.list(cloud), KINDS.values()))
    index = Index(live for listing in listings for live in listing)
    cloud.known = {live.key: live.id for live in reversed(index.lives) if not live.foreign}
    return index
