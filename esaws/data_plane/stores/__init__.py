"""The databases and caches that run: a PostgreSQL server for each DB instance, a Valkey server for each cache."""

from esaws.data_plane.stores.stores import Stores

__all__ = ["Stores"]
