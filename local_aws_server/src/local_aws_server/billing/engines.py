"""Engines of databases and caches, by the operation of a bill."""

from __future__ import annotations

DATABASE_ENGINES = {
    "CreateDBInstance:0002": "MySQL",
    "CreateDBInstance:0014": "PostgreSQL",
    "CreateDBInstance:0016": "Aurora MySQL",
    "CreateDBInstance:0018": "MariaDB",
    "CreateDBInstance:0021": "Aurora PostgreSQL",
}
CACHE_ENGINES = {
    "CreateCacheCluster:0001": "Memcached",
    "CreateCacheCluster:0002": "Redis",
    "CreateCacheCluster:Valkey": "Valkey",
}
