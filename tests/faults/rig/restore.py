"""Backups of a database in use, and their restoration while others write to it."""

import os
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

import sqlalchemy as sa

NOTICED_SECONDS = 0.5  # after which no process has the old SQLite file open
TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"


class SqliteBackup:
    """A copy of the file; it takes the place of the file."""

    def __init__(self, _, url: sa.URL) -> None:
        self.database = Path(url.database)
        self.copy = Path(f"{url.database}-backup")
        with (
            closing(sqlite3.connect(self.database)) as source,
            closing(sqlite3.connect(self.copy)) as target,
        ):
            source.backup(target)

    def restore(self) -> None:
        for suffix in ("-wal", "-shm"):  # of the old file
            with suppress(FileNotFoundError):
                os.unlink(f"{self.database}{suffix}")
        self.copy.rename(self.database)
        time.sleep(NOTICED_SECONDS)


class PostgresqlBackup:
    """A copy of the database; it takes the name of the database."""

    def __init__(self, server, url: sa.URL) -> None:
        self.server, self.name = server, url.database
        self.server.run(
            f"ALTER DATABASE {self.name} ALLOW_CONNECTIONS false",
            TERMINATE.format(name=self.name),
            f"CREATE DATABASE {self.name}_copy TEMPLATE {self.name}",
            f"ALTER DATABASE {self.name} ALLOW_CONNECTIONS true",
        )
        self.server.run(f"ALTER DATABASE {self.name}_copy ALLOW_CONNECTIONS true")

    def restore(self) -> None:
        self.server.run(
            f"DROP DATABASE {self.name} WITH (FORCE)",
            f"ALTER DATABASE {self.name}_copy RENAME TO {self.name}",
        )


class MysqlBackup:
    """A copy of the tables; they take the place of the tables, and no connection ends."""

    def __init__(self, server, url: sa.URL) -> None:
        self.server, self.name = server, url.database
        with self.server.databases.admin.connect() as connection:
            run = connection.exec_driver_sql
            rows = run(f"SHOW FULL TABLES FROM {self.name}").all()
            self.tables = [name for name, kind in rows if kind == "BASE TABLE"]
            run(f"CREATE DATABASE {self.name}_copy")
            for table in self.tables:
                run(f"CREATE TABLE {self.name}_copy.{table} LIKE {self.name}.{table}")
            run("SET SESSION sql_mode = ''")  # generated columns are computed again
            run("START TRANSACTION WITH CONSISTENT SNAPSHOT")
            for table in self.tables:
                run(f"INSERT INTO {self.name}_copy.{table} SELECT * FROM {self.name}.{table}")
            run("COMMIT")

    def restore(self) -> None:
        moves = [
            f"{self.name}.{table} TO {self.name}_old.{table},"
            f" {self.name}_copy.{table} TO {self.name}.{table}"
            for table in self.tables
        ]
        self.server.run(
            f"CREATE DATABASE {self.name}_old",
            f"RENAME TABLE {', '.join(moves)}",
            f"DROP DATABASE {self.name}_old",
            f"DROP DATABASE {self.name}_copy",
        )


BACKUPS = {"sqlite": SqliteBackup, "postgresql": PostgresqlBackup, "mysql": MysqlBackup}
