"""The inventory: every resource that a deployment owns, of every kind."""

from concurrent.futures import ThreadPoolExecutor

from esaws.aws import CALL_ERRORS
from esaws.cloud import Cloud
from esaws.errors import EsawsError
from esaws.resource import Index, Lives, Resource
from esaws.resources import load_all


def inventory(cloud: Cloud) -> Index:
    """List every resource that the deployment owns, with one listing per kind. Replaces the ids that `cloud` knew.

    A kind that AWS does not list, for want of a permission or because the endpoint lacks the call, is in `unlisted` of
    what comes back.

    Raises:
        botocore.exceptions.ClientError, EsawsError: AWS listed no kind at all.
    """

    def list_kind(kind: type[Resource]) -> Lives | Exception:
        try:
            return kind.listed(sharing)
        except (*CALL_ERRORS, EsawsError) as error:
            return error

    kinds, sharing = load_all(), cloud.sharing()
    with ThreadPoolExecutor(8) as pool:
        listings = dict(zip(kinds, pool.map(list_kind, kinds.values()), strict=True))
    for kind, listed in listings.items():
        if isinstance(listed, Exception) and (gap := cloud.gap(listed)):
            # Nothing can exist of a kind whose calls the endpoint lacks.
            cloud.gaps[kind] = gap
            listings[kind] = []
    unlisted = {kind: listed for kind, listed in listings.items() if isinstance(listed, Exception)}
    if len(unlisted) == len(kinds):
        raise next(iter(unlisted.values()))
    index = Index(
        (live for listed in listings.values() if not isinstance(listed, Exception) for live in listed), unlisted
    )
    cloud.known_ids = {live.key: live.id for live in reversed(index.lives) if not live.foreign}
    return index
