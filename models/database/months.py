"""Months as partitions of the large tables, on PostgreSQL.

Dropping one frees its disk space at once. A month without a partition has its rows in the rest, a
partition as well.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import event

# By table, the column whose month counts, in UTC.
COLUMNS: Mapping[str, str] = {
    "deliveries": "received_at",
    "lifecycle_events": "occurred_at",
    "event_members": "occurred_at",
}
PARTITION = re.compile(rf"(?:{'|'.join(COLUMNS)})_(?:rest|([0-9]{{4}}_[0-9]{{2}}))")
NAMED = "%Y_%m"

FIND = sa.text("""
    SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = to_regclass('deliveries')
""")
FIND_RIGHTS = sa.text("""
    SELECT privilege_type, CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE format('%I', rolname) END
    FROM pg_class, aclexplode(relacl) LEFT JOIN pg_roles ON pg_roles.oid = grantee
    WHERE pg_class.oid = to_regclass(:table) AND grantee <> relowner
""")
HAS_MORE = "SELECT EXISTS (SELECT FROM {month} OFFSET {rows})"
MAKE = (
    "CREATE TABLE {month} (LIKE {table} INCLUDING ALL)",
    # Clocks may be ahead, so the month may have begun for some rows.
    """
    WITH early AS (
        DELETE FROM {table}_rest WHERE {column} >= '{start}' AND {column} < '{end}' RETURNING *
    )
    INSERT INTO {month} SELECT * FROM early
    """,
    "ALTER TABLE {table} ATTACH PARTITION {month} FOR VALUES FROM ('{start}') TO ('{end}')",
)
FOLD = (
    "ALTER TABLE {table} DETACH PARTITION {month}",
    "INSERT INTO {table} SELECT * FROM {month}",
    "DROP TABLE {month}",
)
HOLD = "LOCK TABLE ONLY lifecycle_events IN ACCESS SHARE MODE"


def is_partition(table: str) -> bool:
    """Tell whether a table is a partition of another one."""
    return PARTITION.fullmatch(table) is not None


def next_month(instant: datetime) -> datetime:
    """Return the first instant of the next month."""
    at = instant.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (at + timedelta(days=31)).replace(day=1)


def list_months(connection: sa.Connection) -> list[datetime]:
    """List the first instants of the months that are partitions, from the oldest."""
    names = map(PARTITION.fullmatch, connection.scalars(FIND))
    months = [name[1] for name in names if name and name[1]]
    return sorted(datetime.strptime(month, NAMED).replace(tzinfo=UTC) for month in months)


def name_part(table: str, month: datetime) -> str:
    """Name the partition of a table for a month."""
    return f"{table}_{month:{NAMED}}"


def has_more(connection: sa.Connection, month: datetime, rows: int) -> bool:
    """Tell whether a month has more than so many rows in one of the tables."""
    asked = (HAS_MORE.format(month=name_part(table, month), rows=rows) for table in COLUMNS)
    return any(connection.scalar(sa.text(one)) for one in asked)


def hold_months(engine: sa.Engine) -> None:
    """Let each transaction of an engine hold the months from its beginning on.

    PostgreSQL chooses the rows that a transaction sees before it lets it wait for a table. It would
    not see those that ``fold_month`` moves meanwhile, unless it waits with this statement, which
    chooses none.
    """

    @event.listens_for(engine, "begin")
    def hold(connection: sa.Connection) -> None:
        try:
            connection.exec_driver_sql(HOLD)
        except sa.exc.ProgrammingError:  # there is no table, or no right to it
            connection.connection.rollback()


def make_month(connection: sa.Connection, month: datetime) -> None:
    """Make a month a partition of each table, with the same rights.

    Default privileges may give it others: more than some columns to a reader, none to a backup.
    """
    run(connection, MAKE, month)
    for table in COLUMNS:
        name = name_part(table, month)
        for _, role in connection.execute(FIND_RIGHTS, {"table": name}).all():
            connection.exec_driver_sql(f"REVOKE ALL ON {name} FROM {role}")
        for privilege, role in connection.execute(FIND_RIGHTS, {"table": table}).all():
            connection.exec_driver_sql(f"GRANT {privilege} ON {name} TO {role}")


def fold_month(connection: sa.Connection, month: datetime) -> None:
    """Drop the partitions of a month, and move what they still hold to the rest."""
    run(connection, FOLD, month)


def run(connection: sa.Connection, statements: Sequence[str], month: datetime) -> None:
    """Run each statement for all tables: so the first or the last locks them all at once."""
    span = {"start": month.isoformat(), "end": next_month(month).isoformat()}
    for statement in statements:
        for table, column in COLUMNS.items():
            names = {"table": table, "column": column, "month": name_part(table, month)}
            connection.exec_driver_sql(statement.format(**names, **span))
