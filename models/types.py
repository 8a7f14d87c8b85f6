"""Column types that mean the same on SQLite, PostgreSQL and MariaDB/MySQL."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.compiler import TypeCompiler

from models.text import FOLDED_LENGTH, MAX_ID_LENGTH, START_LENGTH, escape_text, unescape_text

RowId = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Bytes = sa.LargeBinary().with_variant(mysql.LONGBLOB, "mysql")
LongText = sa.Text().with_variant(mysql.LONGTEXT, "mysql")
# The beginning of an escaped text, in the order of code points.
TextStart = sa.String(START_LENGTH).with_variant(sa.Text(collation="C"), "postgresql")
# The beginning of a folded text, in the same order.
FoldedText = sa.String(FOLDED_LENGTH).with_variant(sa.Text(collation="C"), "postgresql")
# An ID, in the same order, which on MariaDB is a property of the table.
OrderedId = sa.String(MAX_ID_LENGTH).with_variant(
    sa.String(MAX_ID_LENGTH, collation="C"), "postgresql"
)
LAST_CHARACTER = "\U0010ffff"
SixteenBytes = (
    sa.Uuid().with_variant(sa.LargeBinary(), "sqlite").with_variant(mysql.BINARY(16), "mysql")
)
Microseconds = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql")
# The form in which each database takes an instant in UTC; only PostgreSQL keeps the zone.
WRITE_INSTANT: Mapping[str, Callable[[datetime], Any]] = {
    "sqlite": lambda instant: instant.isoformat(" ", "microseconds").removesuffix("+00:00"),
    "postgresql": lambda instant: instant,
    "mysql": lambda instant: instant.replace(tzinfo=None),
}


class Word(sa.TypeDecorator[str]):
    """A member of a vocabulary, as plain text: psycopg takes no list of several kinds of text."""

    impl = sa.String(32)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[str | None], str | None]:
        """Turn it into plain text."""
        return lambda value: None if value is None else str(value)


class ExactText(sa.TypeDecorator[str]):
    """Text that compares exactly and can hold any character that JSON can.

    The collation that makes MariaDB and MySQL compare by code point, trailing spaces included,
    is a property of the table: see the first migration.
    """

    impl = sa.String
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[str | None], str | None]:
        """Escape text on the way in, also in filters."""
        return lambda value: None if value is None else escape_text(value)

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[str | None], str | None]:
        """Unescape text on the way out."""
        return lambda value: None if value is None else unescape_text(value)


class OrderedText(ExactText):
    """An ID in the order of code points, which PostgreSQL does not keep in every locale."""

    impl = OrderedId  # type: ignore[assignment]
    cache_ok = True


class ExactLongText(ExactText):
    """``ExactText`` of unlimited length; it cannot be indexed."""

    impl = LongText  # type: ignore[assignment]
    cache_ok = True


class UtcDateTime(sa.TypeDecorator[datetime]):
    """A timezone-aware instant in UTC with microseconds; a naive one is refused."""

    impl = Microseconds
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any]:
        """Convert any zone to UTC, in the form of each database."""
        write = WRITE_INSTANT[dialect.name]

        def process(value: datetime | None) -> Any:
            if value is None:
                return None
            if value.tzinfo is None:
                raise ValueError("a naive datetime does not belong in the log")
            return write(value.astimezone(UTC))

        return process

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[Any], datetime | None] | None:
        """Restore the zone, in one step: a page may read thousands of instants.

        PostgreSQL's have it: ``models.database.connection`` sets that of a session.
        """
        if dialect.name == "postgresql":
            return None
        if dialect.name == "sqlite":
            return lambda text: None if text is None else datetime.fromisoformat(f"{text}+00:00")
        return lambda value: None if value is None else value.replace(tzinfo=UTC)


class CompactUuid(sa.TypeDecorator[UUID]):
    """A UUID, or a digest of the same length, in 16 bytes on every database."""

    impl = SixteenBytes
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[UUID | None], bytes | None] | None:
        """Send PostgreSQL the UUID, and the others its bytes."""
        if dialect.name == "postgresql":
            return None
        return lambda value: None if value is None else value.bytes

    def process_result_value(self, value: Any, dialect: Dialect) -> UUID | None:
        """Make a UUID from bytes."""
        return UUID(bytes=value) if isinstance(value, bytes) else value


class Json(sa.JSON):
    """JSON as it was written, with its order of keys and its numbers.

    MySQL's own JSON type sorts keys and rounds large numbers, so it is text there.
    """


@compiles(Json, "mysql")
def compile_json(type_: Json, compiler: TypeCompiler, **_: Any) -> str:
    """Return the column type on MariaDB and MySQL."""
    return "LONGTEXT"


def begins_with(column: InstrumentedAttribute[Any], start: str) -> sa.ColumnElement[bool]:
    """Return the condition that a stored text has a prefix: one range of an index.

    The index is in order of code points.
    """
    last = start.ljust(column.type.length, LAST_CHARACTER)
    return column.between(sa.literal(start, sa.String), sa.literal(last, sa.String))
