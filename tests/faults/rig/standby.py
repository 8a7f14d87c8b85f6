"""A PostgreSQL server that another one follows."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from tests import engines
from tests.faults.rig.servers import PRODUCTS, PrivateServer, private_server

FOLLOWS = "SELECT 1 FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()"


class Pair:
    """A primary and its standby; clients ask both for the one that takes writes."""

    def __init__(self, primary: PrivateServer, standby: PrivateServer) -> None:
        self.primary = primary
        self.standby = standby

    @contextmanager
    def database(self) -> Iterator[sa.URL]:
        """A migrated database, on both; it goes with them."""
        url = self.primary.databases.copy()
        hosts = f"{self.primary.folder},{self.standby.folder}"
        yield url.set(query={"host": hosts, "target_session_attrs": "read-write"})

    def follows(self) -> bool:
        """Tell whether the standby has all that the primary has."""
        with self.primary.databases.admin.connect() as connection:
            return connection.exec_driver_sql(FOLLOWS).scalar() is not None

    def fall_behind(self) -> None:
        """Let the standby receive nothing any more."""
        self.standby.kill()

    def promote(self) -> None:
        """Lose the primary, and have the standby in its place."""
        self.primary.kill()
        self.standby.start()
        promoting = sa.create_engine(self.standby.url, isolation_level="AUTOCOMMIT")
        with promoting.connect() as connection:
            connection.exec_driver_sql("SELECT pg_promote()")
        promoting.dispose()


@contextmanager
def server_with_standby() -> Iterator[Pair]:
    """Start both; the standby begins as a copy of the other's files."""
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
            standby.kill()
        finally:
            shutil.rmtree(folder)


def copy_files(primary: PrivateServer, standby: PrivateServer) -> None:
    data = standby.folder / "data"
    shutil.copytree(primary.folder / "data", data)
    (data / "standby.signal").touch()
    follow = f"primary_conninfo = 'host={primary.folder} user=postgres'\n"
    (data / "postgresql.auto.conf").write_text(follow)
    for path in (data, *data.rglob("*")):
        shutil.chown(path, primary.folder.owner(), primary.folder.group())
