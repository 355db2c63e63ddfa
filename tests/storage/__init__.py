"""The records, on a fresh SQLite file and on a real PostgreSQL."""
