"""The embedded PostgreSQL that development uses where no DATABASE_URL is set."""

from chatserver.ops.embedded.postgres import EmbeddedPostgres, EmbeddedPostgresError, running_dsn

__all__ = [
    "EmbeddedPostgres",
    "EmbeddedPostgresError",
    "running_dsn",
]
