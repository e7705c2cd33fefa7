"""The inventory: every resource that a deployment owns, of every kind."""

from concurrent.futures import ThreadPoolExecutor

from esaws.cloud import Cloud
from esaws.resource import Index
from esaws.resources import load_all


def inventory(cloud: Cloud) -> Index:
    """List every resource that the deployment owns, with one listing per kind. Replaces the ids that `cloud` knew.

    Raises:
        botocore.exceptions.ClientError: AWS rejected a listing.
    """
    with ThreadPoolExecutor(8) as pool:
        listings = list(pool.map(lambda kind: kind.list(cloud), load_all().values()))
    index = Index(live for lives in listings for live in lives)
    cloud.known_ids = {live.key: live.id for live in reversed(index.lives) if not live.foreign}
    return index
