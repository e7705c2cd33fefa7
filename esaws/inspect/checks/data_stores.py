"""Databases, caches, brokers and buckets: public, unencrypted, without backups."""

from __future__ import annotations

from collections.abc import Iterator

from esaws.inspect.checks.context import CheckContext
from esaws.inspect.checks.finding import Finding, Fix
from esaws.inspect.checks.registry import check
from esaws.inspect.fetch import Raw

_ANEW = "it can't be changed in place: restore a snapshot into an encrypted one"
_CLOSED = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


@check(
    "DBInstances",
    PUBLIC_STORE="a store has a public address, or may be read by anybody",
    UNENCRYPTED_STORE="a store keeps its data unencrypted",
    NO_BACKUPS="a database has no automated backups",
)
def databases(seen: CheckContext) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_BestPractices.Security.html"""
    for raw in seen.account["DBInstances"]:
        name = raw["DBInstanceIdentifier"]
        at_once = {"DBInstanceIdentifier": name, "ApplyImmediately": True}
        if raw.get("PubliclyAccessible"):
            call = ("rds", "ModifyDBInstance", at_once | {"PubliclyAccessible": False})
            yield Finding(
                "PUBLIC_STORE", "high", name, "the database has a public address", Fix("take it away", (call,))
            )
        if raw.get("StorageEncrypted") is False:
            yield Finding("UNENCRYPTED_STORE", "medium", name, "the database's storage is not encrypted", Fix(_ANEW))
        if raw.get("BackupRetentionPeriod") == 0:
            call = ("rds", "ModifyDBInstance", at_once | {"BackupRetentionPeriod": 7})
            fix = Fix("keep backups for seven days", (call,))
            yield Finding("NO_BACKUPS", "medium", name, "no automated backup of the database is kept", fix)


@check("CacheClusters", UNENCRYPTED_STORE="a store keeps its data unencrypted")
def caches(seen: CheckContext) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/encryption.html"""
    for raw in seen.account["CacheClusters"]:
        if raw.get("Engine") != "memcached" and raw.get("AtRestEncryptionEnabled") is False:
            detail = "the cache is not encrypted at rest"
            fix = Fix("make it anew as a replication group with encryption at rest")
            yield Finding("UNENCRYPTED_STORE", "low", raw["CacheClusterId"], detail, fix)


@check("Brokers", PUBLIC_STORE="a store has a public address, or may be read by anybody")
def brokers(seen: CheckContext) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/using-amazon-mq-securely.html"""
    for raw in seen.account["Brokers"]:
        if raw.get("PubliclyAccessible"):
            fix = Fix("it can't be changed in place: make it anew in the subnets of its clients")
            yield Finding("PUBLIC_STORE", "medium", raw["BrokerName"], "the broker answers on the internet", fix)


@check(
    "Buckets",
    PUBLIC_STORE="a store has a public address, or may be read by anybody",
    UNENCRYPTED_STORE="a store keeps its data unencrypted",
    BUCKET_NOT_CLOSED="nothing keeps a bucket from being opened to the public",
)
def buckets(seen: CheckContext) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html"""
    for raw in seen.account["Buckets"]:
        name, call = raw["Name"], ("s3", "PutPublicAccessBlock", _closed(raw["Name"]))
        close = Fix("block all public access", (call,))
        if (raw.get("PolicyStatus") or {}).get("IsPublic"):
            yield Finding("PUBLIC_STORE", "critical", name, "its policy lets anybody in", close)
        if "PublicAccessBlock" in raw and not all((raw["PublicAccessBlock"] or {}).get(each) for each in _CLOSED):
            yield Finding("BUCKET_NOT_CLOSED", "low", name, "public access is not blocked", close)
        if "Encryption" in raw and raw["Encryption"] is None:
            yield Finding("UNENCRYPTED_STORE", "medium", name, "objects are not encrypted by default", _encrypt(name))


def _closed(bucket: str) -> Raw:
    return {"Bucket": bucket, "PublicAccessBlockConfiguration": dict.fromkeys(_CLOSED, True)}


def _encrypt(bucket: str) -> Fix:
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    call = ("s3", "PutBucketEncryption", {"Bucket": bucket, "ServerSideEncryptionConfiguration": rules})
    return Fix("encrypt new objects with keys of S3", (call,))
