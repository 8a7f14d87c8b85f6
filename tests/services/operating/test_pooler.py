"""A pooler in front of PostgreSQL must give each connection a session of its own."""

import shutil
import subprocess
from contextlib import contextmanager

import pytest

from services.operating.doctor import examine_database, examine_read_database
from services.operating.finding import Level
from tests.engines import private_folder, program, wait_until_it_answers

SETTINGS = """
[databases]
{database} = {server}
[pgbouncer]
pool_mode = {mode}
listen_addr =
unix_socket_dir = {folder}
auth_type = trust
auth_file = {folder}/users
"""


@pytest.fixture
def pooled(engine, database_url):
    """Start PgBouncer in some mode; yield the URL of the database behind it."""
    if engine.name != "postgresql" or not program("pgbouncer"):
        pytest.skip("no PgBouncer here, or nothing behind it")
    folder, run_as = private_folder("postgres")
    query = dict(database_url.query)
    server = f"host={query.get('host', database_url.host)} port={database_url.port or 5432}"
    users = folder / "users"
    users.write_text(f'"{database_url.username}" "{database_url.password or ""}"')

    @contextmanager
    def start(mode):
        settings = folder / "pgbouncer.ini"
        named = {"database": database_url.database, "server": server}
        settings.write_text(SETTINGS.format(**named, mode=mode, folder=folder))
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **run_as}
        process = subprocess.Popen([program("pgbouncer"), settings], **quiet)
        url = database_url.set(host=None, port=6432, query={"host": str(folder)})
        wait_until_it_answers(url, process)
        assert process.poll() is None, "PgBouncer ended"
        yield url
        process.terminate()
        process.wait()

    yield start
    shutil.rmtree(folder)


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_pooler_that_shares_sessions_is_reported(pooled, mode):
    with pooled(mode) as url:
        found = examine_database(url, max_body_bytes=1000), examine_read_database(url)

    for one in found:
        assert one.level == (Level.OK if mode == "session" else Level.FAILED), one.text
        assert ("session mode" in one.text) == (mode == "transaction")
