"""Private databases that a test may stop, freeze, fill up and start again on the same data."""

import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path

import sqlalchemy as sa

from tests import engines
from tests.faults.rig.disks import full, small_disk
from tests.processes import family, frozen, send_signal

STOP_SECONDS = 20
SMALL_DISK_MEGABYTES = {"sqlite": 96, "postgresql": 144, "mysql": 240}  # enough for one trial
# As in production: a superuser ignores that a server is read-only.
MYSQL_USER = (
    "CREATE USER service@localhost",
    r"GRANT ALL ON `lifecycle\_test%%`.* TO service@localhost",
)


@dataclass(frozen=True)
class Product:
    """How to install, serve and stop one kind of server; ``{folder}`` stands for its own folder.

    Attributes:
        lines: the commands that install it and serve it.
        stops: signals, by the name of their effect.
        prepare: statements run once.
        user: the user that the service logs in as, if not that of ``url``.
    """

    owner: str
    lines: tuple[str, str]
    url: str
    databases: type[engines.Server]
    stops: Mapping[str, signal.Signals]
    prepare: tuple[str, ...] = ()
    user: str | None = None


PRODUCTS = {
    "postgresql": Product(
        owner="postgres",
        lines=(
            "initdb -D {folder}/data -U postgres -A trust -N --wal-segsize=1",
            "postgres -D {folder}/data -c listen_addresses= -k {folder}",
        ),
        url="postgresql+psycopg://postgres@/postgres?host={folder}",
        databases=engines.Postgresql,
        stops={"fast": signal.SIGINT, "immediate": signal.SIGQUIT},
    ),
    "mysql": Product(
        owner="mysql",
        lines=(
            "mariadb-install-db --no-defaults --datadir={folder}/data"
            " --auth-root-authentication-method=normal --skip-test-db",
            "mariadbd --no-defaults --datadir={folder}/data --socket={folder}/socket"
            " --skip-networking --skip-ssl --innodb-log-file-size=16M",
        ),
        url="mysql+pymysql://root@localhost/mysql?unix_socket={folder}/socket&ssl_disabled=true",
        databases=engines.Mysql,
        stops={"shutdown": signal.SIGTERM, "kill": signal.SIGKILL},
        prepare=MYSQL_USER,
        user="service",
    ),
}


class SqliteFiles:
    """A folder of files, each a copy of a migrated one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.template = folder / "template.db"
        self.numbers = count(1)
        engines.migrate(sa.make_url(f"sqlite:///{self.template}"))

    @contextmanager
    def database(self) -> Iterator[sa.URL]:
        path = self.folder / f"{next(self.numbers)}.db"
        shutil.copy(self.template, path)
        yield sa.make_url(f"sqlite:///{path}")

    @contextmanager
    def disk_full(self) -> Iterator[None]:
        """Leave no free byte; only if the folder is a small disk."""
        with full(self.folder):
            yield


class PrivateServer:
    """One running server, its processes and its databases."""

    def __init__(self, product: Product, folder: Path, run_as: dict) -> None:
        self.product = product
        self.folder = folder
        self.quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **run_as}
        self.url = sa.make_url(product.url.format(folder=folder))
        self.process = None

    @cached_property
    def databases(self) -> engines.Server:
        """Its databases; their template is made on first use."""
        return self.product.databases(self.url)

    def install(self) -> None:
        subprocess.run(self.command(self.product.lines[0]), check=True, **self.quiet)

    def command(self, line: str) -> list[str]:
        name, *options = line.format(folder=self.folder).split()
        return [engines.program(name), *options]

    def start(self) -> None:
        serve = self.command(self.product.lines[1])
        self.process = subprocess.Popen(serve, **self.quiet)
        engines.wait_until_it_answers(self.url, self.process)
        assert self.process.poll() is None, f"{serve[0]} did not start"

    def stop(self, how: str | None = None) -> None:
        """Stop in one of the ways of this product, the first being the gentlest."""
        self.process.send_signal(self.product.stops[how or next(iter(self.product.stops))])
        try:
            self.process.wait(STOP_SECONDS)
        finally:
            self.kill()

    def kill(self) -> None:
        """Kill all its processes with -9, as when its machine is lost."""
        send_signal(family(self.process.pid), signal.SIGKILL)
        self.process.wait()
        if "databases" in self.__dict__:
            self.databases.admin.dispose()

    def run(self, *statements: str) -> None:
        """Run statements as the superuser."""
        for statement in statements:
            self.databases.run(statement)

    @contextmanager
    def database(self) -> Iterator[sa.URL]:
        """A separate migrated database, with the login of the service."""
        with self.databases.clone() as url:
            yield url.set(username=self.product.user) if self.product.user else url

    @contextmanager
    def stopped(self, how: str | None = None) -> Iterator[None]:
        """Down for a while."""
        self.stop(how)
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Connections stay open, and nothing answers on them."""
        with frozen(family(self.process.pid)):
            yield

    @contextmanager
    def disk_full(self) -> Iterator[None]:
        """Leave no free byte; restart a server that gave up, once there is room."""
        with full(self.folder):
            yield
        if self.process.poll() is not None:
            self.databases.admin.dispose()
            self.start()


@contextmanager
def private_server(name: str, *, on_small_disk: bool = False) -> Iterator[PrivateServer]:
    """A server of this kind, or SQLite files, in a temporary folder."""
    product = PRODUCTS.get(name)
    folder, run_as = engines.private_folder(product.owner if product else "root")
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        if on_small_disk:
            stack.enter_context(small_disk(folder, SMALL_DISK_MEGABYTES[name]))
        if product is None:
            yield SqliteFiles(folder)
            return
        server = PrivateServer(product, folder, run_as)
        server.install()
        server.start()
        stack.callback(server.stop)
        server.run(*product.prepare)
        yield server
