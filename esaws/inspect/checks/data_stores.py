"""Checks of data stores: public, unencrypted or without backups."""

from __future__ import annotations

from collections.abc import Iterator

from esaws.inspect.checks.context import CheckContext
from esaws.inspect.checks.finding import Finding
from esaws.inspect.checks.registry import check
from esaws.inspect.fetch import Raw
from esaws.inspect.fixes import Fix

_RECREATE = "encryption can't be changed in place: restore a snapshot into an encrypted database"
_PUBLIC_ACCESS_SETTINGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


@check(
    "DBInstances",
    PUBLIC_STORE="a data store has a public address, or anyone can read it",
    UNENCRYPTED_STORE="a data store does not encrypt its data",
    NO_BACKUPS="a database has no automated backups",
)
def databases(context: CheckContext) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_BestPractices.Security.html"""
    for raw in context.account["DBInstances"]:
        name = raw["DBInstanceIdentifier"]
        params = {"DBInstanceIdentifier": name, "ApplyImmediately": True}
        if raw.get("PubliclyAccessible"):
            call = ("rds", "ModifyDBInstance", params | {"PubliclyAccessible": False})
            yield Finding(
                "PUBLIC_STORE",
                "high",
                name,
                "the database has a public address",
                Fix("remove the public address", (call,)),
            )
        if raw.get("StorageEncrypted") is False:
            yield Finding(
                "UNENCRYPTED_STORE", "medium", name, "the database's storage is not encrypted", Fix(_RECREATE)
            )
        if raw.get("BackupRetentionPeriod") == 0:
            call = ("rds", "ModifyDBInstance", params | {"BackupRetentionPeriod": 7})
            fix = Fix("keep backups for seven days", (call,))
            yield Finding("NO_BACKUPS", "medium", name, "automated backups of the database are off", fix)


@check("CacheClusters", UNENCRYPTED_STORE="a data store does not encrypt its data")
def caches(context: CheckContext) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/encryption.html"""
    for raw in context.account["CacheClusters"]:
        if raw.get("Engine") != "memcached" and raw.get("AtRestEncryptionEnabled") is False:
            detail = "the cache is not encrypted at rest"
            fix = Fix("recreate it as a replication group with encryption at rest")
            yield Finding("UNENCRYPTED_STORE", "low", raw["CacheClusterId"], detail, fix)


@check("Brokers", PUBLIC_STORE="a data store has a public address, or anyone can read it")
def brokers(context: CheckContext) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/using-amazon-mq-securely.html"""
    for raw in context.account["Brokers"]:
        if raw.get("PubliclyAccessible"):
            fix = Fix("this can't be changed in place: recreate it in the subnets of its clients")
            yield Finding("PUBLIC_STORE", "medium", raw["BrokerName"], "the broker has a public address", fix)


@check(
    "Buckets",
    PUBLIC_STORE="a data store has a public address, or anyone can read it",
    UNENCRYPTED_STORE="a data store does not encrypt its data",
    BUCKET_NOT_CLOSED="a bucket does not block public access",
)
def buckets(context: CheckContext) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html"""
    for raw in context.account["Buckets"]:
        name, call = raw["Name"], ("s3", "PutPublicAccessBlock", _block_public_access(raw["Name"]))
        block = Fix("block all public access", (call,))
        if (raw.get("PolicyStatus") or {}).get("IsPublic"):
            yield Finding("PUBLIC_STORE", "critical", name, "its policy allows public access", block)
        if "PublicAccessBlock" in raw and not all(
            (raw["PublicAccessBlock"] or {}).get(setting) for setting in _PUBLIC_ACCESS_SETTINGS
        ):
            yield Finding("BUCKET_NOT_CLOSED", "low", name, "public access is not blocked", block)
        if "Encryption" in raw and raw["Encryption"] is None:
            yield Finding("UNENCRYPTED_STORE", "medium", name, "objects are not encrypted by default", _encrypt(name))


def _block_public_access(bucket: str) -> Raw:
    return {"Bucket": bucket, "PublicAccessBlockConfiguration": dict.fromkeys(_PUBLIC_ACCESS_SETTINGS, True)}


def _encrypt(bucket: str) -> Fix:
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    call = ("s3", "PutBucketEncryption", {"Bucket": bucket, "ServerSideEncryptionConfiguration": rules})
    return Fix("encrypt new objects with S3 managed keys", (call,))
