"""A PostgreSQL primary and its standby."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from tests import engines
from tests.faults.rig.servers import PRODUCTS, PrivateServer, private_server

FOLLOWS = "SELECT 1 FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()"


class Pair:
    """A primary and its standby; a writing client finds the one that takes writes."""

    def __init__(self, primary: PrivateServer, standby: PrivateServer) -> None:
        self.primary = primary
        self.standby = standby

    @contextmanager
    def database(self) -> Iterator[sa.URL]:
        """A migrated database on both servers."""
        url = self.primary.databases.copy()
        yield url.set(query={"host": (str(self.standby.folder), str(self.primary.folder))})

    def follows(self) -> bool:
        """Tell whether the standby has everything that the primary has."""
        with self.primary.databases.admin.connect() as connection:
            return connection.exec_driver_sql(FOLLOWS).scalar() is not None

    def wait_for_each_other(self) -> None:
        """Make each commit on the primary wait until the standby has it."""
        configure(self.primary, "synchronous_standby_names = '*'")

    def lose_patience(self) -> None:
        """Let the standby cancel at once any query that keeps it from following."""
        configure(self.standby, "max_standby_streaming_delay = 0")

    def fall_behind(self) -> None:
        """Stop the standby from receiving anything."""
        self.standby.kill()

    def promote(self) -> None:
        """Kill the primary, and promote the standby."""
        self.primary.kill()
        if self.standby.process.poll() is not None:
            self.standby.start()
        run(self.standby, "SELECT pg_promote()")


def configure(server: PrivateServer, setting: str) -> None:
    """Set one parameter of a running server."""
    run(server, f"ALTER SYSTEM SET {setting}", "SELECT pg_reload_conf()")


def run(server: PrivateServer, *statements: str) -> None:
    """Run statements on a server that may be a standby, on which no template can be made."""
    engine = sa.create_engine(server.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


@contextmanager
def server_with_standby() -> Iterator[Pair]:
    """Start both; the standby begins as a copy of the primary's files."""
    product = PRODUCTS["postgresql"]
    with private_server("postgresql") as primary:
        primary.stop()
        folder, run_as = engines.private_folder(product.owner)
        standby = PrivateServer(product, folder, run_as)
        try:
            copy_files(primary, standby)
            primary.start()
            standby.start()
            yield Pair(primary, standby)
        finally:
            if standby.process is not None:
                standby.kill()
            shutil.rmtree(folder)


def copy_files(primary: PrivateServer, standby: PrivateServer) -> None:
    data = standby.folder / "data"
    shutil.copytree(primary.folder / "data", data)
    (data / "standby.signal").touch()
    follow = f"primary_conninfo = 'host={primary.folder} user=postgres'\n"
    (data / "postgresql.auto.conf").write_text(follow)
    for path in (data, *data.rglob("*")):
        shutil.chown(path, primary.folder.owner(), primary.folder.group())
