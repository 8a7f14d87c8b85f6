"""Write and look up many rows at once, in the way of each database."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar, TypeVarTuple, cast

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from models.base import Base
from models.database.connection import raise_if_busy

MOST_VALUES = 1_000  # of a statement

T = TypeVar("T")
Columns = TypeVarTuple("Columns")
Column = sa.ColumnElement[Any]
Change = Callable[[Column, Column], Column]  # from the known value and the new one

INSERTS = {"sqlite": sqlite.insert, "postgresql": postgresql.insert, "mysql": mysql.insert}


def insert(
    connection: sa.Connection,
    model: type[Base],
    rows: Sequence[Mapping[str, Any]],
    **changes: Change,
) -> None:
    """Insert rows; for keys that exist already, change the named columns.

    Args:
        connection: in a transaction of the caller's.
        rows: each has all columns, and no two have the same key.
        changes: by column name, how to change it, such as ``replace`` or ``add``; without any, all
            rows must be new.

    Raises:
        BusyError: another transaction holds what it needs.
        sqlalchemy.exc.SQLAlchemyError: the database rejects them.
    """
    if not rows:
        return
    dialect, columns = connection.dialect, list_columns(model, connection.dialect)
    if dialect.name == "postgresql" and changes:
        statement = make_statement(model, dialect.name, **changes)
        connection.execute(statement, {name: [row[name] for row in rows] for name, _ in columns})
        return
    text = write_statement(model, dialect, **changes)
    try:
        values = [
            tuple([bind(row[name]) if bind else row[name] for name, bind in columns])
            for row in rows
        ]
    except Exception as fault:  # as in SQLAlchemy: an unsendable value is a fault of the row
        raise sa.exc.StatementError(str(fault), text, None, fault, hide_parameters=True) from fault
    if dialect.name == "postgresql":
        copy(connection, text, values)
    else:
        connection.exec_driver_sql(text, values)


def copy(connection: sa.Connection, statement: str, rows: Iterable[Sequence[Any]]) -> None:
    """Copy new rows to PostgreSQL; writing them as arrays takes two or three times as long."""
    driver = cast(Any, connection.connection)
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as writer:
            for row in rows:
                writer.write_row(row)
    except connection.dialect.loaded_dbapi.Error as fault:
        error = sa.exc.DBAPIError(statement, None, fault, hide_parameters=True)
        raise_if_busy(error)
        raise error from fault


@cache
def list_columns(
    model: type[Base], dialect: sa.Dialect
) -> Sequence[tuple[str, Callable[[Any], Any] | None]]:
    """List the columns of a table, each with how its values are sent."""
    columns = cast(sa.Table, model.__table__).columns
    return [(one.name, one.type.dialect_impl(dialect).bind_processor(dialect)) for one in columns]


@cache
def write_statement(model: type[Base], dialect: sa.Dialect, **changes: Change) -> str:
    """Write the statement that takes rows with all columns, in their order."""
    columns = cast(sa.Table, model.__table__).columns.keys()
    if dialect.name == "postgresql":
        return f"COPY {model.__tablename__} ({', '.join(columns)}) FROM STDIN"
    statement = make_statement(model, dialect.name, **changes)
    return str(statement.compile(dialect=dialect, column_keys=columns))


@cache
def make_statement(model: type[Base], dialect: str, **changes: Change) -> sa.Insert:
    """Make the statement of ``insert``; writing it takes longer than running it.

    PostgreSQL takes all values of a column as one array, so it parses and runs one statement.
    """
    table = cast(sa.Table, model.__table__)
    statement: Any = INSERTS[dialect](table)
    if dialect == "postgresql":
        arrays = (sa.bindparam(one.key, type_=make_array(one.type)) for one in table.c)
        rows = sa.func.unnest(*arrays).table_valued(*table.c.keys()).render_derived()
        statement = statement.from_select(table.c.keys(), sa.select(*rows.c))
    new = statement.inserted if dialect == "mysql" else statement.excluded
    changed = {name: change(table.c[name], new[name]) for name, change in changes.items()}
    if not changed:
        return cast(sa.Insert, statement)
    if dialect == "mysql":
        return cast(sa.Insert, statement.on_duplicate_key_update(changed))
    key = table.primary_key
    return cast(sa.Insert, statement.on_conflict_do_update(index_elements=key, set_=changed))


class AnyLength(sa.TypeDecorator[str]):
    """The text of a column, of any length: an array would cut what a column refuses."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, column_type: sa.types.TypeEngine[str]) -> None:
        super().__init__()
        self.column_type = column_type

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[str | None], str | None] | None:
        """Send the value as the column does."""
        return self.column_type.dialect_impl(dialect).bind_processor(dialect)


def make_array(column_type: sa.types.TypeEngine[Any]) -> postgresql.ARRAY[Any]:
    """Return the type of many values of a column."""
    has_length = getattr(column_type, "length", None) is not None
    return postgresql.ARRAY(AnyLength(column_type) if has_length else column_type, dimensions=1)


def replace(_: Column, new: Column) -> Column:
    """Take the new value."""
    return new


def add(known: Column, new: Column) -> Column:
    """Add the new value."""
    return known + new


def greatest(known: Column, new: Column) -> Column:
    """Keep the greater value; each database has its own function for it."""
    return sa.case((new > known, new), else_=known)


def least(known: Column, new: Column) -> Column:
    """Keep the lesser value."""
    return sa.case((new < known, new), else_=known)


def unite(known: Column, new: Column) -> Column:
    """Set the bits of both."""
    return known.bitwise_or(new)


def delete(connection: sa.Connection, column: Any, values: Sequence[Any]) -> None:
    """Delete the rows that have one of some values in a column."""
    for part in split(values):
        connection.execute(sa.delete(column.class_).where(is_among(connection, column, part)))


def split(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Split values into parts that fit in a statement."""
    return (values[start : start + MOST_VALUES] for start in range(0, len(values), MOST_VALUES))


def fetch_among(
    connection: sa.Connection,
    query: sa.Select[*Columns],
    values: Mapping[Any, Iterable[Any]],
    **parameters: Any,
) -> sa.CursorResult[*Columns]:
    """Fetch the rows of a query whose columns each have one of some values.

    Args:
        query: a constant, as its statement is cached.
        values: by column.
        parameters: of the query itself.
    """
    statement: sa.Select[*Columns] = narrow(query, connection.dialect.name, *values)
    wanted = {column.key: [*among] for column, among in values.items()}
    return connection.execute(statement, wanted | parameters)


@cache
def narrow(query: Any, dialect: str, *columns: Any) -> Any:
    """Narrow a query to the rows whose columns each have one of the values of a parameter."""
    return query.where(*(compare(dialect, column, column.key) for column in columns))


def is_among(
    connection: sa.Connection, column: Any, values: Sequence[Any]
) -> sa.ColumnElement[bool]:
    """Compare a column with many values."""
    return compare(connection.dialect.name, column, None, values)


def compare(
    dialect: str, column: Any, name: str | None, values: Sequence[Any] = ()
) -> sa.ColumnElement[bool]:
    """Compare a column with a parameter; PostgreSQL takes many values as one array."""
    if dialect == "postgresql":
        array = sa.bindparam(name, values, type_=postgresql.ARRAY(column.type))
        among: sa.ColumnElement[bool] = column == sa.any_(array)
        return among
    is_in: sa.ColumnElement[bool] = column.in_(
        sa.bindparam(name, values, type_=column.type, expanding=True)
    )
    return is_in
