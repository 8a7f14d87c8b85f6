"""Find or start the database servers, and clone a migrated database for each test."""

import gc
import os
import secrets
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from glob import glob
from itertools import count
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from models.database.engine import connect_to_migrate, open_writer
from models.database.months import is_partition

ROOT = Path(__file__).parent.parent
NUMBERS = count(1)
RUN = secrets.token_hex(4)  # left behind by a run that was killed

Started = tuple[sa.URL, subprocess.Popen, Path]


def config_for(connection: sa.Connection) -> Config:
    config = Config(toml_file=ROOT / "pyproject.toml")
    config.attributes["connection"] = connection.execution_options(migrating=True)
    return config


def migrate(url: sa.URL) -> None:
    """Run Alembic as `alembic upgrade head` does."""
    with connect_to_migrate(url) as connection:
        command.upgrade(config_for(connection), "head")


def list_tables(connection: sa.Connection) -> list[str]:
    """List all tables but partitions, whose rows are those of another one."""
    names = sa.inspect(connection).get_table_names()
    return [name for name in names if not is_partition(name)]


def set_revision(url: sa.URL, revision: str) -> None:
    """Give a database the revision of another release."""
    engine = open_writer(url)
    with engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE alembic_version SET version_num = '{revision}'"))
    engine.dispose()


class Sqlite:
    name = "sqlite"

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="lifecycle-sqlite-"))
        self.template = sa.make_url(f"sqlite:///{self.folder}/template.db")
        migrate(self.template)

    @contextmanager
    def empty(self) -> Iterator[sa.URL]:
        path = self.folder / f"{next(NUMBERS)}.db"
        yield sa.make_url(f"sqlite:///{path}")
        for file in self.folder.glob(f"{path.name}*"):
            file.unlink()

    @contextmanager
    def clone(self) -> Iterator[sa.URL]:
        with self.empty() as url:
            shutil.copy(self.template.database, url.database)
            yield url

    def stop(self) -> None:
        shutil.rmtree(self.folder)


class Server:
    """The common part of PostgreSQL and MariaDB: databases are made by statements.

    Attributes:
        contents: the rows of each table of the template.
        form: a description of a copy without its rows.
        copies: the ones that no test is using.
    """

    lock_timeout: str

    def __init__(self, url: sa.URL) -> None:
        self.admin = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        self.template = self.create(self.template_options())
        migrate(self.template)
        with self.connect(self.template) as connection:
            names = list_tables(connection)
            self.leave_alone(connection)
            self.contents = {
                name: connection.exec_driver_sql(f"SELECT * FROM {name}").all() for name in names
            }
            self.form = self.describe(connection)
        self.copies: list[sa.URL] = []

    def template_options(self) -> str:
        return ""

    def leave_alone(self, connection: sa.Connection) -> None:
        """Keep the server from changing a database by itself."""

    def create(self, suffix: str = "") -> sa.URL:
        name = f"lifecycle_test_{RUN}_{next(NUMBERS)}"
        self.run(f"CREATE DATABASE {name} {suffix}")
        return self.admin.url.set(database=name)

    def drop(self, url: sa.URL) -> None:
        self.run(f"DROP DATABASE {url.database}")

    def run(self, statement: str) -> None:
        with self.admin.connect() as connection:
            connection.exec_driver_sql(statement)

    @contextmanager
    def connect(self, url: sa.URL) -> Iterator[sa.Connection]:
        engine = sa.create_engine(url, execution_options={"migrating": True})
        with engine.begin() as connection:
            connection.exec_driver_sql(self.lock_timeout)
            yield connection
        engine.dispose()

    @contextmanager
    def empty(self, suffix: str = "") -> Iterator[sa.URL]:
        url = self.create(suffix)
        yield url
        self.drop(url)

    def copy(self) -> sa.URL:
        """Make a copy of the template."""
        raise NotImplementedError

    def describe(self, connection: sa.Connection) -> list[str]:
        """Describe a database without its rows."""
        raise NotImplementedError

    def fill(self, connection: sa.Connection) -> None:
        """Fill the tables with the rows of the template."""
        for name, rows in self.contents.items():
            connection.exec_driver_sql(f"DELETE FROM {name}")
            for row in rows:
                places = ", ".join(["%s"] * len(row))
                connection.exec_driver_sql(f"INSERT INTO {name} VALUES ({places})", tuple(row))

    @contextmanager
    def clone(self) -> Iterator[sa.URL]:
        """Yield a copy of the template, often a used one, as making one takes longer."""
        url = self.copies.pop() if self.copies else self.copy()
        yield url
        with self.connect(url) as connection:
            is_copy = self.describe(connection) == self.form
            if is_copy:
                self.fill(connection)
        if is_copy:
            self.copies.append(url)
        else:
            self.drop(url)

    def stop(self) -> None:
        for url in (*self.copies, self.template):
            self.drop(url)
        self.admin.dispose()


class Postgresql(Server):
    name = "postgresql"
    lock_timeout = "SET lock_timeout = '5s'"

    def template_options(self) -> str:
        """Order texts by a language, like most databases, not by code points."""
        with self.admin.connect() as connection:
            has_icu = connection.dialect.server_version_info >= (15,)
        of_language = "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en' LOCALE 'C.UTF-8'"
        return f"{of_language} ENCODING 'UTF8'" if has_icu else ""

    def leave_alone(self, connection: sa.Connection) -> None:
        """Gather no statistics in the middle of a test, as they change plans."""
        for name in connection.exec_driver_sql(STORED).scalars().all():
            connection.exec_driver_sql(f"ALTER TABLE {name} SET (autovacuum_enabled = off)")

    def copy(self) -> sa.URL:
        return self.create(f"TEMPLATE {self.template.database}")

    def describe(self, connection: sa.Connection) -> list[str]:
        """Describe the catalog, including statistics, as they change plans."""
        return connection.exec_driver_sql(CATALOG).scalars().all()


STORED = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
"""
CATALOG = """
    SELECT c::text FROM pg_class c WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT n::text FROM pg_namespace n WHERE nspname = 'public'
    UNION ALL SELECT concat(datacl, setconfig) FROM pg_database d
        LEFT JOIN pg_db_role_setting ON setdatabase = d.oid WHERE datname = current_database()
    ORDER BY 1
"""


class Mysql(Server):
    name = "mysql"
    lock_timeout = "SET lock_wait_timeout = 5, innodb_lock_wait_timeout = 5"

    def copy(self) -> sa.URL:
        url = self.create()
        with self.connect(url) as connection:
            for statement in self.form:
                connection.exec_driver_sql(statement)
            self.fill(connection)
        return url

    def describe(self, connection: sa.Connection) -> list[str]:
        """Return the statements that make its tables, then its views.

        They name no database, so they make a copy in the current one.
        """
        found = connection.exec_driver_sql("SHOW FULL TABLES").all()
        made = [
            connection.exec_driver_sql(f"SHOW CREATE TABLE {name}").one()[1]
            for name, _ in sorted(found, key=lambda row: (row[1], row[0]))  # BASE TABLE, VIEW
        ]
        return [statement.replace("%", "%%") for statement in made]


def answers(url: sa.URL) -> bool:
    engine = sa.create_engine(url)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        answered = False
        with suppress(sa.exc.OperationalError), engine.connect():
            answered = True
        engine.dispose()
        gc.collect()  # PyMySQL leaves the socket of a failed connection to the collector
    return answered


def program(name: str) -> str | None:
    """Find a server's program; Debian keeps PostgreSQL's off the path."""
    found = [shutil.which(name), shutil.which(name, path="/usr/sbin:/usr/local/sbin")]
    return next(filter(None, [*found, *sorted(glob(f"/usr/lib/postgresql/*/bin/{name}"))]), None)


def private_folder(owner: str) -> tuple[Path, dict]:
    """Make a folder for a private server, and return how to run it, which is never as root."""
    folder = Path(tempfile.mkdtemp(prefix="lifecycle-"))
    if os.geteuid() != 0:
        return folder, {}
    shutil.chown(folder, owner, owner)
    return folder, {"user": owner, "group": owner, "extra_groups": [], "cwd": folder}


def wait_until_it_answers(url: sa.URL, process: subprocess.Popen) -> None:
    while process.poll() is None and not answers(url):
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.1)


def start(owner: str, install: list[str], serve: list[str], url: str) -> Started | None:
    """Start a private server if its programs are there; ``{folder}`` stands for its own folder."""
    installer, server = program(install[0]), program(serve[0])
    if not installer or not server:
        return None
    folder, run_as = private_folder(owner)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **run_as}
    options = [[part.format(folder=folder) for part in command[1:]] for command in (install, serve)]
    subprocess.run([installer, *options[0]], check=False, **quiet)
    process = subprocess.Popen([server, *options[1]], **quiet)
    address = sa.make_url(url.format(folder=folder))
    wait_until_it_answers(address, process)
    if process.poll() is not None:
        shutil.rmtree(folder)
        return None
    return address, process, folder


def start_postgresql() -> Started | None:
    return start(
        "postgres",
        ["initdb", "-D", "{folder}/data", "-U", "postgres", "-A", "trust", "-N"],
        ["postgres", "-D", "{folder}/data", "-c", "listen_addresses=", "-k", "{folder}"],
        "postgresql+psycopg://postgres@/postgres?host={folder}",
    )


def start_mysql() -> Started | None:
    files = ["--no-defaults", "--datadir={folder}/data"]
    root = ["--auth-root-authentication-method=normal", "--skip-test-db"]
    return start(
        "mysql",
        ["mariadb-install-db", *files, *root],
        ["mariadbd", *files, "--socket={folder}/socket", "--skip-networking"],
        "mysql+pymysql://root@localhost/mysql?unix_socket={folder}/socket&ssl_disabled=true",
    )


# Without encryption: for each connection PyMySQL reads all certificates of the machine, in 20 ms.
SERVERS = {
    "postgresql": (
        Postgresql,
        "TEST_POSTGRES_URL",
        "postgresql+psycopg://postgres@127.0.0.1/postgres",
        start_postgresql,
    ),
    "mysql": (
        Mysql,
        "TEST_MYSQL_URL",
        "mysql+pymysql://root@127.0.0.1/mysql?ssl_disabled=true",
        start_mysql,
    ),
}


@contextmanager
def running(started: Started | None) -> Iterator[str]:
    """Yield the address of a private server, if it could be started, and end it."""
    if started is None:
        yield ""
        return
    url, process, folder = started
    yield url.render_as_string(hide_password=False)
    process.terminate()
    process.wait()
    shutil.rmtree(folder)


@contextmanager
def find_servers() -> Iterator[list[str]]:
    """Put each server's address into the environment, start it if need be; return the engines."""
    names = ["sqlite"]
    with ExitStack() as stack:
        for name, (_, variable, default, start) in SERVERS.items():
            url = os.environ.get(variable) or default
            if not answers(sa.make_url(url)):
                url = stack.enter_context(running(start()))
            os.environ[variable] = url
            names += [name] if url else []
        yield names


class Engines:
    """SQLite and the servers that were found, each opened when a test first asks for it."""

    def __init__(self) -> None:
        self.found: dict[str, Callable[[], Sqlite | Server]] = {"sqlite": Sqlite}
        for name, (kind, variable, *_) in SERVERS.items():
            if url := os.environ[variable]:
                self.found[name] = partial(kind, sa.make_url(url))
        self.opened: dict[str, Sqlite | Server] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.found

    def __getitem__(self, name: str) -> Sqlite | Server:
        if name not in self.opened:
            self.opened[name] = self.found[name]()
        return self.opened[name]

    def stop(self) -> None:
        with ExitStack() as stack:
            for engine in self.opened.values():
                stack.callback(engine.stop)
