"""What many rows need: each database has its own way to take them, and to look them up."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from models.base import Base
from models.database.connection import raise_if_busy

INSERTS = {"sqlite": sqlite.insert, "postgresql": postgresql.insert, "mysql": mysql.insert}


def insert(connection: sa.Connection, model: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert new rows; PostgreSQL copies them, which takes half the time.

    Args:
        connection: in a transaction of the caller's.
        model: the table.
        rows: each has all columns.

    Raises:
        BusyError: others keep what it needs.
        sqlalchemy.exc.SQLAlchemyError: the database does not take them.
    """
    if not rows:
        return
    if connection.dialect.name != "postgresql":
        connection.execute(sa.insert(model), rows)
        return
    statement, columns = prepare_copy(model, connection.dialect)
    driver = cast(Any, connection.connection)
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row([bind(row[name]) if bind else row[name] for name, bind in columns])
    except connection.dialect.loaded_dbapi.Error as fault:
        error = sa.exc.DBAPIError(statement, None, fault, hide_parameters=True)
        raise_if_busy(error)
        raise error from fault


@cache
def prepare_copy(
    model: type[Base], dialect: sa.Dialect
) -> tuple[str, Sequence[tuple[str, Callable[[Any], Any] | None]]]:
    """Return the statement that copies rows, and how their values are sent by column."""
    table = cast(sa.Table, model.__table__)
    columns = [
        (one.name, one.type.dialect_impl(dialect).bind_processor(dialect)) for one in table.columns
    ]
    return f"COPY {table.name} ({', '.join(name for name, _ in columns)}) FROM STDIN", columns


def upsert(
    connection: sa.Connection,
    model: type[Base],
    rows: Sequence[Mapping[str, Any]],
    **changes: tuple[str, ...],
) -> None:
    """Insert rows; of one whose key is there already, change the columns that are named.

    Args:
        connection: in a transaction of the caller's.
        model: the table.
        rows: no two have the same key.
        changes: columns by what becomes of them: ``replace`` takes the new value, ``add`` adds it,
            ``greatest`` and ``least`` keep the greater or the lesser one, ``unite`` sets the bits
            of both.
    """
    if rows:
        statement = make_statement(model, connection.dialect.name, **changes)
        connection.execute(statement, rows)


@cache
def make_statement(
    model: type[Base],
    dialect: str,
    *,
    replace: tuple[str, ...] = (),
    add: tuple[str, ...] = (),
    greatest: tuple[str, ...] = (),
    least: tuple[str, ...] = (),
    unite: tuple[str, ...] = (),
) -> sa.Insert:
    """Make the statement of ``upsert``; to write it takes longer than to run it."""
    table = cast(sa.Table, model.__table__)
    statement: Any = INSERTS[dialect](table)
    known, new = table.c, statement.inserted if dialect == "mysql" else statement.excluded
    changes = {name: new[name] for name in replace}
    changes |= {name: known[name] + new[name] for name in add}
    changes |= {name: greater_of(new[name], known[name]) for name in greatest}
    changes |= {name: lesser_of(new[name], known[name]) for name in least}
    changes |= {name: known[name].bitwise_or(new[name]) for name in unite}
    made: sa.Insert = (
        statement.on_duplicate_key_update(changes)
        if dialect == "mysql"
        else statement.on_conflict_do_update(index_elements=table.primary_key, set_=changes)
    )
    return made


def greater_of(one: sa.ColumnElement[Any], other: sa.ColumnElement[Any]) -> sa.Case[Any]:
    """Choose the greater of two values; each database has another function for it."""
    return sa.case((one > other, one), else_=other)


def lesser_of(one: sa.ColumnElement[Any], other: sa.ColumnElement[Any]) -> sa.Case[Any]:
    """Choose the lesser of two values."""
    return sa.case((one < other, one), else_=other)


def is_among(
    connection: sa.Connection, column: Any, values: Sequence[Any]
) -> sa.ColumnElement[bool]:
    """Compare a column with many values; PostgreSQL takes them as one, so it parses one."""
    if connection.dialect.name == "postgresql":
        among: sa.ColumnElement[bool] = column == sa.any_(
            sa.literal(values, postgresql.ARRAY(column.type))
        )
        return among
    is_in: sa.ColumnElement[bool] = column.in_(values)
    return is_in
