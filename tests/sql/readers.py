"""Prepare a server for a client that only reads, as documented, under a name of this run."""

import os
import re
from contextlib import closing

from tests.engines import ROOT

DOCUMENT = (ROOT / "docs" / "queries.md").read_text()
READER = f"lifecycle_reader_{os.getpid()}"
OWNER = f"lifecycle_owner_{os.getpid()}"
PASSWORD = "it's only for this test"


def connect(url):
    """Open a connection of the driver alone, each statement a transaction."""
    kind = url.get_dialect()
    positional, named = kind().create_connect_args(url)
    return closing(kind.import_dbapi().connect(*positional, autocommit=True, **named))


def ask(connection, *statements):
    """Run statements without SQLAlchemy, where the suite watches; return the rows of the last."""
    with closing(connection.cursor()) as cursor:
        for statement in statements:
            cursor.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []


def mine(text):
    """Rename the roles in a text to those of this run of the suite."""
    return text.replace("lifecycle_reader", READER)


def script(name):
    return mine((ROOT / "docs" / "sql" / f"reader_{name}.sql").read_text())


class Postgresql:
    """As before release 15, with a service that owns its tables and nothing else, far from UTC."""

    def __init__(self, admin):
        self.admin = admin
        database = ask(admin, "SELECT current_database()")[0][0]
        ask(
            admin,
            "SET lock_timeout = '10s'",
            "GRANT CREATE ON SCHEMA public TO PUBLIC",
            f"ALTER DATABASE {database} SET TimeZone = 'Asia/Shanghai'",
            f"CREATE ROLE {OWNER}",
            f"ALTER TABLE deliveries OWNER TO {OWNER}",
        )

    def run_script(self):
        # As psql puts a variable in.
        quoted = "'" + PASSWORD.replace("'", "''") + "'"
        ask(self.admin, script("postgresql").replace(":'password'", quoted))

    def migrate(self, statement):
        ask(self.admin, f"SET ROLE {OWNER}", statement, "RESET ROLE")

    def undo(self):
        ask(self.admin, *re.findall(rf"DROP \w+ BY {READER}|DROP ROLE {READER}", mine(DOCUMENT)))
        ask(self.admin, f"REASSIGN OWNED BY {OWNER} TO CURRENT_USER")
        ask(self.admin, f"DROP OWNED BY {OWNER}", f"DROP ROLE {OWNER}")


class Mariadb:
    def __init__(self, admin):
        self.admin = admin

    def run_script(self, password=PASSWORD):
        with closing(self.admin.cursor()) as cursor:
            cursor.execute("SET @password = %s", [password])
        ask(self.admin, *script("mariadb").split(";\n")[:-1])

    def migrate(self, statement):
        ask(self.admin, statement)

    def undo(self):
        ask(self.admin, *re.findall(rf"DROP USER {READER}", mine(DOCUMENT)))
