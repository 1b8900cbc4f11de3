"""The SQL: migrations, and queries by name."""
