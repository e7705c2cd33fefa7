"""Snapshots of databases, for which esaws has no kind: the end of a chapter deletes those that its learner took."""

from __future__ import annotations

from esaws.aws import pages, tag_dict
from esaws.cloud import Cloud


def delete_db_snapshots(cloud: Cloud) -> None:
    """Delete the manual snapshots of the deployment's databases."""
    for snapshot in pages(cloud, "rds", "describe_db_snapshots", "DBSnapshots", SnapshotType="manual"):
        if cloud.owned_name(tag_dict(snapshot.get("TagList"))):
            cloud.client("rds").delete_db_snapshot(DBSnapshotIdentifier=snapshot["DBSnapshotIdentifier"])
