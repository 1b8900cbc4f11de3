"""PostgreSQL: named SQL from ``sql/queries``, migrations from ``sql/migrations``, one pool."""

from chatserver.store.database import Database, Record

__all__ = ["Database", "Record"]
