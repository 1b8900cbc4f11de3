"""PostgreSQL: one pool, named SQL from ``sql/queries``, migrations from ``sql/migrations``.

`Database` is asked by the names of queries; `Batcher` makes one statement of what is asked at the same time, and
`Requests` makes a change with a ``requestId`` happen once.
"""

from chatserver.store import connect, fitness, migrate, queries, trouble
from chatserver.store.batcher import Batcher
from chatserver.store.database import Database, Record
from chatserver.store.idempotency import Queryable, Requests
from chatserver.store.listener import NotifyListener
from chatserver.store.write_probe import WriteProbe

__all__ = [
    "Batcher",
    "Database",
    "NotifyListener",
    "Queryable",
    "Record",
    "Requests",
    "WriteProbe",
    "connect",
    "fitness",
    "migrate",
    "queries",
    "trouble",
]
