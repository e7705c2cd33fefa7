"""Snapshots of a learner's database are deleted at the end of the chapter, and no others."""

import pytest

from esaws.course.chapters import find_chapter

pytestmark = [pytest.mark.server]


def test_snapshots_of_the_deployment_s_databases_are_deleted(cloud):
    rds = cloud.client("rds")
    settings = {"Engine": "postgres", "DBInstanceClass": "db.t3.micro", "AllocatedStorage": 20}
    settings |= {"MasterUsername": "someone", "MasterUserPassword": "a-long-secret", "BackupRetentionPeriod": 1}
    tags = [{"Key": key, "Value": value} for key, value in cloud.tags("database").items()]
    for name, named in (("ours", tags), ("other", [])):
        rds.create_db_instance(DBInstanceIdentifier=name, Tags=named, CopyTagsToSnapshot=True, **settings)
        cloud.wait("rds", "db_instance_available", DBInstanceIdentifier=name)
        rds.create_db_snapshot(DBInstanceIdentifier=name, DBSnapshotIdentifier=f"{name}-before")
        cloud.wait("rds", "db_snapshot_available", DBSnapshotIdentifier=f"{name}-before")
    clean_up = find_chapter("09").clean_up
    assert clean_up is not None
    clean_up(cloud)
    left = rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    assert [each["DBSnapshotIdentifier"] for each in left] == ["other-before"]
    clean_up(cloud)
